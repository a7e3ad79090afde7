"""Settlement, and looking at where things stand."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flexbond.chain.events import export_events, read_events, to_line
from flexbond.cli.command import Answer, command
from flexbond.cli.quantities import address, chosen
from flexbond.cli.shown import (
    account_lines,
    event_lines,
    outcome_lines,
    short,
    table,
    window,
)
from flexbond.operations import collecting, settlement
from flexbond.operations.history import find_events, logs_of
from flexbond.operations.leaves import events_of_builds
from flexbond.operations.proving import MOST_LEAVES
from flexbond.operations.status import account_status, event_status

if TYPE_CHECKING:
    from flexbond.cli.desk import Desk

OptionalEvent = Annotated[
    str | None, typer.Argument(metavar="EVENT", help="Id of the event, or its beginning; all events by default.")
]
Leaves = Annotated[
    int, typer.Option("--max-leaves", help="Most leaves proven in one transaction.", min=1, max=MOST_LEAVES)
]
Build = Annotated[
    list[Path] | None,
    typer.Option(
        "--build",
        help="Folder of a built submission (`submit build`), for what is sampled; may be repeated for several events.",
    ),
]
Silence = Annotated[
    bool, typer.Option("--accept-silence", help="Submit even an event of which the record book shows no device.")
]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    command(app, "settle", sends=True)(settle)
    command(app, "sweep", sends=True)(sweep)
    command(app, "status")(status)
    command(app, "events")(events)


def settle(
    desk: "Desk",
    event: OptionalEvent = None,
    records: Annotated[
        Path | None, typer.Option("--records", help="The provider's record book; without it, only what anyone can do.")
    ] = None,
    build: Build = None,
    max_leaves: Leaves = MOST_LEAVES,
    accept_silence: Silence = False,
) -> Answer:
    """Bring events to their end: submission, draw, proofs, settlement, as needed. May be stopped and started again."""
    known = find_events(desk.suite)
    wanted = list(known) if event is None else [chosen(event, known, name="event")]
    book = None if records is None else desk.book(records)
    builds = events_of_builds(build or ())
    done = [
        settlement.settle_event(
            desk.suite,
            desk.sender,
            identity,
            records=book,
            build=builds.get(identity),
            max_leaves=max_leaves,
            accept_silence=accept_silence,
            progress=desk.progress,
        )
        for identity in wanted
    ]
    lines = [line for outcome in done for line in outcome_lines(outcome)] or ["There are no events."]
    return Answer(value=done, lines=lines)


def sweep(
    desk: "Desk", pool: Annotated[str, typer.Argument(help="Id of the pool (of its event or right), or its beginning.")]
) -> Answer:
    """Give what customers did not collect in time to whom the rule names."""
    known = {item.pool_id for item in logs_of(desk.suite, "Payouts", "PoolFunded")}
    identity = chosen(pool, known, name="pool")
    amount = collecting.sweep(desk.suite, desk.sender, identity, progress=desk.progress)
    return Answer(value={"poolId": identity, "amount": amount}, lines=["Swept." if amount else "Nothing was left."])


def status(
    desk: "Desk",
    of: Annotated[
        str | None,
        typer.Argument(metavar="ACCOUNT|EVENT", help="An address, or an event's id; all events by default."),
    ] = None,
) -> Answer:
    """Show an account's money and rights, an event's state and sums, or all events."""
    if of is not None and len(of) == 42:
        account = account_status(desk.suite, address(of, name="ACCOUNT"))
        return Answer(value=account, lines=account_lines(account))
    if of is not None:
        event = event_status(desk.suite, chosen(of, find_events(desk.suite), name="event"))
        return Answer(value=event, lines=event_lines(event))
    summaries = [event_status(desk.suite, identity) for identity in find_events(desk.suite)]
    rows = table("Events", "event", "window", "direction", "state", "next")
    for item in summaries:
        rows.add_row(
            short(item.id),
            window(item.key.window_start, item.key.window_end),
            item.key.direction.name.lower(),
            item.status.name.lower(),
            item.next.what,
        )
    return Answer(value=summaries, lines=[rows] if summaries else ["There are no events."])


def events(
    desk: "Desk",
    out: Annotated[
        Path | None, typer.Option(help="File of JSON lines that is brought up to date; standard output by default.")
    ] = None,
) -> Answer:
    """Export the whole event log, from which everything can be rebuilt."""
    suite = desk.suite
    if out is not None:
        added = export_events(suite, out, first_block=suite.first_block)
        return Answer(value={"file": str(out), "added": added}, lines=[f"{added} events were added to {out}."])
    lines = [to_line(record) for record in read_events(suite, first_block=suite.first_block)]
    return Answer(value=[json.loads(line) for line in lines], lines=lines)
