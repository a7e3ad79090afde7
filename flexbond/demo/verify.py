"""From a finished run to its result: everything the chain says, compared with the model, and the log with the chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond import ids
from flexbond.demo.expect import Call, Case, Expected, expect
from flexbond.demo.ledger import Column, Ledger
from flexbond.demo.lines import event_line
from flexbond.demo.result import PartyLine
from flexbond.demo.terms import CUSTOMER_SHARE_BPS
from flexbond.model.types import EventStatus
from flexbond.operations.history import answers_of, load_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.chain.events import EventRecord
    from flexbond.demo.checks import Checks
    from flexbond.demo.plan import Occasion
    from flexbond.demo.play import Play
    from flexbond.demo.result import EventLine
    from flexbond.model.types import Settled
    from flexbond.operations.history import CalledDispatch, EventHistory


@dataclass(frozen=True, kw_only=True)
class Verifier:
    """Compares a finished play, event by event."""

    play: Play
    log: Sequence[EventRecord]
    """The whole event log."""
    checks: Checks

    def event(self, occasion: Occasion) -> EventLine:
        """The occasion's line of the report, every value of it compared. Raises DifferenceError."""
        play, stage = self.play, self.play.stage
        history = load_event(stage.suite, play.event_id(occasion))
        case = Case(
            occasion=occasion,
            homes=play.homes,
            metered=play.metered,
            places=stage.places,
            product=play.products[occasion.slug],
            rule=stage.rules[occasion.rules],
            calls=tuple(Call(first=one.noticed, last=one.dispatch) for one in history.dispatches),
            schedule=play.schedule(occasion),
        )
        expected = expect(case, customer_share_bps=CUSTOMER_SHARE_BPS)
        self._compare(occasion, history, expected)
        return event_line(
            case,
            expected,
            ids=self._ids(occasion, history),
            buyers={signer.address: buyer.value for buyer, signer in stage.cast.buyers.items()},
            dispatch_ids=[f"0x{one.id.hex()}" for one in history.dispatches],
        )

    def _ids(self, occasion: Occasion, history: EventHistory) -> dict[str, str]:
        play = self.play
        found = {
            "right": ids.right_id(play.products[occasion.slug]),
            "event": history.id,
            "pool": play.pool_id(occasion),
        }
        if history.submission is not None:
            found["root"] = history.submission.root
        return {name: f"0x{value.hex()}" for name, value in found.items()}

    # ------------------------------------------------------------------ an event

    def _compare(self, occasion: Occasion, history: EventHistory, expected: Expected) -> None:
        name = occasion.slug
        if expected.measured is None:
            self._compare_uncalled(occasion, history, expected)
        else:
            self.checks.equal("Events measured", history.status, EventStatus.MEASURED, of=name)
            submission = history.submission
            self.checks.equal("Submitted roots", submission and submission.root, expected.measured.tree.root, of=name)
            self.checks.equal("Submitted totals", submission and submission.totals, expected.measured.totals, of=name)
            self.checks.equal(
                "Responses of portfolios", history.responses_milli_wh, expected.measured.responses_milli_wh, of=name
            )
            homes = zip(answers_of(self.play.stage.suite, history), expected.measured.answers, strict=True)
            for number, (found, answer) in enumerate(homes):
                self.checks.equal("Proven homes", found, answer, of=f"{name}, home {number + 1}")
            for dispatch, outcome in zip(history.dispatches, expected.outcomes, strict=True):
                self.checks.equal("Settlements of calls", dispatch.settled, outcome.settled, of=name)
                self._compare_locks(occasion, dispatch, outcome.settled)
        self._compare_pool(occasion, expected)

    def _compare_locks(self, occasion: Occasion, dispatch: CalledDispatch, settled: Settled) -> None:
        """Pay and refund are what was locked; penalty and release are the collateral."""
        rights, product = self.play.stage.suite.rights, self.play.products[occasion.slug]
        units, about = dispatch.dispatch.units, "Locks of calls, paid out whole"
        availability = units * rights.read("availabilityPerUnit", product)
        collateral = units * rights.read("collateralPerUnit", product)
        self.checks.equal(about, dispatch.utilisation_locked, settled.pay + settled.utilisation_refund)
        self.checks.equal(about, availability, settled.availability + settled.availability_refund)
        self.checks.equal(about, collateral, settled.penalty + settled.released)

    def _compare_uncalled(self, occasion: Occasion, history: EventHistory, expected: Expected) -> None:
        settled = self._of("RightSettled", right_id=ids.right_id(self.play.products[occasion.slug]))
        self.checks.equal("Events never called", history.status, EventStatus.OPEN, of=occasion.slug)
        self.checks.equal(
            "Settlements of rights never called",
            [(one.availability, one.pool, one.released) for one in settled],
            [(expected.uncalled, expected.pool, expected.released)],
        )

    def _compare_pool(self, occasion: Occasion, expected: Expected) -> None:
        """What every home was credited, and what the sweep found."""
        pool_id = self.play.pool_id(occasion)
        collected = {one.index: (one.payee, one.amount) for one in self._of("Collected", pool_id=pool_id)}
        for number, (place, amount) in enumerate(zip(self.play.stage.places, expected.credited, strict=True)):
            wanted = (place.entry.payee, amount) if amount else None
            self.checks.equal("Homes' shares", collected.get(number), wanted, of=f"{occasion.slug}, home {number + 1}")
        swept = [one.amount for one in self._of("PoolSwept", pool_id=pool_id)]
        left = [expected.pool - sum(expected.credited)] if expected.pool else []
        self.checks.equal("Remainders of pools", swept, left, of=occasion.slug)

    def _of(self, name: str, **where: bytes) -> list[EventRecord]:
        """The log's events of a name with these arguments."""
        return [
            one
            for one in self.log
            if one.name == name and all(getattr(one.args, key) == value for key, value in where.items())
        ]

    # ------------------------------------------------------------------ the money

    def parties(self) -> tuple[PartyLine, ...]:
        """Every party's row, rebuilt from the log and compared with the escrow. Raises DifferenceError, LedgerError."""
        stage = self.play.stage
        escrow, token = stage.suite.escrow, stage.token.address
        ledger = Ledger.of(token, self.log)
        rows = tuple(_row(name, role, address, ledger) for name, role, address in self._named())
        strangers = sorted(ledger.accounts.keys() - {row.address for row in rows})
        self.checks.equal("Parties, of whom the table lacks none", strangers, [])
        for row in rows:
            self.checks.equal("Free balances", escrow.read("free", token, row.address), row.free, of=row.name)
            self.checks.equal(
                "Rows of the table", row.deposited + row.earned - row.withdrawn, row.free + row.locked, of=row.name
            )
        for lock_id, lock in ledger.locks.items():
            self.checks.equal("Locks", escrow.read("lockOf", lock_id).amount, lock.amount, of=f"0x{lock_id.hex()}")
        for column in ("premiums", "utilisation", "availability", "penalties", "pool"):
            self.checks.equal("Columns of the table", sum(getattr(row, column) for row in rows), 0, of=column)
        return rows

    def owed_and_held(self, parties: Sequence[PartyLine]) -> tuple[int, int]:
        """What the escrow owes and holds at the end, compared with the table."""
        stage = self.play.stage
        owed: int = stage.suite.escrow.read("owed", stage.token.address)
        held: int = stage.suite.token(stage.token.address).read("balanceOf", stage.suite.escrow.address)
        left = sum(party.free + party.locked for party in parties)
        moved = sum(party.deposited - party.withdrawn for party in parties)
        self.checks.equal("Owed by the escrow", owed, left)
        self.checks.equal("Held by the escrow", held, owed)
        self.checks.equal("Deposits less withdrawals", moved, left)
        return owed, held

    def _named(self) -> list[tuple[str, str, str]]:
        """Name, role and address of every party."""
        cast = self.play.stage.cast
        return [
            ("Aggregator", "aggregator", cast.aggregator.address),
            *((buyer.value.capitalize(), "buyer", signer.address) for buyer, signer in cast.buyers.items()),
            *((home.name, "home", home.customer.address) for home in cast.homes),
            ("Unclaimed", "unclaimed", cast.unclaimed),
            ("Homes' pools, locked", "pools", self.play.stage.suite.payouts.address),
        ]


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
        withdrawn=-account.moved[Column.WITHDRAWN],
        free=account.free,
        locked=account.locked,
    )
