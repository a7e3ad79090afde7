"""YAML read as a rule file needs it: every value with its line, and nothing that two readers could take for two things.

Accepted are mappings, lists, texts, integers, `true` and `false`; JSON is a part of that. Refused are anchors and aliases (which
blow up), tags, merge keys, a key given twice, several documents, and unquoted values that YAML takes for something else than
they look like: `yes`, `2026-01-01`, `1.5`, `1_000`, `010`, `0x12`, `~`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NoReturn

import yaml

from flexbond.rules.errors import RuleFileFieldError, RuleFileSyntaxError, RuleFileUnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES: Final = 65_536
"""Greatest size of a rule file."""
MAX_DEPTH: Final = 8
"""Deepest nesting."""
MAX_DIGITS: Final = 29
"""Most digits of an integer: those of 2^96."""

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]*)", re.ASCII)
_TEXT_TAG: Final = "tag:yaml.org,2002:str"
_RESOLVER: Final[Any] = yaml.SafeLoader("")


@dataclass(frozen=True, kw_only=True)
class Node:
    """A value and where it stands."""

    line: int
    """The first is 1."""
    value: int | bool | str | tuple[Node, ...] | dict[str, Node]
    keys: dict[str, int] = field(default_factory=dict)
    """Of a mapping: the line of each key."""

    def plain(self) -> object:
        """The value without lines."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, tuple):
            return [item.plain() for item in self.value]
        return self.value


def parse(text: str, *, file: str, limit: int = MAX_BYTES) -> Node:
    """The tree of a text of at most `limit` bytes.

    Raises RuleFileSyntaxError, RuleFileFieldError, RuleFileUnreadableError.
    """
    if len(text.encode("utf-8", "replace")) > limit:
        raise RuleFileUnreadableError(
            f"is larger than {limit} bytes.", "No file of this kind is; check what it is.", file=file
        )
    try:
        return _Reader(yaml.parse(text, Loader=yaml.SafeLoader), file).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = None if mark is None else mark.line + 1
        said = " ".join(str(getattr(error, "problem", None) or getattr(error, "reason", None) or error).split())
        raise RuleFileSyntaxError(f"is not YAML: {said[:200]}.", "Correct it.", file=file, line=line) from error


def is_text(unquoted: str) -> bool:
    """Whether YAML takes these characters for a text when they are not quoted."""
    return bool(unquoted) and _RESOLVER.resolve(yaml.ScalarNode, unquoted, (True, False)) == _TEXT_TAG


class _Reader:
    """Builds the tree from the parser's events, which are made one by one: what is refused is never expanded."""

    def __init__(self, events: Iterator[yaml.Event], file: str) -> None:
        self._events = events
        self._file = file

    def document(self) -> Node:
        """The one document of the stream."""
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise RuleFileSyntaxError("is empty.", "Start from `flexbond rules template`.", file=self._file)
        found = self._node(next(self._events), 1)
        next(self._events)
        last = next(self._events)
        if not isinstance(last, yaml.StreamEndEvent):
            self._refuse(last, "begins a second document.", "Keep one rule a file.")
        return found

    def _node(self, event: yaml.Event, depth: int) -> Node:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            self._refuse(event, "has an anchor or an alias.", "Write the value out.")
        if tag := getattr(event, "tag", None):
            self._refuse(event, f"has the tag {str(tag)[:40]}.", "Remove it.")
        if depth > MAX_DEPTH:
            self._refuse(event, "is nested too deep.", "No rule is; check the file.")
        if isinstance(event, yaml.ScalarEvent):
            return Node(line=line, value=self._scalar(event))
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(line=line, value=tuple(self._items(depth)))
        return self._mapping(line, depth)

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _mapping(self, line: int, depth: int) -> Node:
        values: dict[str, Node] = {}
        keys: dict[str, int] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            if not isinstance(key.value, str):
                self._refuse(event, "has a key that is no text.", "Write the name of a field.")
            if key.value in values:
                raise RuleFileFieldError(
                    f"is given twice, first in line {keys[key.value]}.",
                    "Keep the right one.",
                    file=self._file,
                    line=key.line,
                    field=repr(key.value[:80]),
                )
            keys[key.value] = key.line
            values[key.value] = self._node(next(self._events), depth + 1)
        return Node(line=line, value=values, keys=keys)

    def _scalar(self, event: yaml.ScalarEvent) -> int | bool | str:
        text: str = event.value
        if not event.implicit[0]:
            return text
        if text in ("true", "false"):
            return text == "true"
        if _INTEGER.fullmatch(text):
            if len(text) > MAX_DIGITS:
                self._refuse(event, f"has an integer of {len(text)} digits.", "Check it.")
            return int(text)
        if not is_text(text):
            shown = text[:40] or "nothing"
            self._refuse(event, f"has {shown} unquoted, which YAML does not take for text.", _advice(text))
        return text

    def _refuse(self, event: yaml.Event, detail: str, next_step: str) -> NoReturn:
        raise RuleFileSyntaxError(detail, next_step, file=self._file, line=_line(event))


def _line(event: yaml.Event) -> int:
    return 1 if event.start_mark is None else event.start_mark.line + 1


def _advice(text: str) -> str:
    if not text or text.lower() in ("~", "null"):
        return "Give a value, or remove the line."
    if text.lower() in ("yes", "no", "on", "off", "true", "false", "y", "n"):
        return "Write true or false; put a text in quotes."
    if re.fullmatch(r"[-+]?[0-9][0-9_]*", text, re.ASCII):
        return "Write the integer with plain digits, without leading zeros."
    if re.fullmatch(r"[-+]?[0-9_]*\.[0-9_]*([eE].*)?", text, re.ASCII):
        return "All numbers are integers of the field's unit: seconds, basis points, watt."
    return "Put it in quotes."
