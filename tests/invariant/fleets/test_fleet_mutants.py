"""The machine of sampled submissions finds what it is there to find: a fault of the model, a watchtower that does not look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from flexbond.model import sampling
from flexbond.model.rounding import div_up
from flexbond.model.suite import dispatching
from flexbond.model.suite.base import ModelRevert
from flexbond.model.suite.spotchecks import SpotChecks
from flexbond.model.types import BPS
from tests.invariant.fleets.machine import PROFILES, FleetMachine
from tests.invariant.odd_tokens import OddSuite

pytestmark = pytest.mark.slow

EXAMPLES = 60
"""Runs within which each fault must show."""

Patch = Callable[[pytest.MonkeyPatch], None]


def bond_down(patch: pytest.MonkeyPatch) -> None:
    """A bond is rounded down."""
    patch.setattr(sampling, "bond_of", lambda capacity_w, bond_per_mw: capacity_w * bond_per_mw // 1_000_000)


def reward_up(patch: pytest.MonkeyPatch) -> None:
    """A challenger's part of a bond is rounded up."""

    def parts(bond: int, share: int) -> tuple[int, int]:
        return div_up(bond * share, BPS), bond - div_up(bond * share, BPS)

    patch.setattr(sampling, "bond_parts", parts)


def share_up(patch: pytest.MonkeyPatch) -> None:
    """A buyer's part of a bond is rounded up."""
    patch.setattr(dispatching, "bond_share", lambda for_buyers, own, total: div_up(for_buyers * own, total))


def points_elsewhere(patch: pytest.MonkeyPatch) -> None:
    """Points lie one further than they were drawn."""
    drawn = sampling.draw
    patch.setattr(sampling, "draw", lambda *given: [(column, at + 1) for column, at in drawn(*given)])


def jump_of_weight_unseen(patch: pytest.MonkeyPatch) -> None:
    """A jump of the weight is none."""
    is_jump = sampling.is_jump

    def unseen(left: Any, right: Any) -> bool:
        return is_jump(replace(left, weight_word=0), replace(right, weight_word=0))

    patch.setattr(sampling, "is_jump", unseen)


def hash_remembered(patch: pytest.MonkeyPatch) -> None:
    """A block's hash is known for a block longer."""
    patch.setattr(sampling, "DRAW_BLOCKS", 257)


def one_is_all(patch: pytest.MonkeyPatch) -> None:
    """One buyer that accepts is enough."""
    accept = SpotChecks.accept

    def accepts(self: Any, event_id: bytes, commitment: bytes, dispatches: int, *, sender: str) -> None:
        accept(self, event_id, commitment, min(dispatches, 1), sender=sender)

    patch.setattr(SpotChecks, "accept", accepts)


def fee_comes_back(patch: pytest.MonkeyPatch) -> None:
    """Who demanded a leaf that was proven has the fee back."""
    pay_fee = SpotChecks._pay_fee

    def to_who_demanded(self: Any, event_id: bytes, rule: Any, place: int, to: str) -> None:
        demanded = self.demand_of(event_id, place)
        pay_fee(self, event_id, rule, place, demanded.by if demanded.met else to)

    patch.setattr(SpotChecks, "_pay_fee", to_who_demanded)


def anybody_stands_behind(patch: pytest.MonkeyPatch) -> None:
    """Records that others anchored are held against the provider."""
    patch.setattr(SpotChecks, "_are_own", lambda self, case, key, point, inclusions, now: True)


def nobody_stands_behind(patch: pytest.MonkeyPatch) -> None:
    """Records that the provider anchored are not held against it."""
    patch.setattr(SpotChecks, "_are_own", lambda self, case, key, point, inclusions, now: False)


def silence_contradicted(patch: pytest.MonkeyPatch) -> None:
    """A silent leaf has to be proven once others show records of it."""
    patch.setattr(sampling, "silent_entries", lambda rule, entry, columns: (-1,) * (columns + 1))


def late_second(patch: pytest.MonkeyPatch) -> None:
    """The second of a deadline is still in time."""

    def before(deadline: int, now: int) -> None:
        if now > deadline:
            raise ModelRevert("SpotChecks_TooLate", deadline, now)

    patch.setattr(SpotChecks, "require_before", staticmethod(before))


def demanded_twice(patch: pytest.MonkeyPatch) -> None:
    """A leaf that was proven can be demanded again."""
    demand = SpotChecks._demand

    def again(self: Any, event_id: bytes, check: Any, rule: Any, by: str, place: int, now: int) -> None:
        if self.demand_of(event_id, place).met:
            del self.demands[event_id, place]
        demand(self, event_id, check, rule, by, place, now)

    patch.setattr(SpotChecks, "_demand", again)


MUTANTS: tuple[Patch, ...] = (
    bond_down,
    reward_up,
    share_up,
    points_elsewhere,
    jump_of_weight_unseen,
    hash_remembered,
    one_is_all,
    fee_comes_back,
    anybody_stands_behind,
    nobody_stands_behind,
    silence_contradicted,
    late_second,
    demanded_twice,
)


def fails_with(name: str, **changes: Any) -> str:
    """What a machine with these changes fails with."""
    suite_class = type(name, (OddSuite,), {})
    machine = type("Mutated", (FleetMachine,), {"suite_class": suite_class, **changes})
    FleetMachine.stage_of(suite_class)
    terms = settings(PROFILES["ci"], max_examples=EXAMPLES)
    with pytest.raises(AssertionError) as found:
        run_state_machine_as_test(machine, settings=terms)
    print(name, "->", found.value)
    return str(found.value)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_fault_is_found(mutant: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    """given a model with one fault, when the machine runs, it fails"""
    mutant(monkeypatch)
    fails_with(mutant.__name__)


def test_nobody_watches() -> None:
    """given nobody who looks at submissions, when the machine runs, a false one is final, and that is told"""
    found = fails_with("nobody_watches", watch=lambda self, case, by: False)
    assert found.startswith("INV-24: a false submission is final")


def test_a_provider_sleeps() -> None:
    """given an honest provider that never proves, when the machine runs, it loses its bond, and that is told"""
    found = fails_with("a_provider_sleeps", do_duties=lambda self, case: None)
    assert found.startswith("INV-25: an honest submission is rejected")
