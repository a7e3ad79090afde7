"""The watchtower."""

import re
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flexbond.chain.send import SendSettings
from flexbond.cli.command import Answer, command
from flexbond.cli.quantities import OptionError
from flexbond.cli.shown import short, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flexbond.cli.desk import Desk
    from flexbond.watching.acting import Duties
    from flexbond.watching.tower import Report, Tower

WRONG = 5
"""Exit code of a look that found something false, overdue, or that could not be done."""
_WEI = {"wei": 0, "gwei": 9, "ether": 18}
_BUDGET = re.compile(r"([0-9]{1,30}(?:\.[0-9]{1,18})?)\s*(wei|gwei|ether)", re.ASCII)


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, "watch", signs=True)(watch)


def watch(
    desk: "Desk",
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder with published leaves, record books or Parquet of records; several times: the most trusted first."
        ),
    ] = None,
    state: Annotated[Path, typer.Option(help="File of what the watchtower remembers.")] = Path("watch.sqlite"),
    once: Annotated[bool, typer.Option("--once", help="Look once, report, and end.")] = False,
    budget: Annotated[
        str | None,
        typer.Option(
            help="Most that may ever be spent on gas with this state, such as '0.2 ether'; without it nothing is sent."
        ),
    ] = None,
    demand_fees: Annotated[
        int, typer.Option(help="Base units that may be locked for demands, or lost to them, altogether.", min=0)
    ] = 0,
    demands: Annotated[int, typer.Option(help="Most leaves of a submission demanded at a time.", min=1, max=100)] = 4,
    challenge: Annotated[bool, typer.Option("--challenge/--no-challenge", help="Challenge what is false.")] = True,
    draw: Annotated[bool, typer.Option("--draw/--no-draw", help="Draw points that nobody drew.")] = True,
    draw_after: Annotated[int, typer.Option(help="Blocks that are left to others for drawing.", min=1, max=250)] = 32,
    fail: Annotated[bool, typer.Option("--fail/--no-fail", help="Reject what is overdue.")] = True,
    poll: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.1, max=3_600.0)] = 2.0,
) -> Answer:
    """Follow the chain, check every sampled submission for which there is data, and challenge what is false."""
    from flexbond.watching.acting import Duties  # numba, pyarrow and polars, which few other commands need

    duties = Duties(
        challenge=challenge, draw=draw, draw_after=draw_after, fail=fail, demands=demands, demand_fees=demand_fees
    )
    with _tower(desk, tuple(data or ()), state, None if budget is None else _wei(budget), duties) as tower:
        if once:
            return _told(tower.look())
        with _until_interrupted():
            tower.run(poll_seconds=poll)
    return Answer(value={"interrupted": True}, lines=["Stopped."])


@contextmanager
def _tower(
    desk: "Desk", data: tuple[Path, ...], state: Path, budget_wei: int | None, duties: "Duties"
) -> "Iterator[Tower]":
    """A watchtower, for the length of the block; without a budget it sends nothing."""
    from flexbond.watching.spending import ThriftySender
    from flexbond.watching.state import State
    from flexbond.watching.tower import Tower

    missing = [path for path in data if not path.is_dir()]
    if missing:
        raise OptionError(f"{missing[0]} is no folder.", "Name folders with --data.")
    suite, sender = desk.suite, None
    account = "-" if budget_wei is None else desk.signer.address
    kept = State.open(state, deployment=f"{suite.chain_id}:{suite.spot_checks.address}:{account}")
    try:
        if budget_wei is not None:
            settings = SendSettings(gas_price_wei=desk.config.gas_price_wei)
            sender = ThriftySender(desk.rpc, desk.signer, settings, state=kept, budget_wei=budget_wei)
        yield Tower(
            suite=suite,
            state=kept,
            data=data,
            work=state.with_name(f"{state.name}-work"),
            sender=sender,
            duties=duties,
            progress=desk.progress,
        )
    finally:
        kept.close()


@contextmanager
def _until_interrupted() -> "Iterator[None]":
    """Ends the block at an interrupt, or when the process is asked to end."""

    def end(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, before)


def _told(report: "Report") -> Answer:
    """A look, for machines and for people."""
    rows = table("Submissions under way", "event", "checked", "leaves", "false", "state", "done")
    lines: list[Any] = [rows] if report.attended else ["No sampled submission is under way."]
    for one in report.attended:
        judgement, event = one.judgement, short(one.seen.event_id)
        done = " ".join(one.deeds.done) or "-"
        false = f"{judgement.false_leaves:,}" if judgement.rules else "?"
        rows.add_row(event, judgement.checked.value, f"{judgement.leaves:,}", false, one.status.name.lower(), done)
        lines += [
            f"{event}: leaf {found.place} is false ({found.fault.name.lower().replace('_', ' ')})."
            for found in [found for found in judgement.findings if not found.is_excused][:3]
        ]
        if judgement.withheld:
            lines.append(f"{event}: {judgement.withheld:,} leaves claim silence though records here count.")
        if judgement.unheard:
            lines.append(f"{event}: {judgement.unheard:,} leaves claim what no records here speak of.")
        lines += [f"{event}: {note}" for note in (*judgement.notes, *one.deeds.blocked)]
    lines += list(report.refunded)
    lines.append(f"Block {report.block:,}; {report.spent_wei:,} wei spent.")
    return Answer(value=report.as_json(), lines=lines, exit_code=WRONG if report.is_wrong else 0)


def _wei(text: str) -> int:
    """Raises OptionError."""
    matched = _BUDGET.fullmatch(text.strip())
    if matched is None:
        raise OptionError(f"--budget cannot be {text[:40]}.", "Write it like 0.2 ether, 5000 gwei or 100 wei.")
    whole, _, rest = matched[1].partition(".")
    places = _WEI[matched[2]]
    if len(rest) > places:
        raise OptionError(f"--budget {text[:40]} is no whole number of wei.", "Give fewer decimals.")
    return int(whole + rest.ljust(places, "0"))
