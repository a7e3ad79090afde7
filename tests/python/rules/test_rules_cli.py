"""`flexbond rules` without a chain: what it prints is what can be read back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from flexbond.cli.app import app
from flexbond.rules import load, loads, names, preset, template, to_yaml
from flexbond.rules.schema import published

if TYPE_CHECKING:
    from pathlib import Path

NOBODY = "http://127.0.0.1:1"
"""A port on which nobody listens."""


def run(*given: str) -> Result:
    """A command, with no node to ask."""
    environment = {"FLEXBOND_RPC": NOBODY, "COLUMNS": "400", "TERM": "dumb", "NO_COLOR": "1"}
    return CliRunner(env=environment).invoke(app, ["rules", *given])


def test_list() -> None:
    """Given the presets, when they are listed, then each has its name, baseline and period, for people and machines."""
    told = json.loads(run("list", "--json").stdout)
    assert [item["name"] for item in told] == list(names())
    assert all(set(item) == {"name", "title", "baseline", "periodSeconds"} for item in told)
    shown = run("list").stdout
    assert all(name in shown for name in names())
    assert "HIGH 4 of 5, ADDITIVE" in shown


@pytest.mark.parametrize("name", names())
def test_show(name: str) -> None:
    """Given a preset, when it is shown to a machine, then that is a rule file of the same rule."""
    answer = run("show", name, "--json")
    assert answer.exit_code == 0
    assert to_yaml(loads(answer.stdout, file="answer")) == to_yaml(preset(name))


def test_show_to_people() -> None:
    """Given a preset, when it is shown, then a line has parameter, value, unit, confidence and source, and sources follow."""
    shown = run("show", "pjm-high-4-of-5").stdout
    line = next(item for item in shown.splitlines() if item.startswith("lookback.look_back_days"))
    assert [part.strip() for part in line.split("│")][:5] == [
        *("lookback.look_back_days", "45", "days"),
        *("secondary", "oatt"),
    ]
    assert "oatt: PJM Operating Agreement" in shown


def test_show_tells_units_of_sampling(tmp_path: Path) -> None:
    """Given a rule of sampled submissions, when it is shown, then blocks, leaves and money are told apart."""
    path = tmp_path / "mine.yaml"
    fields = "draw_delay: 5, challenge_window: 259200, max_demands: 16, demand_fee: 2, bond_per_mw: 5, challenger_share_bps: 5000"
    given = "\n".join(f"  {item}" for item in fields.split(", "))
    path.write_text(
        run("template").stdout.replace("  spot_checks: 64", f"{given}\n  spot_checks: 64"), encoding="utf-8"
    )
    told = [[part.strip() for part in line.split("│")] for line in run("show", str(path)).stdout.splitlines()]
    units = {parts[0]: parts[2] for parts in told if len(parts) > 3}
    assert [units[f"rule.{item.split(':')[0]}"] for item in fields.split(", ")] == [
        *("blocks", "s", "leaves", "base units", "base units per MW", "bps"),
    ]
    assert units["rule.spot_checks"] == "leaves"


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_show_writes(suffix: str, tmp_path: Path) -> None:
    """Given a preset, when it is shown into a file and that file is shown, then it is the same rule with its reasons."""
    path = tmp_path / f"rule{suffix}"
    assert run("show", "uftp", "--out", str(path)).exit_code == 0
    assert to_yaml(load(path)) == to_yaml(preset("uftp"))
    assert run("show", str(path), "--json").stdout == run("show", "uftp", "--json").stdout


def test_template(tmp_path: Path) -> None:
    """Given the template, when it is printed or written, then it reads as a valid rule, comments and all."""
    path = tmp_path / "mine.yaml"
    assert run("template", "--out", str(path)).exit_code == 0
    assert load(path) == template()
    printed = run("template").stdout
    assert printed == path.read_text(encoding="utf-8")
    assert printed.startswith("# A rule to start from")


def test_the_template_with_days_is_valid() -> None:
    """Given the template's commented part over past days, when it is uncommented as it says, then it is a valid rule too."""
    plain = run("template").stdout
    head, _, tail = plain.partition("# For X_OF_Y: which past days")
    lines = [line.removeprefix("# ") if line.startswith("# ") else line.removeprefix("#") for line in tail.splitlines()]
    days = "\n".join(line for line in lines[1:] if not line.startswith(("For ", "Thresholds ")))
    text = head.replace("baseline: METER_BEFORE", "baseline: X_OF_Y").replace("  baseline_periods: 1\n", "") + days
    file = loads(text, file="template")
    assert (file.zone, file.holidays, len(file.lookback.classes)) == ("Europe/London", "GB-ENG", 2)
    assert file.accuracy is not None


def test_schema(tmp_path: Path) -> None:
    """Given the JSON Schema, when it is printed or written, then it is the packaged one."""
    path = tmp_path / "rule.schema.json"
    assert run("schema", "--out", str(path)).exit_code == 0
    assert path.read_text(encoding="utf-8") == run("schema").stdout == published()
    assert json.loads(run("schema", "--json").stdout) == json.loads(published())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("show", "gb-bl02"), "gb-bl01"),
        (("show", "none.yaml"), "Check the path"),
        (("publish", "none.yaml", "--unclaimed", "0x" + 40 * "d"), "Check the path"),
        (("template", "--out", "/dev/null/rule.yaml"), "Choose another place"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else value,
)
def test_errors_say_what_to_do(given: tuple[str, ...], said: str) -> None:
    """Given something that is not there, when a command is asked for it, then it ends with 1 and a next step."""
    answer = run(*given, "--json")
    assert answer.exit_code == 1
    told = json.loads(answer.stdout)["error"]
    assert said in told["nextStep"]
