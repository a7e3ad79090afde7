"""Rulebook.terms, isPublished, idOf, and what the constructor refuses."""

from __future__ import annotations

from flexbond.hashing import ZERO_ADDRESS, keccak
from flexbond.ids import lookback_hash, rule_id
from flexbond.model.rules import measuring_terms_of
from flexbond.model.types import BaselineMethod, ClampLevel, DeviceKind
from tests.support.evm import reverts
from tests.support.lookbacks import calendar_days, lookback
from tests.support.world import DAY, World

UNKNOWN = keccak(b"no rule")


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
    assert first.currency == ZERO_ADDRESS
    assert [name for name, value in vars(first).items() if value == getattr(kept, name)] == ["gate_seconds"]
    plan = world.rule(baseline=BaselineMethod.NOMINATED, baseline_periods=0, gate_seconds=21)
    world.publish(plan)
    assert world.rulebook.measuringTerms.call(rule_id(plan)) == measuring_terms_of(plan)
    assert measuring_terms_of(plan).gate_seconds == 21


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
