"""Events with their rights and dispatches as a file, in the units that people write.

`docs/quoting.md` shows the file with every field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flexbond.hashing import ZERO_ADDRESS
from flexbond.model.settlement import is_whole_milli_wh
from flexbond.model.types import (
    BPS,
    BaselineMethod,
    Direction,
    Dispatch,
    DispatchKind,
    EventKey,
    Product,
    Rule,
)
from flexbond.quoting.errors import OrderRefusedError
from flexbond.quoting.fields import Field
from flexbond.quoting.periods import parse_window
from flexbond.units import (
    NotAQuantityError,
    format_power,
    format_time,
    milliwatt_hours,
    price_per_mw_hour,
    price_per_mwh,
    utc_seconds,
    watts,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DIRECTIONS: Final = {"shed": Direction.SHED, "absorb": Direction.ABSORB}
"""Directions as files and options spell them."""
DISPATCH_KINDS: Final = {"live": DispatchKind.LIVE, "test": DispatchKind.TEST}

_MOST_UNITS: Final = 2**63
_EVENT: Final = frozenset({"name", "direction", "window", "rights"})
_EVENT_MORE: Final = frozenset({"dispatches", "reference", "schedule", "measured", "unavailable"})
_RIGHT: Final = frozenset({"name", "lot", "utilisation", "shortfall"})
_RIGHT_MORE: Final = frozenset({"availability", "uncalled"})
_DISPATCH: Final = frozenset({"right", "buyer", "units", "notice", "power"})
_DISPATCH_MORE: Final = frozenset({"kind", "excused", "stopped", "cancelled"})


@dataclass(frozen=True, kw_only=True)
class Currency:
    """In what the prices are."""

    symbol: str
    decimals: int


@dataclass(frozen=True, kw_only=True)
class OrderedRight:
    """A right of an event."""

    name: str
    product: Product
    """What of it matters for money; ids and addresses are empty."""
    uncalled: int
    """Units that were bought and never called."""


@dataclass(frozen=True, kw_only=True)
class OrderedDispatch:
    """A call of units of a right."""

    name: str
    """Of the event and its number."""
    right: OrderedRight
    buyer: str
    noticed_w: tuple[int, ...]
    """As called, per period of the window, W."""
    dispatch: Dispatch
    """As it stands at the settlement."""
    place: str


@dataclass(frozen=True, kw_only=True)
class OrderedEvent:
    """One service window with all that was ordered in it."""

    name: str
    key: EventKey
    rights: tuple[OrderedRight, ...]
    dispatches: tuple[OrderedDispatch, ...]
    schedule_milli_wh: tuple[int, ...]
    """As nominated, `+` import; empty: none."""
    is_measured: bool
    """Whether it is settled from a measurement."""
    is_unavailable: bool
    """Whether the provider declared itself unavailable: nothing uncalled earns availability."""
    place: str

    @property
    def first_notice(self) -> int:
        """UTC seconds; the window's start where nothing was called."""
        return min((item.dispatch.notice_at for item in self.dispatches), default=self.key.window_start)

    @property
    def ordered_mask(self) -> int:
        """Bit p: period p was ordered at some notice."""
        return sum(1 << p for p in range(self.periods) if any(item.noticed_w[p] for item in self.dispatches))

    @property
    def periods(self) -> int:
        """Settlement periods of the window, as the dispatches count them."""
        return len(self.dispatches[0].noticed_w) if self.dispatches else 0

    @property
    def orders_w(self) -> tuple[int, ...]:
        """What all dispatches together order per period at the settlement, W."""
        return tuple(map(sum, zip(*(item.dispatch.orders_w for item in self.dispatches), strict=True)))


@dataclass(frozen=True, kw_only=True)
class Orders:
    """All events of a file."""

    currency: Currency
    customer_share_bps: int
    """Of pay and availability, basis points."""
    least_readings_bps: int | None
    """Share of its readings that a device needs; None: not said."""
    events: tuple[OrderedEvent, ...]
    """By the start of their windows."""


def read_orders(path: Path, rule: Rule) -> Orders:
    """The orders of a YAML or JSON file, in the rule's periods. Raises OrdersFileError, RuleFileError."""
    root = Field.of_file(path).object(
        needed=frozenset({"currency", "events"}), optional=frozenset({"customer_share_bps", "least_readings_bps"})
    )
    currency = _currency(root["currency"])
    share = root["customer_share_bps"].whole(most=BPS) if "customer_share_bps" in root else rule.min_customer_share_bps
    least = root["least_readings_bps"].whole(most=BPS) if "least_readings_bps" in root else None
    events = [_event(item, rule, currency) for item in root["events"].items()]
    if not events:
        raise root["events"].fail("lists no event.", "Give at least one.")
    names = [event.name for event in events]
    if len(set(names)) < len(names):
        raise root["events"].fail("has two events of one name.", "Name each differently.")
    events.sort(key=lambda event: event.key.window_start)
    return Orders(currency=currency, customer_share_bps=share, least_readings_bps=least, events=tuple(events))


def _currency(field: Field) -> Currency:
    given = field.object(needed=frozenset({"symbol", "decimals"}))
    symbol = given["symbol"].text()
    if not symbol.isascii() or not symbol.isalnum() or len(symbol) > 12:
        raise given["symbol"].fail(f"cannot be {symbol[:40]!r}.", "Give up to 12 letters and digits, such as USDC.")
    return Currency(symbol=symbol, decimals=given["decimals"].whole(most=36))


def _event(field: Field, rule: Rule, currency: Currency) -> OrderedEvent:
    given = field.object(needed=_EVENT, optional=_EVENT_MORE)
    start, end = given["window"].read(parse_window)
    length = rule.period_seconds
    if start % length or end % length:
        raise given["window"].fail(
            f"is not on the rule's grid of {length} s.", f"Start and end at whole multiples of {length} s in UTC."
        )
    key = EventKey(
        portfolio_id=bytes(32),
        window_start=start,
        window_end=end,
        rule_id=bytes(32),
        direction=given["direction"].one_of(DIRECTIONS),
        reference_w=_reference(given, field, rule),
    )
    periods = (end - start) // length
    if periods > 96:
        raise given["window"].fail(f"has {periods} periods.", "A window has at most 96.")
    rights = {right.name: right for right in (_right(item, key, currency) for item in given["rights"].items())}
    if len(rights) < len(given["rights"].items()) or not rights:
        raise given["rights"].fail("has no right, or two of one name.", "Name each differently.")
    name = given["name"].text()
    called = given["dispatches"].items() if "dispatches" in given else []
    dispatches = [_dispatch(item, f"{name} #{number}", number, rights, periods) for number, item in enumerate(called)]
    return OrderedEvent(
        name=name,
        key=key,
        rights=tuple(rights.values()),
        dispatches=tuple(dispatches),
        schedule_milli_wh=_schedule(given, rule, periods),
        is_measured=given["measured"].flag() if "measured" in given else True,
        is_unavailable=given["unavailable"].flag() if "unavailable" in given else False,
        place=field.place,
    )


def _reference(given: Mapping[str, Field], field: Field, rule: Rule) -> int:
    if rule.baseline is not BaselineMethod.REFERENCE_LEVEL:
        if "reference" in given:
            raise given["reference"].fail("means nothing under this rule.", "Remove it.")
        return 0
    if "reference" not in given:
        raise field.fail("reference is missing.", "Give the portfolio's contracted level, such as '120 kW'.")
    return given["reference"].read(_signed_watts)


def _schedule(given: Mapping[str, Field], rule: Rule, periods: int) -> tuple[int, ...]:
    if "schedule" not in given:
        return ()
    if rule.baseline is not BaselineMethod.NOMINATED:
        raise given["schedule"].fail("means nothing under this rule.", "Remove it.")
    energies = tuple(item.read(milliwatt_hours) for item in given["schedule"].items())
    if len(energies) != periods:
        raise given["schedule"].fail(f"has {len(energies)} energies for {periods} periods.", "Give one a period.")
    return energies


def _right(field: Field, key: EventKey, currency: Currency) -> OrderedRight:
    given = field.object(needed=_RIGHT, optional=_RIGHT_MORE)
    decimals = currency.decimals
    product = Product(
        provider=ZERO_ADDRESS,
        portfolio_id=key.portfolio_id,
        zone=bytes(32),
        direction=key.direction,
        window_start=key.window_start,
        window_end=key.window_end,
        notice_seconds=0,
        ramp_seconds=0,
        min_run_seconds=0,
        max_run_seconds=key.window_end - key.window_start,
        lot_w=given["lot"].read(watts),
        availability_per_mwhour=given["availability"].read(lambda text: price_per_mw_hour(text, decimals=decimals))
        if "availability" in given
        else 0,
        utilisation_per_mwh=given["utilisation"].read(lambda text: price_per_mwh(text, decimals=decimals)),
        shortfall_per_mwh=given["shortfall"].read(lambda text: price_per_mwh(text, decimals=decimals)),
        currency=ZERO_ADDRESS,
        rule_id=key.rule_id,
        reference_w=key.reference_w,
        transferable=False,
    )
    uncalled = given["uncalled"].whole(most=_MOST_UNITS) if "uncalled" in given else 0
    return OrderedRight(name=given["name"].text(), product=product, uncalled=uncalled)


def _dispatch(
    field: Field, name: str, number: int, rights: Mapping[str, OrderedRight], periods: int
) -> OrderedDispatch:
    given = field.object(needed=_DISPATCH, optional=_DISPATCH_MORE)
    right = given["right"].one_of(rights)
    noticed = _power(given["power"], periods)
    dispatch = Dispatch(
        right_id=bytes(32),
        holder=ZERO_ADDRESS,
        units=given["units"].whole(most=_MOST_UNITS),
        number=number,
        kind=given["kind"].one_of(DISPATCH_KINDS) if "kind" in given else DispatchKind.LIVE,
        notice_at=given["notice"].read(utc_seconds),
        orders_w=_kept(given, noticed),
        excused_mask=_excused(given, periods),
    )
    return OrderedDispatch(
        name=name,
        right=right,
        buyer=given["buyer"].text(),
        noticed_w=noticed,
        dispatch=dispatch,
        place=field.place,
    )


def _power(field: Field, periods: int) -> tuple[int, ...]:
    """One power for all periods, or one for each; W."""
    if not field.is_list:
        return (field.read(watts),) * periods
    powers = tuple(item.read(watts) for item in field.items())
    if len(powers) != periods:
        raise field.fail(f"has {len(powers)} powers for {periods} periods.", "Give one for all, or one a period.")
    return powers


def _kept(given: Mapping[str, Field], noticed: tuple[int, ...]) -> tuple[int, ...]:
    """What is left of the order after it was stopped or cancelled."""
    if "cancelled" in given and given["cancelled"].flag():
        return (0,) * len(noticed)
    until = given["stopped"].whole(most=len(noticed) - 1) if "stopped" in given else len(noticed)
    return tuple(order if period < until else 0 for period, order in enumerate(noticed))


def _excused(given: Mapping[str, Field], periods: int) -> int:
    if "excused" not in given:
        return 0
    return sum(1 << period for period in {item.whole(most=periods - 1) for item in given["excused"].items()})


def _signed_watts(text: str) -> int:
    """Power with a sign, `-` for export; W."""
    bare = text.strip()
    if bare.startswith("-"):
        return -watts(bare[1:])
    if not bare:
        raise NotAQuantityError("There is no power.", "Write it like 120 kW.")
    return watts(bare)


def check_orders(event: OrderedEvent, rule: Rule) -> None:
    """Refuses what the contracts would refuse of an event's dispatches. Raises OrderRefusedError."""
    gate = event.key.window_start - rule.gate_seconds
    for item in event.dispatches:
        most = item.dispatch.units * item.right.product.lot_w
        ordered = [period for period, power in enumerate(item.noticed_w) if power]
        place = item.place
        if not ordered:
            raise OrderRefusedError("nothing is ordered.", "Order power in at least one period.", place=place)
        for period in ordered:
            power = item.noticed_w[period]
            if power > most:
                raise OrderRefusedError(
                    f"{format_power(power)} in period {period} is more than its units hold, {format_power(most)}.",
                    "Call more units, or order less.",
                    place=place,
                )
            if not is_whole_milli_wh(power, rule.period_seconds):
                raise OrderRefusedError(
                    f"{format_power(power)} over {rule.period_seconds} s is no whole number of mWh.",
                    "Order another power.",
                    place=place,
                )
        first = event.key.window_start + ordered[0] * rule.period_seconds
        if not gate <= item.dispatch.notice_at <= first:
            raise OrderRefusedError(
                f"the notice of {format_time(item.dispatch.notice_at)} is not between the gate and the first ordered "
                f"period, {format_time(max(0, gate))} to {format_time(first)}.",
                "Correct the time of the notice, or the rule's gate_seconds.",
                place=place,
            )
