"""How results look to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from flexbond.model.types import EventStatus
from flexbond.units import format_energy, format_power, format_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.operations.collecting import Collection
    from flexbond.operations.common import Token
    from flexbond.operations.settlement import Outcome
    from flexbond.operations.status import AccountStatus, DispatchStatus, EventSummary, Next


def short(identity: bytes) -> str:
    """As much of an id as commands need to find it again."""
    return f"0x{identity.hex()[:10]}"


def full(identity: bytes) -> str:
    """A whole id."""
    return f"0x{identity.hex()}"


def table(title: str, *columns: str) -> Table:
    """An empty table."""
    made = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def window(start: int, end: int) -> str:
    """A window of time."""
    return f"{format_time(start)} to {format_time(end)}"


def next_step(what: Next) -> str:
    """What can be done next, and until when."""
    return what.what if what.until is None else f"{what.what} Until {format_time(what.until)}."


def account_lines(status: AccountStatus) -> list[str | Table]:
    """An account's balances, locks, rights and events."""
    parts = [name for name, held in (("buyer", status.is_buyer), ("provider", status.is_provider)) if held]
    lines: list[str | Table] = [
        f"{status.account}: qualified as {' and '.join(parts) or 'neither buyer nor provider'}."
    ]
    tokens = {token.address: token for token in status.tokens}
    lines += [f"Free: {tokens[address].show(amount)}" for address, amount in status.free.items()]
    if status.locks:
        locks = table("Locked", "for", "of", "amount")
        for lock in status.locks:
            locks.add_row(lock.reason.name.lower(), short(lock.key), tokens[lock.token].show(lock.amount))
        lines.append(locks)
    if status.rights:
        rights = table("Rights held", "right", "window", "units", "next")
        for held in status.rights:
            product = held.product
            units = f"{held.units} of {format_power(product.lot_w)}"
            rights.add_row(
                short(held.right_id), window(product.window_start, product.window_end), units, next_step(held.next)
            )
        lines.append(rights)
    if status.events:
        events = table("Events of its portfolios", "event", "next")
        for provided in status.events:
            events.add_row(short(provided.event_id), next_step(provided.next))
        lines.append(events)
    return lines


def event_lines(event: EventSummary) -> list[str | Table]:
    """An event with its dispatches and sums."""
    token = event.token
    lines: list[str | Table] = [
        f"Event {full(event.id)}",
        f"{event.key.direction.name.capitalize()} of portfolio {short(event.key.portfolio_id)}, "
        f"{window(event.key.window_start, event.key.window_end)}: {event.status.name.lower()}.",
    ]
    lines += [f"Right {short(right.id)}: {right.issued} units issued, {right.open} open." for right in event.rights]
    if event.dispatches:
        lines.append(_dispatches(event.dispatches, token))
    if any(event.ordered_w):
        lines.append(f"Ordered per period: {', '.join(format_power(power) for power in event.ordered_w)}.")
    if event.responses_milli_wh:
        lines.append(f"Response per period: {', '.join(map(format_energy, event.responses_milli_wh))}.")
    if event.status in (EventStatus.MEASURED, EventStatus.UNMEASURED):
        lines.append(
            f"Paid {token.show(event.paid)}, penalties {token.show(event.penalties)}, "
            f"refunded {token.show(event.refunds)}, collateral released {token.show(event.released)}."
        )
    lines += [
        f"Pool {short(pool.id)}: {token.show(pool.amount)}, {'open' if pool.opened_at else 'not open'}."
        for pool in event.pools
    ]
    lines.append(f"Next: {next_step(event.next)}")
    return lines


def _dispatches(dispatches: Sequence[DispatchStatus], token: Token) -> Table:
    made = table("Dispatches", "id", "holder", "units", "pay", "availability", "penalty", "refund")
    for item in dispatches:
        settled = item.settled
        money: tuple[str, ...] = ("open", "", "", "")
        if settled is not None:
            refund = settled.utilisation_refund + settled.availability_refund
            amounts = (settled.pay, settled.availability, settled.penalty, refund)
            money = tuple(token.show(amount) for amount in amounts)
        made.add_row(short(item.id), item.holder, str(item.units), *money)
    return made


def outcome_lines(outcome: Outcome) -> list[str | Table]:
    """What was done for an event."""
    done = [
        *(["submitted"] if outcome.submitted else []),
        *([f"{outcome.proven} leaves proven"] if outcome.proven else []),
        *(["ended as unmeasured"] if outcome.failed else []),
        *([f"{len(outcome.dispatches)} dispatches settled"] if outcome.dispatches else []),
        *([f"{len(outcome.rights)} rights settled"] if outcome.rights else []),
    ]
    lines: list[str | Table] = [
        f"Event {full(outcome.event_id)}: {outcome.status.name.lower()}; {', '.join(done) or 'nothing was missing'}."
    ]
    if outcome.waiting is not None:
        lines.append(f"Next: {outcome.waiting.reason}")
    return lines


def collection_lines(collection: Collection, token: Token) -> list[str | Table]:
    """What customers get from a pool."""
    lines: list[str | Table] = [
        f"Pool {full(collection.pool_id)} of {token.show(collection.amount)}: credited {token.show(collection.credited)}."
    ]
    made = table("Shares", "place", "payee", "amount", "")
    for share in collection.shares:
        made.add_row(str(share.index), share.payee, token.show(share.amount), "credited" if share.collected else "open")
    return [*lines, made] if collection.shares else lines
