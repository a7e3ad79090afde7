"""The state machine of the whole suite."""

from __future__ import annotations

import os
from typing import Any, Final

from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.invariant.moves import MASK, WIDE, Draws
from tests.invariant.moves_collecting import CollectMoves
from tests.invariant.moves_fleet import FleetMoves
from tests.invariant.moves_hostile import HostileMoves
from tests.invariant.moves_measuring import MeasuringMoves
from tests.invariant.moves_money import MoneyMoves

VARIABLE: Final = "FLEXBOND_INVARIANTS"
_COMMON: Final[dict[str, Any]] = {
    "deadline": None,
    "database": None,
    "report_multiple_bugs": False,
    "verbosity": Verbosity.normal,
    "suppress_health_check": HealthCheck.all(),
}

PROFILES: Final = {
    "ci": settings(
        max_examples=120,
        stateful_step_count=300,
        derandomize=True,
        phases=(Phase.generate,),
        **_COMMON,
    ),
    "deep": settings(max_examples=500, stateful_step_count=600, phases=(Phase.generate, Phase.shrink), **_COMMON),
}


def profile() -> settings:
    """The settings that the environment names."""
    return PROFILES[os.environ.get(VARIABLE, "ci")]


WEIGHTS: Final = {
    "time_goes_on": 22,
    "long_time_goes_by": 3,
    "deposit": 3,
    "deposit_with_permit": 2,
    "approve": 1,
    "withdraw": 4,
    "state": 3,
    "enrol": 6,
    "replay_consent": 1,
    "leave": 2,
    "change_payee": 2,
    "void_or_suspend": 1,
    "raise_share": 1,
    "pause": 1,
    "take": 16,
    "take_more": 8,
    "cancel_offers": 2,
    "transfer": 5,
    "approve_holder": 1,
    "release": 3,
    "declare_unavailable": 1,
    "qualify": 2,
    "appoint_operator": 1,
    "nominate": 5,
    "dispatch": 16,
    "change": 6,
    "settle": 12,
    "settle_uncalled": 5,
    "attest": 14,
    "attest_again": 1,
    "report": 1,
    "submit": 8,
    "prove": 14,
    "fail": 2,
    "collect": 9,
    "relay": 5,
    "collect_by_capacity": 6,
    "sweep": 3,
    "receive_and_reenter": 2,
    "token_calls_back": 1,
    "rebase": 1,
    "play_mover": 1,
}
"""How often each move is tried."""

MOVES: Final = [move for move, weight in WEIGHTS.items() for _ in range(weight)]
FURTHER: Final = 3
"""Moves of a step beyond the first."""

HARSH: Final = (
    *("void_or_suspend", "report", "pause", "qualify", "declare_unavailable"),
    *("cancel_offers", "state", "release"),
)
"""Moves that end much: in most runs only some of them are made, so that the rest gets far."""


class SuiteMachine(MeasuringMoves, CollectMoves, MoneyMoves, FleetMoves, HostileMoves):
    """All moves, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.idle: frozenset[str] = frozenset()

    @initialize(mood=st.integers(0, 2 ** len(HARSH) - 1))
    def begin(self, mood: int) -> None:
        """Which harsh moves are not made in this run."""
        self.idle = frozenset(move for place, move in enumerate(HARSH) if mood >> place & 1)

    @rule(move=st.sampled_from(MOVES), number=WIDE)
    def step(self, move: str, number: int) -> None:
        """One move and some more: all of what they choose comes from the number, which makes runs long and cheap."""
        draws = Draws(number)
        for name in (move, *(draws.of(MOVES) for _ in range(FURTHER))):
            if name not in self.idle:
                getattr(self, name)(draws.below(MASK))
                self.now_and_then()
