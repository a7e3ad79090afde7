"""How good a rule's baselines are: on days without an event they are to say what was metered."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING

from flexbond.model.calendar import UnknownDayError
from flexbond.model.rounding import div_down, div_up
from flexbond.model.types import BPS, Silence
from flexbond.quoting.measure import Ask, measure
from flexbond.quoting.nullevents import always_in
from flexbond.quoting.pretending import pretended_days

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flexbond.metering.readings import Readings
    from flexbond.model.types import EventKey
    from flexbond.quoting.calls import KnownCall
    from flexbond.quoting.clock import LocalTime
    from flexbond.quoting.devices import Device
    from flexbond.quoting.measure import Measuring
    from flexbond.quoting.terms import Terms
    from flexbond.rules import Accuracy


@dataclass(frozen=True, kw_only=True)
class DeviceAccuracy:
    """One device's baselines against its meter, over the same local hours of all days without an event."""

    device: str
    days: int
    """With a baseline and all readings."""
    periods: int
    baseline_milli_wh: int
    """Sum, `+` import."""
    metered_milli_wh: int
    """Sum, `+` import."""
    bias_bps: int | None
    """Mean error of the mean load, rounded away from zero; None without a load."""
    relative_error_bps: int | None
    """Root mean square error of the mean load, rounded up; None without a load."""

    def passes(self, thresholds: Accuracy) -> bool | None:
        """Whether both are within the thresholds; None where there is no load or no threshold."""
        bias, error = thresholds.max_bias_bps, thresholds.max_relative_error_bps
        if self.bias_bps is None or self.relative_error_bps is None or bias is error is None:
            return None
        return (bias is None or abs(self.bias_bps) <= bias) and (error is None or self.relative_error_bps <= error)


@dataclass(kw_only=True)
class _Sums:
    """Of one device."""

    days: int = 0
    periods: int = 0
    baseline: int = 0
    metered: int = 0
    squares: int = 0

    def add(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Adds a day's periods: baseline and metered, mWh."""
        self.days += 1
        self.periods += len(pairs)
        self.baseline += sum(baseline for baseline, _ in pairs)
        self.metered += sum(metered for _, metered in pairs)
        self.squares += sum((baseline - metered) ** 2 for baseline, metered in pairs)

    def result(self, device: str) -> DeviceAccuracy:
        """What follows."""
        error, load = self.baseline - self.metered, abs(self.metered)
        away = div_up if error >= 0 else div_down
        return DeviceAccuracy(
            device=device,
            days=self.days,
            periods=self.periods,
            baseline_milli_wh=self.baseline,
            metered_milli_wh=self.metered,
            bias_bps=away(BPS * error, load) if load else None,
            relative_error_bps=_root_up(BPS**2 * self.periods * self.squares, load**2) if load else None,
        )


def accuracy(
    terms: Terms,
    key: EventKey,
    lead: int,
    devices: Sequence[Device],
    readings: Readings,
    calls: Sequence[KnownCall],
    local: LocalTime,
    *,
    progress: Callable[[str], None],
    measuring: Measuring = measure,
) -> tuple[DeviceAccuracy, ...]:
    """Every device's baselines for the window's local hours on each day without an event, against what was metered.

    `lead` is how long before the window the notice is, s. Raises NoDataError without readings.
    """
    always = always_in(devices)
    sums = {device.name: _Sums() for device in always}
    length = terms.rule.period_seconds
    for number, day in enumerate(pretended_days(key, local, readings, length, calls), start=1):
        if day.key is None:
            continue
        mask = (1 << (key.window_end - key.window_start) // length) - 1
        ask = Ask(key=day.key, first_notice=day.key.window_start - lead, ordered_mask=mask, calls=tuple(calls))
        try:
            measured = measuring(terms, always, readings, ask)
        except UnknownDayError:
            continue
        for item in measured.devices:
            if item.silence is Silence.OK and item.baseline_milli_wh is not None and item.metered_milli_wh is not None:
                sums[item.device.name].add(list(zip(item.baseline_milli_wh, item.metered_milli_wh, strict=True)))
        if number % 25 == 0:
            progress(f"{number} days done.")
    return tuple(of.result(name) for name, of in sums.items())


def _root_up(dividend: int, divisor: int) -> int:
    """The square root of a fraction, rounded up."""
    floor = isqrt(dividend // divisor)
    return floor if floor * floor * divisor == dividend else floor + 1
