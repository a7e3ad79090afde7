"""The options that `flexbond baseline` and `flexbond quote` share, as one argument of their functions."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from flexbond.cli.command import Answer
from flexbond.metering.estimation import Method

OUTS: Final = ("table", "json", "csv", "parquet")
ENGINES: Final = ("auto", "reference", "duckdb", "spark")
FLEET: Final = 2_000
"""Devices from which on one query for all is the faster way."""

_IMPORT: Final = "The data"
_OUTPUT: Final = "The answer"


def _option(*declared: str, said: str, panel: str | None = None) -> Any:
    return typer.Option(*declared, help=said, rich_help_panel=panel)


@dataclass(frozen=True, kw_only=True)
class Source:
    """Data, rule and devices, how they are to be read, and in what form the answer is wanted."""

    data: Annotated[
        list[Path], typer.Argument(help="Interval data: .csv, .parquet, .xml (Green Button), .json (OpenADR 3).")
    ]
    rule: Annotated[str, _option("--rule", said="A preset (see `flexbond rules list`) or a rule file.")]
    devices: Annotated[
        Path, _option("--devices", said="CSV: device, capacity_w, connection_w; kind, joined, left, payee if wanted.")
    ]
    calls: Annotated[
        Path | None,
        _option("--calls", said="CSV of calls: window_start, window_end, first_notice, called_bps; device if wanted."),
    ] = None
    calendar: Annotated[
        Path | None, _option("--calendar", said="Days of the rule's calendar, from `flexbond event inputs`.")
    ] = None
    local: Annotated[
        str | None, _option("--local", said="IANA zone of local hours; by default that of the rule's calendar.")
    ] = None
    profile: Annotated[str | None, _option("--profile", said="Import profile: a name or a file.", panel=_IMPORT)] = None
    sign: Annotated[str | None, _option("--sign", said="import-positive or export-positive.", panel=_IMPORT)] = None
    stamp: Annotated[
        str | None, _option("--stamp", said="Whether stamps name start or end of their period.", panel=_IMPORT)
    ] = None
    unit: Annotated[
        str | None, _option("--unit", said="mWh, Wh, kWh, MWh, W-average or kW-average.", panel=_IMPORT)
    ] = None
    zone: Annotated[str | None, _option("--zone", said="IANA zone of stamps without offset.", panel=_IMPORT)] = None
    column: Annotated[str | None, _option("--column", said="Column of the readings.", panel=_IMPORT)] = None
    device: Annotated[str | None, _option("--device", said="The device of a file that names none.", panel=_IMPORT)] = (
        None
    )
    rounding: Annotated[
        bool, typer.Option("--round", help="Round readings finer than a mWh; each is listed.", rich_help_panel=_IMPORT)
    ] = False
    least_readings: Annotated[
        str | None,
        _option(
            "--least-readings", said="Share of its readings that a device needs, or it is silent: 90 %.", panel=_IMPORT
        ),
    ] = None
    estimate: Annotated[
        str,
        _option(
            "--estimate",
            said=f"How gaps are filled: {', '.join(Method)}. The rule says whether that counts.",
            panel=_IMPORT,
        ),
    ] = Method.NONE.value
    max_gap: Annotated[
        int, typer.Option("--max-gap", help="Longest gap to fill, periods.", min=0, rich_help_panel=_IMPORT)
    ] = 4
    engine: Annotated[
        str,
        _option(
            "--engine",
            said=f"{', '.join(ENGINES)}. By default duckdb from {FLEET} devices on, if it is installed.",
            panel=_OUTPUT,
        ),
    ] = "auto"
    out: Annotated[
        str, _option("--out", said=f"{', '.join(OUTS)}. CSV without --folder is the first table.", panel=_OUTPUT)
    ] = "table"
    folder: Annotated[
        Path | None, _option("--folder", said="Folder for all tables, one file each (csv, parquet).", panel=_OUTPUT)
    ] = None
    plot: Annotated[
        Path | None, _option("--plot", said="File for a plot, .png or .html; needs matplotlib.", panel=_OUTPUT)
    ] = None


def with_source(function: Callable[..., Answer]) -> Callable[..., Answer]:
    """The function with a source's options in place of its argument `source`."""
    own = [item for item in inspect.signature(function).parameters.values() if item.name != "source"]
    shared = [
        inspect.Parameter(
            item.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if item.default is MISSING else item.default,
            annotation=item.type,
        )
        for item in fields(Source)
    ]

    @functools.wraps(function)
    def called(*desk: Any, **given: Any) -> Answer:
        source = Source(**{item.name: given.pop(item.name) for item in shared})
        return function(*desk, source=source, **given)

    desk, *others = own
    keyword_only = [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in others]
    called.__signature__ = inspect.Signature([desk, *shared, *keyword_only])  # type: ignore[attr-defined]
    return called
