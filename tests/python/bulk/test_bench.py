"""The benchmark's command, and the page it writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_small_benchmark_runs_and_writes_its_page(tmp_path: Path) -> None:
    """Given `--quick`, it measures a small fleet, compares it with the reference and writes rates, memory and gas."""
    page = tmp_path / "page.md"
    command = [sys.executable, "tools/bench.py", "--quick", "--devices", "60", "--out", str(page)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert text == done.stdout
    for part in ("60 devices", "86 400 readings", "high 5 of 10", "the four periods before", "| action | gas |"):
        assert part in text


def test_the_page_has_the_gas_of_the_snapshot() -> None:
    """Given the committed page, then its table is the committed snapshot: `make gas` writes both."""
    table = (ROOT / "docs" / "benchmarks.md").read_text().partition("| --- | ---: |\n")[2]
    rows = [line.strip("| ").rpartition(" | ") for line in table.splitlines()]
    snapshot = json.loads((ROOT / "tests" / "gas" / "snapshot.json").read_text())
    assert {name: int(gas.replace(" ", "")) for name, _, gas in rows} == snapshot
