"""docs/sampling.md holds what its command makes, and `flexbond rules sampling` says the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flexbond.cli.app import app
from flexbond.rules.sampling import percent

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "sampling.md"
EVENING = (
    *("--capacity", "5 MW", "--window", "2 h"),
    *("--utilisation", "200/MWh", "--shortfall", "300/MWh"),
)


def tool(*given: str) -> subprocess.CompletedProcess[str]:
    """The command that makes the tables."""
    command = [sys.executable, "tools/sampling.py", *given]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def run(*given: str) -> Result:
    """`flexbond rules sampling`."""
    environment = {"COLUMNS": "400", "TERM": "dumb", "NO_COLOR": "1"}
    return CliRunner(env=environment).invoke(app, ["rules", "sampling", *given])


def test_the_page_is_what_its_command_makes() -> None:
    """Given the committed page, then its tables are those of the command."""
    done = tool("--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_command_mends_a_page(tmp_path: Path) -> None:
    """Given a page with another figure, it is found, and written as it should be; one without places is refused."""
    page = tmp_path / "page.md"
    text = PAGE.read_text(encoding="utf-8")
    page.write_text(text.replace("312.50", "312.49"), encoding="utf-8")
    found = tool("--check", "--page", str(page))
    assert (found.returncode, "run it without --check" in found.stderr) == (1, True)
    assert tool("--page", str(page)).returncode == 0
    assert page.read_text(encoding="utf-8") == text
    page.write_text("# Nothing\n", encoding="utf-8")
    assert "no place for the table 'escapes'" in tool("--page", str(page)).stderr


def test_a_rule_without_steps() -> None:
    """Given delivered energy paid in full against a nominated schedule, the line is the connections', and nothing is blind."""
    told = json.loads(run("uftp", *EVENING, "--connection", "11 MW", "--points", "64", "--json").stdout)
    assert told["escapePercent"] == {"1": "52.6", "2": "27.5", "5": "3.8", "10": "0.12", "20": "0.0001"}
    assert (told["spotChecks"], told["gainPerMWh"], told["stepGain"], told["blindPercent"]) == (
        64,
        500 * 10**6,
        0,
        "0.0",
    )
    assert told["lineMilliWh"] == 54_000_000_000
    assert told["leastBond"] == 54_000_000_000 * 500 // (64 * 1000)
    shown = run("uftp", *EVENING, "--connection", "11 MW").stdout
    assert "has every leaf proven" in shown
    assert "A step of this rule" not in shown


def test_a_rule_with_steps_that_samples(tmp_path: Path) -> None:
    """Given a file that samples, it is said whether its bond is enough, and how far its steps leave it blind."""
    template = run_template()
    path = tmp_path / "mine.yaml"
    path.write_text(template, encoding="utf-8")
    shown = run(str(path), *EVENING, "--availability", "8/MW/h", "--producer", "1 %").stdout
    assert "64 points on a line of at most 30 MWh" in shown
    assert "The rule asks for 5,000.00 per MW: enough." in shown
    assert "A step of this rule is worth" in shown
    path.write_text(template.replace("bond_per_mw: 5000000000", "bond_per_mw: 5000000"), encoding="utf-8")
    assert "The rule asks for 5.00 per MW: too little." in run(str(path), *EVENING).stdout


def run_template() -> str:
    """The template with its sampling part switched on."""
    text = CliRunner().invoke(app, ["rules", "template"]).stdout
    names = ("draw_delay", "challenge_window", "max_demands", "demand_fee", "bond_per_mw", "challenger_share_bps")
    for name in names:
        text = text.replace(f"  # {name}:", f"  {name}:")
    return text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("uftp", *EVENING), "Give --connection"),
        (("gb-bl01", *EVENING, "--points", "0"), "Set spot_checks"),
        (("gb-bl01", *EVENING, "--ordered", "0 %"), "above zero"),
        (("gb-bl01", *EVENING, "--producer", "60 %"), "Give 0 to 5000"),
    ],
)
def test_what_cannot_be_said(given: tuple[str, ...], said: str) -> None:
    """Given too little, the command says what it needs."""
    answer = run(*given, "--json")
    assert answer.exit_code != 0
    assert said in json.loads(answer.stdout)["error"]["nextStep"]


@pytest.mark.parametrize(
    ("share", "text"),
    [
        ("0", "0.0"),
        ("1", "100.0"),
        ("0.52561", "52.6"),
        ("0.01", "1.0"),
        ("0.00996", "1.00"),
        ("0.001", "0.10"),
        ("0.00012", "0.012"),
        ("0.0000031", "0.0004"),
        ("0.00000000001", "0.0001"),
    ],
)
def test_percent(share: str, text: str) -> None:
    """Given a share, it is shown rounded up."""
    assert percent(Fraction(share)) == text
