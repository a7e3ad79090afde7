"""The state machine of sampled submissions: an aggregator, its devices, its buyers, who watches and who attacks."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, ClassVar, Final

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from flexbond import ids
from flexbond.model.types import EventStatus
from tests.invariant.cast import GRID, HOUR, Cast
from tests.invariant.fleets.cast import FleetCast
from tests.invariant.fleets.endings import LONG, FleetEndings
from tests.invariant.machine import _COMMON, VARIABLE
from tests.invariant.moves import MASK, WIDE, Draws
from tests.support.evm import GENESIS, Reverted, address_of
from tests.support.world import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flexbond.model.types import Product
    from tests.invariant.fleets.case import Case
    from tests.invariant.stage import Result

PROFILES: Final = {
    "ci": settings(max_examples=80, stateful_step_count=40, derandomize=True, phases=(Phase.generate,), **_COMMON),
    "deep": settings(max_examples=1_000, stateful_step_count=40, phases=(Phase.generate, Phase.shrink), **_COMMON),
}
WEIGHTS: Final = {
    "time_goes_on": 16,
    "blocks_pass": 3,
    "submit_some": 4,
    "do_some_duties": 5,
    "watch_some": 5,
    "prove_wrongly": 10,
    "draw_wrongly": 4,
    "challenge_wrongly": 16,
    "demand_proof": 6,
    "accept": 6,
    "end_some": 14,
    "settle": 4,
    "collect": 3,
    "collect_by_capacity": 1,
    "relay": 3,
    "restate": 1,
}
"""How often each move is tried."""
MOVES: Final = [move for move, weight in WEIGHTS.items() for _ in range(weight)]
FURTHER: Final = 9
"""Moves of a step beyond the first."""
RELAYED: Final = frozenset(
    (
        *("draw", "prove points", "proveDemanded", "finalise", "fail, checked", "failDemand", "refund"),
        *("settle", "collect", "collectMany", "collectByCapacity", "fail"),
    )
)
"""What anybody may do for others."""


def profile() -> settings:
    """The settings that the environment names."""
    return PROFILES[os.environ.get(VARIABLE, "ci")]


class FleetMachine(FleetEndings):
    """All moves, in any order; what a diligent provider and a watchtower have to do is done before it is too late."""

    cast_class: ClassVar[type[Cast]] = FleetCast
    every: ClassVar[int] = 60

    def __init__(self) -> None:
        super().__init__()
        self.agenda: list[tuple[int, Callable[[], None]]] = []
        """What happens at which time, UTC seconds, the earliest first."""
        self.watched: set[bytes] = set()
        self.day = 0
        """Of the windows under way, since the start."""

    @initialize(number=WIDE)
    def begin(self, number: int) -> None:
        """Two windows of a day are sold; each is called, and its records come in time."""
        self.day = Draws(number).of((1, 2, 2))
        self._next_day(number)

    def _next_day(self, number: int) -> None:
        draws = Draws(number)
        first = draws.below(len(self.cast.windows))
        second = (first + 1 + draws.below(len(self.cast.windows) - 1)) % len(self.cast.windows)
        self.evm.time = max(self.now + 1, GENESIS + self.day * DAY - HOUR)
        for window in sorted((first, second)):
            product = self.cast.product(0, self.day, window, 0)
            self.sell(product)
            self._plan(draws, product)
        self.agenda.sort(key=lambda item: item[0])
        self._to(self.agenda[1][0])

    def _plan(self, draws: Draws, product: Product) -> None:
        terms, habits = self.cast.rule_by_id[product.rule_id], self.habits(draws)
        event, number = ids.event_id(product.event_key), draws.below(MASK)
        notice = product.window_start - 3_000 if terms.baseline_periods else product.window_start - HOUR

        def call() -> None:
            if self.needs_past(product):
                slots = {(start - GENESIS) // GRID.slot_seconds for start in self._before_notices()}
                self.bring_past(habits, sorted(slot for slot in slots if slot >= 0))
                self.evm.time += 1
            self.call_units(product, habits, number)

        def submit() -> None:
            if self.cases[event].event.status is EventStatus.CALLED and number % 16:
                self.submit_case(self.cases[event], number)

        end = product.window_end
        self.agenda += [
            (notice, call),
            (end + terms.reading_deadline - draws.of((1, 1, 600)), lambda: self.bring_records(self.cases[event])),
            (end + terms.submission_deadline - draws.of((1, HOUR)), submit),
        ]

    @rule(move=st.sampled_from(MOVES), number=WIDE)
    def step(self, move: str, number: int) -> None:
        """One move and some more, all chosen by one number."""
        draws = Draws(number)
        if not self.agenda and not any(case.is_open for case in self.cases.values()) and not draws.rarely(3):
            self.day = max(self.day + 1, (self.now - GENESIS) // DAY + 2)
            self._next_day(draws.below(MASK))
        for name in (move, *(draws.of(MOVES) for _ in range(FURTHER))):
            getattr(self, name)(draws.below(MASK))
            self.now_and_then()

    def teardown(self) -> None:
        """Whatever is under way can be ended by anybody, and then all is paid."""
        try:
            if sys.exc_info()[1] is None:
                self._wind_up()
        finally:
            super().teardown()

    def _wind_up(self) -> None:
        while self.agenda:
            self._to(self.agenda[0][0])
        for case in [case for case in self.cases.values() if case.is_open]:
            self._to(max([self.now, *(due for due, _ in self._obligations(case))]))
        self._to(self.now + LONG)
        self.evm.number += 300
        for case in self.cases.values():
            if case.is_open:
                self.bring_to_end(case, self.people.relayer.address)
        self.settle_all()
        for number in range(4):
            self.relay(number)

    # ---------------------------------------------------------------- time

    def _obligations(self, case: Case) -> list[tuple[int, Callable[[], object]]]:
        """What the provider, and the watchtower, do at the last moment."""
        if not case.is_open:
            return []
        check, terms = self.suite.spot_checks.check(case.id), case.rule
        due: list[tuple[int, Callable[[], object]]] = []
        if not case.lazy:
            if not check.drawn:
                due.append((case.submitted_at + HOUR // 2, lambda: self._draw_in_time(case)))
            elif self.holders(case) and self.now < check.moment + terms.proof_window:
                due.append((check.moment + terms.proof_window - 1, lambda: self.do_duties(case)))
            for place in self.open_demands(case):
                until = self.suite.spot_checks.demand_of(case.id, place).until
                if self.now < until:
                    due.append((until - 1, lambda: self.do_duties(case)))
        if case.id not in self.watched:
            latest = case.submitted_at + terms.challenge_window - terms.proof_window
            due.append((latest, lambda: self._watch_last(case)))
        return due

    def _draw_in_time(self, case: Case) -> None:
        self.evm.number = max(self.evm.number, self.suite.spot_checks.check(case.id).moment + 1)
        self.do_duties(case)

    def _watch_last(self, case: Case) -> None:
        self.watched.add(case.id)
        self.watch(case, self.cast.watchtower)

    def _to(self, target: int) -> None:
        """Time goes on, and what is due until then is done."""
        done: set[tuple[int, bytes]] = set()
        while True:
            waiting: list[tuple[int, bytes, Callable[[], object]]] = [
                (due, case.id, action)
                for case in self.cases.values()
                for due, action in self._obligations(case)
                if due <= target and (due, case.id) not in done
            ]
            planned = self.agenda and self.agenda[0][0] <= target
            if not waiting and not planned:
                break
            earliest = min(waiting, key=lambda item: item[0], default=None)
            if planned and (earliest is None or self.agenda[0][0] <= earliest[0]):
                due, act = self.agenda.pop(0)
                self.evm.time = max(self.now, due)
                act()
            elif earliest is not None:
                done.add(earliest[:2])
                self.evm.time = max(self.now, earliest[0])
                earliest[2]()
        self.evm.time = max(self.now, target)

    def time_goes_on(self, number: int) -> None:
        """To the next deadline, exactly or a second off, or a little."""
        draws = Draws(number)
        moments = [due for due, _ in self.agenda]
        for case in self.cases.values():
            if case.is_open:
                check, terms = self.suite.spot_checks.check(case.id), case.rule
                moments += [due for due, _ in self._obligations(case)]
                moments += [case.submitted_at + terms.challenge_window, check.moment + terms.proof_window]
                demands = (self.suite.spot_checks.demand_of(case.id, place) for place in self.open_demands(case))
                moments += [demand.until for demand in demands]
        ahead = sorted(moment for moment in moments if moment > self.now)
        if not ahead or draws.below(3) == 0:
            self._to(self.now + draws.of((0, 1, 60, 600)))
            return
        self._to(max(self.now, ahead[0] + draws.of((0, 0, -1, 1))))

    def blocks_pass(self, number: int) -> None:
        """A few blocks, or so many that a hash is forgotten; a diligent provider draws before."""
        for case in self.cases.values():
            if case.is_open and not case.lazy and not self.suite.spot_checks.check(case.id).drawn:
                self._draw_in_time(case)
        self.evm.number += Draws(number).of((1, 2, 3, 60, 255, 256, 257, 300))

    def do_some_duties(self, number: int) -> None:
        """The provider does what it has to before it must."""
        if self.cases:
            self.do_duties(Draws(number).of(list(self.cases.values())))

    def watch_some(self, number: int) -> None:
        """The watchtower, or the provider against itself to save half its bond."""
        draws = Draws(number)
        cases = [case for case in self.cases.values() if case.is_open]
        if cases:
            watchers = [self.cast.watchtower] * 3 + [self.people.provider_operator.address]
            self.watch(draws.of(cases), draws.of(watchers))

    # ---------------------------------------------------------------- whoever sends it

    def act(self, name: str, method: Any, args: Sequence[Any], by: Any, model: Any, /, **given: Any) -> Result:
        """One transaction on both sides; what anybody may do is tried by another first, with the same outcome."""
        tried = self._tried(method, args, by) if name in RELAYED else None
        result = super().act(name, method, args, by, model, **given)
        if tried is not None:
            assert tried == self._outcome(result), f"INV-29: {name} depends on who relays it"
        if name == "settle" and result.ok:
            assert result.receipt is not None
            for log in result.receipt.all("BondShared"):
                self.cases[log.event_id].shared += log.amount
        return result

    def _tried(self, method: Any, args: Sequence[Any], by: Any) -> tuple[Any, ...] | None:
        others = [who for who in self.cast.everyone if who != address_of(by) and who not in self.stage.wallets]
        if address_of(by) in self.stage.wallets:
            return None
        with self.evm.rollback():
            try:
                receipt = method.send(*args, sender=others[self.steps % len(others)])
            except Reverted as refused:
                return refused.name, refused.revert.args
            return _logs(receipt)

    def _outcome(self, result: Result) -> tuple[Any, ...]:
        if result.error is not None:
            return result.error.name, result.error.args
        return _logs(result.receipt)


def _logs(receipt: Any) -> tuple[Any, ...]:
    """Everything that a transaction said."""
    return tuple((log.name, log.address, log.args) for log in receipt.events)
