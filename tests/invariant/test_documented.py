"""Every invariant that is promised has its place here, and nothing here asserts one that is not promised."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def test_every_invariant_is_asserted() -> None:
    """given the ids of docs/invariants.md, when the assertions' messages are read, each id is among them"""
    promised = set(re.findall(r"\| (INV-\d+) \|", (ROOT / "docs" / "invariants.md").read_text()))
    sources = [path.read_text() for path in HERE.rglob("*.py") if path.name != Path(__file__).name]
    asserted = {found for text in sources for found in re.findall(r'f?"(INV-\d+):', text)}
    refused = {f"INV-{number}" for text in sources for number in re.findall(r"def test_inv_(\d+)_", text)}
    assert promised == asserted | refused
