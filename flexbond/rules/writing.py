"""From a rule to the text of its file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from flexbond.hashing import ZERO_ADDRESS
from flexbond.model.types import NO_LOOKBACK, Calendar, Lookback, Rule
from flexbond.rules.fields import DAY_KINDS, SCHEMA, VERSION, Field, Shape, fields_of
from flexbond.rules.nodes import is_text
from flexbond.rules.rulefile import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flexbond.model.struct import Struct
    from flexbond.rules.rulefile import Provenance, RuleFile

_MARKS: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ _-/.()"
"""What an unquoted text may consist of."""


def as_plain(file: RuleFile) -> dict[str, Any]:
    """The file as JSON has it; parameters with reasons are objects of value, confidence, source and note."""
    content: dict[str, Any] = {"schema": SCHEMA, "version": VERSION, "name": file.name, "title": file.title}
    if file.about:
        content["about"] = file.about
    if file.sources:
        content["sources"] = dict(file.sources)
    content["rule"] = _section(file, Rule, file.rule, "rule")
    if file.lookback is not NO_LOOKBACK and file.lookback != NO_LOOKBACK:
        content["lookback"] = _section(file, Lookback, file.lookback, "lookback")
    if file.calendar is not None:
        content["calendar"] = _section(file, Calendar, file.calendar, "calendar")
    if file.accuracy is not None:
        given = ((name, getattr(file.accuracy, name)) for name in file.accuracy.__dataclass_fields__)
        content["accuracy"] = {
            name: _with_reasons(file, f"accuracy.{name}", value) for name, value in given if value is not None
        }
    return content


def to_json(file: RuleFile) -> str:
    """The file as JSON."""
    return json.dumps(as_plain(file), indent=2, ensure_ascii=False) + "\n"


def to_yaml(file: RuleFile) -> str:
    """The file as YAML, one parameter a line."""
    lines: list[str] = []
    for key, value in as_plain(file).items():
        if isinstance(value, dict):
            lines += ["", f"{key}:", *_block(value, "  ")]
        else:
            lines.append(f"{key}: {_inline(value)}")
    return "\n".join(lines) + "\n"


def parameters(file: RuleFile) -> Iterator[tuple[str, Any, Provenance | None]]:
    """Every parameter of the file in order: its path, its value as the file spells it, and why."""
    content = as_plain(file)
    for section in ("rule", "lookback", "calendar", "accuracy"):
        yield from _parameters(file, content.get(section, {}), section)


def _parameters(file: RuleFile, values: dict[str, Any], path: str) -> Iterator[tuple[str, Any, Provenance | None]]:
    for name, value in values.items():
        here = f"{path}.{name}"
        if here == "lookback.classes":
            for number, item in enumerate(value):
                yield from _parameters(file, item, f"{here}.{number}")
            continue
        bare = value["value"] if isinstance(value, dict) else value
        yield here, bare, file.provenance.get(here)


def _section(file: RuleFile, cls: type[Struct], struct: Struct, path: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for field in fields_of(cls):
        value, here = getattr(struct, field.name), f"{path}.{field.name}"
        if field.optional and value in (0, ZERO_ADDRESS):
            continue
        if field.shape is Shape.CLASSES:
            made[field.name] = [_section(file, type(item), item, f"{here}.{n}") for n, item in enumerate(value)]
        else:
            made[field.name] = _with_reasons(file, here, _plain(field, value))
    return made


def _plain(field: Field, value: Any) -> Any:
    if field.shape is Shape.CURVE:
        return [{f.name: getattr(point, f.name) for f in fields_of(type(point))} for point in value]
    if field.shape is Shape.DAYS:
        return [name for bit, name in enumerate(DAY_KINDS) if value >> bit & 1]
    if field.shape is Shape.NAME:
        return text_of(value)
    return value.name if field.kind.cls is not None else value


def _with_reasons(file: RuleFile, path: str, value: Any) -> Any:
    why = file.provenance.get(path)
    if why is None:
        return value
    made = {"value": value}
    if why.confidence is not None:
        made["confidence"] = why.confidence.value
    if why.source:
        made["source"] = why.source
    if why.note:
        made["note"] = why.note
    return made


def _block(values: dict[str, Any], indent: str) -> Iterator[str]:
    for key, value in values.items():
        if key == "classes":
            yield f"{indent}classes:"
            for item in value:
                first, *rest = _block(item, f"{indent}    ")
                yield f"{indent}  - {first.strip()}"
                yield from rest
        else:
            yield f"{indent}{_text(key)}: {_inline(value)}"


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)}: {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else _text(value)


def _text(text: str) -> str:
    """A text, in quotes wherever YAML could take it for something else."""
    plain = text and text[0].isalpha() and not text.endswith(" ") and all(mark in _MARKS for mark in text)
    return text if plain and is_text(text) else json.dumps(text, ensure_ascii=False)
