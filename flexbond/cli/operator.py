"""What the market operator does: grids and participants; rules have a module of their own."""

from typing import TYPE_CHECKING, Annotated

import typer

from flexbond.cli.command import Answer, command
from flexbond.cli.quantities import address, named_bytes32, seconds
from flexbond.model.types import Grid
from flexbond.operations import governing
from flexbond.units import format_time, utc_seconds

if TYPE_CHECKING:
    from flexbond.cli.desk import Desk


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    grid = typer.Typer(help="Grids of record slots.", no_args_is_help=True)
    command(grid, "publish", sends=True)(publish_grid)
    app.add_typer(grid, name="grid")
    participant = typer.Typer(help="Buyers and providers.", no_args_is_help=True)
    command(participant, "qualify", sends=True)(qualify)
    app.add_typer(participant, name="participant")


def publish_grid(
    desk: "Desk",
    period: Annotated[str, typer.Option(help="Length of one reading, such as 15 min.")],
    readings: Annotated[int, typer.Option(help="Readings of one record, 1 to 100.", min=1, max=100)],
    offset: Annotated[str, typer.Option(help="Start of the slots after midnight UTC, such as 7 h.")] = "0 s",
) -> Answer:
    """Publish a grid of record slots, unless it stands."""
    grid = Grid(period_seconds=seconds(period), readings_per_slot=readings, offset_seconds=seconds(offset))
    number = governing.publish_grid(desk.suite, desk.sender, grid, progress=desk.progress)
    return Answer(value={"gridId": number, "grid": grid}, lines=[f"Grid {number}."])


def qualify(
    desk: "Desk",
    account: Annotated[str, typer.Argument(help="Address of the participant.")],
    until: Annotated[str, typer.Option(help="Until when, ISO-8601 with zone.")],
    buyer: Annotated[bool, typer.Option("--buyer", help="May buy.")] = False,
    provider: Annotated[bool, typer.Option("--provider", help="May provide.")] = False,
    credential: Annotated[str | None, typer.Option(help="Name or hash of the credentials seen.")] = None,
) -> Answer:
    """Qualify a participant as buyer or provider, or neither."""
    who, expiry = address(account, name="ACCOUNT"), utc_seconds(until)
    seen = bytes(32) if credential is None else named_bytes32(credential)
    governing.qualify(
        desk.suite,
        desk.sender,
        who,
        buyer=buyer,
        provider=provider,
        expiry=expiry,
        credential_hash=seen,
        progress=desk.progress,
    )
    parts = " and ".join(name for name, held in (("buyer", buyer), ("provider", provider)) if held)
    return Answer(
        value={"account": who, "buyer": buyer, "provider": provider, "until": expiry},
        lines=[f"{who} is qualified as {parts or 'neither buyer nor provider'} until {format_time(expiry)}."],
    )
