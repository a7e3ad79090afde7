"""The rules that come with the package, and the way to them or to a file by one name."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from flexbond.rules.errors import UnknownPresetError
from flexbond.rules.reading import load, loads
from flexbond.rules.rulefile import RuleFile

SUFFIXES: Final = (".yaml", ".yml", ".json")
TEMPLATE: Final = "template.yaml"


def names() -> tuple[str, ...]:
    """The names of the presets, in alphabetical order."""
    found = files("flexbond.rules").joinpath("presets").iterdir()
    return tuple(sorted(item.name.removesuffix(".yaml") for item in found if item.name.endswith(".yaml")))


@cache
def preset(name: str) -> RuleFile:
    """A preset. Raises UnknownPresetError."""
    if name not in names():
        raise UnknownPresetError(f"There is no preset {name[:80]!r}.", f"Give one of {', '.join(names())}.")
    return loads(preset_text(name), file=f"preset {name}")


def presets() -> tuple[RuleFile, ...]:
    """All presets, in alphabetical order."""
    return tuple(preset(name) for name in names())


def preset_text(name: str) -> str:
    """A preset's file."""
    return files("flexbond.rules").joinpath("presets", f"{name}.yaml").read_text(encoding="utf-8")


def template_text() -> str:
    """The file to write one's own rule from, with comments."""
    return files("flexbond.rules").joinpath(TEMPLATE).read_text(encoding="utf-8")


def template() -> RuleFile:
    """The rule of the template."""
    return loads(template_text(), file="the template")


def find(text: str) -> RuleFile:
    """A preset by its name, or the rule of a file by its path. Raises UnknownPresetError, RuleFileError."""
    if text in names():
        return preset(text)
    if Path(text).suffix in SUFFIXES or Path(text).exists():
        return load(Path(text))
    raise UnknownPresetError(
        f"{text[:80]!r} is neither a preset nor a rule file ({', '.join(SUFFIXES)}).",
        f"Give a path, or one of {', '.join(names())}.",
    )
