"""However the arguments of a call lie, it does what an encoder's layout of the same arguments does, or nothing."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.evm import Reverted
from tests.support.layouts import Damage, each, encode, lay, read, spoil
from tests.unit.layouts import cases, sampled_cases

if TYPE_CHECKING:
    from tests.support.world import World
    from tests.unit.layouts.cases import Case

CASES: Final = (*cases.CASES, *sampled_cases.CASES)
EXAMPLES: Final = 100
"""Layouts of each call."""
DAMAGES: Final = st.lists(
    st.builds(
        Damage,
        kind=st.sampled_from(["bits", "offset", "length", "copy", "cut", "behind"]),
        which=st.integers(0, 999),
        how=st.integers(0, 999),
    ),
    max_size=2,
)

Outcome = tuple[bytes, object, object]


class Tried:
    """A call, and what it did with each of its data."""

    def __init__(self, world: World, case: Case) -> None:
        self._world = world
        self._case = case
        self._known: dict[bytes, Outcome | None] = {}
        self.function = case.method.function
        self.plain = case.method.encode(*case.arguments)
        self.values = read(self.function, self.plain)
        assert encode(self.function, self.values) == self.plain
        assert self.outcome(self.plain) is not None

    def outcome(self, data: bytes) -> Outcome | None:
        """What it returns, logs, and leaves in storage; None: it reverts. All of it is undone."""
        if data not in self._known:
            self._known[data] = self._try(data)
        return self._known[data]

    def _try(self, data: bytes) -> Outcome | None:
        evm = self._world.evm
        with evm.rollback():
            try:
                output = evm.execute(self._case.sender, self._case.method.address, data)
            except Reverted:
                return None
            logs = [(raw.address, *raw.data) for raw in evm.result.logs]
            return output, logs, evm.stored()

    def is_done(self, data: bytes) -> bool:
        """Whether it does not revert; what it does is then what it does with an encoder's layout of the same."""
        outcome = self.outcome(data)
        if outcome is None:
            return False
        meant = read(self.function, data)
        alike = [meant, [*meant[:-1], self.values[-1]]] if self._case.is_handed_on else [meant]
        assert outcome in [self.outcome(encode(self.function, values)) for values in alike]
        return True


@pytest.fixture(params=CASES, ids=lambda prepare: f"{prepare.__module__.rpartition('.')[2]}-{prepare.__name__}")
def tried(world: World, request: pytest.FixtureRequest) -> Tried:
    """Each of the calls."""
    return Tried(world, request.param(world))


def test_however_it_lies(tried: Tried) -> None:
    """Given any layout, damaged or not, a call does what an encoder's layout of what it says does, or it reverts."""
    done = set()

    @settings(max_examples=EXAMPLES)
    @given(seed=st.integers(0, 2**32), damages=DAMAGES)
    def whatever(seed: int, damages: list[Damage]) -> None:
        data = spoil(lay(tried.function, tried.values, Random(seed) if seed else None), damages)
        if tried.is_done(data):
            done.add(data)

    whatever()
    assert done - {tried.plain}


def test_whichever_word_is_wrong(tried: Tried) -> None:
    """Given an encoder's layout with a bit beyond a type, or another offset or length, it is the same."""
    laid = lay(tried.function, tried.values)
    for damage in each(laid):
        tried.is_done(spoil(laid, [damage]))
