"""Filling gaps by a method that somebody names; every reading made so is flagged and listed."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from flexbond.metering.errors import SeriesError
from flexbond.metering.findings import Code, Finding, Findings, Severity
from flexbond.metering.readings import COLUMNS, Readings

if TYPE_CHECKING:
    from collections.abc import Iterator

_DAY: Final = 86_400


class Method(StrEnum):
    """How a gap is filled."""

    NONE = "none"
    """Not at all."""
    LINEAR = "linear"
    """On the straight line between the reading before and the one after, rounded down."""
    PREVIOUS_DAY = "previous-day"
    """With the measured reading of 24 hours before."""


def estimate(
    readings: Readings, method: Method, *, max_gap: int, span: tuple[int, int] | None = None
) -> tuple[Readings, tuple[Finding, ...]]:
    """The readings with the gaps of a span filled, and what was filled and what was not.

    A gap longer than `max_gap` periods stays as it is, and so does one without the readings that the
    method needs, in whole. What is filled is `estimated`, revision 0, and `received` when the last of
    the readings that it was made of was. Only gaps between two readings are filled, unless the method
    is PREVIOUS_DAY and the span reaches further. Raises SeriesError for a negative `max_gap`.
    """
    if max_gap < 0:
        raise SeriesError("a longest gap is 0 periods or more.", advice="Give the number of periods, such as 4.")
    findings = Findings()
    if method is Method.NONE or not readings.frame.height:
        return readings, ()
    latest = readings.standing()
    made: list[dict[str, Any]] = []
    for gap in _gaps(latest, span or readings.span):
        filled = _filled(gap, method) if gap.count <= max_gap else None
        findings.add(_finding(gap, method, max_gap, filled is not None))
        made.extend(filled or [])
    if not made:
        return readings, findings.all
    frame = pl.DataFrame(made, schema=COLUMNS, orient="row")
    return Readings.of(pl.concat([readings.frame, frame]), readings.files), findings.all


class _Gap:
    """Missing periods of a device, with its other readings by start."""

    def __init__(
        self, device: str, start: int, end: int, seconds: int, known: dict[int, tuple[int, int, bool]]
    ) -> None:
        self.device = device
        self.start = start
        self.end = end
        self.seconds = seconds
        self.known = known
        self.count = (end - start) // seconds

    @property
    def starts(self) -> range:
        """Starts of the missing periods."""
        return range(self.start, self.end, self.seconds)


def _gaps(latest: pl.DataFrame, span: tuple[int, int]) -> Iterator[_Gap]:
    """The gaps of all devices inside a span, in order."""
    begin, finish = span
    end = pl.col("start") + pl.col("seconds")
    rows = latest.with_columns(known_at=pl.coalesce("received", end))
    for (name,), frame in rows.group_by("device", maintain_order=True):
        seconds = frame["seconds"][0]
        starts = frame["start"].to_list()
        values = zip(frame["milli_wh"], frame["known_at"], frame["estimated"], strict=True)
        known = dict(zip(starts, values, strict=True))
        offset = starts[0] % seconds
        first = begin + (offset - begin) % seconds
        edges = [first - seconds, *(at for at in starts if first <= at and at + seconds <= finish)]
        last = finish - (finish - offset) % seconds
        for before, after in zip(edges, [*edges[1:], last], strict=True):
            if after > before + seconds:
                yield _Gap(str(name), before + seconds, after, seconds, known)


def _filled(gap: _Gap, method: Method) -> list[dict[str, Any]] | None:
    """Readings for a whole gap, or None if what they need is missing."""
    made = _linear(gap) if method is Method.LINEAR else _previous_day(gap)
    if made is None:
        return None
    return [
        {
            "device": gap.device,
            "start": start,
            "seconds": gap.seconds,
            "milli_wh": value,
            "estimated": True,
            "revision": 0,
            "received": max(known_at, start + gap.seconds),
            "source": None,
            "number": None,
        }
        for start, (value, known_at) in zip(gap.starts, made, strict=True)
    ]


def _linear(gap: _Gap) -> list[tuple[int, int]] | None:
    """Values on a straight line, and when they could be known."""
    before, after = gap.known.get(gap.start - gap.seconds), gap.known.get(gap.end)
    if before is None or after is None:
        return None
    steps = gap.count + 1
    known_at = max(before[1], after[1])
    return [(before[0] + (after[0] - before[0]) * step // steps, known_at) for step in range(1, steps)]


def _previous_day(gap: _Gap) -> list[tuple[int, int]] | None:
    """Measured values of 24 hours before, and when they were known."""
    found = [gap.known.get(start - _DAY) for start in gap.starts]
    measured = [(value, known_at) for value, known_at, estimated in filter(None, found) if not estimated]
    return measured if len(measured) == gap.count else None


def _finding(gap: _Gap, method: Method, max_gap: int, done: bool) -> Finding:
    """What became of a gap."""
    why = f"it is longer than {max_gap}" if gap.count > max_gap else "the readings that it needs are missing"
    return Finding(
        code=Code.ESTIMATED if done else Code.NOT_ESTIMATED,
        severity=Severity.WARNING,
        device=gap.device,
        start=gap.start,
        end=gap.end,
        count=gap.count,
        place=None,
        detail=f"estimated by {method}." if done else f"not estimated by {method}: {why}.",
        next_step="Replace them as soon as the meter's readings are there." if done else "Obtain the readings.",
    )
