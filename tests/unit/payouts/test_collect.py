"""Payouts.collect: every leaf's share by its weight, once, in any order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.model.types import LockReason
from flexbond.trees import leaf, node
from tests.support.evm import reverts
from tests.unit.payouts.hidden import called, hidden_leaf, settled
from tests.unit.story import KWH, Story

if TYPE_CHECKING:
    from flexbond.model.types import WeightClaim
    from tests.support.evm import Receipt
    from tests.support.world import Submission, World


@dataclass(frozen=True)
class Paid:
    """An event with four homes that did 1, 2, 3 and 0 parts of the response, settled."""

    story: Story
    submission: Submission
    responses: tuple[int, ...]
    pool: int

    def claim(self, place: int, /, **changes: Any) -> WeightClaim:
        """A leaf's claim, changed if told."""
        return replace(self.story.world.weight_claim(self.submission, place), **changes)

    def collect(self, place: int, /, **changes: Any) -> Receipt:
        """By anyone."""
        world = self.story.world
        return world.payouts.collect.send(self.claim(place, **changes), sender=world.accounts.attacker)


@pytest.fixture
def paid(story: Story) -> Paid:
    """The event and its pool."""
    dispatch = story.called()
    parts = (1, 2, 3, 0)
    readings = {home: story.readings(KWH, KWH - 100_000 * part) for home, part in zip(story.homes, parts, strict=True)}
    submission, responses = story.measure(readings)
    pool = story.settle(dispatch, responses).value.pool
    return Paid(story=story, submission=submission, responses=responses, pool=pool)


def test_pays_the_share_to_the_payee(paid: Paid) -> None:
    """Given an open pool, a leaf's share by weight goes to its payee, whoever brings the claim."""
    story, world = paid.story, paid.story.world
    payee = story.homes[1].customer
    receipt = paid.collect(1)
    amount = paid.pool * 2 // 6
    assert receipt.value == amount
    log = receipt.only("Collected")
    assert (log.pool_id, log.portfolio_id, log.index, log.payee, log.amount) == (
        story.event,
        story.portfolio,
        1,
        payee.address,
        amount,
    )
    assert world.free(payee) == amount
    assert world.payouts.hasCollected.call(story.event, 1) is True
    assert world.payouts.hasCollected.call(story.event, 0) is False
    assert story.locked(LockReason.POOL, story.event) == paid.pool - amount


@pytest.mark.parametrize("order", list(permutations((0, 1, 2)))[::2])
def test_in_any_order(paid: Paid, order: tuple[int, ...]) -> None:
    """Given any order of claims, everyone gets the same, and no more than the remainder of the split is left."""
    amounts = {index: paid.collect(index).value for index in order}
    assert [amounts[index] for index in range(3)] == [paid.pool * part // 6 for part in (1, 2, 3)]
    assert 0 <= paid.story.locked(LockReason.POOL, paid.story.event) <= 2


def test_once(paid: Paid) -> None:
    """Given a leaf that collected, it does not again."""
    paid.collect(0)
    with reverts("Payouts_AlreadyCollected", paid.story.event, 0):
        paid.collect(0)


def test_a_leaf_without_weight_has_nothing(paid: Paid) -> None:
    """Given a home that did nothing, there is nothing to collect."""
    with reverts("Payouts_NothingToCollect", paid.story.event, 3):
        paid.collect(3)


def test_what_it_earned_stays_after_it_left(paid: Paid) -> None:
    """Given a home that left after the event, it still collects."""
    home = paid.story.homes[0]
    paid.story.world.devices.leave.send(home.metering_point, sender=home.customer)
    assert paid.collect(0).only("Collected").payee == home.customer.address


def test_to_the_payee_of_now(paid: Paid) -> None:
    """Given a payee changed by its own signature, the share goes to the new one."""
    world, story = paid.story.world, paid.story
    world.devices.changePayee.send(story.portfolio, 2, world.accounts.relayer, 0, b"", sender=story.homes[2].customer)
    assert paid.collect(2).only("Collected").payee == world.accounts.relayer.address


def test_another_currency_holds_no_pool(paid: Paid) -> None:
    """Given a claim in another token, there is no money in that pool, and nothing is marked."""
    with reverts("CollateralEscrow_InsufficientLock", ..., 0, paid.pool // 6):
        paid.collect(0, currency="0x" + "11" * 20)
    assert paid.story.world.payouts.hasCollected.call(paid.story.event, 0) is False


WRONG: dict[str, Any] = {
    "index": lambda claim: claim.index + 1,
    "weight_word": lambda claim: claim.weight_word + (1 << 128),
    "columns_hash": lambda _claim: bytes(32),
    "path": lambda claim: claim.path[:1],
    "total_weight": lambda claim: claim.total_weight - 1,
    "totals_hash": lambda _claim: bytes(32),
    "responses_hash": lambda _claim: bytes(32),
}


@pytest.mark.parametrize("field", WRONG)
def test_only_what_was_submitted(paid: Paid, field: str) -> None:
    """Given a claim changed anywhere, it is refused."""
    claim = paid.claim(0)
    changed = {field: WRONG[field](claim)}
    with reverts("Payouts_BadProof", paid.story.event, changed.get("index", 0)):
        paid.collect(0, **changed)


def test_another_sibling_leads_to_another_root(paid: Paid) -> None:
    """Given a path of the right length with another sibling in it, it leads to no submission."""
    with reverts("Payouts_BadProof", paid.story.event, 0):
        paid.collect(0, path=(b"\x01" * 32, *paid.claim(0).path[1:]))


def test_an_index_beyond_the_tree_is_refused(paid: Paid) -> None:
    """Given an index with bits beyond the depth, which the path would not see, it is refused."""
    with reverts("Payouts_BadProof", paid.story.event, 4):
        paid.collect(0, index=4)


def test_a_node_does_not_pass_for_a_leaf(paid: Paid) -> None:
    """Given the tree cut short, an inner node shown as leaf has another hash."""
    levels = paid.submission.measured.tree.levels
    node = levels[1][0]
    assert node != leaf(0, int.from_bytes(levels[0][0], "big"), levels[0][1])
    with reverts("Payouts_BadProof", paid.story.event, 0):
        paid.collect(
            0,
            weight_word=int.from_bytes(levels[0][0], "big"),
            columns_hash=levels[0][1],
            path=paid.claim(0).path[1:],
        )


def test_a_leaf_in_the_padding_is_nobodys(world: World) -> None:
    """Given a leaf that a false submission has behind its last one, who joined into that place later collects nothing by it."""
    scene = called(world)
    hidden = settled(scene, {5: hidden_leaf(5, scene)})
    with reverts("Payouts_BadProof", scene.event, 5):
        world.payouts.collect.send(hidden.claim(5, hidden.submitted.tree.path(5)), sender=world.accounts.attacker)


def test_a_leaf_below_a_leaf_is_nobodys(world: World) -> None:
    """Given a leaf that a false submission has below the place of another, nobody collects by it."""
    scene = called(world)
    hidden = settled(scene, {0: node(bytes(32), hidden_leaf(1, scene))})
    with reverts("Payouts_BadProof", scene.event, 1):
        path = (bytes(32), *hidden.submitted.tree.path(0))
        world.payouts.collect.send(hidden.claim(1, path), sender=world.accounts.attacker)


def test_another_event_has_no_pool(paid: Paid) -> None:
    """Given the key of an event without a pool, nothing is collected."""
    key = replace(paid.submission.key, reference_w=1)
    with reverts("Payouts_NotOpen", paid.story.world.measurement.idOf.call(key)):
        paid.collect(0, key=key)


def test_not_while_a_dispatch_is_open(story: Story) -> None:
    """Given another dispatch of the event to be settled, the pool is not open yet."""
    story.sell(6)
    story.close_gate()
    first, second = story.call(3), story.call(3)
    submission, responses = story.deliver(375_000)
    story.settle(first, responses)
    with reverts("Payouts_NotOpen", story.event):
        story.world.collect(submission, index=0)
    story.settle(second, responses)
    story.world.collect(submission, index=0)


def test_many_leaves_use_many_words(story: Story) -> None:
    """Given indexes beyond 256, each has its own mark."""
    payouts = story.world.payouts
    assert not any(payouts.hasCollected.call(story.event, index) for index in (0, 255, 256, 2**40 - 1))
