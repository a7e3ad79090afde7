"""Measuring where a portfolio was called very often."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from flexbond.model.types import Call, DeviceProof, Silence
from tests.support.lookbacks import WORKING_DAYS, day_class, lookback
from tests.unit.delivery_verifier.test_hostile_proofs import Bench
from tests.unit.story import HOUR, QUARTER

CALLS: Final = 1_000
DAYS: Final = 60
DEAREST: Final = 6_000
"""Gas that one more call may cost, its calldata included; all calls looked at on every day would take thrice that."""


def windows(bench: Bench, count: int) -> tuple[Call, ...]:
    """So many quarter hours, spread evenly over the days before, each called an hour ahead."""
    starts = [bench.at(DAYS) + place * DAYS * 96 // count * QUARTER for place in range(count)]
    return tuple(
        Call(window_start=start, window_end=start + QUARTER, first_notice=start - HOUR, called_bps=10_000)
        for start in starts
    )


def gas_of(bench: Bench, proof: DeviceProof, calls: tuple[Call, ...]) -> int:
    """What it takes to find that no day has its readings."""
    classes = (day_class(WORKING_DAYS, x=20, y=20), day_class(255 ^ WORKING_DAYS, x=1, y=1))
    past = lookback(bytes(32), *classes, look_back_days=DAYS, max_excluded_days=DAYS, min_event_bps=1)
    question = replace(bench.question, lookback=past, calls=calls)
    assert bench.measure(proof, question).silence is Silence.TOO_FEW_DAYS
    return int(bench.world.evm.result.gas_used)


def test_a_thousand_calls_cost_what_they_weigh(bench: Bench) -> None:
    """Given 1 000 calls in 60 days, a proof takes as much more gas as they are more, however many days are looked at."""
    proof = bench.proof(bench.own())
    few, many = (gas_of(bench, proof, windows(bench, count)) for count in (1, CALLS))
    assert many - few < DEAREST * CALLS
