"""Submissions: of an event on chain with its proofs, and of a whole fleet off chain."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flexbond.cli.command import Answer, command
from flexbond.cli.dispatches import EventId
from flexbond.cli.quantities import OptionError, chosen
from flexbond.cli.settle import Leaves, Silence
from flexbond.cli.shown import outcome_lines, table
from flexbond.model.types import DeviceProof
from flexbond.operations import settlement
from flexbond.operations.files import write_document
from flexbond.operations.history import find_events, load_event
from flexbond.operations.proving import MOST_LEAVES
from flexbond.operations.structs import to_json

if TYPE_CHECKING:
    from flexbond.cli.desk import Desk
    from flexbond.fleet.submission import FleetFiles
    from flexbond.model.types import Silence as Reason

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
    records: Annotated[Path | None, typer.Option("--records", help="The provider's record book.")] = None,
    build: Annotated[
        Path | None,
        typer.Option("--build", help="Folder of the built submission, in place of the book where it is sampled."),
    ] = None,
    max_leaves: Leaves = MOST_LEAVES,
    accept_silence: Silence = False,
) -> Answer:
    """Submit an event and prove its leaves, all or those drawn and demanded; go on where an earlier run was stopped."""
    identity = chosen(event, find_events(desk.suite), name="event")
    if records is None and build is None:
        raise OptionError(
            "There is nothing to submit.", "Name the record book with --records, or a folder with --build."
        )
    done = settlement.submit_event(
        desk.suite,
        desk.sender,
        identity,
        records=None if records is None else desk.book(records),
        build=build,
        max_leaves=max_leaves,
        accept_silence=accept_silence,
        progress=desk.progress,
    )
    return Answer(value=done, lines=outcome_lines(done))


def build(
    desk: "Desk",
    folder: Folder,
    event: Annotated[
        str,
        typer.Option(help="What is asked of the fleet (JSON); with a record book the event's id, or its beginning."),
    ],
    records: Annotated[
        list[Path],
        typer.Option(help="Signed records (Parquet); may be given several times. Or the record book, alone."),
    ],
    devices: Annotated[
        Path | None,
        typer.Option(
            help="The portfolio's places, in order (Parquet); without it the chain is asked, and records is a book."
        ),
    ] = None,
    history: Annotated[
        list[Path] | None, typer.Option(help="Opened records of past days (Parquet); may be given several times.")
    ] = None,
    roots: Annotated[
        list[Path] | None,
        typer.Option(help="What the records are kept under (Parquet), for proofs; may be given several times."),
    ] = None,
    processes: Annotated[int, typer.Option(help="That check records; 0: one a core.", min=0, max=64)] = 0,
) -> Answer:
    """Build the submission of a whole fleet: from files without a chain, or from a record book. Goes on where it was stopped."""
    from flexbond.fleet.building import build  # numba, pyarrow and polars, which few other commands need
    from flexbond.fleet.submission import SILENT, FleetFiles

    if devices is None:
        files = _exported(desk, folder, event, [*records, *(history or ()), *(roots or ())])
    else:
        files = FleetFiles(
            event=Path(event),
            devices=devices,
            records=tuple(records),
            history=tuple(history or ()),
            roots=tuple(roots or ()),
        )
    built = build(files, folder, processes=processes, progress=desk.progress)
    reasons = table("Leaves", "reason", "leaves")
    for reason, count in built.counts.items():
        reasons.add_row(reason.name.lower().replace("_", " "), f"{count:,}")
    closing = f"Root 0x{built.tree.root.hex()}; who is silent, and why, is in {folder / SILENT}."
    return Answer(value=built.as_json(), lines=[reasons, closing])


def _exported(desk: "Desk", folder: Path, event: str, given: list[Path]) -> "FleetFiles":
    """The files of a record book, beside the submission. Raises OptionError for more than the book."""
    from flexbond.fleet.exporting import export

    if len(given) != 1:
        raise OptionError("Without --devices there is one record book.", "Name it with --records, or give --devices.")
    identity = chosen(event, find_events(desk.suite), name="--event")
    history = load_event(desk.suite, identity)
    return export(desk.suite, history, desk.book(given[0]), folder / "inputs", progress=desk.progress)


def proof(
    desk: "Desk",
    folder: Folder,
    place: Annotated[
        list[int] | None,
        typer.Option(help="A leaf: the device's place in the portfolio, from 0; may be given several times.", min=0),
    ] = None,
    seed: Annotated[
        str | None, typer.Option(help="What was drawn with: the leaves of all drawn points, in order.")
    ] = None,
    leaf_only: Annotated[
        bool, typer.Option("--leaf-only", help="Without records: the folder alone is enough, its inputs are not read.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="File for the proofs (JSON); with --json they are shown as well.")
    ] = None,
) -> Answer:
    """Show leaves of a built submission with their paths and records, as contracts take them."""
    from flexbond.fleet.built import Built
    from flexbond.fleet.showing import ShownLeaf, context_of, places_of_draws, proofs_of

    if (place is None) == (seed is None):
        raise OptionError("Say which leaves.", "Give --place, once or more, or --seed.")
    built = Built.load(folder)
    places = list(place or ()) if seed is None else places_of_draws(built, _seed(seed))
    rows = built.rows(places)
    if leaf_only:
        shown = tuple(ShownLeaf(leaf=built.leaf_of(row), proof=DeviceProof(records=())) for row in rows)
    else:
        shown = proofs_of(built, places)
    value: dict[str, Any] = {
        "context": to_json(context_of(built)),
        "leaves": [one.as_json()["leaf"] for one in shown],
        "proofs": [] if leaf_only else [one.as_json()["proof"] for one in shown],
    }
    if out is not None:
        write_document(out, value, schema="flexbond/fleet-proofs")
        desk.progress(f"Wrote {out}.")
    lines = []
    for row, one in zip(rows, shown, strict=True):
        records = "" if leaf_only else f" {len(one.proof.records)} records shown."
        lines.append(f"Leaf {row.place} is 0x{row.metering_point.hex()}: {_reason(row.reason)}.{records}")
    return Answer(value=value, lines=lines or ["Nothing is drawn."])


def _reason(reason: "Reason") -> str:
    return reason.name.lower().replace("_", " ")


def _seed(text: str) -> int:
    """Raises OptionError."""
    try:
        seed = int(text, 0)
    except ValueError:
        seed = -1
    if not 0 <= seed < 1 << 96:
        raise OptionError(f"--seed cannot be {text[:40]}.", "Give the 96 bits of PointsDrawn, decimal or 0x.")
    return seed
