"""Generated fleets: an event of a few devices with their records."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from flexbond.model.delivery import MeasuredEvent, measure_event
from flexbond.model.shown import ShownRecord
from flexbond.model.types import (
    BaselineMethod,
    ClampLevel,
    DeviceKind,
    Direction,
    Entry,
    EventKey,
    MeteringPoint,
    Question,
    Rule,
)
from flexbond.records import RecordHead
from tests.python.model.strategies import MIDNIGHT, PORTFOLIO, rule

DAY = 86_400
START = MIDNIGHT + 18 * 3600
NOTICE = START - 7200
ATTESTED = START + 3660
"""before every reading deadline"""
PAYEE = "0x" + 40 * "e"
PLAIN = (BaselineMethod.METER_BEFORE, BaselineMethod.NOMINATED, BaselineMethod.REFERENCE_LEVEL)
"""Baselines that need no past days."""


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Devices with their readings, in an event."""

    rule: Rule
    question: Question
    entries: tuple[Entry, ...]
    points: dict[bytes, MeteringPoint]
    shown: tuple[tuple[ShownRecord, ...], ...]
    schedule: tuple[int, ...]

    def measured(self) -> MeasuredEvent:
        """The event as it comes out."""
        return measure_event(
            rule=self.rule,
            question=self.question,
            entries=self.entries,
            points=self.points,
            shown=self.shown,
            schedule_milli_wh=self.schedule,
        )

    def hiding(self, index: int) -> Fleet:
        """The same with one device's records hidden."""
        return replace(self, shown=tuple(() if i == index else s for i, s in enumerate(self.shown)))

    def permuted(self, order: list[int]) -> Fleet:
        """The same with the devices in another order."""
        return replace(
            self,
            entries=tuple(self.entries[i] for i in order),
            shown=tuple(self.shown[i] for i in order),
        )


def point_id(index: int) -> bytes:
    """A device's metering point."""
    return (index + 1).to_bytes(16, "big")


def entry(index: int, capacity_w: int, connection_w: int, **changes: int) -> Entry:
    """A place in the portfolio, taken long ago."""
    given = {"joined_at": 1, "left_at": 0, **changes}
    return Entry(
        metering_point=point_id(index),
        capacity_w=capacity_w,
        payee=PAYEE,
        connection_w=connection_w,
        kind=DeviceKind.DEVICE,
        **given,
    )


def point(place: Entry, **changes: object) -> MeteringPoint:
    """What is known of a device."""
    given: dict[str, object] = {"kind": DeviceKind.DEVICE, "suspended_at": 0}
    return MeteringPoint(
        customer=PAYEE,
        sequence=1,
        capacity_w=place.capacity_w,
        connection_w=place.connection_w,
        entry_index=0,
        committed_until=0,
        portfolio_id=PORTFOLIO,
        **{**given, **changes},  # type: ignore[arg-type]
    )


def day(
    place: Entry, readings: list[int], *, estimated: frozenset[int] = frozenset(), **changes: object
) -> ShownRecord:
    """A whole day of quarter hours, attested in time."""
    head = RecordHead(
        metering_point=place.metering_point, slot_start=MIDNIGHT, period_seconds=900, readings=96, revision=0
    )
    given: dict[str, object] = {
        "head": head,
        "kept_at": ATTESTED,
        "opened": {i: (reading, i in estimated) for i, reading in enumerate(readings)},
    }
    return ShownRecord(**{**given, **changes})  # type: ignore[arg-type]


def question(under: Rule, mask: int, direction: Direction, reference_w: int = 0) -> Question:
    """What is asked of each device: an hour from 18:00, noticed at 16:00."""
    key = EventKey(
        portfolio_id=PORTFOLIO,
        window_start=START,
        window_end=START + 4 * under.period_seconds,
        rule_id=bytes(32),
        direction=direction,
        reference_w=reference_w,
    )
    return Question(key=key, first_notice=NOTICE, ordered_mask=mask)


@st.composite
def fleets(draw: st.DrawFn, *, baseline: BaselineMethod | None = None, silent: bool = True) -> Fleet:
    """A fleet of up to five devices; some may be silent from the start."""
    method = draw(st.sampled_from(PLAIN)) if baseline is None else baseline
    own = method is BaselineMethod.METER_BEFORE
    under = rule(
        period_seconds=draw(st.sampled_from([900, 1800])),
        baseline=method,
        baseline_periods=draw(st.integers(1, 5)) if own else 0,
        clamp_level=draw(st.sampled_from(ClampLevel)) if own else ClampLevel.PORTFOLIO,
        estimated_allowed=draw(st.booleans()),
        reading_deadline=7 * DAY,
        submission_deadline=8 * DAY,
    )
    direction = draw(st.sampled_from(Direction))
    level = draw(st.integers(-20_000, 20_000)) if method is BaselineMethod.REFERENCE_LEVEL else 0
    asked = question(under, draw(st.integers(1, 15)), direction, level)
    schedule: tuple[int, ...] = ()
    if method is BaselineMethod.NOMINATED and draw(st.booleans()):
        schedule = tuple(draw(st.lists(st.integers(-(10**7), 10**7), min_size=4, max_size=4)))
    entries, shown = [], []
    for index in range(draw(st.integers(1, 5))):
        connection = draw(st.integers(1, 20_000))
        place = entry(index, draw(st.integers(1, connection)), connection)
        most = connection * 250
        # Readings differ in the periods that matter; those before the notice are one value.
        before = draw(st.integers(-most, most))
        readings = [before] * 96
        for quarter in range(72, 80):
            readings[quarter] = draw(st.integers(-most, most))
        flagged = frozenset([draw(st.integers(56, 80))]) if draw(st.booleans()) else frozenset()
        entries.append(place)
        shown.append(() if silent and draw(st.integers(0, 5)) == 0 else (day(place, readings, estimated=flagged),))
    return Fleet(
        rule=under,
        question=asked,
        entries=tuple(entries),
        points={place.metering_point: point(place) for place in entries},
        shown=tuple(shown),
        schedule=schedule,
    )
