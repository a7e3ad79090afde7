"""Quotes by hand: what small events pay, device by device and period by period."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flexbond.errors import FlexbondError
from flexbond.model.types import BaselineMethod, ClampLevel, Funding, Silence
from flexbond.quoting.devices import read_devices
from flexbond.quoting.errors import DevicesFileError, OrderRefusedError, OrdersFileError
from flexbond.quoting.money import quote_event
from flexbond.quoting.orders import read_orders
from tests.python.quoting.cases import HOUR, KWH, NOTICE, ORDERS, START, WINDOW, device, readings, rule, terms, write

if TYPE_CHECKING:
    from flexbond.quoting.money import QuotedEvent


def shed(name: str, start: int) -> int:
    """4 kWh an hour, in the window 1 (a) and 2 (b)."""
    if WINDOW[0] <= start < WINDOW[1]:
        return KWH if name == "a" else 2 * KWH
    return 4 * KWH


def quoted(tmp_path: Path, text: str = ORDERS, energy=shed, devices=None, **changes) -> QuotedEvent:
    """The first event of the orders."""
    of = terms(**changes)
    orders = read_orders(write(tmp_path, "orders.yaml", text), of.rule)
    portfolio = devices or [device("a"), device("b")]
    return quote_event(of, orders, orders.events[0], portfolio, readings(energy), ())


def test_two_buyers_share_what_two_homes_did(tmp_path: Path) -> None:
    """Given 3 + 2 kWh an hour for 6 and then 5 kW ordered, then each buyer gets its share, to the base unit."""
    quote = quoted(tmp_path)
    assert quote.measured is not None
    assert quote.measured.responses_milli_wh == (5 * KWH, 5 * KWH)
    first, second = (item.outcome for item in quote.dispatches)
    # 5 * 4 / 6 kWh and 4 of 5 kWh for 4 kW: 3.333333 kWh at 0.30, then 4 kWh at 0.30.
    assert [item.response for item in first.periods] == [3_333_333, 4_000_000]
    assert first.settled.pay == 999_999 + 1_200_000
    assert first.settled.penalty == 200_001
    assert [item.response for item in second.periods] == [1_666_666, 1_000_000]
    assert second.settled.penalty == 100_001
    # Two units never called: 2 kW for 2 h at 8 a MW and hour.
    assert quote.rights[0].availability == 32_000
    assert quote.rights[0].pool == 19_200
    assert quote.pool == first.settled.pool + second.settled.pool


def test_shares_are_by_weight_and_capacity(tmp_path: Path) -> None:
    """Given weights of 6 and 4 kWh, then the event's pool is split so, and what was never called by capacity."""
    quote = quoted(tmp_path)
    assert [item.weight for item in quote.measured.devices] == [6 * KWH, 4 * KWH]
    assert [item.of_event for item in quote.shares] == [quote.pool * 6 // 10, quote.pool * 4 // 10]
    assert [item.of_rights for item in quote.shares] == [9_600, 9_600]
    assert sum(item.of_event + item.of_rights for item in quote.shares) + quote.remainder == quote.pool + 19_200


def test_a_silent_device_takes_its_capacity_away(tmp_path: Path) -> None:
    """Given a device without readings in the window, then it counts as against the order, or not at all by device."""

    def gap(name: str, start: int) -> int | None:
        return None if name == "b" and start == WINDOW[0] else shed(name, start)

    portfolio = quoted(tmp_path, energy=gap)
    assert portfolio.measured.devices[1].silence is Silence.MISSING_READING
    assert portfolio.measured.responses_milli_wh == (-2 * KWH, -2 * KWH)
    by_device = quoted(tmp_path, energy=gap, clamp_level=ClampLevel.DEVICE)
    assert by_device.measured.responses_milli_wh == (3 * KWH, 3 * KWH)
    assert by_device.measured.devices[1].responses_milli_wh == (0, 0)


def test_a_device_that_came_later_is_not_counted(tmp_path: Path) -> None:
    """Given a device that joined after the notice, then it has no leaf, and shares only what is split by capacity."""
    quote = quoted(tmp_path, devices=[device("a"), device("b", joined_at=NOTICE + 60)])
    assert len(quote.measured.devices) == 1
    assert quote.shares[1].of_event == 0
    assert quote.shares[1].of_rights > 0


def test_a_stop_keeps_the_period_measured(tmp_path: Path) -> None:
    """Given an order stopped before its second hour, then that hour is measured and neither paid nor penalised."""
    quote = quoted(tmp_path, ORDERS.replace("power: 4 kW}", "power: 4 kW, stopped: 1}"))
    first = quote.dispatches[0]
    assert [item.period for item in first.outcome.periods] == [0]
    assert quote.ordered.ordered_mask == 0b11
    assert quote.ordered.orders_w == (6_000, 1_000)
    assert first.outcome.settled.utilisation_refund == 2_400_000 - first.outcome.settled.pay


def test_a_cancelled_order_keeps_its_availability(tmp_path: Path) -> None:
    """Given an order taken back whole, then its availability is paid and nothing else."""
    quote = quoted(tmp_path, ORDERS.replace("power: 4 kW}", "power: 4 kW, cancelled: true}"))
    settled = quote.dispatches[0].outcome.settled
    assert (settled.pay, settled.penalty, settled.availability) == (0, 0, 64_000)


def test_an_unmeasured_event_costs_the_whole_deficiency(tmp_path: Path) -> None:
    """Given an event that nobody submitted, then the penalty is full, and the pool is split by capacity."""
    quote = quoted(tmp_path, ORDERS.replace("direction: shed", "direction: shed\n    measured: false"))
    assert quote.measured is None
    assert quote.dispatches[0].outcome.settled.penalty == 2_400_000
    assert quote.by_capacity


def test_statement_funding_splits_nothing(tmp_path: Path) -> None:
    """Given buyers who pay off chain, then no pool is split and nothing refunded."""
    quote = quoted(tmp_path, funding=Funding.STATEMENT)
    assert quote.shares == ()
    assert quote.rights[0].refund == 0
    assert quote.dispatches[0].outcome.settled.utilisation_refund == 0


def test_reference_level_and_nomination(tmp_path: Path) -> None:
    """Given a baseline of the portfolio, then it is compared with what the connections metered together."""
    level = ORDERS.replace("direction: shed", "direction: shed\n    reference: 9 kW")
    quote = quoted(tmp_path, level, baseline=BaselineMethod.REFERENCE_LEVEL, baseline_periods=0)
    assert quote.measured.responses_milli_wh == (6 * KWH, 6 * KWH)
    schedule = ORDERS.replace("direction: shed", "direction: shed\n    schedule: [8 kWh, 5 kWh]")
    quote = quoted(tmp_path, schedule, baseline=BaselineMethod.NOMINATED, baseline_periods=0)
    assert quote.measured.responses_milli_wh == (5 * KWH, 2 * KWH)
    assert [item.weight for item in quote.measured.devices] == [5_000, 5_000]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("units: 4", "units: 3", "more than its units hold"),
        ('"2016-08-01T17:00Z"', '"2016-08-01T15:59Z"', "not between the gate"),
        ('"2016-08-01T17:00Z"', '"2016-08-01T18:01Z"', "not between the gate"),
        ("power: 4 kW", "power: 0 kW", "nothing is ordered"),
    ],
)
def test_what_the_contracts_refuse_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Given an order that no chain would take, when it is quoted, then it is refused with its line."""
    with pytest.raises(OrderRefusedError, match=said) as error:
        quoted(tmp_path, ORDERS.replace(old, new, 1))
    assert "line 11" in str(error.value)
    assert error.value.next_step


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("direction: shed", "direction: up", "Give one of shed, absorb"),
        ("units: 4", "units: -4", "Give a whole number"),
        ("units: 4", "units: 4.5", "unquoted"),
        ("power: 4 kW", "power: 4", "is not a text"),
        ("power: 4 kW", "power: 4 horses", "unknown unit"),
        ("power: 4 kW", "power: [4 kW]", "1 powers for 2 periods"),
        ("right: evening, buyer: dso", "right: morning, buyer: dso", "Give one of evening"),
        ("2016-08-01T18:00Z/2016-08-01T20:00Z", "2016-08-01T20:00Z/2016-08-01T18:00Z", "ends before"),
        ("2016-08-01T18:00Z/2016-08-01T20:00Z", "2016-08-01T18:30Z/2016-08-01T20:00Z", "grid"),
        ("2016-08-01T18:00Z/2016-08-01T20:00Z", "2016-08-01T18:00/2016-08-01T20:00", "offset"),
        ("direction: shed", "direction: shed\n    reference: 9 kW", "means nothing"),
        ("customer_share_bps: 6000", "customer_share_bps: 10001", "0 to 10000"),
        ("symbol: USDC", "symbol: '=1+1'", "letters and digits"),
        ("excused: [1]", "excused: [2]", "0 to 1"),
        ("  - name: monday", "  - name: monday\n    nmae: x", "'nmae' is unknown"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Given orders with a wrong field, when they are read, then the error names line and next step."""
    path = write(tmp_path, "orders.yaml", ORDERS.replace(old, new, 1))
    with pytest.raises(FlexbondError) as error:
        read_orders(path, rule())
    assert said in str(error.value)
    assert "orders.yaml" in str(error.value)
    assert "line" in str(error.value)
    assert error.value.next_step


def test_orders_may_be_json(tmp_path: Path) -> None:
    """Given orders in JSON, then they are read as the same."""
    text = (
        '{"currency": {"symbol": "EUR", "decimals": 2}, "events": [{"name": "e", "direction": "absorb", '
        '"window": "2016-08-01T18:00Z/2016-08-01T19:00Z", "rights": [{"name": "r", "lot": "1 kW", '
        '"utilisation": "1/MWh", "shortfall": "1/MWh"}]}]}'
    )
    orders = read_orders(write(tmp_path, "orders.json", text), rule())
    assert orders.events[0].key.window_end == START + 19 * HOUR
    assert orders.customer_share_bps == 5_000
    with pytest.raises(OrdersFileError, match="cannot be read"):
        read_orders(tmp_path / "none.yaml", rule())


def test_the_documents_example_is_true(tmp_path: Path) -> None:
    """Given the file of orders in the documents, when it is quoted, then the numbers beside it come out."""
    page = (Path(__file__).parents[3] / "docs" / "quoting.md").read_text(encoding="utf-8")
    text = page[page.index("```yaml\n") + 8 :]
    quote = quoted(tmp_path, text[: text.index("```")])
    first = quote.dispatches[0].outcome.periods
    assert (first[0].response, first[0].pay, first[0].penalty) == (3_333_333, 999_999, 200_001)
    assert (first[1].response, first[1].pay) == (4_000_000, 1_200_000)
    for number in ("3.333333", "999 999", "200 001", "1 200 000"):
        assert number in page


def test_devices_are_in_the_order_of_joining(tmp_path: Path) -> None:
    """Given a file in another order, when it is read, then leaves are as the registry would number them."""
    header = "device,capacity_w,connection_w,joined,left\n"
    rows = "late,1,1,2016-08-01T00:00Z,\nfirst,1,1,,2016-07-01T00:00Z\nfirst,1,1,2016-07-02T00:00Z,\n"
    found = read_devices(write(tmp_path, "devices.csv", header + rows))
    assert [(item.name, item.left_at > 0) for item in found] == [("first", True), ("first", False), ("late", False)]
    with pytest.raises(DevicesFileError, match="listed twice"):
        read_devices(write(tmp_path, "devices.csv", header + rows.replace("2016-07-02", "2016-06-02")))
