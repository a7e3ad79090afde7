"""Values of a parsed file, each with its line, so that whatever is wrong can be found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from flexbond.errors import FlexbondError
from flexbond.quoting.errors import OrdersFileError
from flexbond.rules.nodes import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from flexbond.rules.nodes import Node

T = TypeVar("T")

MAX_BYTES: Final = 4_000_000
"""Greatest size of a file of orders."""
MAX_TEXT: Final = 200
"""Longest text."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A value and where it stands."""

    node: Node
    file: str
    name: str = ""
    """Of the field, empty at the top."""

    @classmethod
    def of_file(cls, path: Path) -> Field:
        """What a YAML or JSON file holds. Raises OrdersFileError, RuleFileError."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise OrdersFileError(f"cannot be read: {error.strerror}.", "Check the path.", place=str(path)) from error
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise OrdersFileError("is not UTF-8.", "Save it as UTF-8.", place=str(path)) from error
        return cls(node=parse(text, file=str(path), limit=MAX_BYTES), file=str(path))

    @property
    def place(self) -> str:
        """File, line and field."""
        return f"{self.file}, line {self.node.line}{f', {self.name}' if self.name else ''}"

    def fail(self, detail: str, next_step: str) -> OrdersFileError:
        """The error for this place."""
        return OrdersFileError(detail, next_step, place=self.place)

    def object(self, *, needed: frozenset[str], optional: frozenset[str] = frozenset()) -> dict[str, Field]:
        """Its fields, if it has those that are needed and none that is unknown."""
        value = self.node.value
        if not isinstance(value, dict):
            raise self.fail("is not an object.", f"Give the fields {', '.join(sorted(needed))}.")
        if missing := sorted(needed - set(value)):
            raise self.fail(f"{missing[0]} is missing.", "Add it.")
        if unknown := sorted(set(value) - needed - optional):
            raise self.fail(f"{unknown[0][:80]!r} is unknown.", f"Known are {', '.join(sorted(needed | optional))}.")
        return {name: Field(node=node, file=self.file, name=name) for name, node in value.items()}

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return isinstance(self.node.value, tuple)

    def items(self) -> list[Field]:
        """The items of a list."""
        if not isinstance(self.node.value, tuple):
            raise self.fail("is not a list.", "Give a list.")
        return [Field(node=item, file=self.file, name=self.name) for item in self.node.value]

    def text(self) -> str:
        """A text that is not empty."""
        value = self.node.value
        if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT:
            raise self.fail(
                "is not a text.", f"Give a text of 1 to {MAX_TEXT} characters, in quotes if it is a number."
            )
        return value.strip()

    def whole(self, *, most: int) -> int:
        """A whole number from 0 to `most`."""
        value = self.node.value
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            raise self.fail(f"cannot be {_clipped(value)}.", f"Give a whole number from 0 to {most}.")
        return value

    def flag(self) -> bool:
        """True or false."""
        value = self.node.value
        if not isinstance(value, bool):
            raise self.fail(f"cannot be {_clipped(value)}.", "Give true or false.")
        return value

    def one_of(self, known: Mapping[str, T]) -> T:
        """What a name stands for."""
        value = self.node.value
        if not isinstance(value, str) or value not in known:
            raise self.fail(f"cannot be {_clipped(value)}.", f"Give one of {', '.join(known)}.")
        return known[value]

    def read(self, reader: Callable[[str], T]) -> T:
        """A text as `reader` understands it; what it refuses gets this place."""
        text = self.text()
        try:
            return reader(text)
        except FlexbondError as error:
            raise self.fail(error.message, error.next_step) from error


def _clipped(value: object) -> str:
    return ascii(value)[:60] if isinstance(value, int | str) else "a list or an object"
