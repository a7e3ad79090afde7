"""The machine finds what it is there to find: against a model with one fault it must fail, and soon.

A fault of the model is as good as one of the contracts: what counts is that the difference shows. Contracts with a
fault can be tried by hand: compile them into a folder, name it in `FLEXBOND_BUILD`, and run `test_machine.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from flexbond.model import delivery, settlement
from flexbond.model.rounding import div_down, div_up
from flexbond.model.suite import ModelRevert, dispatching, escrow, market, measurement, oracle, payouts, rights
from flexbond.model.suite.base import Part
from flexbond.model.types import Silence
from tests.invariant.machine import PROFILES, SuiteMachine
from tests.invariant.moves import Moves
from tests.invariant.odd_tokens import OddSuite

pytestmark = pytest.mark.slow

EXAMPLES = 60
"""Runs within which each fault must show."""

Patch = Callable[[pytest.MonkeyPatch], None]


def penalty_down(patch: pytest.MonkeyPatch) -> None:
    """Penalties are rounded down."""
    patch.setattr(settlement, "penalty_of", lambda product, energy: energy * product.shortfall_per_mwh // 10**9)


def pool_up(patch: pytest.MonkeyPatch) -> None:
    """The customers' part is rounded up."""
    for module in (settlement, dispatching):
        patch.setattr(module, "pool_of", lambda earned, share: div_up(earned * share, 10_000))


def response_up(patch: pytest.MonkeyPatch) -> None:
    """Shares of the response are rounded up."""
    patch.setattr(settlement, "share_of_response", lambda response, order, total: div_up(response * order, total))


def collected_share_up(patch: pytest.MonkeyPatch) -> None:
    """Collected shares are rounded up."""
    patch.setattr(payouts, "share_of_pool", lambda pool, weight, total: div_up(pool * weight, total))


def collects_again(patch: pytest.MonkeyPatch) -> None:
    """Who collected may collect again."""

    def share(self: Any, pool_id: bytes, index: int, amount: int, part: int, total: int) -> int:
        found = settlement.share_of_pool(amount, part, total) if part else 0
        if found == 0:
            raise ModelRevert("Payouts_NothingToCollect", pool_id, index)
        return found

    patch.setattr(payouts.Payouts, "_share", share)


def sweeps_early(patch: pytest.MonkeyPatch) -> None:
    """Pools can be swept in the last second of their collection."""
    sweep = payouts.Payouts.sweep

    def early(self: Any, *, pool_id: bytes, rule: Any, now: int, **given: Any) -> Any:
        last = self.pool(pool_id).opened_at + rule.collect_period - 1
        return sweep(self, pool_id=pool_id, rule=rule, now=now + (now == last), **given)

    patch.setattr(payouts.Payouts, "sweep", early)


def operator_stays(patch: pytest.MonkeyPatch) -> None:
    """Whoever is asked may act."""
    require = Part.require_acts_for

    def acts(self: Any, account: str, sender: str, now: int) -> None:
        if not self.suite.participants.is_buyer(account, now=now):
            require(self, account, sender, now)

    patch.setattr(Part, "require_acts_for", acts)


def gate_late(patch: pytest.MonkeyPatch) -> None:
    """A schedule may still come in the second in which the gate closes."""
    nominate = measurement.Measurement.nominate

    def late(self: Any, *, key: Any, now: int, **given: Any) -> None:
        gate = key.window_start - self.suite.rulebook.rule(key.rule_id).gate_seconds
        nominate(self, key=key, now=now - (now == gate), **given)

    patch.setattr(measurement.Measurement, "nominate", late)


def signatures_unread(patch: pytest.MonkeyPatch) -> None:
    """Offers need no valid signature."""
    take = market.Market.take
    patch.setattr(market.Market, "take", lambda self, *args, **given: take(self, *args, **{**given, "signed": True}))


def overfilled(patch: pytest.MonkeyPatch) -> None:
    """Offers are never used up."""
    patch.setattr(market.Market, "filled", lambda self, provider, nonce: 0)


def revision_ignored(patch: pytest.MonkeyPatch) -> None:
    """A record counts although a later revision came in time."""
    shown = oracle.Oracle.shown

    def forgotten(self: Any, *args: Any, **named: Any) -> Any:
        return replace(shown(self, *args, **named), latest_revision=0)

    patch.setattr(oracle.Oracle, "shown", forgotten)


def silence_free(patch: pytest.MonkeyPatch) -> None:
    """A device that says nothing takes nothing away."""
    against = delivery._against_itself

    def free(silence: Silence, metered: Any, *rest: Any, **named: Any) -> Any:
        answer = against(silence, metered, *rest, **named)
        shift = 1000 * rest[1].capacity_w * rest[2].period_seconds
        return answer if metered is not None else replace(answer, columns=(shift,) * len(answer.columns))

    patch.setattr(delivery, "_against_itself", free)


def collateral_lost(patch: pytest.MonkeyPatch) -> None:
    """A unit is backed by what its price rounds down to."""
    for module in (settlement, dispatching, rights):
        patch.setattr(
            module,
            "collateral_per_unit",
            lambda product, bps: div_down(
                settlement.energy_milli_wh(product.lot_w, product.window_end - product.window_start)
                * product.shortfall_per_mwh
                * bps,
                10**13,
            ),
        )


def anyone_moves(patch: pytest.MonkeyPatch) -> None:
    """Tokens are taken from whoever has them: the balance is not asked."""
    patch.setattr(escrow.Escrow, "_take", lambda self, token, account, amount: None)


MUTANTS: tuple[Patch, ...] = (
    penalty_down,
    pool_up,
    response_up,
    collected_share_up,
    collects_again,
    sweeps_early,
    operator_stays,
    gate_late,
    signatures_unread,
    overfilled,
    revision_ignored,
    silence_free,
    collateral_lost,
    anyone_moves,
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_fault_is_found(mutant: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    """given a model with one fault, when the machine runs, it fails"""
    suite_class = type(mutant.__name__, (OddSuite,), {})
    machine = type("Mutated", (SuiteMachine,), {"suite_class": suite_class})
    Moves.stage_of(suite_class)
    mutant(monkeypatch)
    terms = settings(PROFILES["ci"], max_examples=EXAMPLES)
    with pytest.raises(AssertionError) as found:
        run_state_machine_as_test(machine, settings=terms)
    print(mutant.__name__, "->", found.value)
