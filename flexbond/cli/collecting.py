"""Collection: customers' shares of the pools, from the chain, from the provider's data, or with a claim from there."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flexbond.cli.command import Answer, command
from flexbond.cli.quantities import OptionError, address, chosen, metering_point
from flexbond.cli.settle import Build, OptionalEvent
from flexbond.cli.shown import collection_lines, full, relayed_lines
from flexbond.model.types import WeightClaim
from flexbond.operations import collecting, relaying
from flexbond.operations.common import token_at
from flexbond.operations.files import read_document, require_keys, write_document
from flexbond.operations.history import find_events, load_event
from flexbond.operations.leaves import events_of_builds, shares_for
from flexbond.operations.structs import from_json, to_json

if TYPE_CHECKING:
    from rich.table import Table

    from flexbond.cli.desk import Desk
    from flexbond.operations.leaves import Shares

CLAIM = "flexbond/share-claim"

Records = Annotated[
    Path | None,
    typer.Option("--records", help="The provider's record book, for what was submitted from it and sampled."),
]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    collect = typer.Typer(help="Customers' shares of the pools.", no_args_is_help=True)
    command(collect, "run", sends=True)(run)
    command(collect, "relay", sends=True)(relay)
    command(collect, "proof")(proof)
    app.add_typer(collect, name="collect")


def run(
    desk: "Desk",
    event: OptionalEvent = None,
    claim: Annotated[
        list[Path] | None,
        typer.Option(help="A claim that `collect proof` wrote; may be repeated. Then nothing else is needed."),
    ] = None,
    payee: Annotated[
        list[str] | None, typer.Option(help="For this payee in place of yourself; may be given several times.")
    ] = None,
    records: Records = None,
    build: Build = None,
) -> Answer:
    """Credit your own shares of the pools, as payee. What was sampled needs a claim from the provider, or its data."""
    if claim:
        return _run_claims(desk, claim)
    known = find_events(desk.suite)
    wanted = list(known) if event is None else [chosen(event, known, name="event")]
    payees = [address(item, name="--payee") for item in payee or ()] or [desk.signer.address]
    book = None if records is None else desk.book(records)
    builds = events_of_builds(build or ())
    done: list[collecting.Collection] = []
    lines: list[str | Table] = []
    for identity in wanted:
        history = load_event(desk.suite, identity)
        token = token_at(desk.suite, history.rule.currency)
        build_of = builds.get(identity)
        if event is None and history.checks is not None and book is None and build_of is None:
            lines.append(f"Event {full(identity)} was sampled: collect from it with a claim of the provider (--claim).")
            continue
        for collection in collecting.collect_event(
            desk.suite, desk.sender, identity, payees=payees, records=book, build=build_of, progress=desk.progress
        ):
            done.append(collection)
            lines.extend(collection_lines(collection, token))
    return Answer(value=done, lines=lines or ["No pool is open."])


def _run_claims(desk: "Desk", files: list[Path]) -> Answer:
    value, lines = [], []
    for file in files:
        content = require_keys(read_document(file, schema=CLAIM), {"claim"}, place=str(file))
        claim = from_json(WeightClaim, content["claim"], place=f"{file}, claim")
        credited = collecting.collect_claim(desk.suite, desk.sender, claim, progress=desk.progress)
        value.append({"file": str(file), "place": claim.index, "credited": credited})
        lines.append(f"{file}: {token_at(desk.suite, claim.currency).show(credited)}.")
    return Answer(value=value, lines=lines)


def relay(
    desk: "Desk",
    event: Annotated[
        list[str] | None, typer.Argument(metavar="EVENT...", help="Ids of events, or their beginnings; all by default.")
    ] = None,
    records: Records = None,
    build: Build = None,
    most: Annotated[int | None, typer.Option(help="Stop after so many places.", min=1)] = None,
) -> Answer:
    """Credit the shares of all customers to their payees, neighbours together. Anyone may; may be stopped and started again."""
    known = find_events(desk.suite)
    wanted = list(known) if not event else [chosen(item, known, name="event") for item in event]
    book = None if records is None else desk.book(records)
    done = relaying.relay(
        desk.suite,
        desk.sender,
        list(dict.fromkeys(wanted)),
        records=book,
        builds=events_of_builds(build or ()),
        most=most,
        progress=desk.progress,
    )
    tokens = {token: token_at(desk.suite, token) for token in done.credited}
    return Answer(value=done, lines=relayed_lines(done, tokens))


def proof(
    desk: "Desk",
    point: Annotated[str, typer.Option(help="Metering point: 0x and 32 digits, or a name.")],
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="Folder of the built submission; then no chain is needed.")
    ] = None,
    event: Annotated[
        str | None, typer.Option(help="Without a folder: id of the measured event, or its beginning.")
    ] = None,
    records: Records = None,
    out: Annotated[Path | None, typer.Option(help="File for the claim, for `collect run --claim`.")] = None,
) -> Answer:
    """Show what a metering point's share of an event's pool is claimed with: of a folder, or of an event on chain."""
    shares = _shares(desk, folder, event, records)
    claim = shares.weight_claim(shares.place_of(metering_point(point)))
    if out is not None:
        write_document(out, {"claim": to_json(claim)}, schema=CLAIM)
        desk.progress(f"Wrote {out}.")
    lines = [
        f"Leaf {claim.index}: {claim.weight_word >> 128:,} of {claim.total_weight:,} of the pool's weight.",
        "Anyone may send it: `flexbond collect run --claim` takes what --out writes, `Payouts.collect` what --json shows.",
    ]
    return Answer(value=to_json(claim), lines=lines)


def _shares(desk: "Desk", folder: Path | None, event: str | None, records: Path | None) -> "Shares":
    if folder is not None and event is None:
        from flexbond.fleet.built import Built

        return Built.load(folder)
    if folder is not None or event is None:
        raise OptionError("Say whose share it is.", "Give the folder of the built submission, or --event.")
    known = load_event(desk.suite, chosen(event, find_events(desk.suite), name="--event"))
    return shares_for(desk.suite, known, records=None if records is None else desk.book(records))
