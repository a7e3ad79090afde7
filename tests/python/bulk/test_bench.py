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
    """Given the committed page, then its tables are the committed snapshot: `make gas` writes both."""
    gas = (ROOT / "docs" / "benchmarks.md").read_text().partition("## Gas\n")[2]
    single, sampled = (_rows(part) for part in gas.split("| step |"))
    told = {name: _number(of) for name, of in single[2:]}
    _, *sizes = (cell.strip() for cell in f"step | {gas.split('| step |')[1].splitlines()[0]}".strip(" |").split("|"))
    for step, *row in sampled[2:]:
        told |= {f"sampled: {step}, {size} devices": _number(of) for size, of in zip(sizes, row, strict=True) if of}
    assert told == json.loads((ROOT / "tests" / "gas" / "snapshot.json").read_text())


def _rows(text: str) -> list[list[str]]:
    """Cells of a table, its heads included."""
    lines = [line for line in text.splitlines() if "|" in line]
    return [[cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")] for line in lines]


def _number(cell: str) -> int:
    return int(cell.replace(" ", ""))
