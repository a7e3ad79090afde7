"""What all parts of the model share: reverts, tables that can be undone, roles and addresses."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar

from flexbond.hashing import ZERO_ADDRESS

if TYPE_CHECKING:
    from flexbond.model.suite import Suite

ANY: Final[EllipsisType] = ...
"""Stands for a value of an error that the model does not compute, such as a digest."""


class ModelRevert(Exception):
    """Where the contract reverts: the error's `name` and its values in `args`."""

    def __init__(self, name: str, *args: Any) -> None:
        super().__init__(*args)
        self.name = name

    def matches(self, name: str, args: tuple[Any, ...]) -> bool:
        """Whether a contract's error is this one, with these values."""
        if name != self.name or len(args) != len(self.args):
            return False
        return all(mine is ANY or mine == theirs for mine, theirs in zip(self.args, args, strict=True))

    def __str__(self) -> str:
        return f"{self.name}{self.args!r}"


class Role(IntEnum):
    """Roles of Governance."""

    MARKET_OPERATOR = 1
    METER_OPERATOR = 2
    GUARDIAN = 3


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where the contracts stand."""

    escrow: str
    rulebook: str
    participants: str
    devices: str
    oracle: str
    rights: str
    market: str
    measurement: str
    spot_checks: str
    settlement: str
    payouts: str

    @property
    def movers(self) -> frozenset[str]:
        """The contracts that may move locks."""
        return frozenset((self.rights, self.spot_checks, self.settlement, self.payouts))


@dataclass
class Journal:
    """What to undo when a transaction reverts."""

    undo: list[Callable[[], None]] = field(default_factory=list)
    open: bool = False

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Undoes every change of the block if it reverts; within another transaction, leaves that to it."""
        if self.open:
            yield
            return
        self.open = True
        self.undo.clear()
        try:
            yield
        except BaseException:
            for step in reversed(self.undo):
                step()
            raise
        finally:
            self.open = False
            self.undo.clear()


K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
P = ParamSpec("P")
R = TypeVar("R")


class Table(dict[K, V]):
    """A mapping of immutable values whose changes can be undone."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def __setitem__(self, key: K, value: V) -> None:
        self._remember(key)
        super().__setitem__(key, value)

    def __delitem__(self, key: K) -> None:
        self._remember(key)
        super().__delitem__(key)

    def _remember(self, key: K) -> None:
        if not self._journal.open:
            return
        if key in self:
            before = self[key]
            self._journal.undo.append(lambda: dict.__setitem__(self, key, before))
        else:
            self._journal.undo.append(lambda: dict.__delitem__(self, key))


class Part:
    """One contract of the suite."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self.journal = suite.journal

    def table(self) -> Table[Any, Any]:
        """An empty mapping of this contract."""
        return Table(self.journal)

    def require_role(self, role: Role, sender: str) -> None:
        """`restricted`: the sender has the role. Raises ModelRevert."""
        if sender not in self.suite.roles[role]:
            raise ModelRevert("AccessManagedUnauthorized", sender)

    def require_acts_for(self, account: str, sender: str, now: int) -> None:
        """The sender is the account or its operator. Raises ModelRevert."""
        if not self.suite.participants.may_act(account, sender, now=now):
            raise ModelRevert("Flexbond_NotAllowed", sender, account)


class Pausable(Part):
    """A part whose new business can be paused."""

    def __init__(self, suite: Suite) -> None:
        super().__init__(suite)
        self._flags: Table[str, bool] = self.table()

    @property
    def paused(self) -> bool:
        """Whether new business is paused."""
        return self._flags.get("paused", False)

    def require_not_paused(self) -> None:
        """`whenNotPaused`. Raises ModelRevert."""
        if self.paused:
            raise ModelRevert("EnforcedPause")

    def set_paused(self, paused: bool, *, sender: str, now: int) -> None:  # noqa: ARG002  every transaction has a time
        """Pauses or resumes new business."""
        with self.journal.transaction():
            self.require_role(Role.GUARDIAN, sender)
            if paused == self.paused:
                raise ModelRevert("EnforcedPause" if paused else "ExpectedPause")
            self._flags["paused"] = paused


S = TypeVar("S", bound=Part)


def atomic(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """A transaction: whatever it changed before a revert is undone."""

    @functools.wraps(method)
    def wrapped(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.journal.transaction():
            return method(self, *args, **kwargs)

    return wrapped


def require_address(name: str, address: str) -> None:
    """The address is not zero. Raises ModelRevert."""
    if address == ZERO_ADDRESS:
        raise ModelRevert("Flexbond_ZeroAddress", name)


def before(trace: tuple[tuple[int, Any], ...], at: int) -> Any:
    """The last value of a trace of (time, value) from before `at`; None if there is none."""
    for time, value in reversed(trace):
        if time < at:
            return value
    return None


def pushed(trace: tuple[tuple[int, Any], ...], time: int, value: Any) -> tuple[tuple[int, Any], ...]:
    """The trace with a value at a time; the last of one time counts."""
    kept = trace[:-1] if trace and trace[-1][0] == time else trace
    return (*kept, (time, value))
