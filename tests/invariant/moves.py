"""What all of the machine's rules share: the stage, choices, and the state in which a run begins."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from tests.invariant.cast import Cast
from tests.invariant.ghost import Ghost
from tests.invariant.invariants import Invariants
from tests.invariant.odd_tokens import OddSuite
from tests.invariant.opening import open_stage
from tests.invariant.stage import Result, Stage

T = TypeVar("T")

MASK = 2**64 - 1
WIDE = st.integers(0, 2**24 - 1)
"""Several choices in one number: see `Draws`."""


class Draws:
    """Choices spread from one drawn number: a single draw is much faster than many."""

    def __init__(self, number: int) -> None:
        self._state = number

    def below(self, count: int) -> int:
        """A number from 0."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & MASK
        mixed = self._state
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & MASK
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & MASK
        return (mixed ^ mixed >> 31) % count

    def of(self, items: Sequence[T]) -> T:
        """One of them."""
        return items[self.below(len(items))]

    def rarely(self, one_in: int = 12) -> bool:
        """Seldom."""
        return self.below(one_in) == 0


class Moves(RuleBasedStateMachine):
    """The base of all groups of rules."""

    suite_class: ClassVar[type] = OddSuite
    cast_class: ClassVar[type[Cast]] = Cast
    every: ClassVar[int] = 100
    """After so many steps everything is compared."""
    _stages: ClassVar[dict[tuple[type, type], tuple[Stage, Cast]]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.stage, self.cast = self._set_up(self.suite_class)
        self.world, self.suite, self.evm = self.stage.world, self.stage.suite, self.stage.evm
        self.people = self.cast.people
        self.ghost = Ghost()
        for token in self.cast.tokens:
            self.ghost.deposited[token] = self.suite.escrow.owed(token)
        self.checks = Invariants(self.stage, self.cast, self.ghost)
        self.free = dict(self.suite.escrow.balances)
        """Free balances as they were last, base units."""
        self.steps = 0
        self.stage.begin()

    @classmethod
    def _set_up(cls, suite_class: type) -> tuple[Stage, Cast]:
        key = suite_class, cls.cast_class
        if key not in Moves._stages:
            stage = Stage(suite_class)
            Moves._stages[key] = stage, open_stage(stage, cls.cast_class)
        return Moves._stages[key]

    @classmethod
    def stage_of(cls, suite_class: type) -> Stage:
        """The stage that all runs with this model share."""
        return cls._set_up(suite_class)[0]

    def teardown(self) -> None:
        """Compares everything a last time, then undoes it."""
        try:
            failure = sys.exc_info()[1]
            if isinstance(failure, AssertionError):
                print("The last transactions:", *self.stage.trail, sep="\n  ")
            elif failure is None:
                self.stage.compare_all()
                self.checks.of_everything()
        finally:
            self.stage.end()

    # ---------------------------------------------------------------- helpers

    @property
    def now(self) -> int:
        """UTC seconds."""
        return self.stage.now

    def act(self, name: str, method: Any, args: Sequence[Any], by: Any, model: Any, /, **given: Any) -> Result:
        """One transaction on both sides."""
        result = self.stage.act(name, method, args, by, model, **given)
        if result.ok:
            self._taken(name, by, given)
        return result

    def _taken(self, name: str, by: str, given: dict[str, Any]) -> None:
        """From whose free balance the action took."""
        may: set[str] = set()
        if name.startswith("withdraw"):
            may = {by}
        elif name == "take":
            may = {given["buyer"], given["offer"].product.provider}
        elif name == "dispatch":
            may = {given["holder"]}
        elif name == "demandProof":
            may = {given["dispatch"].holder}
        elif name in ("submit, checked", "challengeRecords"):
            # what SpotChecks locks is the provider's, whose operator may submit, and the challenger's own
            may = {by} if name == "challengeRecords" else {*self.cast.providers}
        for key in self.stage.touched("escrow.balances"):
            free = self.suite.escrow.free(*key)
            assert free >= self.free.get(key, 0) or key[1] in may, f"INV-20: {name} takes from {key[1]}"
            self.free[key] = free

    def now_and_then(self) -> None:
        """After so many steps everything is compared and every promise looked at."""
        self.steps += 1
        if self.steps % self.every == 0:
            self.stage.compare_all()
            self.checks.of_everything()

    def someone(self, draws: Draws, right: str, one_in: int = 25) -> str:
        """Mostly who may; sometimes anybody."""
        return draws.of(self.cast.everyone) if draws.rarely(one_in) else right

    def amount(self, draws: Draws, most: int) -> int:
        """Any amount: nothing, dust, all, too much."""
        kinds = (0, 1, 2, most, most + 1, most // 2, most // 3, 10**6, 99, 100)
        return draws.of(kinds)
