"""The commands of `flexbond`, put together."""

from typing import Annotated

import typer

import flexbond
from flexbond.cli import (
    baseline,
    calendars,
    chain,
    collecting,
    dispatches,
    event,
    meters,
    operator,
    people,
    quote,
    rights,
    rules,
    settle,
    submitting,
    watch,
)

app = typer.Typer(
    name="flexbond",
    help="Electricity flexibility as a bonded promise, settled on chain.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"flexbond {flexbond.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Electricity flexibility as a bonded promise, settled on chain."""


for module in (
    chain,
    operator,
    calendars,
    rules,
    people,
    meters,
    rights,
    dispatches,
    submitting,
    settle,
    collecting,
    baseline,
    quote,
    event,
    watch,
):
    module.add_to(app)
