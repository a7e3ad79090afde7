"""What a rule would have paid on days without any event: the windfall of an honest provider that does nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flexbond.model.calendar import UnknownDayError
from flexbond.model.rounding import div_down
from flexbond.model.types import BPS, Silence
from flexbond.quoting.errors import NoDataError
from flexbond.quoting.measure import Ask, measure
from flexbond.quoting.money import pay_event
from flexbond.quoting.orders import OrderedRight, check_orders
from flexbond.quoting.pretending import pretended_days

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flexbond.metering.readings import Readings
    from flexbond.model.types import EventKey
    from flexbond.quoting.calls import KnownCall
    from flexbond.quoting.clock import LocalTime
    from flexbond.quoting.devices import Device
    from flexbond.quoting.measure import Measuring
    from flexbond.quoting.money import QuotedEvent
    from flexbond.quoting.orders import OrderedDispatch, OrderedEvent, Orders
    from flexbond.quoting.pretending import PretendedDay
    from flexbond.quoting.terms import Terms


@dataclass(frozen=True, kw_only=True)
class NullDay:
    """A day without an event, with a pretended one."""

    day: int
    """Local."""
    quote: QuotedEvent | None
    """None where the day was passed over."""
    reason: str = ""
    """Why it was."""
    silent: int = 0
    """Devices that were."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How an amount of money is spread over days, base units. Ranks are nearest ranks: each is one of the amounts."""

    days: int
    total: int
    mean: int
    """Rounded down."""
    median: int
    """Of an even number of days the lower of the two in the middle."""
    p5: int
    p95: int
    above_zero_bps: int
    """Share of days with more than nothing, basis points, rounded down."""

    @classmethod
    def of(cls, amounts: Sequence[int]) -> Spread:
        """The spread of at least one amount."""
        ranked, count = sorted(amounts), len(amounts)

        def rank(percent: int) -> int:
            return ranked[max(0, -(-percent * count // 100) - 1)]

        return cls(
            days=count,
            total=sum(ranked),
            mean=div_down(sum(ranked), count),
            median=rank(50),
            p5=rank(5),
            p95=rank(95),
            above_zero_bps=div_down(BPS * sum(1 for amount in ranked if amount > 0), count),
        )


@dataclass(frozen=True, kw_only=True)
class NullEvents:
    """All days of the data under one pretended event."""

    days: tuple[NullDay, ...]
    pay: Spread
    penalty: Spread
    net: Spread
    """Of pay and availability less penalty."""


def quote_null_events(
    terms: Terms,
    orders: Orders,
    template: OrderedEvent,
    devices: Sequence[Device],
    readings: Readings,
    calls: Sequence[KnownCall],
    local: LocalTime,
    *,
    progress: Callable[[str], None],
    measuring: Measuring = measure,
) -> NullEvents:
    """Pretends the template's event on every local day of the data that no call meets, at the same local hours.

    All devices count as if they had always been in the portfolio. Raises OrderRefusedError, and NoDataError if no day can be
    measured.
    """
    check_orders(template, terms.rule)
    always = always_in(devices)
    found: list[NullDay] = []
    for pretended in pretended_days(template.key, local, readings, terms.rule.period_seconds, calls):
        found.append(_day(terms, orders, template, always, readings, calls, pretended, measuring))
        if len(found) % 25 == 0:
            progress(f"{len(found)} days done.")
    quotes = [item.quote for item in found if item.quote is not None]
    if not quotes:
        reasons = ", ".join(sorted({item.reason for item in found})[:4])
        raise NoDataError(f"On none of {len(found)} days could an event be pretended: {reasons}.", "Give more data.")
    return NullEvents(
        days=tuple(found),
        pay=Spread.of([item.pay for item in quotes]),
        penalty=Spread.of([item.penalty for item in quotes]),
        net=Spread.of([item.net for item in quotes]),
    )


def always_in(devices: Sequence[Device]) -> tuple[Device, ...]:
    """The devices as if they had always been in the portfolio, each once."""
    by_name = {device.name: device for device in devices}
    return tuple(replace(device, joined_at=0, left_at=0, suspended_at=0) for device in by_name.values())


def _day(
    terms: Terms,
    orders: Orders,
    template: OrderedEvent,
    devices: Sequence[Device],
    readings: Readings,
    calls: Sequence[KnownCall],
    pretended: PretendedDay,
    measuring: Measuring,
) -> NullDay:
    if pretended.key is None:
        return NullDay(day=pretended.day, quote=None, reason=pretended.reason)
    moved = _moved(template, pretended.key, pretended.by)
    ask = Ask(
        key=moved.key,
        first_notice=moved.first_notice,
        ordered_mask=moved.ordered_mask,
        schedule_milli_wh=moved.schedule_milli_wh,
        calls=tuple(calls),
    )
    try:
        measured = measuring(terms, devices, readings, ask)
    except UnknownDayError:
        return NullDay(day=pretended.day, quote=None, reason="the calendar does not hold all its days")
    silent = sum(1 for item in measured.devices if item.silence is not Silence.OK)
    if silent == len(measured.devices):
        reasons = sorted({item.silence.name.lower().replace("_", " ") for item in measured.devices})
        reason = f"every device is silent: {', '.join(reasons)}"
        return NullDay(day=pretended.day, quote=None, reason=reason, silent=silent)
    return NullDay(day=pretended.day, quote=pay_event(terms, orders, moved, devices, measured), silent=silent)


def _moved(template: OrderedEvent, key: EventKey, by: int) -> OrderedEvent:
    """The event with another window, its notices as long before."""
    rights = {
        right.name: OrderedRight(
            name=right.name,
            product=replace(right.product, window_start=key.window_start, window_end=key.window_end),
            uncalled=right.uncalled,
        )
        for right in template.rights
    }
    dispatches = tuple(_moved_dispatch(item, rights, by) for item in template.dispatches)
    return replace(template, key=key, rights=tuple(rights.values()), dispatches=dispatches, is_measured=True)


def _moved_dispatch(item: OrderedDispatch, rights: dict[str, OrderedRight], by: int) -> OrderedDispatch:
    notice = max(0, item.dispatch.notice_at + by)
    return replace(item, right=rights[item.right.name], dispatch=replace(item.dispatch, notice_at=notice))
