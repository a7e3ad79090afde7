"""The places of portfolios, in the order in which they were taken, and their sums through time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flexbond.model.suite.base import ModelRevert, Pausable, Table, before, pushed
from flexbond.model.types import Entry, PortfolioSums

if TYPE_CHECKING:
    from flexbond.model.suite import Suite

NO_SUMS: Final = PortfolioSums(entries=0, capacity_w=0, connection_w=0)


class Places(Pausable):
    """Append-only lists of places, one for each portfolio."""

    def __init__(self, suite: Suite) -> None:
        super().__init__(suite)
        self.lists: Table[bytes, tuple[Entry, ...]] = self.table()
        self.traces: Table[bytes, tuple[tuple[int, PortfolioSums], ...]] = self.table()

    def entries(self, portfolio_id: bytes) -> tuple[Entry, ...]:
        """A portfolio's whole list."""
        return self.lists.get(portfolio_id, ())

    def entry(self, portfolio_id: bytes, index: int) -> Entry:
        """One place of a portfolio. Raises ModelRevert."""
        if index >= len(self.entries(portfolio_id)):
            raise ModelRevert("DeviceRegistry_EntryUnknown", portfolio_id, index)
        return self.entries(portfolio_id)[index]

    def sums(self, portfolio_id: bytes) -> PortfolioSums:
        """A portfolio's sums as they stand."""
        trace = self.traces.get(portfolio_id, ())
        return trace[-1][1] if trace else NO_SUMS

    def sums_before(self, portfolio_id: bytes, at: int) -> PortfolioSums:
        """A portfolio's sums as they stood just before `at`, UTC seconds."""
        found: PortfolioSums | None = before(self.traces.get(portfolio_id, ()), at)
        return found or NO_SUMS

    def add_place(self, portfolio_id: bytes, entry: Entry, now: int) -> int:
        """Appends a place; where it is."""
        index = len(self.entries(portfolio_id))
        self.lists[portfolio_id] = (*self.entries(portfolio_id), entry)
        self._add_sums(portfolio_id, 1, entry.capacity_w, entry.connection_w, now)
        return index

    def put_place(self, portfolio_id: bytes, index: int, entry: Entry) -> None:
        """Writes a place anew; its capacities stay."""
        entries = list(self.entries(portfolio_id))
        entries[index] = entry
        self.lists[portfolio_id] = tuple(entries)

    def close_place(self, portfolio_id: bytes, index: int, now: int) -> Entry:
        """Closes a place; what it was."""
        entry = self.entry(portfolio_id, index)
        self.put_place(portfolio_id, index, replace(entry, left_at=now))
        self._add_sums(portfolio_id, 0, -entry.capacity_w, -entry.connection_w, now)
        return entry

    def _add_sums(self, portfolio_id: bytes, entries: int, capacity_w: int, connection_w: int, now: int) -> None:
        last = self.sums(portfolio_id)
        total = PortfolioSums(
            entries=last.entries + entries,
            capacity_w=last.capacity_w + capacity_w,
            connection_w=last.connection_w + connection_w,
        )
        self.traces[portfolio_id] = pushed(self.traces.get(portfolio_id, ()), now, total)
