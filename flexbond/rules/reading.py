"""From the text of a rule file to the rule: every field checked, every error with its line."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from flexbond.hashing import ZERO_ADDRESS, checksum_address
from flexbond.ids import calendar_id, lookback_hash
from flexbond.model.rules import RuleError, check_calendar, check_rule_calendar
from flexbond.model.struct import solidity_name
from flexbond.model.types import (
    NO_LOOKBACK,
    SCHEMA,
    BaselineMethod,
    Calendar,
    CurvePoint,
    DayClass,
    Lookback,
    Rule,
)
from flexbond.rules import fields as spelled
from flexbond.rules.errors import RuleFileBoundsError, RuleFileError, RuleFileFieldError, RuleFileUnreadableError
from flexbond.rules.fields import DAY_KINDS, Field, Shape, fields_of
from flexbond.rules.nodes import MAX_BYTES, Node, parse
from flexbond.rules.rulefile import Accuracy, Confidence, Provenance, RuleFile, check

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from flexbond.model.struct import Struct

S = TypeVar("S", bound="Struct")

HEAD: Final = {"schema": True, "version": True, "name": True, "title": True, "about": False, "sources": False}
"""Fields before the sections, and whether a file must have them."""
SECTIONS: Final = {"rule": True, "lookback": False, "calendar": False, "accuracy": False}
ACCURACY: Final = ("max_bias_bps", "max_relative_error_bps")
_ANNOTATED: Final = {"value": True, "confidence": False, "source": False, "note": False}


def load(path: Path) -> RuleFile:
    """The rule of a YAML or JSON file. Raises RuleFileError."""
    file = str(path)
    try:
        with path.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise RuleFileUnreadableError(f"cannot be read: {error.strerror}.", "Check the path.", file=file) from error
    except UnicodeDecodeError as error:
        raise RuleFileUnreadableError("is not UTF-8.", "Save it as UTF-8.", file=file) from error
    # JSON may be indented with tabs, YAML not; within the texts of JSON there are none.
    return loads(text.replace("\t", " ") if path.suffix == ".json" else text, file=file)


def loads(text: str, *, file: str) -> RuleFile:
    """The rule of a text; `file` is what errors call it. Raises RuleFileError."""
    return _Reading(file).rule_file(parse(text, file=file))


class _Reading:
    """Goes through the tree of one file and remembers where each parameter stands and why it is so."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._lines: dict[str, int] = {}
        self._provenance: dict[str, Provenance] = {}
        self._sources: Mapping[str, str] = {}

    def rule_file(self, tree: Node) -> RuleFile:
        """The whole file."""
        top = self._mapping(tree, "", {**HEAD, **SECTIONS})
        self._head(top)
        name = self._text(top["name"], "name")
        title = self._text(top["title"], "title")
        about = self._text(top["about"], "about") if "about" in top else ""
        rule_given = self._section(Rule, top["rule"], "rule")
        rule_given.setdefault("currency", ZERO_ADDRESS)
        rule_given.setdefault("unclaimed_to", ZERO_ADDRESS)
        rule_given.setdefault("baseline_periods", 0)
        calendar, lookback = self._past(top, tree, rule_given["baseline"])
        hashed = bytes(32) if lookback is NO_LOOKBACK else lookback_hash(lookback)
        rule = Rule(schema=SCHEMA, lookback_hash=hashed, **rule_given)
        self._check_bounds(rule, lookback, calendar)
        return RuleFile(
            name=name,
            title=title,
            about=about,
            sources=self._sources,
            rule=rule,
            lookback=lookback,
            calendar=calendar,
            accuracy=self._accuracy(top.get("accuracy")),
            provenance=MappingProxyType(self._provenance),
        )

    # ------------------------------------------------------------------ parts of the file

    def _head(self, top: dict[str, Node]) -> None:
        if top["schema"].value != spelled.SCHEMA:
            self._refuse(top["schema"], "schema", f"is not {spelled.SCHEMA}.", "Name a rule file.")
        if top["version"].value != spelled.VERSION or isinstance(top["version"].value, bool):
            self._refuse(
                top["version"],
                "version",
                f"is not {spelled.VERSION}, the one known here.",
                "Use a matching release, or write the rule anew from `flexbond rules template`.",
            )
        if "sources" in top:
            node = top["sources"]
            if not isinstance(node.value, dict):
                self._refuse(node, "sources", "is no mapping.", "Give a short key and the document for each source.")
            texts = {key: self._text(item, f"sources.{key[:40]}") for key, item in node.value.items()}
            self._sources = MappingProxyType(texts)

    def _past(self, top: dict[str, Node], tree: Node, baseline: BaselineMethod) -> tuple[Calendar | None, Lookback]:
        for section in ("calendar", "lookback"):
            if baseline is BaselineMethod.X_OF_Y and section not in top:
                self._refuse(tree, section, "is missing, and the baseline is X_OF_Y.", "Add it.")
            if baseline is not BaselineMethod.X_OF_Y and section in top:
                where = Node(line=tree.keys[section], value="")
                self._refuse(where, section, f"is given, and the baseline is {baseline.name}.", "Remove it.")
        if baseline is not BaselineMethod.X_OF_Y:
            return None, NO_LOOKBACK
        calendar = Calendar(**self._section(Calendar, top["calendar"], "calendar"))
        given = self._section(Lookback, top["lookback"], "lookback")
        return calendar, Lookback(calendar_id=calendar_id(calendar), **given)

    def _accuracy(self, node: Node | None) -> Accuracy | None:
        if node is None:
            return None
        given = self._mapping(node, "accuracy", dict.fromkeys(ACCURACY, False))
        read = {key: self._annotated(item, f"accuracy.{key}") for key, item in given.items()}
        return Accuracy(**{key: self._integer(item, f"accuracy.{key}", 0, 2**32 - 1) for key, item in read.items()})

    def _section(self, cls: type[Struct], node: Node, path: str) -> dict[str, Any]:
        fields = fields_of(cls)
        given = self._mapping(node, path, {field.name: not field.optional for field in fields})
        return {
            field.name: self._parameter(field, given[field.name], f"{path}.{field.name}")
            for field in fields
            if field.name in given
        }

    # ------------------------------------------------------------------ one parameter

    def _parameter(self, field: Field, node: Node, path: str) -> Any:
        if field.shape is Shape.CLASSES:
            self._lines[path] = node.line
            items = self._list(node, path, spelled.MAX_CLASSES)
            return tuple(DayClass(**self._section(DayClass, item, f"{path}.{n}")) for n, item in enumerate(items))
        bare = self._annotated(node, path)
        if field.shape is Shape.CURVE:
            items = self._list(bare, path, spelled.MAX_CURVE_POINTS)
            return tuple(CurvePoint(**self._point(item, f"{path}.{n}")) for n, item in enumerate(items))
        if field.shape is Shape.DAYS:
            return self._days(bare, path)
        if field.shape is Shape.NAME:
            return self._name(bare, path)
        return self._value(field, bare, path)

    def _annotated(self, node: Node, path: str) -> Node:
        """The value of a parameter, whether or not it stands beside its reasons."""
        self._lines[path] = node.line
        if not isinstance(node.value, dict):
            return node
        given = self._mapping(node, path, _ANNOTATED)
        confidence, source = None, ""
        if "confidence" in given:
            known = {item.value: item for item in Confidence}
            confidence = known.get(str(given["confidence"].value))
            if confidence is None:
                self._refuse(given["confidence"], f"{path}.confidence", "is unknown.", f"Give {_one_of(known)}.")
        if "source" in given:
            source = self._text(given["source"], f"{path}.source")
            if source not in self._sources:
                self._refuse(given["source"], f"{path}.source", "is none of `sources`.", "Add the document there.")
        note = self._text(given["note"], f"{path}.note") if "note" in given else ""
        reasons = Provenance(confidence=confidence, source=source, note=note)
        if reasons != Provenance():
            self._provenance[path] = reasons
        return given["value"]

    def _value(self, field: Field, node: Node, path: str) -> Any:
        kind = field.kind
        if kind.cls is not None:
            member = kind.cls.__members__.get(node.value) if isinstance(node.value, str) else None
            if member is None:
                self._refuse(node, path, f"cannot be {_shown(node)}.", f"Give {_one_of(kind.cls.__members__)}.")
            return member
        if kind.abi == "bool":
            if not isinstance(node.value, bool):
                self._refuse(node, path, f"cannot be {_shown(node)}.", "Give true or false.")
            return node.value
        if kind.abi == "address":
            return self._address(node, path)
        return self._integer(node, path, kind.low, kind.high)

    def _point(self, node: Node, path: str) -> dict[str, int]:
        fields = fields_of(CurvePoint)
        given = self._mapping(node, path, {field.name: True for field in fields})
        return {f.name: self._integer(given[f.name], f"{path}.{f.name}", f.kind.low, f.kind.high) for f in fields}

    def _days(self, node: Node, path: str) -> int:
        bits = 0
        for item in self._list(node, path, len(DAY_KINDS)):
            if item.value not in DAY_KINDS:
                self._refuse(item, path, f"cannot have {_shown(item)}.", f"Give some of {', '.join(DAY_KINDS)}.")
            bit = 1 << DAY_KINDS.index(str(item.value))
            if bits & bit:
                self._refuse(item, path, f"has {item.value} twice.", "Keep one.")
            bits |= bit
        return bits

    def _name(self, node: Node, path: str) -> bytes:
        text = node.value
        if not isinstance(text, str) or not text.isascii() or not text.isprintable() or len(text) > spelled.MAX_NAME:
            wanted = f"Give a text of at most {spelled.MAX_NAME} ASCII characters."
            self._refuse(node, path, f"cannot be {_shown(node)}.", wanted)
        return text.encode("ascii").ljust(32, b"\0")

    def _address(self, node: Node, path: str) -> str:
        text = node.value if isinstance(node.value, str) else ""
        try:
            known = checksum_address(text)
        except (ValueError, TypeError):
            self._refuse(node, path, f"cannot be {_shown(node)}.", "Give 0x and 40 hexadecimal digits, in quotes.")
        if text[2:] not in (known[2:], known[2:].lower(), known[2:].upper()):
            self._refuse(node, path, f"{text} has a wrong checksum.", "Check the address.")
        return known

    def _integer(self, node: Node, path: str, low: int, high: int) -> int:
        value = node.value
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self._refuse(node, path, f"cannot be {_shown(node)}.", f"Give an integer from {low} to {high}.")
        return value

    # ------------------------------------------------------------------ what nodes hold

    def _mapping(self, node: Node, path: str, known: Mapping[str, bool]) -> dict[str, Node]:
        if not isinstance(node.value, dict):
            self._refuse(node, path or "the file", "is no mapping.", f"Give {', '.join(known)}, each with its value.")
        for key in node.value:
            if key not in known:
                at = Node(line=node.keys[key], value="")
                self._refuse(at, _under(path, key[:80]), "is unknown.", f"Remove it; known are {', '.join(known)}.")
        for key, needed in known.items():
            if needed and key not in node.value:
                self._refuse(node, _under(path, key), "is missing.", "Add it; `flexbond rules template` shows how.")
        return node.value

    def _list(self, node: Node, path: str, limit: int) -> tuple[Node, ...]:
        if not isinstance(node.value, tuple) or not 1 <= len(node.value) <= limit:
            self._refuse(node, path, f"cannot be {_shown(node)}.", f"Give a list of 1 to {limit}.")
        return node.value

    def _text(self, node: Node, path: str) -> str:
        text = node.value
        if not isinstance(text, str) or not text.isprintable() or not 1 <= len(text) <= spelled.MAX_TEXT:
            wanted = f"Give one paragraph of text of 1 to {spelled.MAX_TEXT} characters."
            self._refuse(node, path, f"cannot be {_shown(node)}.", wanted)
        return text

    def _check_bounds(self, rule: Rule, lookback: Lookback, calendar: Calendar | None) -> None:
        try:
            check(rule, lookback)
            if calendar is not None:
                check_calendar(calendar)
                check_rule_calendar(rule, calendar)
        except RuleError as error:
            path = self._path_of(error.field)
            line = self._lines.get(path)
            detail, advice = f"is refused: {error.message}", "Change it."
            if line is None:
                detail, advice = f"is left out: {error.message}", "Add it; `flexbond rules template` shows how."
            raise RuleFileBoundsError(detail, advice, file=self._file, line=line, field=path) from error

    def _path_of(self, field: str) -> str:
        """The parameter that an error of the contract names; `classes.x` is of all classes."""
        first = field.split(".", maxsplit=1)[0]
        for path in self._lines:
            section, _, rest = path.partition(".")
            if "." not in rest and section in SECTIONS and solidity_name(rest) == first:
                return path
        return next((f"rule.{item.name}" for item in fields_of(Rule) if solidity_name(item.name) == first), field)

    def _refuse(self, node: Node, path: str, detail: str, next_step: str) -> NoReturn:
        raise RuleFileFieldError(detail, next_step, file=self._file, line=node.line, field=path)


def _under(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _one_of(names: Mapping[str, object]) -> str:
    return "one of " + ", ".join(names)


def _shown(node: Node) -> str:
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, tuple):
        return f"a list of {len(node.value)}"
    if isinstance(node.value, bool):
        return str(node.value).lower()
    text = repr(node.value)
    return text if len(text) <= 80 else f"{text[:77]}..."


__all__ = ["RuleFileError", "load", "loads"]
