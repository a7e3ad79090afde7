"""Rulebook.terms, isPublished, idOf, and what the constructor refuses."""

from __future__ import annotations

from flexbond.hashing import ZERO_ADDRESS, keccak
from flexbond.ids import lookback_hash, rule_id
from flexbond.model.rules import measuring_terms_of, stakes_of
from flexbond.model.types import BaselineMethod, ClampLevel, DeviceKind, Stakes
from tests.support.evm import reverts
from tests.support.lookbacks import calendar_days, lookback
from tests.support.world import DAY, World

UNKNOWN = keccak(b"no rule")
NO_STAKES = Stakes(currency=ZERO_ADDRESS, bond_per_mw=0, demand_fee=0, challenger_share_bps=0)


def test_terms_of_an_unknown_rule(world: World) -> None:
    """Given an id that no rule has, when its terms are read, it is unknown."""
    with reverts("Rulebook_Unknown", UNKNOWN):
        world.rulebook.terms.call(UNKNOWN)


def test_keeps_what_measuring_needs(world: World) -> None:
    """Given rules that differ in every field that measuring needs, each is kept in its own field; what a rule has no use for is 0."""
    past = lookback(world.publish_calendar(calendar_days(world.evm.time // DAY)))
    last = world.rule(
        period_seconds=1_800,
        baseline=BaselineMethod.X_OF_Y,
        baseline_periods=0,
        clamp_level=ClampLevel.DEVICE,
        estimated_allowed=True,
        min_assurance=DeviceKind.GATEWAY,
        reading_deadline=11,
        submission_deadline=12,
        proof_window=3_613,
        challenge_window=3_614,
        draw_delay=15,
        max_demands=16,
        challenger_share_bps=17,
        spot_checks=18,
        demand_fee=2**96 - 19,
        bond_per_mw=2**96 - 20,
        lookback_hash=lookback_hash(past),
        gate_seconds=21,
    )
    world.publish(last, past)
    kept = world.rulebook.measuringTerms.call(rule_id(last))
    assert kept == measuring_terms_of(last)
    assert kept.gate_seconds == 0
    assert all(getattr(kept, name) == getattr(last, name) for name in vars(kept) if name != "gate_seconds")
    first = world.rulebook.measuringTerms.call(rule_id(world.rule()))
    assert first == measuring_terms_of(world.rule())
    assert [name for name, value in vars(first).items() if value == getattr(kept, name)] == ["gate_seconds"]
    plan = world.rule(baseline=BaselineMethod.NOMINATED, baseline_periods=0, gate_seconds=21)
    world.publish(plan)
    assert world.rulebook.measuringTerms.call(rule_id(plan)) == measuring_terms_of(plan)
    assert measuring_terms_of(plan).gate_seconds == 21


def test_keeps_the_greatest_of_each_field(world: World) -> None:
    """Given a rule with every field that measuring needs at its greatest, nothing of it is cut."""
    last = world.rule(
        period_seconds=DAY,
        baseline_periods=96,
        min_assurance=DeviceKind.DATA_COLLECTOR,
        reading_deadline=60 * DAY - 1,
        submission_deadline=60 * DAY,
        proof_window=60 * DAY - 1,
        challenge_window=60 * DAY,
        draw_delay=200,
        max_demands=255,
        spot_checks=2**20,
        demand_fee=2**96 - 1,
        bond_per_mw=2**96 - 1,
        challenger_share_bps=5_000,
    )
    world.publish(last)
    plan = world.rule(baseline=BaselineMethod.NOMINATED, baseline_periods=0, gate_seconds=7 * DAY)
    world.publish(plan)
    for rule in (last, plan):
        assert world.rulebook.measuringTerms.call(rule_id(rule)) == measuring_terms_of(rule)


def test_keeps_what_submissions_stake(world: World) -> None:
    """Given a rule that draws points, what its submissions stake is kept field by field; under another rule, or none, it is nothing."""
    last = world.rule(
        challenge_window=5 * DAY,
        draw_delay=15,
        demand_fee=2**96 - 19,
        bond_per_mw=2**96 - 20,
        challenger_share_bps=17,
    )
    world.publish(last)
    kept = world.rulebook.stakes.call(rule_id(last))
    assert kept == stakes_of(last)
    assert vars(kept) == {name: getattr(last, name) for name in vars(kept)}
    assert tuple(world.rulebook.bondTerms.call(rule_id(last))) == (last.currency, last.bond_per_mw)
    for other in (rule_id(world.rule()), UNKNOWN):
        assert world.rulebook.stakes.call(other) == NO_STAKES
        assert tuple(world.rulebook.bondTerms.call(other)) == (ZERO_ADDRESS, 0)


def test_measuring_terms_of_an_unknown_rule(world: World) -> None:
    """Given an id that no rule has, when what measuring needs is read, it is unknown."""
    with reverts("Rulebook_Unknown", UNKNOWN):
        world.rulebook.measuringTerms.call(UNKNOWN)


def test_is_published(world: World) -> None:
    """Given a published rule and another, it tells them apart."""
    assert world.rulebook.isPublished.call(rule_id(world.rule()))
    assert not world.rulebook.isPublished.call(UNKNOWN)


def test_id_is_the_hash_of_the_terms(world: World) -> None:
    """Given a rule that was never published, its id is that of the model."""
    rule = world.rule(spot_checks=9)
    assert world.rulebook.idOf.call(rule) == rule_id(rule)


def test_constructor_refuses_the_zero_address(world: World) -> None:
    """Given no governance or no escrow, when it is deployed, the error names what is missing."""
    sender = world.accounts.attacker
    governance, escrow = world.governance.address, world.escrow.address
    with reverts("Flexbond_ZeroAddress", "governance"):
        world.evm.deploy("Rulebook", ZERO_ADDRESS, escrow, sender=sender)
    with reverts("Flexbond_ZeroAddress", "escrow"):
        world.evm.deploy("Rulebook", governance, ZERO_ADDRESS, sender=sender)
