"""`flexbond baseline` and `flexbond quote` as people use them, on files."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from flexbond import rules
from flexbond.cli.app import app
from flexbond.units import format_time
from tests.python.quoting.cases import DAY, HOUR, ORDERS, START, WINDOW, write

HOMES = Path(__file__).parents[3] / "data" / "fontana" / "homes.csv"
DEVICES = "device,capacity_w,connection_w,payee\na,5000,15000,=1+1\nb,5000,15000,\n"
BEFORE = rules.template_text().replace("baseline_periods: 1", "baseline_periods: 3")
LOOKBACK = """
lookback:
  classes:
    - {kinds: [monday, tuesday, wednesday, thursday, friday], selection: HIGH, x: 3, y: 5, min_days: 5}
    - {kinds: [saturday, sunday, holiday], selection: HIGH, x: 1, y: 2, min_days: 2}
  holidays_eligible: true
  look_back_days: 30
  max_excluded_days: 10
  min_event_bps: 1
  adjustment: NONE
  adjustment_periods: 0
  adjustment_lead: 0
  adjustment_cap_bps: 0
calendar: {zone: Etc/UTC, holidays: GB-ENG, offset_seconds: 0, summer_seconds: 0, spring_at: 0, autumn_at: 0}
accuracy: {max_bias_bps: 500, max_relative_error_bps: 1000}
"""
DAYS = BEFORE.replace("baseline: METER_BEFORE\n  baseline_periods: 3", "baseline: X_OF_Y") + LOOKBACK


def data(*, days: int = 20, missing: tuple[str, int] | None = None) -> str:
    """Two homes: 4 kWh an hour, in the window of the last day 1 (a) and 2 (b)."""
    rows = ["# sign=import-positive stamp=start unit=Wh zone=UTC", "device,start,wh"]
    for name in ("a", "b"):
        for start in range(START - days * DAY, START + DAY, HOUR):
            energy = {"a": 1_000, "b": 2_000}[name] if WINDOW[0] <= start < WINDOW[1] else 4_000
            if (name, start) != missing:
                rows.append(f"{name},{format_time(start)},{energy}")
    return "\n".join(rows) + "\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Data, devices, orders and two rules."""
    write(tmp_path, "data.csv", data())
    write(tmp_path, "devices.csv", DEVICES)
    write(tmp_path, "orders.yaml", ORDERS.replace("buyer: dso", 'buyer: "=cmd|calc"'))
    write(tmp_path, "before.yaml", BEFORE)
    write(tmp_path, "days.yaml", DAYS)
    return tmp_path


def run(*given: str) -> Result:
    """A command in this process."""
    return CliRunner(env={"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"}).invoke(app, list(given))


def quoted(files: Path, *more: str, rule: str = "before.yaml") -> Result:
    """A quote of the files."""
    options = [
        "--rule",
        str(files / rule),
        "--devices",
        str(files / "devices.csv"),
        "--orders",
        str(files / "orders.yaml"),
    ]
    return run("quote", str(files / "data.csv"), *options, *more)


def based(files: Path, *more: str, rule: str = "days.yaml", notice: str = "1 h") -> Result:
    """Baselines of the files, on the Monday from 18:00 to 20:00."""
    options = ["--rule", str(files / rule), "--devices", str(files / "devices.csv"), "--notice", notice]
    when = ["--day", "2016-08-01", "--from", "18:00", "--to", "20:00"]
    return run("baseline", str(files / "data.csv"), *options, *when, *more)


def answer(result: Result) -> Any:
    """What a command says in JSON."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_quote_in_json_is_exact(files: Path) -> None:
    """Given the small event, when it is quoted in JSON, then every base unit is the one of the money's own test."""
    said = answer(quoted(files, "--json"))
    event = said["events"][0]
    assert event["responsesMilliWh"] == [5_000_000, 5_000_000]
    assert [item["settled"]["pay"] for item in event["dispatches"]] == [2_199_999, 799_999]
    assert said["periods"][0]["pay_usdc"] == "0.999999"
    assert said["periods"][0]["start_utc"] == "2016-08-01T18:00:00Z"
    assert said["devices"][0]["share_usdc"] == f"{event['shares'][0]['ofEvent'] / 10**6:.6f}"
    assert said["refusedDevices"] == []
    assert answer(quoted(files, "--out", "json")) == said


def test_a_csv_opens_in_a_spreadsheet(files: Path) -> None:
    """Given a buyer named like a formula, when the quote is CSV, then cells are plain numbers, times and harmless texts."""
    result = quoted(files, "--out", "csv")
    assert result.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert rows[0]["buyer"] == "'=cmd|calc"
    assert (rows[0]["start_utc"], rows[0]["baseline_kwh"], rows[0]["ratio_bps"]) == (
        "2016-08-01T18:00:00Z",
        "8.000000",
        "8333",
    )
    assert quoted(files, "--out", "csv", "--folder", str(files / "out"), "--per-device").exit_code == 0
    written = {path.name: path.read_bytes().decode() for path in (files / "out").iterdir()}
    assert set(written) == {
        f"{name}.csv" for name in ("periods", "dispatches", "uncalled", "devices", "device_periods")
    }
    assert "'=1+1" in written["devices.csv"]
    assert all("," not in line.split(",")[1] for line in written["dispatches.csv"].splitlines())


def test_parquet_keeps_decimals_exact(files: Path) -> None:
    """Given a quote as Parquet, when it is read, then money and energy are decimals and times have their zone."""
    assert quoted(files, "--out", "parquet", "--folder", str(files / "out")).exit_code == 0
    frame = pl.read_parquet(files / "out" / "dispatches.parquet")
    assert str(frame["pay_usdc"][0]) == "2.199999"
    assert frame.schema["notice_utc"] == pl.Datetime("ms", "UTC")
    assert frame["buyer"][0] == "=cmd|calc"


def test_people_see_a_table(files: Path) -> None:
    """Given no format, when an event is quoted, then people see its sums and periods."""
    shown = quoted(files).output
    assert "pay 2.999998 USDC" in shown
    assert "2 devices, 0 silent" in shown
    assert "2016-08-01 18:00Z" in shown


@pytest.mark.parametrize("suffix", [".png", ".html"])
def test_a_plot_is_written(files: Path, suffix: str) -> None:
    """Given a name with markup and mathematics, when a plot is asked for, then it is drawn and harmless."""
    text = ORDERS.replace("name: monday", 'name: "<b>$x^{$</b>"')
    write(files, "orders.yaml", text)
    path = files / f"plot{suffix}"
    said = answer(quoted(files, "--plot", str(path), "--json"))
    assert said["files"] == [str(path)]
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG") if suffix == ".png" else b"<svg" in content
    assert b"<b>" not in content
    assert quoted(files, "--plot", str(files / "plot.gif")).exit_code == 1


def test_baselines_say_how_they_came_about(files: Path) -> None:
    """Given past days of 4 kWh an hour, then the baseline is 4 kWh, of the last five weekdays."""
    said = answer(based(files, "--json"))
    assert [(row["device"], row["baseline_kwh"], row["metered_kwh"]) for row in said["baseline"]] == [
        *[("a", "4.000000", "1.000000")] * 2,
        *[("b", "4.000000", "2.000000")] * 2,
    ]
    told = said["baseline_devices"][0]
    assert told["days_found"] == "2016-07-29 2016-07-28 2016-07-27 2016-07-26 2016-07-25"
    assert told["days_used"] == "2016-07-29 2016-07-28 2016-07-27"
    assert told["passed_over"] == "2016-07-31 another day class; 2016-07-30 another day class"


def test_a_called_day_is_passed_over(files: Path) -> None:
    """Given a call on the last Friday, then that day does not count, unless the call came later or elsewhere."""
    header = "window_start,window_end,first_notice,called_bps,device\n"
    friday = "2016-07-29T18:00Z,2016-07-29T20:00Z,2016-07-29T17:00Z,5000,"
    calls = write(files, "calls.csv", f"{header}{friday}a\n")
    said = answer(based(files, "--calls", str(calls), "--json"))["baseline_devices"]
    assert "2016-07-29 called" in said[0]["passed_over"]
    assert said[0]["days_found"].endswith("2016-07-22")
    assert "called" not in said[1]["passed_over"]
    write(files, "calls.csv", f"{header}{friday}\n")
    assert all(
        "2016-07-29 called" in row["passed_over"]
        for row in answer(based(files, "--calls", str(calls), "--json"))["baseline_devices"]
    )


def test_a_silent_device_is_listed_with_its_reason(files: Path) -> None:
    """Given a device with half of its readings and one with a gap, then each is silent with its own reason."""
    whole = data()
    lines = [line for number, line in enumerate(whole.splitlines()) if not (line.startswith("b,") and number % 2)]
    write(files, "data.csv", "\n".join(lines) + "\n")
    said = answer(based(files, "--json"))
    assert said["refusedDevices"][0]["device"] == "b"
    assert said["baseline_devices"][1]["silence"] == "no_record"
    assert said["refusedDevices"][0]["reason"] in said["baseline_devices"][1]["reason"]
    write(files, "data.csv", data(missing=("a", START - 3 * DAY + 18 * HOUR)))
    said = answer(based(files, "--json"))
    assert said["baseline_devices"][0]["silence"] == "too_few_days"
    assert said["refusedDevices"] == []


def test_gaps_are_filled_only_when_asked(files: Path) -> None:
    """Given a gap on a past day, when it is estimated, then it counts only under a rule that allows it."""
    write(files, "data.csv", data(missing=("a", START - 3 * DAY + 18 * HOUR)))
    filled = answer(based(files, "--estimate", "linear", "--json"))
    assert filled["readingsEstimated"] == 1
    assert filled["baseline_devices"][0]["silence"] == "too_few_days"
    write(files, "days.yaml", DAYS.replace("estimated_allowed: false", "estimated_allowed: true"))
    assert answer(based(files, "--estimate", "linear", "--json"))["baseline_devices"][0]["silence"] == "ok"
    assert answer(based(files, "--json"))["baseline_devices"][0]["silence"] == "too_few_days"
    assert based(files, "--estimate", "guess").exit_code == 2


def test_accuracy_has_the_rules_thresholds(files: Path) -> None:
    """Given flat homes, when accuracy is asked for, then the error is that of the one other day, against the thresholds."""
    rows = answer(based(files, "--accuracy", "--json"))["accuracy"]
    # 14 days with a full look-back, of which the Monday has 2 hours of 1 kWh where 4 were expected: 6 of 106 kWh, rounded away.
    assert (rows[0]["days"], rows[0]["baseline_kwh"], rows[0]["metered_kwh"]) == (14, "112.000000", "106.000000")
    # The squares: 2 * 9 over 28 periods of 106 / 28 kWh on average, rounded up.
    assert (rows[0]["bias_bps"], rows[0]["relative_error_bps"], rows[0]["max_bias_bps"]) == (567, 2118, 500)
    assert rows[0]["passes"] is False
    passed = answer(based(files, "--accuracy", "--max-bias-bps", "600", "--max-relative-error-bps", "9000", "--json"))
    assert passed["accuracy"][0]["passes"] is True


def test_null_events_show_the_windfall(files: Path) -> None:
    """Given flat homes, when nothing happens, then nothing is paid; given a lucky day, that is seen."""
    said = answer(quoted(files, "--null-events", "--local", "Etc/UTC", "--json"))
    assert said["pay"]["total"] == 0
    assert said["pay"]["aboveZeroBps"] == 0
    by_day = {row["day"]: row for row in said["null_days"]}
    assert by_day["2016-08-01"]["passed_over"] == "there was an event"
    assert by_day["2016-07-31"]["penalty_usdc"] == "3.000000"
    assert said["null_events"][0]["days"] == 20
    sunday = f"a,{format_time(START - DAY + 18 * HOUR)}"
    write(files, "data.csv", data().replace(f"{sunday},4000", f"{sunday},3000"))
    lucky = answer(quoted(files, "--null-events", "--json", rule="days.yaml"))
    # 1 kWh at 300 a MWh, split between two buyers and rounded down twice.
    assert lucky["pay"]["total"] == 199_999 + 99_999
    assert {row["day"] for row in lucky["null_days"] if row["pay_usdc"] not in (None, "0.000000")} == {"2016-07-31"}


def test_hours_of_no_calendar_need_a_zone(files: Path) -> None:
    """Given a rule without calendar, when local hours are asked for, then a zone has to be named."""
    result = quoted(files, "--null-events")
    assert result.exit_code == 2
    assert "--local" in result.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("devices.csv", "device,capacity_w\na,5\n"), "no column 'connection_w'"),
        (("devices.csv", DEVICES.replace("a,5000", "a,5 kW")), "line 2"),
        (("devices.csv", DEVICES.replace("a,5000", "=a,5000")), "is not a device name"),
        (("devices.csv", DEVICES.replace("b,5000", "a,5000")), "listed twice"),
        (("devices.csv", DEVICES.replace("5000,15000,=1", "16000,15000,=1")), "Give a capacity"),
        (("devices.csv", DEVICES.replace("b,5000,15000,", "b,5000,15000")), "line 3"),
        (("devices.csv", "device,capacity_w,connection_w\nx,1,1\n"), "hold none of the devices x"),
        (("data.csv", "device,start,wh\na,2016-08-01T00:00Z,1\n"), "data.csv"),
        (("orders.yaml", "currency: &a {}\n"), "anchor"),
        (("before.yaml", "x: 1\n"), "before.yaml"),
    ],
)
def test_a_bad_file_is_named_with_a_next_step(files: Path, change: tuple[str, str], said: str) -> None:
    """Given a file that is wrong, when it is used, then one sentence says where and another what to do."""
    write(files, *change)
    result = quoted(files)
    assert result.exit_code == 1
    assert said in result.stderr
    assert "Next: " in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--out", "xls"), "--out"),
        (("--out", "parquet"), "--folder"),
        (("--folder", "x"), "--out csv"),
        (("--event", "tuesday"), "monday"),
        (("--calendar", "x.json"), "no calendar"),
    ],
)
def test_options_that_do_not_fit_are_refused(files: Path, more: tuple[str, ...], said: str) -> None:
    """Given options that contradict each other or the files, then the command ends as a misuse."""
    result = quoted(files, *more)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_window_is_said_once(files: Path) -> None:
    """Given no window, two, or one between the rule's periods, then the command says so; else both ways agree."""
    span = "2016-08-01T18:00Z/2016-08-01T20:00Z"
    assert "given twice" in based(files, "--window", span).stderr
    options = (
        "baseline",
        str(files / "data.csv"),
        "--rule",
        str(files / "days.yaml"),
        "--devices",
        str(files / "devices.csv"),
    )
    assert "no window" in run(*options, "--notice", "1 h").stderr
    assert "grid" in run(*options, "--notice", "1 h", "--window", span.replace("18:00", "18:30")).stderr
    same = answer(run(*options, "--notice", "2016-08-01T17:00Z", "--window", span, "--json"))
    assert same == answer(based(files, "--json"))


def test_hours_do_not_make_quarters(files: Path) -> None:
    """Given hourly data under a rule of quarter hours, then no device can be used, and it is said why."""
    result = run(
        *("baseline", str(files / "data.csv"), "--rule", "caiso-10-of-10", "--devices", str(files / "devices.csv")),
        *("--notice", "1 h", "--window", "2016-08-01T18:00Z/2016-08-01T20:00Z"),
    )
    assert result.exit_code == 1
    assert "3600 s" in result.stderr


def test_real_homes_are_quoted(files: Path) -> None:
    """Given the homes of Fontana, when an evening is quoted by past days, then every home has a baseline of them."""
    homes = sorted({line.split(",")[0] for line in HOMES.read_text().splitlines()[2:]})
    write(files, "devices.csv", "device,capacity_w,connection_w\n" + "".join(f"{home},5000,20000\n" for home in homes))
    write(files, "orders.yaml", ORDERS.replace("2016-08-01T", "2016-08-19T"))
    said = answer(
        run(
            *("quote", str(HOMES), "--rule", str(files / "days.yaml"), "--devices", str(files / "devices.csv")),
            *("--orders", str(files / "orders.yaml"), "--json"),
        )
    )
    assert {row["silence"] for row in said["devices"]} == {"ok"}
    assert sum(int(item["ofEvent"]) for item in said["events"][0]["shares"]) <= said["events"][0]["pool"]


def test_a_file_of_one_meter_that_names_no_device(files: Path) -> None:
    """Given a file without a device column and finer than a mWh, the options say whose it is and that it is to be rounded."""
    rows = ["start,kwh", *(f"{format_time(start)},4.00000004" for start in range(START - DAY, START + DAY, HOUR))]
    one = write(files, "one.csv", "\n".join(rows) + "\n")
    conventions = ["--sign", "import-positive", "--stamp", "start", "--unit", "kWh", "--zone", "UTC", "--column", "kwh"]
    window = [*("--window", f"{format_time(WINDOW[0])}/{format_time(WINDOW[1])}"), *("--notice", "1 h")]
    wanted = ["--rule", str(files / "before.yaml"), "--devices", str(files / "devices.csv"), "--out", "csv"]
    shown = run("baseline", str(one), *conventions, "--device", "a", "--round", *window, *wanted)
    assert shown.exit_code == 0, shown.output
    first = next(csv.DictReader(io.StringIO(shown.stdout)))
    assert (first["device"], first["baseline_kwh"]) == ("a", "4.000000")
