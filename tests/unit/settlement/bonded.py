"""One event under a rule of sampled submissions, with as many dispatches as a test needs.

Five homes of 5 kW; the bond of 25 kW is 1 000 000 001 base units, half of it a challenger's. A unit is 1 kW over four quarter hours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from flexbond.ids import dispatch_id
from flexbond.model.types import Dispatch, EventStatus, LockReason
from tests.support.sampled import Sampled
from tests.unit.story import DAY, KWH, QUARTER, Story, tell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.support.evm import Receipt
    from tests.support.world import World

BOND: Final = 1_000_000_001
"""Base units."""
FEE: Final = 1_000_000
"""Of a demand, base units."""


@dataclass(frozen=True, kw_only=True)
class Bonded:
    """A called event, and the honest submission of it."""

    story: Story
    dispatches: list[Dispatch]
    """As they stand."""
    honest: Sampled

    @property
    def world(self) -> World:
        """The suite."""
        return self.story.world

    @property
    def locked(self) -> int:
        """What the bond's lock holds, base units."""
        return self.story.locked(LockReason.BOND, self.story.event)

    def name(self, number: int) -> bytes:
        """A dispatch's id."""
        dispatch = self.dispatches[number]
        return dispatch_id(dispatch.right_id, dispatch.holder, dispatch.number)

    def accept(self, number: int, sender: Any, *, committed: bytes | None = None) -> Receipt:
        """Accepts the submission for a dispatch, or another one."""
        dispatch = self.dispatches[number]
        meant = self.honest.commitment if committed is None else committed
        receipt = self.world.settlement.accept.send(self.story.product, dispatch, meant, sender=sender)
        self.dispatches[number] = receipt.only("DispatchChanged").dispatch
        return receipt

    def demand(self, number: int, place: int, sender: Any) -> Receipt:
        """Demands the proof of a leaf for a dispatch."""
        return self.world.settlement.demandProof.send(self.story.product, self.dispatches[number], place, sender=sender)

    def settle(self, number: int, responses: Sequence[int] = ()) -> Receipt:
        """Settles a dispatch."""
        return self.story.settle(self.dispatches[number], responses)

    def reject_undrawn(self) -> None:
        """Nobody draws: the whole bond is the buyers'."""
        self.honest.submit()
        self.world.evm.number += 300
        assert self.honest.fail().only("SubmissionRejected").for_buyers == BOND
        status = self.world.measurement.eventState.call(self.story.event).status
        assert (status, self.locked) == (EventStatus.UNMEASURED, BOND)


def bonded(
    world: World,
    orders: Sequence[tuple[Any, Sequence[int]]],
    *,
    taken_back: Mapping[int, int] | None = None,
    **changes: Any,
) -> Bonded:
    """A dispatch for each holder and its order, W per period of the window; records kept, nothing submitted yet.

    What is taken back: of a dispatch from a period on, 0 for all of it.
    """
    terms: dict[str, Any] = {
        "spot_checks": 2,
        "draw_delay": 3,
        "challenge_window": 3 * DAY,
        "max_demands": 2,
        "demand_fee": FEE,
        "bond_per_mw": 40_000_000_001,
        "challenger_share_bps": 5_000,
    }
    start = world.tomorrow(18)
    window = {"window_start": start, "window_end": start + len(orders[0][1]) * QUARTER}
    story = tell(world, world.rule(**(terms | changes)), [world.home(number) for number in range(5)], **window)
    for holder, order in orders:
        story.sell(max(order) // 1_000, holder)
    story.close_gate()
    dispatches = [story.call(max(order) // 1_000, order, holder) for holder, order in orders]
    for number, period in (taken_back or {}).items():
        arguments = (story.product, story.rule, dispatches[number], period)
        receipt = world.settlement.stop.send(*arguments, sender=orders[number][0])
        dispatches[number] = receipt.only("DispatchChanged").dispatch
    readings = {home: story.readings(KWH, KWH - 200_000) for home in story.homes}
    batch = world.attest_readings(story.product, readings, rule=story.rule)
    submission = world.submission(story.product, batch, rule=story.rule)
    return Bonded(story=story, dispatches=dispatches, honest=Sampled.of(world, submission))


def other(dispatch: Dispatch) -> Dispatch:
    """A dispatch that was never called so."""
    return replace(dispatch, excused_mask=dispatch.excused_mask ^ 1)


__all__ = ["BOND", "FEE", "Bonded", "bonded", "other"]
