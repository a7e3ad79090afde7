"""Compares what the chain says with what must come out, and the money of the log with the escrow; the same for every chapter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flexbond import ids
from flexbond.demo.ledger import Column, Ledger
from flexbond.demo.result import PartyLine
from flexbond.model.types import EventStatus
from flexbond.operations.history import answers_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.chain.events import EventRecord
    from flexbond.demo.cast import Cast
    from flexbond.demo.checks import Checks
    from flexbond.demo.ground import Ground
    from flexbond.demo.outcome import Expected, Sold
    from flexbond.model.types import Settled
    from flexbond.operations.history import CalledDispatch, EventHistory


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A finished chapter and its log. Every method raises DifferenceError."""

    ground: Ground
    cast: Cast
    log: Sequence[EventRecord]
    """The whole event log."""
    checks: Checks
    others: tuple[tuple[str, str, str], ...] = ()
    """Parties beside the cast: name, role, address."""

    # ------------------------------------------------------------------ an event

    def event(self, name: str, sold: Sold, history: EventHistory, expected: Expected, *, swept: bool) -> None:
        """An event with all its money; `swept`: whether the time to collect is over and what was left of its pool is swept."""
        if expected.measured is None:
            self._uncalled(name, sold, history, expected)
        else:
            self.checks.equal("Events measured", history.status, EventStatus.MEASURED, of=name)
            submission = history.submission
            self.checks.equal("Submitted roots", submission and submission.root, expected.measured.tree.root, of=name)
            self.checks.equal("Submitted totals", submission and submission.totals, expected.measured.totals, of=name)
            self.checks.equal(
                "Responses of portfolios", history.responses_milli_wh, expected.measured.responses_milli_wh, of=name
            )
            homes = zip(answers_of(self.ground.suite, history), expected.measured.answers, strict=True)
            for number, (found, answer) in enumerate(homes):
                logged = replace(answer, is_complete=False)
                self.checks.equal("Proven homes", found, logged, of=f"{name}, home {number + 1}")
            for dispatch, outcome in zip(history.dispatches, expected.outcomes, strict=True):
                self.checks.equal("Settlements of calls", dispatch.settled, outcome.settled, of=name)
                self._locks(sold, dispatch, outcome.settled)
        self._pool(name, sold, expected, pool_id(sold, history), swept=swept)

    def _locks(self, sold: Sold, dispatch: CalledDispatch, settled: Settled) -> None:
        """Pay and refund are what was locked; penalty and release are the collateral."""
        rights, units = self.ground.suite.rights, dispatch.dispatch.units
        about = "Locks of calls, paid out whole"
        availability = units * rights.read("availabilityPerUnit", sold.product)
        collateral = units * rights.read("collateralPerUnit", sold.product)
        self.checks.equal(about, dispatch.utilisation_locked, settled.pay + settled.utilisation_refund)
        self.checks.equal(about, availability, settled.availability + settled.availability_refund)
        self.checks.equal(about, collateral, settled.penalty + settled.released)

    def _uncalled(self, name: str, sold: Sold, history: EventHistory, expected: Expected) -> None:
        settled = self._of("RightSettled", right_id=ids.right_id(sold.product))
        self.checks.equal("Events never called", history.status, EventStatus.OPEN, of=name)
        self.checks.equal(
            "Settlements of rights never called",
            [(one.availability, one.pool, one.released) for one in settled],
            [(expected.uncalled, expected.pool, expected.released)],
        )

    def _pool(self, name: str, sold: Sold, expected: Expected, pool: bytes, *, swept: bool) -> None:
        """What every home was credited, and what the sweep found."""
        collected = {one.index: (one.payee, one.amount) for one in self._of("Collected", pool_id=pool)}
        for number, (place, amount) in enumerate(zip(sold.places, expected.credited, strict=True)):
            wanted = (place.entry.payee, amount) if amount else None
            self.checks.equal("Homes' shares", collected.get(number), wanted, of=f"{name}, home {number + 1}")
        found = [one.amount for one in self._of("PoolSwept", pool_id=pool)]
        left = [expected.pool - sum(expected.credited)] if expected.pool and swept else []
        self.checks.equal("Remainders of pools", found, left, of=name)

    def _of(self, name: str, **where: bytes) -> list[EventRecord]:
        """The log's events of a name with these arguments."""
        return [
            one
            for one in self.log
            if one.name == name and all(getattr(one.args, key) == value for key, value in where.items())
        ]

    # ------------------------------------------------------------------ the money

    def parties(self) -> tuple[PartyLine, ...]:
        """Every party's row, rebuilt from the log and compared with the escrow. Raises LedgerError too."""
        ground = self.ground
        escrow, token = ground.suite.escrow, ground.token.address
        ledger = Ledger.of(token, self.log)
        rows = tuple(_row(name, role, address, ledger) for name, role, address in self.named())
        strangers = sorted(ledger.accounts.keys() - {row.address for row in rows})
        self.checks.equal("Parties, of whom the table lacks none", strangers, [])
        for row in rows:
            self.checks.equal("Free balances", escrow.read("free", token, row.address), row.free, of=row.name)
            self.checks.equal(
                "Rows of the table", row.deposited + row.earned - row.withdrawn, row.free + row.locked, of=row.name
            )
        for lock_id, lock in ledger.locks.items():
            self.checks.equal("Locks", escrow.read("lockOf", lock_id).amount, lock.amount, of=f"0x{lock_id.hex()}")
        for column in ("premiums", "utilisation", "availability", "penalties", "pool", "bonds"):
            self.checks.equal("Columns of the table", sum(getattr(row, column) for row in rows), 0, of=column)
        return rows

    def owed_and_held(self, parties: Sequence[PartyLine]) -> tuple[int, int]:
        """What the escrow owes and holds at the end, compared with the table."""
        ground = self.ground
        owed: int = ground.suite.escrow.read("owed", ground.token.address)
        held: int = ground.suite.token(ground.token.address).read("balanceOf", ground.suite.escrow.address)
        left = sum(party.free + party.locked for party in parties)
        moved = sum(party.deposited - party.withdrawn for party in parties)
        self.checks.equal("Owed by the escrow", owed, left)
        self.checks.equal("Held by the escrow", held, owed)
        self.checks.equal("Deposits less withdrawals", moved, left)
        return owed, held

    def named(self) -> list[tuple[str, str, str]]:
        """Name, role and address of every party."""
        cast = self.cast
        return [
            ("Aggregator", "aggregator", cast.aggregator.address),
            *((buyer.value.capitalize(), "buyer", signer.address) for buyer, signer in cast.buyers.items()),
            *((home.name, "home", home.customer.address) for home in cast.homes),
            *self.others,
            ("Unclaimed", "unclaimed", cast.unclaimed),
            ("Homes' pools, locked", "pools", self.ground.suite.payouts.address),
        ]


def pool_id(sold: Sold, history: EventHistory) -> bytes:
    """The pool of the event, or of its right if that was never called."""
    return history.id if sold.calls else ids.right_id(sold.product)


def ids_of(sold: Sold, history: EventHistory) -> dict[str, str]:
    """The ids that the report shows of an event."""
    found = {"right": ids.right_id(sold.product), "event": history.id, "pool": pool_id(sold, history)}
    if history.submission is not None:
        found["root"] = history.submission.root
    return {name: f"0x{value.hex()}" for name, value in found.items()}


def _row(name: str, role: str, address: str, ledger: Ledger) -> PartyLine:
    account = ledger.accounts[address]
    return PartyLine(
        name=name,
        role=role,
        address=address,
        deposited=account.moved[Column.DEPOSITED],
        premiums=account.moved[Column.PREMIUMS],
        utilisation=account.moved[Column.UTILISATION],
        availability=account.moved[Column.AVAILABILITY],
        penalties=account.moved[Column.PENALTIES],
        pool=account.moved[Column.POOL],
        bonds=account.moved[Column.BONDS],
        withdrawn=-account.moved[Column.WITHDRAWN],
        free=account.free,
        locked=account.locked,
    )
