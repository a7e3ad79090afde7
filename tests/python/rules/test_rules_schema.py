"""The published JSON Schema: what generates it, and that it agrees with the reader."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from flexbond.rules import loads, names, preset, template, to_json
from flexbond.rules.errors import RuleFileBoundsError, RuleFileError
from flexbond.rules.schema import made, published

SCHEMA = json.loads(published())
VALIDATOR = Draft202012Validator(SCHEMA)
TREES = [json.loads(to_json(file)) for file in (*map(preset, names()), template())]


def test_it_is_what_the_structs_give() -> None:
    """Given the packaged schema, when it is made anew from the structs, then it is the same, and a schema of its draft."""
    assert published() == made(), "Run python -m flexbond.rules.schema > flexbond/rules/rule.schema.json"
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"].endswith("2020-12/schema")


def test_every_parameter_is_described() -> None:
    """Given the schema, when its sections are read, then the unit or meaning of whatever its name does not say is there."""
    rule = SCHEMA["properties"]["rule"]["properties"]
    assert rule["tolerance_bps"]["description"] == "Of ordered, basis points."
    silent = {name for name, parameter in rule.items() if "description" not in parameter}
    assert silent <= {"baseline", "clamp_level", "pay_base", "pay_curve_kind", "tolerance_kind", "funding"} | {
        "availability_curve_kind"
    }


@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree["name"])
def test_files_are_valid(tree: dict[str, Any]) -> None:
    """Given a preset or the template, when it is validated, then it is valid."""
    VALIDATOR.validate(tree)


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The way to every value of a tree."""
    found = [path] if path else []
    if isinstance(value, dict):
        found += [way for key, item in value.items() for way in paths(item, (*path, key))]
    if isinstance(value, list):
        found += [way for place, item in enumerate(value) for way in paths(item, (*path, place))]
    return found


WRONG = st.sampled_from(
    [
        True,
        False,
        None,
        0,
        -1,
        1,
        2,
        2**300,
        3.5,
        "",
        "x",
        "X_OF_Y",
        "HIGH",
        "METER_BEFORE",
        "0x12",
        [],
        {},
        [1],
        {"value": 1},
    ]
)


@given(st.data())
def test_reader_and_schema_agree(data: st.DataObject) -> None:
    """Given a file with one value changed or removed, when both judge it, then the schema refuses nothing that the reader takes,
    and whatever only the reader refuses is out of the Rulebook's bounds, or of a source that is not listed."""
    tree = deepcopy(data.draw(st.sampled_from(TREES)))
    *way, last = data.draw(st.sampled_from(paths(tree)))
    at: Any = tree
    for step in way:
        at = at[step]
    if data.draw(st.booleans()):
        del at[last]
    else:
        at[last] = data.draw(WRONG)
    valid = VALIDATOR.is_valid(tree)
    try:
        loads(json.dumps(tree), file="rule.json")
    except RuleFileBoundsError:
        return
    except RuleFileError as error:
        assert not valid or "sources" in str(error) or "source" in error.field, (error, way, last)
        return
    assert valid, (way, last)
