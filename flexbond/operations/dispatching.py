"""Before and during a window: schedules, unavailability, notices, and what is taken back of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.ids import dispatch_id, event_id, right_id, schedule_hash, token_id
from flexbond.model.types import DispatchKind
from flexbond.operations.common import require_actor, time_of, titled
from flexbond.operations.errors import OperationError, TooEarlyError, TooLateError
from flexbond.operations.history import CalledDispatch, load_dispatch, load_event, product_of, rule_of
from flexbond.operations.progress import Progress, silent
from flexbond.units import format_power, format_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.chain.send import Sender
    from flexbond.chain.suite import Suite
    from flexbond.model.types import Dispatch, Product, Rule
    from flexbond.operations.history import EventHistory


@dataclass(frozen=True, kw_only=True)
class Called:
    """A notice that was given."""

    dispatch_id: bytes
    event_id: bytes
    dispatch: Dispatch
    is_new: bool
    """False if it stood already."""


def nominate(
    suite: Suite, sender: Sender, event_id: bytes, schedule_milli_wh: Sequence[int], *, progress: Progress = silent
) -> None:
    """Commits the portfolio's schedule (mWh per period of the window, `+` import), unless it is the committed one.

    Raises NotYoursError, OperationError (a rule without schedules, a wrong number of periods), TooLateError after the gate.
    """
    event = load_event(suite, event_id)
    schedule = tuple(schedule_milli_wh)
    if len(schedule) != event.periods:
        raise OperationError(
            f"The window has {event.periods} periods and the schedule {len(schedule)}.", "Give one value a period."
        )
    if suite.measurement.read("scheduleHash", event_id) == schedule_hash(schedule):
        progress("This schedule is committed already.")
        return
    _require_before_gate(suite, event, "A schedule")
    require_actor(suite, event.provider, sender.address, what="nominate")
    transaction = suite.measurement.transaction("nominate", event.key, schedule)
    sender.send(titled(transaction, "Commit the schedule"))
    progress("Committed the schedule.")


def declare_unavailable(suite: Suite, sender: Sender, event_id: bytes, *, progress: Progress = silent) -> None:
    """Declares the portfolio unavailable for the event's window, unless it is. Raises NotYoursError, TooLateError after the gate."""
    event = load_event(suite, event_id)
    window = suite.rights.read("window", event.key.portfolio_id, event.key.window_start)
    if window.unavailable:
        progress("The portfolio is declared unavailable already.")
        return
    _require_before_gate(suite, event, "Unavailability")
    require_actor(suite, event.provider, sender.address, what="declare it unavailable")
    transaction = suite.rights.transaction("declareUnavailable", event.key)
    sender.send(titled(transaction, "Declare the portfolio unavailable"))
    progress("Declared the portfolio unavailable.")


def dispatch(
    suite: Suite,
    sender: Sender,
    right: bytes,
    *,
    units: int,
    orders_w: Sequence[int],
    holder: str | None = None,
    kind: DispatchKind = DispatchKind.LIVE,
    again: bool = False,
    progress: Progress = silent,
) -> Called:
    """Calls units of a right with an order (W) per period of the window, for the holder (the sender by default).

    If the holder has an open dispatch of that right with the same units, orders and kind, it is that one, and nothing is sent; `again`
    calls another. Raises NotYoursError, TooEarlyError before the gate closes, TooLateError, OperationError, ContractRevert.
    """
    account = holder or sender.address
    product = product_of(suite, right)
    event = load_event(suite, event_id(product.event_key))
    orders = tuple(orders_w)
    same = [item for item in event.dispatches if _is_same(item, right, account, units, orders, kind)]
    if same and not again:
        progress("This notice was given already.")
        return Called(dispatch_id=same[0].id, event_id=event.id, dispatch=same[0].dispatch, is_new=False)
    _require_callable(suite, sender, event, product, account, units, orders)
    number = suite.settlement.read("pending", event.id)
    transaction = suite.settlement.transaction("dispatch", product, event.rule, account, units, orders, kind)
    sender.send(titled(transaction, f"Call {units} units, at most {format_power(max(orders, default=0))}"))
    identity = _new_dispatch(suite, event, right, account, number)
    progress(f"Gave notice for {units} units.")
    return Called(
        dispatch_id=identity, event_id=event.id, dispatch=load_dispatch(suite, identity).dispatch, is_new=True
    )


def stop(
    suite: Suite, sender: Sender, dispatch_: bytes, *, from_period: int, progress: Progress = silent
) -> CalledDispatch:
    """Takes back a dispatch's order from a period of the window (from 0) on; nothing if none is ordered there.

    Raises NotYoursError, TooLateError if the period has begun, OperationError, ContractRevert.
    """
    called, product, rule = _open_dispatch(suite, sender, dispatch_)
    if not any(called.dispatch.orders_w[from_period:]):
        progress(f"Nothing is ordered from period {from_period} on.")
        return called
    start = product.window_start + from_period * rule.period_seconds
    _require_not_begun(suite, start, f"Period {from_period}")
    transaction = suite.settlement.transaction("stop", product, rule, called.dispatch, from_period)
    sender.send(titled(transaction, f"Stop from {format_time(start)} on"))
    progress(f"Stopped from {format_time(start)} on.")
    return load_dispatch(suite, dispatch_)


def cancel(suite: Suite, sender: Sender, dispatch_: bytes, *, progress: Progress = silent) -> CalledDispatch:
    """Takes back a dispatch's whole order before it begins; its availability stays due. Nothing if it is taken back.

    Raises NotYoursError, TooLateError, ContractRevert.
    """
    called, product, rule = _open_dispatch(suite, sender, dispatch_)
    ordered = [period for period, power in enumerate(called.dispatch.orders_w) if power]
    if not ordered:
        progress("The order is taken back already.")
        return called
    _require_not_begun(suite, product.window_start + ordered[0] * rule.period_seconds, "The order")
    sender.send(titled(suite.settlement.transaction("cancel", product, rule, called.dispatch), "Cancel the dispatch"))
    progress("Cancelled the dispatch.")
    return load_dispatch(suite, dispatch_)


def excuse(
    suite: Suite, sender: Sender, dispatch_: bytes, *, periods: Sequence[int], progress: Progress = silent
) -> CalledDispatch:
    """Excuses periods of the window (from 0): no penalty for them. Nothing for what is excused.

    Raises NotYoursError, OperationError, ContractRevert.
    """
    called, product, _ = _open_dispatch(suite, sender, dispatch_)
    if not periods or max(periods) >= len(called.dispatch.orders_w) or min(periods) < 0:
        raise OperationError(
            "No such periods are in the window.", f"It has the periods 0 to {len(called.dispatch.orders_w) - 1}."
        )
    mask = sum(1 << period for period in set(periods))
    if called.dispatch.excused_mask & mask == mask:
        progress("These periods are excused already.")
        return called
    sender.send(titled(suite.settlement.transaction("excuse", product, called.dispatch, mask), "Excuse periods"))
    progress(f"Excused {len(set(periods))} periods.")
    return load_dispatch(suite, dispatch_)


def release(
    suite: Suite, sender: Sender, right: bytes, *, units: int, holder: str | None = None, progress: Progress = silent
) -> int:
    """Gives units of a right up until the holder (the sender by default) has at most its balance less `units`; the balance afterwards.

    Not repeatable by itself: each call gives up that many. Raises NotYoursError, OperationError, ContractRevert.
    """
    account = holder or sender.address
    held: int = suite.rights.read("balanceOf", account, token_id(right))
    if units > held or units <= 0:
        raise OperationError(f"{account} holds {held} units and {units} are to be released.", "Release fewer.")
    require_actor(suite, account, sender.address, what="release these units")
    transaction = suite.rights.transaction("release", product_of(suite, right), account, units)
    sender.send(titled(transaction, f"Release {units} units"))
    progress(f"Released {units} units.")
    return held - units


def _is_same(
    item: CalledDispatch, right: bytes, account: str, units: int, orders: tuple[int, ...], kind: DispatchKind
) -> bool:
    told = item.noticed
    return item.settled is None and (told.right_id, told.holder, told.units, told.orders_w, told.kind) == (
        right,
        account,
        units,
        orders,
        kind,
    )


def _new_dispatch(suite: Suite, event: EventHistory, right: bytes, account: str, number: int) -> bytes:
    """The id of the dispatch that was just called; another may have come in between."""
    guess = dispatch_id(right, account, number)
    mine = [item.id for item in load_event(suite, event.id).dispatches if item.dispatch.holder == account]
    return guess if guess in mine else mine[-1]


def _open_dispatch(suite: Suite, sender: Sender, dispatch_: bytes) -> tuple[CalledDispatch, Product, Rule]:
    called = load_dispatch(suite, dispatch_)
    if called.settled is not None:
        raise TooLateError("The dispatch is settled.", "Nothing of it can be changed any more.")
    require_actor(suite, called.dispatch.holder, sender.address, what="change this dispatch")
    product = product_of(suite, called.dispatch.right_id)
    return called, product, rule_of(suite, product.rule_id)


def _require_before_gate(suite: Suite, event: EventHistory, what: str) -> None:
    gate = event.key.window_start - event.rule.gate_seconds
    if time_of(suite) >= gate:
        raise TooLateError(f"{what} could be stated until {format_time(gate)}.", "Do it before the gate next time.")


def _require_not_begun(suite: Suite, start: int, what: str) -> None:
    if time_of(suite) >= start:
        raise TooLateError(f"{what} began at {format_time(start)}.", "Only what has not begun can be taken back.")


def _require_callable(
    suite: Suite,
    sender: Sender,
    event: EventHistory,
    product: Product,
    account: str,
    units: int,
    orders: tuple[int, ...],
) -> None:
    """Says in words what the contract would refuse."""
    require_actor(suite, account, sender.address, what="call these units")
    if len(orders) != event.periods or not any(orders):
        raise OperationError(
            f"The window has {event.periods} periods, the order states {len(orders)}.",
            "Order power in at least one period, and state all.",
        )
    held = suite.rights.read("balanceOf", account, token_id(right_id(product)))
    if units > held:
        raise OperationError(f"{account} holds {held} units and {units} are called.", "Call fewer, or buy more.")
    now, gate = time_of(suite), event.key.window_start - event.rule.gate_seconds
    if now < gate:
        raise TooEarlyError(
            f"Notice can be given from {format_time(gate)} on.", "Wait until the gate has closed.", at=gate
        )
    first = next(period for period, power in enumerate(orders) if power)
    start = product.window_start + first * event.rule.period_seconds
    latest = start - product.notice_seconds - product.ramp_seconds
    if now > latest:
        raise TooLateError(f"Notice for {format_time(start)} was due by {format_time(latest)}.", "Order later periods.")
