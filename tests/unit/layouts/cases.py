"""Calls whose arguments are read, hashed or handed on as they lie, each at a moment at which it succeeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flexbond.ids import commitment
from flexbond.model.types import CapacityClaim
from flexbond.signing.sign import sign_offer
from tests.unit.story import KWH, Story, nominated, tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from flexbond.model.types import Dispatch
    from tests.support.evm import Method
    from tests.support.world import Submission, World

SCHEDULE: Final = (KWH, -KWH, KWH, 2 * KWH)
"""mWh in each period."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A call that succeeds."""

    method: Method
    arguments: tuple[Any, ...]
    sender: Any
    is_handed_on: bool = False
    """Whether the last argument is read by the verifier alone, which finds there what lies behind it, and nothing that lies before."""


# ------------------------------------------------------------------ rights and orders


def _sold(world: World) -> Story:
    story = tell(world)
    story.sell(6)
    return story


def take(world: World) -> Case:
    """A signed offer."""
    story = tell(world)
    offer, provider, buyer = world.offer(story.product, 6), story.provider, story.buyer
    signature = sign_offer(provider, world.domain("FlexibilityMarket"), offer)
    arguments = (offer, provider.address, signature, buyer.address, 6, 0)
    return Case(method=world.market.take, arguments=arguments, sender=buyer)


def release(world: World) -> Case:
    """Units given up."""
    story = _sold(world)
    return Case(method=world.rights.release, arguments=(story.product, story.buyer, 2), sender=story.buyer)


def unavailable(world: World) -> Case:
    """A window for which the provider declares itself unavailable."""
    story = _sold(world)
    arguments = (story.product.event_key,)
    return Case(method=world.rights.declareUnavailable, arguments=arguments, sender=story.provider)


def nominate(world: World) -> Case:
    """A schedule."""
    story = tell(world, nominated(world))
    arguments = (story.product.event_key, SCHEDULE)
    return Case(method=world.measurement.nominate, arguments=arguments, sender=story.provider)


def dispatch(world: World) -> Case:
    """Orders for three of four periods."""
    story = _sold(world)
    story.close_gate()
    arguments = (story.product, story.rule, story.buyer, 6, (6_000, 4_000, 0, 6_000), 1)
    return Case(method=world.settlement.dispatch, arguments=arguments, sender=story.buyer)


def _called(world: World) -> tuple[Story, Dispatch]:
    """Two dispatches, the first of which is meant."""
    story = tell(world)
    story.sell(9)
    story.close_gate()
    dispatched = story.call(6, (0, 6_000, 4_000, 6_000))
    story.call(3)
    return story, dispatched


def stop(world: World) -> Case:
    """Orders of the last periods taken back."""
    story, dispatched = _called(world)
    arguments = (story.product, story.rule, dispatched, 2)
    return Case(method=world.settlement.stop, arguments=arguments, sender=story.buyer)


def cancel(world: World) -> Case:
    """All orders taken back."""
    story, dispatched = _called(world)
    arguments = (story.product, story.rule, dispatched)
    return Case(method=world.settlement.cancel, arguments=arguments, sender=story.buyer)


def excuse(world: World) -> Case:
    """A period without penalty."""
    story, dispatched = _called(world)
    arguments = (story.product, dispatched, 0b0100)
    return Case(method=world.settlement.excuse, arguments=arguments, sender=story.buyer)


# ------------------------------------------------------------------ every leaf proven


def _readings(story: Story) -> dict[Any, Any]:
    """Each home gives more than the one before."""
    return {home: story.readings(KWH, KWH - 100_000 * number) for number, home in enumerate(story.homes, 1)}


def _recorded(world: World) -> tuple[Story, Dispatch, Submission]:
    """A called event whose records are attested."""
    story, dispatched = _called(world)
    batch = world.attest_readings(story.product, _readings(story))
    submission = world.submission(story.product, batch, silent=story.homes[1:2])
    world.evm.time = story.product.window_end + story.rule.reading_deadline
    return story, dispatched, submission


def submit(world: World) -> Case:
    """Totals of an event of which every leaf is proven."""
    story, _, submission = _recorded(world)
    arguments = (submission.key, submission.measured.tree.root, submission.measured.totals)
    return Case(method=world.measurement.submit, arguments=arguments, sender=story.provider)


def prove_all(world: World) -> Case:
    """The last two of four leaves."""
    story, _, submission = _recorded(world)
    world.submit(submission)
    world.prove_part(submission, proven=0, count=2)
    arguments = (world.context(submission, 2), submission.proofs[2:])
    return Case(method=world.measurement.prove, arguments=arguments, sender=story.provider)


def _measured(world: World) -> tuple[Story, Dispatch, Submission]:
    """An event that was measured."""
    story, dispatched, submission = _recorded(world)
    world.submit(submission)
    world.prove(submission)
    return story, dispatched, submission


def settle(world: World) -> Case:
    """A dispatch of a measured event."""
    story, dispatched, submission = _measured(world)
    committed = commitment(submission.measured.tree.root, submission.measured.totals)
    arguments = (story.product, story.rule, dispatched, committed, submission.measured.responses_milli_wh)
    return Case(method=world.settlement.settle, arguments=arguments, sender=story.buyer)


def settle_unmeasured(world: World) -> Case:
    """A dispatch of an event that nobody submitted."""
    story, dispatched = _called(world)
    story.fail()
    arguments = (story.product, story.rule, dispatched, bytes(32), ())
    return Case(method=world.settlement.settle, arguments=arguments, sender=story.buyer)


def settle_uncalled(world: World) -> Case:
    """A right that was never called."""
    story = _sold(world)
    world.evm.time = story.product.window_end
    return Case(method=world.settlement.settleUncalled, arguments=(story.product, story.rule), sender=story.buyer)


# ------------------------------------------------------------------ pools


def _paid(world: World) -> tuple[Story, Submission]:
    """The one dispatch of a measured event is settled, so that its pool is open."""
    story = tell(world)
    dispatched = story.called(6)
    submission, responses = story.measure(_readings(story))
    story.settle(dispatched, responses)
    return story, submission


def collect(world: World) -> Case:
    """A leaf's share."""
    story, submission = _paid(world)
    arguments = (world.weight_claim(submission, 2),)
    return Case(method=world.payouts.collect, arguments=arguments, sender=story.buyer)


def collect_many(world: World) -> Case:
    """Shares of two rows of leaves."""
    story, submission = _paid(world)
    claims = [world.neighbours_claim(submission, first, count) for first, count in ((0, 1), (1, 3))]
    return Case(method=world.payouts.collectMany, arguments=(claims,), sender=story.buyer)


def collect_by_capacity(world: World) -> Case:
    """A place's share of the pool of a right that was never called."""
    story = _sold(world)
    story.settle_uncalled()
    claim = CapacityClaim(
        pool_id=story.right,
        key=story.product.event_key,
        currency=story.product.currency,
        index=1,
        root=bytes(32),
        total_weight=0,
        totals_hash=bytes(32),
        responses_hash=bytes(32),
    )
    return Case(method=world.payouts.collectByCapacity, arguments=(claim,), sender=story.buyer)


def sweep(world: World) -> Case:
    """A pool that was open long enough."""
    story, submission = _paid(world)
    world.evm.time += story.rule.collect_period
    arguments = (story.event, submission.key, story.rule)
    return Case(method=world.payouts.sweep, arguments=arguments, sender=story.buyer)


CASES: Final[tuple[Callable[[World], Case], ...]] = (
    take,
    release,
    unavailable,
    nominate,
    dispatch,
    stop,
    cancel,
    excuse,
    submit,
    prove_all,
    settle,
    settle_unmeasured,
    settle_uncalled,
    collect,
    collect_many,
    collect_by_capacity,
    sweep,
)
