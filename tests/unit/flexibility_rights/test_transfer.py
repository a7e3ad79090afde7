"""ERC-1155 transfers: only what is transferable, only to qualified buyers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flexbond.ids import right_id, token_id
from tests.support.evm import reverts
from tests.unit.story import Story, tell

if TYPE_CHECKING:
    from tests.support.world import World


def send(story: Story, right: bytes, to: object, units: int = 1, sender: object = None) -> None:
    """From the buyer."""
    story.world.rights.safeTransferFrom.send(story.buyer, to, token_id(right), units, b"", sender=sender or story.buyer)


def test_a_transferable_right_moves(world: World) -> None:
    """Given a transferable right, its holder passes units on, and the new holder can call them."""
    story = tell(world, transferable=True)
    story.sell(6)
    second = world.accounts.second_buyer
    send(story, story.right, second, 2)
    assert world.rights.balanceOf.call(second, token_id(story.right)) == 2
    story.close_gate()
    assert story.call(2, holder=second).holder == second.address


def test_not_to_anybody(world: World) -> None:
    """Given a receiver that is no qualified buyer now, the transfer is refused."""
    story = tell(world, transferable=True)
    story.sell(6)
    attacker = world.accounts.attacker
    with reverts("ParticipantRegistry_NotBuyer", attacker):
        send(story, story.right, attacker)
    world.qualify(attacker, buyer=True, expiry=world.evm.time + 10)
    send(story, story.right, attacker)
    world.evm.time += 10
    with reverts("ParticipantRegistry_NotBuyer", attacker):
        send(story, story.right, attacker)


def test_not_what_is_not_transferable(story: Story) -> None:
    """Given a right bound to its buyer, it does not move, nor in a batch with one that does."""
    free = replace(story.product, transferable=True)
    story.sell(6)
    story.sell(6, product=free)
    second = story.world.accounts.second_buyer
    with reverts("FlexibilityRights_NotTransferable", story.right):
        send(story, story.right, second)
    with reverts("FlexibilityRights_NotTransferable", story.right):
        story.world.rights.safeBatchTransferFrom.send(
            story.buyer,
            second,
            [token_id(right_id(free)), token_id(story.right)],
            [1, 1],
            b"",
            sender=story.buyer,
        )
    send(story, right_id(free), second)


def test_only_by_the_holder_or_whom_it_approved(world: World) -> None:
    """Given somebody else, the transfer is refused by the token itself."""
    story = tell(world, transferable=True)
    story.sell(6)
    second = world.accounts.second_buyer
    with reverts("ERC1155MissingApprovalForAll", second, story.buyer):
        send(story, story.right, second, sender=second)
    world.rights.setApprovalForAll.send(second, True, sender=story.buyer)
    send(story, story.right, second, sender=second)
