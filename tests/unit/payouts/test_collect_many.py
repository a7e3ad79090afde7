"""Payouts.collectMany: neighbours' shares in one transaction, each as if it had collected alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.model.types import ClampLevel, LockReason
from tests.support.evm import reverts
from tests.unit.payouts.hidden import called, hidden_leaf, settled
from tests.unit.story import DAY, KWH, Story, tell

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flexbond.model.types import NeighboursClaim
    from tests.support.evm import Receipt
    from tests.support.world import Submission, World

PARTS = (1, 2, 3, 0, 5, 7)
"""What each home did, in parts of the response; six leaves in a tree of eight."""


@dataclass(frozen=True)
class Paid:
    """A settled event."""

    story: Story
    submission: Submission
    pool: int

    @property
    def shares(self) -> list[int]:
        """What each leaf is owed, base units."""
        return [self.pool * part // sum(PARTS) for part in PARTS]

    def claim(self, first: int, count: int, /, **changes: Any) -> NeighboursClaim:
        """The claim of a run, changed if told."""
        return replace(self.story.world.neighbours_claim(self.submission, first, count), **changes)

    def collect(self, *claims: NeighboursClaim) -> Receipt:
        """By anyone."""
        return self.story.world.collect_many(claims, sender=self.story.world.accounts.attacker)

    def collected(self) -> list[bool]:
        """Which leaves are marked."""
        payouts = self.story.world.payouts
        return [payouts.hasCollected.call(self.story.event, index) for index in range(len(PARTS))]

    def balances(self) -> list[int]:
        """What each home has."""
        return [self.story.world.free(home.customer) for home in self.story.homes]


def pay(story: Story, parts: Iterable[int] = PARTS) -> Paid:
    """The story's event measured and settled, with what its homes did."""
    dispatch = story.call()
    readings = {home: story.readings(KWH, KWH - 50_000 * part) for home, part in zip(story.homes, parts, strict=True)}
    submission, responses = story.measure(readings)
    return Paid(story=story, submission=submission, pool=story.settle(dispatch, responses).value.pool)


@pytest.fixture
def six(world: World) -> Story:
    """Six homes, six units sold."""
    story = tell(world, members=[world.home(number) for number in range(len(PARTS))])
    story.sell(6)
    return story


@pytest.fixture
def paid(six: Story) -> Paid:
    """The event of the six and its pool."""
    six.close_gate()
    return pay(six)


def test_pays_every_payee_its_share(paid: Paid) -> None:
    """Given all leaves in one claim, each payee gets its share; who did nothing has none and is not marked."""
    story = paid.story
    receipt = paid.collect(paid.claim(0, 6))
    assert receipt.value == sum(paid.shares)
    assert paid.balances() == paid.shares
    assert paid.collected() == [True, True, True, False, True, True]
    assert story.locked(LockReason.POOL, story.event) == paid.pool - sum(paid.shares)
    log = receipt.only("CollectedMany")
    assert (log.pool_id, log.portfolio_id, log.first) == (story.event, story.portfolio, 0)
    assert list(log.payees) == [home.customer.address for home in story.homes]
    assert list(log.amounts) == paid.shares
    assert [event.name for event in receipt.events] == ["CollectedMany", "PaidMany"]


@pytest.mark.parametrize("first", range(6))
@pytest.mark.parametrize("count", range(1, 7))
def test_any_run_of_neighbours(paid: Paid, first: int, count: int) -> None:
    """Given any run, its leaves get what they are owed and nobody else anything."""
    count = min(count, 6 - first)
    expected = [share if first <= place < first + count else 0 for place, share in enumerate(paid.shares)]
    receipt = paid.collect(paid.claim(first, count))
    assert receipt.value == sum(expected)
    assert paid.balances() == expected


def test_as_if_each_had_collected_alone(paid: Paid) -> None:
    """Given some that collect alone and the rest in runs, all get the same as ever."""
    world = paid.story.world
    alone = world.collect(paid.submission, index=4).value
    paid.collect(paid.claim(5, 1), paid.claim(0, 2))
    paid.collect(paid.claim(1, 4))
    assert alone == paid.shares[4]
    assert paid.balances() == paid.shares
    for index in (0, 4, 5):
        with reverts("Payouts_AlreadyCollected", paid.story.event, index):
            world.collect(paid.submission, index=index)
    with reverts("Payouts_NothingToCollect", paid.story.event, 3):
        world.collect(paid.submission, index=3)


# ------------------------------------------------------------------ who collects first


def test_a_collector_cannot_stop_a_relay(paid: Paid) -> None:
    """Given one that collects just before the relay, the relay passes it over and pays the others."""
    world = paid.story.world
    world.collect(paid.submission, index=2, sender=paid.story.homes[2].customer)
    receipt = paid.collect(paid.claim(0, 6))
    assert list(receipt.only("CollectedMany").amounts) == [*paid.shares[:2], 0, *paid.shares[3:]]
    assert receipt.value == sum(paid.shares) - paid.shares[2]
    assert paid.balances() == paid.shares


def test_a_relay_cannot_stop_a_relay(paid: Paid) -> None:
    """Given a relay that comes after another, it pays nothing, logs nothing, and does not revert."""
    paid.collect(paid.claim(0, 6))
    receipt = paid.collect(paid.claim(0, 6), paid.claim(2, 2))
    assert receipt.value == 0
    assert receipt.events == []
    assert paid.balances() == paid.shares


@pytest.mark.parametrize("runs", [((0, 6), (0, 6)), ((0, 4), (2, 4)), ((5, 1), (5, 1), (4, 2)), ((2, 1), (0, 3))])
def test_a_leaf_twice_in_one_call(paid: Paid, runs: tuple[tuple[int, int], ...]) -> None:
    """Given claims of one pool that overlap, a leaf is paid once."""
    reached = {place for first, count in runs for place in range(first, first + count)}
    receipt = paid.collect(*(paid.claim(first, count) for first, count in runs))
    expected = [share if place in reached else 0 for place, share in enumerate(paid.shares)]
    assert receipt.value == sum(expected)
    assert paid.balances() == expected


def test_to_the_payee_of_now(paid: Paid) -> None:
    """Given a payee that changed after the event, even between two claims, the share goes to the new one."""
    world, story = paid.story.world, paid.story
    claim = paid.claim(0, 6)
    world.devices.changePayee.send(story.portfolio, 2, world.accounts.relayer, 0, b"", sender=story.homes[2].customer)
    world.devices.changePayee.send(story.portfolio, 4, world.accounts.relayer, 0, b"", sender=story.homes[4].customer)
    payees = paid.collect(claim).only("CollectedMany").payees
    assert [payees[2], payees[4]] == [world.accounts.relayer.address] * 2
    assert world.free(world.accounts.relayer) == paid.shares[2] + paid.shares[4]
    assert world.free(story.homes[2].customer) == 0


# ------------------------------------------------------------------ what is no claim

WRONG: dict[str, Any] = {
    "first": lambda claim: claim.first + 4,
    "weight_words": lambda claim: (claim.weight_words[0] + (1 << 128), *claim.weight_words[1:]),
    "columns_hashes": lambda claim: (*claim.columns_hashes[:-1], bytes(32)),
    "path": lambda claim: (*claim.path[:-1], b"\x01" * 32),
    "total_weight": lambda claim: claim.total_weight - 1,
    "totals_hash": lambda _claim: bytes(32),
    "responses_hash": lambda _claim: bytes(32),
}


@pytest.mark.parametrize("field", WRONG)
def test_only_what_was_submitted(paid: Paid, field: str) -> None:
    """Given a claim changed anywhere, it is refused, and with it all of the call."""
    right = paid.claim(1, 2)
    changed = replace(right, **{field: WRONG[field](right)})
    with reverts("Payouts_BadProof", paid.story.event, changed.first):
        paid.collect(paid.claim(4, 2), changed)
    assert not any(paid.collected())


@pytest.mark.parametrize("run", [(0, 6), (1, 4), (2, 2), (5, 1)])
def test_the_path_has_its_length(paid: Paid, run: tuple[int, int]) -> None:
    """Given a path that is too short, or too long, it is refused."""
    claim = paid.claim(*run)
    for path in (claim.path[:-1], claim.path[1:], (), (*claim.path, bytes(32)), (bytes(32), *claim.path)):
        with reverts("Payouts_BadProof", paid.story.event, run[0]):
            paid.collect(replace(claim, path=path))


def test_every_leaf_has_both_its_parts(paid: Paid) -> None:
    """Given lists of different lengths, or none, it is refused."""
    claim = paid.claim(2, 2)
    for changes in (
        {"weight_words": claim.weight_words[:1]},
        {"columns_hashes": claim.columns_hashes[:1]},
        {"weight_words": (*claim.weight_words, 0)},
        {"columns_hashes": (*claim.columns_hashes, bytes(32))},
        {"weight_words": (), "columns_hashes": ()},
        {"weight_words": (), "columns_hashes": (), "path": ()},
        {"weight_words": (), "columns_hashes": (), "path": (bytes(32),) * 3},
    ):
        with reverts("Payouts_BadProof", paid.story.event, 2):
            paid.collect(replace(claim, **changes))


@pytest.mark.parametrize("first", [5, 6, 7, 8, 13, 2**40 - 1])
def test_no_run_beyond_the_leaves(paid: Paid, first: int) -> None:
    """Given a run that reaches into the padding, or beyond the tree, it is refused."""
    source = paid.claim(5, 1)
    claim = replace(
        source,
        first=first,
        weight_words=(*source.weight_words, 5 << 128),
        columns_hashes=(*source.columns_hashes, bytes(32)),
    )
    for path in (source.path, source.path[1:], source.path[:1], ()):
        with reverts("Payouts_BadProof", paid.story.event, first):
            paid.collect(replace(claim, path=path))


def test_a_leaf_in_the_padding_is_nobodys(world: World) -> None:
    """Given a leaf that a false submission has behind its last one, who joined into that place later collects nothing by it."""
    scene = called(world)
    hidden = settled(scene, {5: hidden_leaf(5, scene)})
    with reverts("Payouts_BadProof", scene.event, 5):
        world.collect_many([hidden.run(5, hidden.submitted.tree.path(5))])


def test_a_node_does_not_pass_for_a_leaf(paid: Paid) -> None:
    """Given the tree cut short, inner nodes shown as leaves have other hashes."""
    levels = paid.submission.measured.tree.levels
    claim = paid.claim(
        0,
        2,
        weight_words=tuple(int.from_bytes(levels[0][place], "big") for place in (0, 2)),
        columns_hashes=(levels[0][1], levels[0][3]),
        path=(levels[2][1],),
    )
    with reverts("Payouts_BadProof", paid.story.event, 0):
        paid.collect(claim)
    with reverts("Payouts_BadProof", paid.story.event, 0):
        paid.collect(replace(claim, path=(bytes(32), levels[2][1])))


def test_another_currency_holds_no_pool(paid: Paid) -> None:
    """Given a claim in another token, there is no money in that pool, and nothing is marked."""
    with reverts("CollateralEscrow_InsufficientLock", ..., 0, sum(paid.shares)):
        paid.collect(paid.claim(0, 6, currency="0x" + "11" * 20))
    assert not any(paid.collected())


def test_a_pool_split_by_capacity_is_not_split_by_weight(six: Story) -> None:
    """Given an event never measured with a pool of its own, its submission's leaves collect nothing."""
    six.close_gate()
    world, dispatch = six.world, six.call()
    cancelled = world.settlement.cancel.send(six.product, six.rule, dispatch, sender=six.buyer)
    submission = six.submit({home: six.readings(KWH, 0) for home in six.homes})
    world.evm.time += six.rule.proof_window
    world.fail(six.product)
    assert six.settle(cancelled.only("DispatchChanged").dispatch).only("PoolOpened").by_capacity is True
    with reverts("Payouts_BadProof", six.event, 0):
        world.collect_many([world.neighbours_claim(submission, 0, 6)])


def test_nothing_without_claims(paid: Paid) -> None:
    """Given no claims, nothing happens."""
    receipt = paid.collect()
    assert (receipt.value, receipt.events) == (0, [])


# ------------------------------------------------------------------ many events, many leaves


def test_many_events(six: Story) -> None:
    """Given events of two evenings, one call pays from both pools; with one pool that is shut, from none."""
    later = replace(six.product, window_start=six.product.window_start + DAY, window_end=six.product.window_end + DAY)
    next_day = replace(six, product=later)
    next_day.sell(6)
    six.close_gate()
    first = pay(six)
    next_day.close_gate()
    dispatch = next_day.call()
    readings = {home: next_day.readings(KWH, KWH - 50_000) for home in next_day.homes}
    submission, responses = next_day.measure(readings)
    claims = [first.claim(0, 3), six.world.neighbours_claim(submission, 1, 5), first.claim(3, 3)]
    with reverts("Payouts_NotOpen", next_day.event):
        first.collect(*claims)
    assert not any(first.collected())

    pool = next_day.settle(dispatch, responses).value.pool
    assert first.collect(*claims).value == sum(first.shares) + 5 * (pool // 6)
    assert first.balances() == [first.shares[0], *(share + pool // 6 for share in first.shares[1:])]


def test_swept_in_between(paid: Paid) -> None:
    """Given a pool that was swept, there is nothing to collect."""
    story, world = paid.story, paid.story.world
    world.evm.time += 60 * DAY
    world.payouts.sweep.send(story.event, story.product.event_key, story.rule, sender=world.accounts.attacker)
    with reverts("Payouts_NotOpen", story.event):
        paid.collect(paid.claim(0, 6))


def test_marks_of_many_words(world: World) -> None:
    """Given a run over place 256, where a further word of marks begins, each leaf is marked as its own."""
    homes = [world.home(number) for number in range(260)]
    story = tell(world, world.rule(spot_checks=260, clamp_level=ClampLevel.DEVICE), members=homes)
    dispatch = story.called()
    last = homes[252:]
    submission = story.submit({home: story.readings(KWH, KWH - 300_000) for home in last}, silent=homes[:252])
    responses = world.prove(submission, at_a_time=65)
    pool = story.settle(dispatch, responses).value.pool
    world.collect(submission, index=257)
    receipt = world.collect_many([world.neighbours_claim(submission, 250, 9)])
    share = pool // 8
    assert list(receipt.only("CollectedMany").amounts) == [0, 0, *[share] * 5, 0, share]
    marks = [world.payouts.hasCollected.call(story.event, index) for index in range(248, 264)]
    assert marks == [False] * 4 + [True] * 7 + [False] * 5
    assert world.collect_many([world.neighbours_claim(submission, 0, 260)]).value == share
