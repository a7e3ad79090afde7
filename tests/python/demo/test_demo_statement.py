"""Monthly statements from a log."""

from __future__ import annotations

import csv
from collections import namedtuple
from datetime import UTC, datetime
from typing import Any

import pytest

from flexbond.chain.events import EventRecord
from flexbond.demo.ledger import LedgerError
from flexbond.demo.statement import HEADER, Statement, statements, write_statement
from flexbond.ids import lock_id
from flexbond.model.types import LockReason

A, B, POOL, TOKEN = "0xA", "0xB", "0xP", "0x" + "11" * 20
EVENT, RIGHT, CALL = b"event".ljust(32, b"\0"), b"right", b"call"
MONTH = (1_000, 2_000)
Told = namedtuple("Told", "number")
Settled = namedtuple("Settled", "penalty")


def record(name: str, at: int, contract: str = "CollateralEscrow", **args: Any) -> EventRecord:
    """An event of the transaction that happened at that second."""
    return EventRecord(
        contract=contract,
        name=name,
        address=POOL if contract == "Payouts" else "0xE",
        args=namedtuple(name, args)(**args),
        block=at,
        transaction=f"0x{at}",
        log_index=0,
        timestamp=at,
    )


def log() -> list[EventRecord]:
    """B buys of A and calls, A delivers in part: 6 of the 10 locked are paid, 4 of them to the pool, and 3 are penalised."""
    return [
        record("Deposited", 900, account=A, amount=100),
        record("Deposited", 901, account=B, amount=50),
        record("RightIssued", 1_100, "FlexibilityRights", right_id=RIGHT, event_id=EVENT),
        record(
            "Purchased", 1_100, lock_id=b"L", buyer=B, provider=A, premium=2, availability=5, collateral=20, key=b"k"
        ),
        record(
            "Dispatched",
            1_200,
            "Settlement",
            dispatch_id=CALL,
            event_id=EVENT,
            right_id=RIGHT,
            dispatch=Told(number=0),
        ),
        record("Locked", 1_200, lock_id=b"U", owner=B, reason=LockReason.UTILISATION, amount=10),
        record("DispatchSettled", 2_100, "Settlement", dispatch_id=CALL, event_id=EVENT, settled=Settled(penalty=3)),
        record("Divided", 2_100, lock_id=b"U", to=A, paid=2, unlocked=4, pool_id=EVENT, pooled=4),
        record("Divided", 2_100, lock_id=b"L", to=B, paid=4, unlocked=21, pool_id=EVENT, pooled=0),
        record("Collected", 2_200, "Payouts", pool_id=EVENT, index=0),
        record("Paid", 2_200, lock_id=lock_id(TOKEN, LockReason.POOL, EVENT), to=A, amount=4),
    ]


def made() -> dict[str, Statement]:
    parties = [("Seller", "aggregator", A), ("Buyer", "buyer", B), ("Pool", "pools", POOL)]
    return {one.party: one for one in statements(log(), TOKEN, parties, month=MONTH, windows={EVENT: "evening"})}


def test_balances_and_lines_add_up() -> None:
    """Given a log, when statements are made, then opening, lines and closing add up, of the month and of what follows."""
    for one in made().values():
        assert one.opening.total + sum(line.amount for line in one.lines) == one.closing.total
        assert one.closing.total + sum(line.amount for line in one.afterwards) == one.final.total
    assert sum(one.final.total for one in made().values()) == 150


def test_a_statement_line_by_line() -> None:
    """Given a call settled after the month's end, when the buyer's statement is read, then each line is in its part, and named."""
    buyer = made()["Buyer"]
    assert (buyer.opening.free, buyer.opening.locked) == (50, 0)
    assert [(line.text, line.amount, line.window, line.call) for line in buyer.lines] == [
        ("Premium", -2, "evening", ""),
        ("Availability", -5, "evening", ""),
    ]
    assert (buyer.closing.free, buyer.closing.locked) == (33, 10)
    assert [(line.text, line.amount, line.call, line.balance) for line in buyer.afterwards] == [
        ("Energy", -6, "call 1", 37),
        ("Penalty", 3, "call 1", 40),
        ("Availability", 1, "call 1", 41),
    ]
    assert buyer.final.total == 41


def test_kinds_of_movement_cancel_out() -> None:
    """Given all parties, when a kind is added up over them, then it is zero, deposits apart; those came before the month."""
    for text in ("Premium", "Availability", "Energy", "Penalty", "Share of the homes' pool"):
        assert sum(one.sum_of(text) for one in made().values()) == 0
    assert made()["Seller"].sum_of("Deposit") == 0


def test_a_log_that_lacks_a_movement_is_refused() -> None:
    """Given a log without the call's lock, when statements are made, then it is refused."""
    broken = [one for one in log() if one.name != "Locked"]
    with pytest.raises(LedgerError, match="never opened"):
        statements(broken, TOKEN, [("Buyer", "buyer", B)], month=MONTH, windows={})


def test_the_file_is_for_spreadsheets(tmp_path) -> None:
    """Given a statement, when it is written, then every row has the header's columns, amounts are plain decimals and exact."""
    seller = made()["Seller"]
    write_statement(
        tmp_path,
        seller,
        decimals=2,
        local=lambda seconds: datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None),
        titles={"evening": "An evening, sold"},
    )
    rows = list(csv.reader((tmp_path / "statement-seller.csv").read_text().splitlines()))
    assert tuple(rows[0]) == HEADER
    assert {len(row) for row in rows} == {len(HEADER)}
    assert rows[1] == [
        "Seller",
        "opening",
        "1970-01-01T00:16:40Z",
        "1970-01-01 00:16",
        "",
        "",
        "Balance, opening",
        "",
        "1.00",
        "0.00",
    ]
    penalty = next(row for row in rows if row[6] == "Penalty")
    assert penalty[4:] == ["An evening, sold", "call 1", "Penalty", "-0.03", "1.06", ""]
    assert [row[1] for row in rows[1:]].count("afterwards") == len(seller.afterwards)
    assert rows[-1][6:] == ["Balance, settled", "", "1.09", "0.00"]
