"""What is compared during a run: chain against model, log against chain. Any difference stops it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexbond.demo.result import Check
from flexbond.errors import FlexbondError

if TYPE_CHECKING:
    from collections.abc import Mapping


class DifferenceError(FlexbondError):
    """Two things that must be equal are not."""


class Checks:
    """Counts comparisons by what they are about."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def equal(self, about: str, found: object, expected: object, *, of: str = "") -> None:
        """Raises DifferenceError unless both are equal."""
        if found != expected:
            raise DifferenceError(
                f"{about}{f' of {of}' if of else ''}: the chain has {found!r}, and it must be {expected!r}.",
                "This is a defect: please report it with out/demo/events.jsonl.",
            )
        self._counts[about] = self._counts.get(about, 0) + 1

    def all_equal(self, about: str, found: Mapping[str, object], expected: Mapping[str, object]) -> None:
        """Compares entry by entry. Raises DifferenceError, also for an entry that only one of the two has."""
        for name in sorted({*found, *expected}):
            self.equal(about, found.get(name), expected.get(name), of=name)

    def lines(self) -> tuple[Check, ...]:
        """What was compared, and how often."""
        return tuple(Check(text=text, count=count) for text, count in self._counts.items())
