"""Units: text becomes exact integers, integers become text, and nothing is rounded in silence."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexbond import units
from flexbond.errors import FlexbondError

DECIMALS = st.integers(0, 24)
AMOUNTS = st.integers(-(10**30), 10**30)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("20 kW", 20_000), ("20kW", 20_000), ("1.5 MW", 1_500_000), ("0 W", 0), ("-0 W", 0), ("2.5000 kW", 2_500)],
)
def test_power_becomes_watts(text: str, expected: int) -> None:
    """Given power with its unit, when it is read, then it is whole watts."""
    assert units.watts(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12.5 kWh", 12_500_000),
        ("-12.5 kWh", -12_500_000),
        ("+1 Wh", 1_000),
        ("1 mWh", 1),
        ("1 MWh", 10**9),
        ("0.001 Wh", 1),
    ],
)
def test_energy_becomes_milliwatt_hours_with_its_sign(text: str, expected: int) -> None:
    """Given energy with sign and unit, when it is read, then it is whole mWh, and mWh is not MWh."""
    assert units.milliwatt_hours(text) == expected


@pytest.mark.parametrize("amount", ["7.5", Decimal("7.5"), Decimal("7.500"), "7.500000000"])
def test_money_becomes_base_units(amount: str | Decimal) -> None:
    """Given a decimal amount of a 6-decimal token, when it is read, then it is base units."""
    assert units.money(amount, decimals=6) == 7_500_000


def test_whole_money_may_be_an_int() -> None:
    """Given whole tokens as int, when they are read, then they are scaled."""
    assert units.money(7, decimals=6) == 7_000_000


@pytest.mark.parametrize("text", ["220/MWh", "220 /MWh", "220 per MWh", "0.22/kWh", "0.22 per kWh", "0.00022/Wh"])
def test_energy_prices_are_per_mwh(text: str) -> None:
    """Given one price in several spellings, when it is read, then it is base units per MWh."""
    assert units.price_per_mwh(text, decimals=6) == 220_000_000


@pytest.mark.parametrize("text", ["7/MW/h", "7 per MW and hour", "0.007/kW/h", "0.007 per kW and hour"])
def test_availability_prices_are_per_mw_and_hour(text: str) -> None:
    """Given one price in several spellings, when it is read, then it is base units per MW and hour."""
    assert units.price_per_mw_hour(text, decimals=6) == 7_000_000


@pytest.mark.parametrize("text", ["7", "7 MWh", "7/MW", "7/h", "7 perMWh x"])
def test_a_price_says_what_it_is_per(text: str) -> None:
    """Given a price without its quantity, when it is read, then the error says so."""
    with pytest.raises(units.UnknownUnitError, match="per"):
        units.price_per_mwh(text, decimals=6)


@pytest.mark.parametrize("text", ["20", "20 kWh", "20 kw", "20 mW", "20 W W"])
def test_power_with_another_unit_is_refused(text: str) -> None:
    """Given no unit or one that is not of power, when it is read as power, then it is refused."""
    with pytest.raises(units.UnknownUnitError, match="unit"):
        units.watts(text)


@pytest.mark.parametrize(
    "text", ["1,5 kW", "1e3 W", "1_000 W", "NaN W", "inf", "", "kW", "=1+1", ".5 kW", "5. kW", "٣ kW"]
)
def test_text_that_is_no_plain_number_is_refused(text: str) -> None:
    """Given separators, exponents, formulas or foreign digits, when it is read, then it is refused."""
    with pytest.raises(units.UnitError):
        units.watts(text)


def test_a_very_long_number_is_refused_briefly() -> None:
    """Given a million digits, when they are read, then the error is short."""
    with pytest.raises(units.NotAQuantityError) as caught:
        units.watts("9" * 1_000_000 + " W")
    assert len(str(caught.value)) < 300


def test_more_digits_than_the_unit_holds_are_refused_with_value_and_unit() -> None:
    """Given a tenth of a watt, when it is read, then the error names the value and the unit."""
    with pytest.raises(units.InexactValueError, match=r"'0\.0001 kW'.*whole W "):
        units.watts("0.0001 kW")


def test_money_below_the_base_unit_is_refused() -> None:
    """Given seven decimals of a 6-decimal token, when they are read, then they are refused."""
    with pytest.raises(units.InexactValueError, match="at most 6 decimals"):
        units.money("0.0000001", decimals=6)


def test_power_below_zero_is_refused() -> None:
    """Given negative power, when it is read, then it is refused: a sign never carries the direction."""
    with pytest.raises(units.NegativeValueError):
        units.watts("-1 kW")


@pytest.mark.parametrize("call", [units.watts, units.milliwatt_hours, units.utc_seconds])
def test_floats_are_refused_as_text(call: object) -> None:
    """Given a float, when it is read as a quantity, then the error says why."""
    with pytest.raises(units.FloatRefusedError, match="float"):
        call(1.5)  # type: ignore[operator]


def test_floats_are_refused_as_money() -> None:
    """Given a float, when it is read as money, then the error says what to give instead."""
    with pytest.raises(units.FloatRefusedError, match="Decimal"):
        units.money(7.5, decimals=6)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [1.0, True, None])
def test_only_ints_are_formatted(value: object) -> None:
    """Given something else than an int, when it is formatted, then it is refused."""
    with pytest.raises(units.UnitError):
        units.format_energy(value)  # type: ignore[arg-type]


def test_unit_errors_say_what_to_do() -> None:
    """Given any unit error, then it is a FlexbondError with a next step."""
    with pytest.raises(FlexbondError) as caught:
        units.watts("20")
    assert "kW" in caught.value.next_step


def test_period_energy_is_exact() -> None:
    """Given 20 kW over a quarter of an hour, then it is 5 kWh."""
    assert units.period_energy(20_000, 900) == 5_000_000


@pytest.mark.parametrize(("power", "seconds"), [(1, 1), (1, 7), (5, 5)])
def test_period_energy_that_is_not_whole_is_refused(power: int, seconds: int) -> None:
    """Given watt-seconds that are not a whole number of mWh, then they are refused."""
    with pytest.raises(units.InexactValueError, match="whole number of mWh"):
        units.period_energy(power, seconds)


@given(power=st.integers(-(10**12), 10**12), seconds=st.integers(1, 10**6))
def test_period_energy_never_rounds(power: int, seconds: int) -> None:
    """Given any power and period, then the result is exactly W*T*1000/3600, or an error."""
    try:
        energy = units.period_energy(power, seconds)
    except units.InexactValueError:
        assert power * seconds * 1000 % 3600 != 0
    else:
        assert energy * 3600 == power * seconds * 1000


@given(milli_wh=AMOUNTS)
def test_energy_survives_the_round_trip(milli_wh: int) -> None:
    """Given any energy, when it is formatted and read, then it is the same."""
    assert units.milliwatt_hours(units.format_energy(milli_wh)) == milli_wh


@given(power_w=st.integers(0, 10**18))
def test_power_survives_the_round_trip(power_w: int) -> None:
    """Given any power, when it is formatted and read, then it is the same."""
    assert units.watts(units.format_power(power_w)) == power_w


@given(amount=st.integers(0, 10**30), decimals=DECIMALS)
def test_money_survives_the_round_trip(amount: int, decimals: int) -> None:
    """Given any amount, when it is formatted, its commas removed, and read, then it is the same."""
    text = units.format_money(amount, decimals=decimals).replace(",", "")
    assert units.money(text, decimals=decimals) == amount


@given(value=st.decimals(0, 10**9, places=6, allow_nan=False), decimals=st.integers(6, 18))
def test_money_equals_decimal_arithmetic(value: Decimal, decimals: int) -> None:
    """Given a decimal of six places, when it is read, then it equals the product in Decimal."""
    assert units.money(value, decimals=decimals) == int(value.scaleb(decimals))


@given(seconds=st.integers(0, 4_000_000_000))
def test_time_survives_the_round_trip(seconds: int) -> None:
    """Given any UTC second, when it is formatted and read, then it is the same."""
    assert units.utc_seconds(units.format_time(seconds)) == seconds


def test_times_have_an_offset() -> None:
    """Given one instant in two zones, when it is read, then it is the same second."""
    assert units.utc_seconds("2016-08-01T00:00-07:00") == units.utc_seconds("2016-08-01T07:00Z") == 1_470_034_800


@pytest.mark.parametrize("text", ["2016-08-01T07:00", "2016-02-30T07:00Z", "1969-12-31T23:59Z", "now", "2016-08-01"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    """Given no offset, no such day, or before 1970, when it is read, then it is refused."""
    with pytest.raises(units.NotAQuantityError):
        units.utc_seconds(text)


@pytest.mark.parametrize(
    ("milli_wh", "places", "expected"),
    [
        (12_500_000, None, "12.5 kWh"),
        (-12_345_678, None, "-12.345678 kWh"),
        (0, None, "0 mWh"),
        (12_345_678, 1, "~12.3 kWh"),
        (12_300_000, 1, "12.3 kWh"),
        (12_250_000, 1, "~12.2 kWh"),
        (-12_350_000, 1, "~-12.4 kWh"),
    ],
)
def test_energy_for_people(milli_wh: int, places: int | None, expected: str) -> None:
    """Given energy, when it is formatted, then it is exact, or marked with ~ where it is not."""
    assert units.format_energy(milli_wh, places=places) == expected


def test_a_rounded_text_is_never_read_back() -> None:
    """Given a rounded text, when it is read, then it is refused."""
    with pytest.raises(units.NotAQuantityError):
        units.milliwatt_hours(units.format_energy(12_345_678, places=1))


@pytest.mark.parametrize(
    ("amount", "decimals", "expected"),
    [
        (1_234_500_000, 6, "1,234.50 USDC"),
        (1, 6, "0.000001 USDC"),
        (-7_500_000, 6, "-7.50 USDC"),
        (5, 0, "5 USDC"),
        (15, 1, "1.5 USDC"),
    ],
)
def test_money_for_people(amount: int, decimals: int, expected: str) -> None:
    """Given base units, when they are formatted, then it is with commas, decimals and symbol."""
    assert units.format_money(amount, decimals=decimals, symbol="USDC") == expected
