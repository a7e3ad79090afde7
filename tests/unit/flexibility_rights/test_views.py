"""FlexibilityRights: ids, prices of a unit, interfaces."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flexbond.hashing import ZERO_ADDRESS
from flexbond.model.settlement import availability_per_unit, collateral_per_unit
from tests.support.evm import reverts
from tests.unit.story import AVAILABILITY, COLLATERAL

if TYPE_CHECKING:
    from tests.unit.story import Story


def test_the_id_is_the_hash_of_the_terms(story: Story) -> None:
    """Given a product, its id and its event's key are what the library computes."""
    rights = story.world.rights
    assert rights.idOf.call(story.product) == story.right
    assert rights.eventKeyOf.call(story.product) == story.product.event_key


def test_prices_of_a_unit(story: Story) -> None:
    """Given prices that do not divide, collateral is rounded up and availability down."""
    rights = story.world.rights
    assert rights.collateralPerUnit.call(story.product) == COLLATERAL
    assert rights.availabilityPerUnit.call(story.product) == AVAILABILITY
    odd = replace(story.product, lot_w=7, shortfall_per_mwh=1, availability_per_mwhour=142_858)
    assert rights.collateralPerUnit.call(odd) == 1 == collateral_per_unit(odd, story.rule.collateral_bps)
    assert rights.availabilityPerUnit.call(odd) == 1 == availability_per_unit(odd)


def test_interfaces(story: Story) -> None:
    """Given ERC-165, ERC-1155 is supported."""
    assert story.world.rights.supportsInterface.call(bytes.fromhex("d9b67a26")) is True
    assert story.world.rights.supportsInterface.call(bytes.fromhex("ffffffff")) is False


def test_needs_its_neighbours(story: Story) -> None:
    """Given a zero address in the constructor, the contract is not made."""
    names = ("governance", "rulebook", "participants", "devices", "escrow", "market", "settlement")
    for place, name in enumerate(names):
        arguments = [story.provider.address] * 7
        arguments[place] = ZERO_ADDRESS
        with reverts("Flexbond_ZeroAddress", name):
            story.world.evm.deploy("FlexibilityRights", *arguments, sender=story.provider)
