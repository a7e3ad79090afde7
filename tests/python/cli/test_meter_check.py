"""`flexbond meter check` and `meter profiles`: the report for people and machines, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner, Result

from flexbond.cli import readings
from flexbond.metering import profiles, read_all

SAMPLES = Path(__file__).parents[1] / "metering" / "samples"
STATED = ("--sign", "import-positive", "--stamp", "start", "--unit", "Wh", "--zone", "UTC", "--period", "3600")
HEAD = "device,start,wh\n"


def _run(*given: str | Path) -> Result:
    app = typer.Typer()
    readings.add_to(app)
    environment = {"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"}
    return CliRunner(env=environment).invoke(app, [str(item) for item in given])


def _file(folder: Path, rows: str) -> Path:
    path = folder / "data.csv"
    path.write_text(HEAD + rows)
    return path


def _hours(device: str, count: int, *, leave: int | None = None) -> str:
    return "".join(
        f"{device},2024-01-{1 + hour // 24:02}T{hour % 24:02}:00,{100 + hour * 37 % 61}\n"
        for hour in range(count)
        if hour != leave
    )


def _json(result: Result) -> Any:
    return json.loads(result.stdout)


def test_sound_data_end_with_0(tmp_path: Path) -> None:
    """Given sound hours, when checked, then the device can be used and the exit code is 0."""
    result = _run("check", _file(tmp_path, _hours("a", 48)), *STATED)
    assert result.exit_code == 0
    assert "48 of 48" in result.stdout
    assert "1 of 1 devices can be used, 0 cannot." in result.stdout


def test_a_lost_reading_ends_with_1_and_names_its_line(tmp_path: Path) -> None:
    """Given a bad value, when checked, then its line and the next step are shown and the exit code is 1."""
    path = _file(tmp_path, _hours("a", 48) + "a,2024-01-03T00:00,x\n")
    result = _run("check", path, *STATED)
    assert result.exit_code == 1
    assert f"{path}, line 50: bad-value: a: 'x' is not a number." in result.stdout


def test_a_refused_device_is_listed_beside_the_good_one(tmp_path: Path) -> None:
    """Given a device with too few readings, when checked, then it is refused and the other can be used."""
    path = _file(tmp_path, _hours("a", 48) + _hours("b", 20))
    answer = _json(result := _run("check", path, *STATED, "--json"))
    assert result.exit_code == 1
    assert answer["accepted"] == ["a"]
    assert answer["refused"] == {"b": "it has 20 of 48 readings, 4166 bps; 9000 are needed."}
    assert _run("check", path, *STATED, "--least-readings", "40 %").exit_code == 0


def test_gaps_are_filled_by_name_and_written(tmp_path: Path) -> None:
    """Given a gap, when a method is named, then the file written holds the flagged reading."""
    path, out = _file(tmp_path, _hours("a", 48, leave=5)), tmp_path / "out.csv"
    answer = _json(_run("check", path, *STATED, "--estimate", "linear", "--write", out, "--json"))
    assert [(one["code"], one["count"]) for one in answer["findings"]] == [("gap", 1), ("estimated", 1)]
    frame = read_all(out).readings.as_of()
    assert frame.filter("estimated")["milli_wh"].to_list() == [(100 + 4 * 37 % 61 + 100 + 6 * 37 % 61) * 500]
    assert frame.height == 48


def test_a_profile_states_everything() -> None:
    """Given a programme's file, when its profile is named, then it is read; conventions beside it are refused."""
    path = SAMPLES / "smart_meter_texas.csv"
    result = _run("check", path, "--profile", "smart-meter-texas")
    assert result.exit_code == 0
    assert "100 of 100" in result.stdout
    contradiction = _run("check", path, "--profile", "smart-meter-texas", "--unit", "kWh")
    assert contradiction.exit_code == 2
    assert "Leave out" in contradiction.stderr


def test_a_span_may_be_asked_for(tmp_path: Path) -> None:
    """Given two days, when three are asked for, then the third is a gap and the device is refused."""
    path = _file(tmp_path, _hours("a", 48))
    answer = _json(_run("check", path, *STATED, "--to", "2024-01-04T00:00Z", "--json"))
    assert answer["devices"][0]["coverageBps"] == 6_666
    assert answer["refused"]


def test_options_that_say_nothing_known_are_refused(tmp_path: Path) -> None:
    """Given an unknown method, convention, profile or file, when checked, then a next step is named."""
    path = _file(tmp_path, _hours("a", 48))
    for given in (
        ("check", path, *STATED, "--estimate", "guess"),
        ("check", path, "--unit", "BTU"),
        ("check", path, "--profile", "nobody"),
        ("check", tmp_path / "none.csv"),
        ("check", path),
        ("check", _file(tmp_path, "a,b,c\n"), *STATED),
    ):
        result = _run(*given)
        assert result.exit_code in (1, 2)
        assert "Next: " in result.stderr


def test_profiles_are_listed() -> None:
    """Given the packaged profiles, when listed, then each is there with its title and sources."""
    answer = _json(_run("profiles", "--json"))
    assert tuple(one["name"] for one in answer) == profiles.names()
    assert all(one["sources"] for one in answer)
    assert profiles.load("aemo-nem12").title in _run("profiles").stdout
