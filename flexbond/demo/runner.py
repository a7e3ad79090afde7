"""The whole demonstration: its chapters one after the other, each on a chain of its own, and one report of them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexbond.chain.deploy import write_whole
from flexbond.chain.node import NodeError, NodeKind
from flexbond.demo.britain.chapter import britain_summary, run_britain
from flexbond.demo.britain.tell import narrate as narrate_britain
from flexbond.demo.fontana import fontana_summary, run_fontana
from flexbond.demo.page import render
from flexbond.demo.result import DemoResult
from flexbond.demo.tell import REPORT, narrate_fontana
from flexbond.errors import FlexbondError
from flexbond.operations.progress import Progress, silent

if TYPE_CHECKING:
    from flexbond.demo.fleet.result import FleetResult


class ChapterError(FlexbondError):
    """A chapter that the demonstration does not have."""


class Chapter(StrEnum):
    """What can be run."""

    FONTANA = "fontana"
    BRITISH = "british"
    FLEET = "fleet"
    """A fleet and a lie: one chain, two chapters of the report."""
    ALL = "all"


def run(
    *,
    network: str = "anvil",
    out: Path = Path("out/demo"),
    chapter: str = Chapter.ALL,
    devices: int | None = None,
    progress: Progress = silent,
) -> DemoResult:
    """Runs the chapters on chains of their own (`anvil` or `ganache`) and writes report, event logs and statements into `out`.

    `devices` is the size of the fleet, by default as large as the chain allows for.

    Each chain ends with its chapter, also on errors and interruption. Raises DifferenceError if anything comes out otherwise than the
    reference model says, ChapterError, NodeError, ChainError, MeteringError.
    """
    kind, chosen = _kind(network), _chosen(chapter)
    out.mkdir(parents=True, exist_ok=True)
    result = DemoResult(
        network=kind.value,
        fontana=run_fontana(kind, out, progress) if Chapter.FONTANA in chosen else None,
        britain=run_britain(kind, out, progress) if Chapter.BRITISH in chosen else None,
        fleet=_fleet(kind, out, progress, devices) if Chapter.FLEET in chosen else None,
    )
    write_whole(out / REPORT, render(result))
    progress(f"Wrote {out / REPORT}, and the event logs beside it.")
    return result


def _fleet(kind: NodeKind, out: Path, progress: Progress, devices: int | None) -> FleetResult:
    from flexbond.demo.fleet.chapter import run_fleet  # numba, pyarrow and polars, which the other chapters do without

    return run_fleet(kind, out, progress, devices=devices)


def _kind(network: str) -> NodeKind:
    try:
        return NodeKind(network)
    except ValueError:
        raise NodeError(
            f"The demonstration runs on a chain of its own, and {network} is none.",
            "Use --network anvil or --network ganache.",
        ) from None


def _chosen(chapter: str) -> tuple[Chapter, ...]:
    try:
        one = Chapter(chapter)
    except ValueError:
        raise ChapterError(f"There is no chapter {chapter}.", "Choose fontana, british, fleet or all.") from None
    return tuple(Chapter) if one is Chapter.ALL else (one,)


def narrate(result: DemoResult, out: Path) -> list[str]:
    """The whole story, a line each, an empty one between its parts; report and logs stand in `out`."""
    lines: list[str] = []
    if result.fontana is not None:
        lines += narrate_fontana(result.fontana)
    if result.britain is not None:
        lines += narrate_britain(result.britain)
    if result.fleet is not None:
        from flexbond.demo.fleet.tell import narrate as narrate_fleet

        lines += narrate_fleet(result.fleet)
    return [*lines, "", f"Read {out / REPORT}; the event logs and the statements are beside it."]


def summary(result: DemoResult, out: Path) -> dict[str, Any]:
    """The run for machines: what was paid, penalised and earned, and where report and logs are. Money in base units."""
    chapters: dict[str, Any] = {}
    if result.fontana is not None:
        chapters[Chapter.FONTANA] = fontana_summary(result.fontana, out)
    if result.britain is not None:
        chapters[Chapter.BRITISH] = britain_summary(result.britain, out)
    if result.fleet is not None:
        from flexbond.demo.fleet.chapter import fleet_summary

        chapters[Chapter.FLEET] = fleet_summary(result.fleet, out)
    return {"network": result.network, "report": str(out / REPORT), "chapters": chapters}
