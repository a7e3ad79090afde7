"""All commands of `flexbond`, as the tests see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer.main

from flexbond.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator


def commands() -> dict[tuple[str, ...], Any]:
    """Every command by its path."""
    return dict(_below(typer.main.get_command(app), ()))


def _below(group: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, item in group.commands.items():
        if hasattr(item, "commands"):
            yield from _below(item, (*path, name))
        else:
            yield (*path, name), item


def options(item: Any) -> set[str]:
    """The options of a command, with their dashes."""
    return {name for parameter in item.params for name in parameter.opts if name.startswith("--")}


def arguments(item: Any) -> list[str]:
    """Something for everything that a command needs to be given, so that its own checks begin."""
    given: list[str] = []
    for parameter in item.params:
        if parameter.required:
            kind = getattr(parameter, "type_descriptor", None) or parameter.type
            value = "1" if "'int'" in str(kind) or "INT" in str(kind) else "0x" + 64 * "0"
            given += [value] if parameter.param_type_name == "argument" else [parameter.opts[0], value]
    return given
