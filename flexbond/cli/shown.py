"""How results look to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from flexbond.model.types import EventStatus
from flexbond.units import format_energy, format_power, format_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flexbond.operations.checks import Checks
    from flexbond.operations.collecting import Collection
    from flexbond.operations.common import Token
    from flexbond.operations.objecting import Acceptance
    from flexbond.operations.relaying import Relayed
    from flexbond.operations.run import Outcome
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
    if event.checks is not None:
        lines += _checks(event.checks, token)
    if event.responses_milli_wh:
        lines.append(f"Response per period: {', '.join(map(format_energy, event.responses_milli_wh))}.")
    if event.status in (EventStatus.MEASURED, EventStatus.UNMEASURED):
        lines.append(
            f"Paid {token.show(event.paid)}, penalties {token.show(event.penalties)}, "
            f"refunded {token.show(event.refunds)}, collateral released {token.show(event.released)}."
        )
        shared = sum(item.bond_share for item in event.dispatches)
        lines += [f"Buyers got {token.show(shared)} of the bond."] if shared else []
    lines += [
        f"Pool {short(pool.id)}: {token.show(pool.amount)}, {'open' if pool.opened_at else 'not open'}."
        for pool in event.pools
    ]
    lines.append(f"Next: {next_step(event.next)}")
    return lines


def _checks(checks: Checks, token: Token) -> list[str | Table]:
    """What was drawn, proven, demanded and decided of a sampled submission."""
    if not checks.is_drawn:
        drawn = f"{checks.points} points to be drawn from the hash of block {checks.draw_block:,}"
    else:
        drawn = f"{checks.points} points drawn, {checks.proven} of them proven"
    lines: list[str | Table] = [
        f"Sampled submission, bond {token.show(checks.bond)}: {drawn}; challenges until {format_time(checks.challenge_until)}."
    ]
    for demanded in checks.demands:
        state = (
            "met" if demanded.is_met else "refunded" if demanded.is_refunded else f"due {format_time(demanded.until)}"
        )
        lines.append(f"Leaf {demanded.place} demanded by {demanded.by} for {token.show(demanded.fee)}: {state}.")
    if checks.is_accepted:
        lines.append("All its buyers accept it.")
    if checks.is_released:
        lines.append("It is final; the bond is free again.")
    if checks.rejection is not None:
        told = checks.rejection
        fault = told.fault.name.lower().replace("_", " ")
        by = "for a missed deadline" if told.challenger is None else f"by {told.challenger}, leaf {told.place}"
        lines.append(
            f"Rejected {by}: {fault}. Of the bond {token.show(told.reward)} went to who showed it, "
            f"{token.show(told.for_buyers)} are the buyers'."
        )
    return lines


def acceptance_lines(acceptance: Acceptance, token: Token) -> list[str | Table]:
    """What a buyer accepts."""
    totals = acceptance.totals
    lines: list[str | Table] = [
        f"Event {full(acceptance.event_id)}: {acceptance.proven} of {acceptance.points} drawn points are proven.",
        f"Response per period: {', '.join(map(format_energy, acceptance.responses_milli_wh))}.",
        f"Totals: baseline {', '.join(map(format_energy, totals.baseline_milli_wh))}; "
        f"metered {', '.join(map(format_energy, totals.metered_milli_wh))}.",
    ]
    made = table(f"Dispatches of {acceptance.holder}", "number", "pay", "availability", "penalty", "refund", "")
    for item in acceptance.dispatches:
        settled = item.settled
        refund = settled.utilisation_refund + settled.availability_refund
        money = [token.show(amount) for amount in (settled.pay, settled.availability, settled.penalty, refund)]
        made.add_row(str(item.number), *money, "accepted" if item.is_accepted else "not accepted")
    lines.append(made)
    lines.append(f"{acceptance.accepted} of {acceptance.of} dispatches of the event are accepted.")
    return lines


def relayed_lines(relayed: Relayed, tokens: Mapping[str, Token]) -> list[str | Table]:
    """What a relay did."""
    lines: list[str | Table] = [
        f"Credited {tokens[address].show(amount)}." for address, amount in relayed.credited.items()
    ]
    told = f"{relayed.places:,} places in {relayed.transactions} transactions; {relayed.before:,} were credited before"
    lines.append(f"{told}, {relayed.left:,} are left.")
    if relayed.places:
        each = relayed.fee_wei // relayed.places
        lines.append(
            f"It took {relayed.gas:,} gas, {relayed.gas_per_place:,} a place ({each:,} wei at what was paid for gas)."
        )
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
        *(["points drawn"] if outcome.drawn else []),
        *([f"{outcome.proven} leaves proven"] if outcome.proven else []),
        *([f"{outcome.demands_met} demands met"] if outcome.demands_met else []),
        *(["finalised"] if outcome.finalised else []),
        *(["ended as unmeasured"] if outcome.failed else []),
        *([f"{outcome.refunds} fees given back"] if outcome.refunds else []),
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
