"""The ABIs and bytecode that come with the package; `tools/abi.py` makes them from the compiled contracts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from flexbond.chain.codec import Abi
from flexbond.errors import FlexbondError

if TYPE_CHECKING:
    from flexbond.chain.codec import Error, Event


class ArtifactError(FlexbondError):
    """A contract that the package does not know."""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A contract as it is packaged."""

    name: str
    abi: Abi
    bytecode: bytes
    """Empty for what is not deployed."""


@cache
def load_artifact(name: str) -> Artifact:
    """A packaged contract. Raises ArtifactError."""
    file = resources.files("flexbond.chain").joinpath("abi", f"{name}.json")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ArtifactError(
            f"The package has no contract {name}.", next_step="Install it whole, or run `make abi` in a clone."
        ) from error
    bytecode = str(content.get("bytecode", "")).removeprefix("0x")
    return Artifact(name=name, abi=Abi(content["abi"]), bytecode=bytes.fromhex(bytecode))


@cache
def artifact_names() -> tuple[str, ...]:
    """All packaged contracts."""
    folder = resources.files("flexbond.chain").joinpath("abi")
    if not folder.is_dir():
        return ()
    return tuple(sorted(item.name.removesuffix(".json") for item in folder.iterdir() if item.name.endswith(".json")))


@cache
def all_errors() -> dict[bytes, Error]:
    """Every custom error of the suite by its selector, those of OpenZeppelin's contracts that it passes on included."""
    return {selector: error for name in artifact_names() for selector, error in load_artifact(name).abi.errors.items()}


@cache
def all_events() -> dict[str, dict[bytes, Event]]:
    """The events of every contract by its name and their first topic."""
    return {name: load_artifact(name).abi.events for name in artifact_names()}
