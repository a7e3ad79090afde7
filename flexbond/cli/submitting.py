"""Submissions: of an event on chain with its proofs, and of a whole fleet off chain."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flexbond.cli.command import Answer, command
from flexbond.cli.dispatches import EventId
from flexbond.cli.quantities import chosen
from flexbond.cli.settle import Leaves, Silence
from flexbond.cli.shown import full, outcome_lines, table
from flexbond.operations import settlement
from flexbond.operations.history import find_events
from flexbond.operations.proving import MOST_LEAVES

if TYPE_CHECKING:
    from flexbond.cli.desk import Desk

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the submission.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    submit = typer.Typer(help="Submissions: what an event's devices did, and the root that says so.")
    command(submit, "run", sends=True)(run)
    command(submit, "build")(build)
    command(submit, "proof")(proof)
    app.add_typer(submit, name="submit", no_args_is_help=True)


def run(
    desk: "Desk",
    event: EventId,
    records: Annotated[Path, typer.Option("--records", help="The provider's record book.")],
    max_leaves: Leaves = MOST_LEAVES,
    accept_silence: Silence = False,
) -> Answer:
    """Submit an event and prove its leaves, as provider; go on where an earlier run was stopped."""
    identity = chosen(event, find_events(desk.suite), name="event")
    done = settlement.submit_event(
        desk.suite,
        desk.sender,
        identity,
        records=desk.book(records),
        max_leaves=max_leaves,
        accept_silence=accept_silence,
        progress=desk.progress,
    )
    return Answer(value=done, lines=outcome_lines(done))


def build(
    desk: "Desk",
    folder: Folder,
    event: Annotated[Path, typer.Option(help="What is asked of the fleet (JSON).")],
    devices: Annotated[Path, typer.Option(help="The portfolio's places, in order (Parquet).")],
    records: Annotated[list[Path], typer.Option(help="Signed records (Parquet); may be given several times.")],
    history: Annotated[
        list[Path] | None, typer.Option(help="Opened records of past days (Parquet); may be given several times.")
    ] = None,
    processes: Annotated[int, typer.Option(help="That check records; 0: one a core.", min=0, max=64)] = 0,
) -> Answer:
    """Build the submission of a whole fleet from files. Needs no chain; goes on where an earlier run was stopped."""
    from flexbond.fleet.building import FleetFiles, build  # numba, ibis and duckdb, which no other command needs

    files = FleetFiles(event=event, devices=devices, records=tuple(records), history=tuple(history or ()))
    built = build(files, folder, processes=processes, progress=desk.progress)
    reasons = table("Leaves", "reason", "leaves")
    for reason, count in built.counts.items():
        reasons.add_row(reason.name.lower().replace("_", " "), f"{count:,}")
    closing = f"Root 0x{built.tree.root.hex()}; who is silent, and why, is in {folder / 'silent.csv'}."
    return Answer(value=built.as_json(), lines=[reasons, closing])


def proof(
    desk: "Desk",  # noqa: ARG001
    folder: Folder,
    index: Annotated[int, typer.Option(help="The leaf: the device's place in the portfolio, from 0.", min=0)],
) -> Answer:
    """Show one leaf of a built submission, and its path to the root."""
    from flexbond.fleet.submission import prove_leaf

    shown = prove_leaf(folder, index)
    lines = [
        f"Leaf {index} is 0x{shown.metering_point.hex()}: {shown.silence.name.lower().replace('_', ' ')}.",
        f"Weight {shown.weight_word >> 128:,}, with those before it {shown.weight_word & (1 << 128) - 1:,}.",
        *(full(sibling) for sibling in shown.path),
    ]
    return Answer(value=shown, lines=lines)
