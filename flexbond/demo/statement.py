"""What a party is sent at the end of a month: every movement of its money in the escrow, rebuilt from the event log alone."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from flexbond.chain.deploy import write_whole
from flexbond.demo.ledger import Column, Ledger, LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from flexbond.chain.events import EventRecord
    from flexbond.demo.ledger import Movement

IDS: Final = ("event_id", "right_id", "pool_id")
"""Arguments of the log's events that say which window money is for."""
NAMES: Final = {
    Column.DEPOSITED: "Deposit",
    Column.WITHDRAWN: "Withdrawal",
    Column.PREMIUMS: "Premium",
    Column.UTILISATION: "Energy",
    Column.AVAILABILITY: "Availability",
    Column.PENALTIES: "Penalty",
    Column.POOL: "Share of the homes' pool",
    Column.BONDS: "Bond",
}
HEADER: Final = ("party", "part", "utc", "local", "window", "call", "what", "amount", "balance", "of which locked")


@dataclass(frozen=True, kw_only=True)
class Balance:
    """What a party had in the escrow at a moment; base units."""

    at: int
    """UTC seconds: before everything that happened then."""
    free: int
    locked: int

    @property
    def total(self) -> int:
        """Both."""
        return self.free + self.locked


@dataclass(frozen=True, kw_only=True)
class StatementLine:
    """One movement; base units."""

    at: int
    """UTC seconds."""
    window: str
    """Slug of the window that it is for; empty: none."""
    call: str
    """`call 1` and so on; empty: none."""
    text: str
    amount: int
    """`+` received, `-` paid."""
    balance: int
    """Free and locked, after it."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One party's month. Balance before, lines and balance after add up, to the base unit."""

    party: str
    role: str
    address: str
    opening: Balance
    lines: tuple[StatementLine, ...]
    """Of the month."""
    closing: Balance
    afterwards: tuple[StatementLine, ...]
    """What of the month was settled after its end."""
    final: Balance
    story: str = ""
    """Which of several it is of; in the name of its file."""

    @property
    def file_name(self) -> str:
        """Of its CSV."""
        return "-".join(("statement", *self.story.split(), *self.party.lower().split())) + ".csv"

    def sum_of(self, text: str) -> int:
        """All lines of a kind, the month's and those settled afterwards, base units."""
        return sum(line.amount for line in (*self.lines, *self.afterwards) if line.text == text)


def statements(
    log: Sequence[EventRecord],
    token: str,
    parties: Iterable[tuple[str, str, str]],
    *,
    month: tuple[int, int],
    windows: Mapping[bytes, str],
    story: str = "",
) -> tuple[Statement, ...]:
    """The statements of these parties (name, role, address) for a month `[start, end)`, UTC seconds.

    `windows` names the windows by the ids of their events. Raises LedgerError, also if a sum does not come out.
    """
    whole = Ledger.of(token, log)
    ends = (*month, max((record.timestamp for record in log), default=0) + 1)
    ledgers = [Ledger.of(token, [record for record in log if record.timestamp < end]) for end in ends]
    references = _References(log, windows)
    made = []
    for name, role, address in parties:
        balances = [
            Balance(at=end, free=ledger.accounts[address].free, locked=ledger.accounts[address].locked)
            for end, ledger in zip(ends, ledgers, strict=True)
        ]
        own = [movement for movement in whole.movements if movement.account == address]
        before = sum(movement.amount for movement in own if movement.record.timestamp < month[0])
        lines = references.lines([one for one in own if one.record.timestamp >= month[0]], before)
        statement = Statement(
            party=name,
            role=role,
            address=address,
            opening=balances[0],
            lines=tuple(line for line in lines if line.at < month[1]),
            closing=balances[1],
            afterwards=tuple(line for line in lines if line.at >= month[1]),
            final=balances[2],
            story=story,
        )
        _require_sums(statement)
        made.append(statement)
    return tuple(made)


def _require_sums(statement: Statement) -> None:
    steps = (
        (statement.opening, statement.lines, statement.closing),
        (statement.closing, statement.afterwards, statement.final),
    )
    for before, lines, after in steps:
        if before.total + sum(line.amount for line in lines) != after.total:
            raise LedgerError(f"The statement of {statement.party} does not add up.", "Check the log.")


class _References:
    """Which window and which call the money of a transaction is for."""

    def __init__(self, log: Sequence[EventRecord], windows: Mapping[bytes, str]) -> None:
        self._events: dict[bytes, str] = dict(windows)
        self._windows: dict[str, str] = {}
        self._calls: dict[str, str] = {}
        numbers: dict[bytes, int] = {}
        for record in log:
            fields = record.args._asdict()
            known = [fields[name] for name in IDS if name in fields]
            slug = next((self._events[item] for item in known if item in self._events), "")
            if slug:
                self._events |= dict.fromkeys(known, slug)
                self._windows[record.transaction] = slug
            if record.name == "Dispatched":
                numbers[record.dispatch_id] = record.dispatch.number + 1
            if record.name in ("Dispatched", "DispatchSettled"):
                self._calls[record.transaction] = f"call {numbers[record.dispatch_id]}"

    def lines(self, movements: Sequence[Movement], balance: int) -> list[StatementLine]:
        """A party's movements, those of one transaction and kind together."""
        grouped: dict[tuple[str, Column], list[Movement]] = {}
        for movement in movements:
            grouped.setdefault((movement.record.transaction, movement.column), []).append(movement)
        lines: list[StatementLine] = []
        for (transaction, column), group in grouped.items():
            amount = sum(movement.amount for movement in group)
            balance += amount
            lines.append(
                StatementLine(
                    at=group[0].record.timestamp,
                    window=self._windows.get(transaction, ""),
                    call=self._calls.get(transaction, ""),
                    text=NAMES[column],
                    amount=amount,
                    balance=balance,
                )
            )
        return lines


def write_statement(
    folder: Path, statement: Statement, *, decimals: int, local: Callable[[int], datetime], titles: Mapping[str, str]
) -> None:
    """Writes a statement as CSV into the folder: amounts in whole tokens, exact; `titles` are those of the windows by their slugs."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEADER)

    def row(part: str, at: int, *what: str, amount: int | None, balance: int, locked: int | None = None) -> None:
        times = (f"{_utc(at)}", f"{local(at):%Y-%m-%d %H:%M}")
        money = [_plain(value, decimals) for value in (amount, balance, locked)]
        writer.writerow((statement.party, part, *times, *what, *money))

    for title, balance, lines in (
        ("opening", statement.opening, statement.lines),
        ("closing", statement.closing, statement.afterwards),
        ("settled", statement.final, ()),
    ):
        row(title, balance.at, "", "", f"Balance, {title}", amount=None, balance=balance.total, locked=balance.locked)
        part = "month" if title == "opening" else "afterwards"
        for line in lines:
            row(
                part,
                line.at,
                titles.get(line.window, ""),
                line.call,
                line.text,
                amount=line.amount,
                balance=line.balance,
            )
    write_whole(folder / statement.file_name, buffer.getvalue())


def _utc(seconds: int) -> str:
    """As `2013-10-03T17:00:00Z`."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _plain(amount: int | None, decimals: int) -> str:
    """Base units as a decimal number that a spreadsheet reads, exact; nothing for None."""
    if amount is None:
        return ""
    whole, rest = divmod(abs(amount), 10**decimals)
    return f"{'-' if amount < 0 else ''}{whole}.{rest:0{decimals}d}"
