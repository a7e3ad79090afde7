"""Rulebook.terms, isPublished, idOf, and what the constructor refuses."""

from __future__ import annotations

from flexbond.hashing import ZERO_ADDRESS, keccak
from flexbond.ids import rule_id
from tests.support.evm import reverts
from tests.support.world import World

UNKNOWN = keccak(b"no rule")


def test_terms_of_an_unknown_rule(world: World) -> None:
    """Given an id that no rule has, when its terms are read, it is unknown."""
    with reverts("Rulebook_Unknown", UNKNOWN):
        world.rulebook.terms.call(UNKNOWN)


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
