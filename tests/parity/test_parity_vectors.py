"""The golden vectors: unchanged, and what the contracts compute."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flexbond.model.struct import Struct, kinds_of, solidity_name
from flexbond.model.types import Dispatch, Funding, Product, Rule, Settled
from tests.support.evm import ANYONE, Contract, Evm

ROOT = Path(__file__).resolve().parents[2]


def vectors(name: str) -> list[dict[str, Any]]:
    """One file of them."""
    found: list[dict[str, Any]] = json.loads((ROOT / "tests/vectors" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def read(cls: type[Struct], value: dict[str, Any]) -> Any:
    """A struct out of a vector."""
    found = {}
    for name, kind in kinds_of(cls):
        raw = value[solidity_name(name)]
        if kind.is_struct:
            found[name] = tuple(read(kind.cls, item) for item in raw) if kind.many else read(kind.cls, raw)
        elif kind.abi.startswith("bytes"):
            found[name] = bytes.fromhex(raw[2:])
        elif kind.many:
            found[name] = tuple(int(item) for item in raw)
        else:
            found[name] = int(raw) if kind.high else raw
    return cls(**found)


@pytest.fixture(scope="module")
def maths() -> Contract:
    """SettlementMath, callable."""
    return Evm().deploy("SettlementMathHarness", sender=ANYONE)


def test_vectors_are_what_the_library_makes() -> None:
    """Given the committed vectors, the tool that makes them finds no difference."""
    result = subprocess.run(
        [sys.executable, "tools/vectors.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("vector", vectors("settlements"), ids=lambda vector: vector["name"])
def test_settlements(maths: Contract, vector: dict[str, Any]) -> None:
    """Given a golden settlement, the contracts' library ends the dispatch so; the refund of utilisation is its caller's."""
    rule, product, dispatch = (
        read(Rule, vector["rule"]),
        read(Product, vector["product"]),
        read(Dispatch, vector["dispatch"]),
    )
    share, expected = vector["customerShareBps"], read(Settled, vector["settled"])
    if vector["responsesMilliWh"] is None:
        chain = maths.settleUnmeasured.call(rule, product, dispatch, share)
    else:
        responses, totals = vector["responsesMilliWh"], vector["eventOrdersW"]
        chain = maths.settleMeasured.call(rule, product, dispatch, responses, totals, share)
    locked = maths.utilisationLimit.call(rule, product, dispatch.orders_w) if rule.funding is Funding.ESCROWED else 0
    refund = expected.utilisation_refund
    assert (*chain.as_tuple()[:4], refund, *chain.as_tuple()[5:]) == expected.as_tuple()
    assert refund == (locked - expected.pay if locked else 0)


def test_usef_vectors_are_the_published_table() -> None:
    """Given the vectors of USEF's table, they net to the published sums."""
    nets = [
        int(vector["settled"]["pay"]) - int(vector["settled"]["penalty"])
        for vector in vectors("settlements")
        if vector["name"].startswith("USEF")
    ]
    assert nets == [14_000_000, 14_000_000, -4_000_000, -22_000_000, -33_000_000]
