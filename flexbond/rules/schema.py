"""The JSON Schema of rule files, made from the structs.

`python -m flexbond.rules.schema > flexbond/rules/rule.schema.json` writes the packaged one anew.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from flexbond.model.types import Calendar, CurvePoint, DayClass, Lookback, Rule
from flexbond.rules.fields import (
    DAY_KINDS,
    MAX_CLASSES,
    MAX_CURVE_POINTS,
    MAX_NAME,
    MAX_TEXT,
    SCHEMA,
    VERSION,
    Field,
    Shape,
    fields_of,
)
from flexbond.rules.rulefile import Accuracy, Confidence

if TYPE_CHECKING:
    from flexbond.model.struct import Struct

FILE: Final = "rule.schema.json"
_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Final = {"$ref": "#/$defs/text"}


def published() -> str:
    """The JSON Schema as it is packaged."""
    return files("flexbond.rules").joinpath(FILE).read_text(encoding="utf-8")


def made() -> str:
    """The JSON Schema as the structs give it: what `published` holds."""
    return json.dumps(_schema(), indent=2, ensure_ascii=False) + "\n"


def _schema() -> dict[str, Any]:
    kinds: dict[str, Any] = {}
    sections = {
        "schema": {"const": SCHEMA},
        "version": {"const": VERSION},
        "name": {**_TEXT, "description": "Short name."},
        "title": {**_TEXT, "description": "What it is, in a line."},
        "about": {**_TEXT, "description": "What else there is to know."},
        "sources": {
            "description": "Key of a document: its name, section, year, address.",
            "type": "object",
            "additionalProperties": _TEXT,
        },
        "rule": _section(Rule, kinds),
        "lookback": _section(Lookback, kinds),
        "calendar": _section(Calendar, kinds),
        "accuracy": _accuracy(kinds),
    }
    past = ["lookback", "calendar"]
    spelled = {"const": "X_OF_Y"}
    annotated = {"type": "object", "properties": {"value": spelled}, "required": ["value"]}
    return {
        "$schema": _DRAFT,
        "$id": f"urn:flexbond:rule:{VERSION}",
        "title": "Flexbond rule file",
        "description": "How flexibility is measured and paid. A parameter is its value, or the value and why it is so.",
        "type": "object",
        "properties": sections,
        "required": ["schema", "version", "name", "title", "rule"],
        "additionalProperties": False,
        "if": {"properties": {"rule": {"properties": {"baseline": {"anyOf": [spelled, annotated]}}}}},
        "then": {"required": past},
        "else": {"properties": dict.fromkeys(past, False)},
        "$defs": {
            "text": {"type": "string", "minLength": 1, "maxLength": MAX_TEXT},
            "confidence": {"enum": [item.value for item in Confidence]},
            **kinds,
        },
    }


def _section(cls: type[Struct], kinds: dict[str, Any]) -> dict[str, Any]:
    docs, fields = _docs(cls), fields_of(cls)
    return {
        "type": "object",
        "properties": {field.name: _parameter(field, docs[field.name], kinds) for field in fields},
        "required": [field.name for field in fields if not field.optional],
        "additionalProperties": False,
    }


def _parameter(field: Field, doc: str, kinds: dict[str, Any]) -> dict[str, Any]:
    described = {"description": doc} if doc else {}
    if field.shape is Shape.CLASSES:
        items = _section(DayClass, kinds)
        return {**described, "type": "array", "minItems": 1, "maxItems": MAX_CLASSES, "items": items}
    return {**described, **_either(_name(field), _value(field), kinds)}


def _name(field: Field) -> str:
    """What the definitions call the values of a field."""
    if field.shape is Shape.VALUE:
        return field.kind.abi if field.kind.cls is None else str(field.kind.cls.__name__)
    return field.shape.name.lower()


def _value(field: Field) -> dict[str, Any]:
    kind = field.kind
    if field.shape is Shape.CURVE:
        points = {item.name: _value(item) for item in fields_of(CurvePoint)}
        point = {"type": "object", "properties": points, "required": list(points), "additionalProperties": False}
        return {"type": "array", "minItems": 1, "maxItems": MAX_CURVE_POINTS, "items": point}
    if field.shape is Shape.DAYS:
        return {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"enum": list(DAY_KINDS)}}
    if field.shape is Shape.NAME:
        return {"type": "string", "pattern": f"^[ -~]{{0,{MAX_NAME}}}$"}
    if kind.cls is not None:
        return {"enum": list(kind.cls.__members__)}
    if kind.abi == "bool":
        return {"type": "boolean"}
    if kind.abi == "address":
        return {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}
    return {"type": "integer", "minimum": kind.low, "maximum": kind.high}


def _accuracy(kinds: dict[str, Any]) -> dict[str, Any]:
    bounds = {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}
    return {
        "description": "Within which a baseline counts as good.",
        "type": "object",
        "properties": {
            name: {"description": doc, **_either("uint32", bounds, kinds)} for name, doc in _docs(Accuracy).items()
        },
        "additionalProperties": False,
    }


def _either(name: str, value: dict[str, Any], kinds: dict[str, Any]) -> dict[str, Any]:
    """The value itself, or the value with its reasons; defined once for each kind of value."""
    reasons = {"confidence": {"$ref": "#/$defs/confidence"}, "source": _TEXT, "note": _TEXT}
    annotated = {
        "type": "object",
        "properties": {"value": {"$ref": f"#/$defs/{name}"}, **reasons},
        "required": ["value"],
        "additionalProperties": False,
    }
    kinds[name] = value
    kinds[f"{name}-parameter"] = {"anyOf": [{"$ref": f"#/$defs/{name}"}, annotated]}
    return {"$ref": f"#/$defs/{name}-parameter"}


def _docs(cls: type) -> dict[str, str]:
    """The text under each field of a dataclass."""
    body = ast.parse(inspect.getsource(cls)).body[0]
    docs: dict[str, str] = {}
    name = ""
    for statement in body.body if isinstance(body, ast.ClassDef) else ():
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
            docs[name] = ""
        elif name and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            docs[name] = str(statement.value.value)
            name = ""
        else:
            name = ""
    return docs


if __name__ == "__main__":
    sys.stdout.write(made())
