"""Single events: their inputs, and what buyers can do about a sampled submission."""

from typing import TYPE_CHECKING, Annotated

import typer

from flexbond.cli import quote
from flexbond.cli.command import Answer, command
from flexbond.cli.dispatches import EventId
from flexbond.cli.quantities import chosen
from flexbond.cli.shown import acceptance_lines
from flexbond.operations import objecting
from flexbond.operations.common import token_at
from flexbond.operations.history import find_events, load_event
from flexbond.units import format_time

if TYPE_CHECKING:
    from flexbond.cli.desk import Desk

Holder = Annotated[str | None, typer.Option(help="For whom; yourself by default.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    event = typer.Typer(help="Single events.", no_args_is_help=True)
    command(event, "inputs")(quote.inputs)
    command(event, "demand", sends=True)(demand)
    command(event, "accept", sends=True)(accept)
    app.add_typer(event, name="event")


def demand(
    desk: "Desk",
    event: EventId,
    place: Annotated[int, typer.Option(help="The leaf: a device's place in the portfolio, from 0.", min=0)],
    holder: Holder = None,
) -> Answer:
    """Demand, as buyer, the proof of a leaf of a sampled submission, for the rule's fee."""
    identity = chosen(event, find_events(desk.suite), name="event")
    account = desk.account(holder, name="--holder")
    done = objecting.demand_proof(desk.suite, desk.sender, identity, place, holder=account, progress=desk.progress)
    token = token_at(desk.suite, load_event(desk.suite, identity).rule.currency)
    state = "proven" if done.is_met else f"to be proven until {format_time(done.until)}"
    return Answer(value=done, lines=[f"Leaf {place}, demanded by {done.by} for {token.show(done.fee)}: {state}."])


def accept(
    desk: "Desk",
    event: EventId,
    yes: Annotated[bool, typer.Option("--yes", help="Accept it; without it, it is only shown.")] = False,
    holder: Holder = None,
) -> Answer:
    """Accept, as buyer, a sampled submission: once all buyers did, nobody waits for challenges. Shows what is accepted first."""
    identity = chosen(event, find_events(desk.suite), name="event")
    account = desk.account(holder, name="--holder")
    token = token_at(desk.suite, load_event(desk.suite, identity).rule.currency)
    if not yes:
        meant = objecting.acceptance_of(desk.suite, identity, account)
        closing = (
            "Nothing was accepted. Accept it with --yes; what was drawn or demanded has to be proven all the same."
        )
        return Answer(value=meant, lines=[*acceptance_lines(meant, token), closing])
    done = objecting.accept(desk.suite, desk.sender, identity, holder=account, progress=desk.progress)
    return Answer(value=done, lines=acceptance_lines(done, token))
