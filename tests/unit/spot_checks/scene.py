"""One sampled event, to the moment at which it can be submitted.

Five homes of 5 kW, called for 6 kW over four quarter hours. Home `i` gives `100 000 * (i + 1)` mWh in each. Two points are drawn, three
blocks after the submission; the bond of 25 kW is 1 000 000 001 base units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flexbond.model.sampling import bond_of, bond_parts
from flexbond.model.types import DeviceKind, Dispatch, EventStatus, LockReason
from tests.support.sampled import Sampled
from tests.unit.story import DAY, KWH, Story, tell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flexbond.model.types import Fault
    from tests.support.evm import Receipt
    from tests.support.proofs import Batch
    from tests.support.world import Home, Reading, World

HOMES: Final = 5
STEP: Final = 100_000
"""What each home gives more than the one before, mWh."""
BOND: Final = 1_000_000_001
"""Base units."""
REWARD: Final = 500_000_000
"""Of a lost bond to the challenger, base units."""
FEE: Final = 1_000_000
"""Of a demand, base units."""
DELAY: Final = 3
"""Blocks from the submission to the one that draws."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A called event, and the honest submission of it."""

    story: Story
    dispatches: tuple[Dispatch, ...]
    """By the buyer; a second by the second buyer."""
    honest: Sampled
    batch: Batch
    """All records that were kept."""

    @property
    def world(self) -> World:
        """The suite."""
        return self.story.world

    @property
    def event(self) -> bytes:
        """The event's id."""
        return self.story.event

    @property
    def dispatch(self) -> Dispatch:
        """The first."""
        return self.dispatches[0]

    @property
    def bond(self) -> int:
        """What the bond's lock holds, base units."""
        return self.story.locked(LockReason.BOND, self.event)

    @property
    def full_bond(self) -> int:
        """What a submission locks, base units."""
        notice = self.world.measurement.eventState.call(self.event).first_notice
        sums = self.world.devices.sumsBefore.call(self.story.portfolio, notice)
        return bond_of(sums.capacity_w, self.story.rule.bond_per_mw)

    @property
    def status(self) -> EventStatus:
        """Where the event stands."""
        return EventStatus(self.world.measurement.eventState.call(self.event).status)

    def lie(self, place: int) -> Sampled:
        """One mWh more than the records of a leaf give, in its first period."""
        return self.honest.with_entries(
            {(place, 0): self.honest.entry(place, 0) + 3_600, (place, 4): self.honest.entry(place, 4) + 1}
        )

    def demand(self, place: int, sender: Any = None) -> Receipt:
        """By the buyer, through its dispatch."""
        who = sender or self.story.buyer
        return self.world.settlement.demandProof.send(self.story.product, self.dispatch, place, sender=who)

    def accept(self, committed: bytes, number: int = 0) -> Receipt:
        """By a buyer, through its dispatch."""
        dispatch = self.dispatches[number]
        return self.world.settlement.accept.send(self.story.product, dispatch, committed, sender=dispatch.holder)


def readings_of(story: Story, responses: Sequence[int]) -> dict[Home, Reading]:
    """What the homes read that give these responses in every period, mWh."""
    pairs = zip(story.homes, responses, strict=True)
    return {home: story.readings(KWH, KWH - response) for home, response in pairs}


def open_scene(
    world: World,
    *,
    responses: Sequence[int] = tuple(STEP * number for number in range(1, HOMES + 1)),
    silent: Sequence[int] = (),
    anchored_by: Any = None,
    kinds: Mapping[int, DeviceKind] | None = None,
    leaving: int | None = None,
    leaving_with: int | None = None,
    lot_w: int = 1_000,
    second_units: int = 0,
    schedule: Sequence[int] = (),
    **changes: Any,
) -> Scene:
    """Called, with all records kept: attested by a relayer, or anchored by someone.

    A home may leave before the notice, or in its second; a second buyer may call units too.
    """
    terms: dict[str, Any] = {
        "spot_checks": 2,
        "draw_delay": DELAY,
        "challenge_window": 3 * DAY,
        "max_demands": 2,
        "demand_fee": FEE,
        "bond_per_mw": 40_000_000_001,
        "challenger_share_bps": 5_000,
    }
    rule = world.rule(**(terms | changes))
    numbers = range(len(responses))
    members = [world.home(number, kind=(kinds or {}).get(number, DeviceKind.DEVICE)) for number in numbers]
    story = tell(world, rule=rule, members=members, lot_w=lot_w)
    story.sell()
    if second_units:
        story.sell(second_units, world.accounts.second_buyer)
    if schedule:
        world.nominate(story.product, schedule)
    if leaving is not None:
        world.devices.leave.send(story.homes[leaving].metering_point, sender=story.provider)
    story.close_gate()
    dispatches = [story.call()]
    if second_units:
        dispatches.append(story.call(second_units, holder=world.accounts.second_buyer))
    if leaving_with is not None:
        world.devices.leave.send(story.homes[leaving_with].metering_point, sender=story.provider)
    records = world.records_of(story.product, readings_of(story, responses), rule=rule)
    batch = world.anchor(records, sender=anchored_by) if anchored_by else world.attest(records)
    mute = [story.homes[number] for number in silent]
    submission = world.submission(story.product, batch, rule=rule, schedule=schedule, silent=mute)
    world.evm.time = story.product.window_end + rule.reading_deadline
    return Scene(story=story, dispatches=tuple(dispatches), honest=Sampled.of(world, submission), batch=batch)


def assert_rejected(scene: Scene, receipt: Receipt, fault: Fault, place: int, challenger: Any) -> None:
    """Lost: half of the bond to the challenger, the rest for the buyers; the event was never measured."""
    log = receipt.only("SubmissionRejected")
    reward, rest = bond_parts(scene.full_bond, 5_000)
    assert (log.event_id, log.fault, log.place) == (scene.event, fault, place)
    assert (log.challenger, log.reward, log.for_buyers) == (challenger.address, reward, rest)
    assert receipt.only("EventUnmeasured").event_id == scene.event
    assert scene.status is EventStatus.UNMEASURED
    assert scene.bond == scene.world.spot_checks.forBuyers.call(scene.event) == rest


def assert_stands(scene: Scene) -> None:
    """Nothing happened to the submission."""
    assert scene.status is EventStatus.SUBMITTED
    assert scene.bond == scene.full_bond
    assert scene.world.spot_checks.forBuyers.call(scene.event) == 0


__all__ = [
    "BOND",
    "DELAY",
    "FEE",
    "HOMES",
    "REWARD",
    "STEP",
    "Scene",
    "assert_rejected",
    "assert_stands",
    "open_scene",
    "readings_of",
]
