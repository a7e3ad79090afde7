"""The whole demonstration, from an empty chain to the report."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexbond.chain.deploy import write_whole
from flexbond.chain.events import read_events, write_events
from flexbond.chain.node import NodeError, NodeKind
from flexbond.demo.checks import Checks
from flexbond.demo.days import choose
from flexbond.demo.gas import gas_lines
from flexbond.demo.homes import load_homes
from flexbond.demo.plan import metered, occasions
from flexbond.demo.play import Play
from flexbond.demo.report import render
from flexbond.demo.result import DemoResult
from flexbond.demo.stage import WALLET_HOME, chain, rule_ids, set_up
from flexbond.demo.tell import EVENTS, REPORT
from flexbond.demo.terms import CUSTOMER_SHARE_BPS
from flexbond.demo.verify import Verifier
from flexbond.model.types import SignerScheme
from flexbond.operations.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.chain.events import EventRecord
    from flexbond.demo.days import Days
    from flexbond.demo.result import EventLine


def run(
    *, network: str = "anvil", out: Path = Path("out/demo"), progress: Progress = silent, data: Path | None = None
) -> DemoResult:
    """Runs the demonstration on a chain of its own (`anvil` or `ganache`) and writes report and event log into `out`.

    The chain ends with the call, also on errors and interruption. Raises DifferenceError if anything comes out otherwise than the
    reference model says, NodeError, ChainError, MeteringError.
    """
    kind = _kind(network)
    homes = load_homes(data)
    days = choose(homes)
    plan = occasions(homes, days)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".run-") as folder, chain(kind.value, homes) as node:
        progress(f"Started {kind.value} on port {node.port}, at the data's first morning.")
        stage = set_up(node, homes, Path(folder), progress)
        play = Play(
            stage=stage,
            homes=homes,
            plan=plan,
            metered=metered(homes, plan),
            folder=Path(folder),
            say=progress,
        )
        play.perform()
        log = tuple(read_events(stage.suite, first_block=stage.first_block))
        (out / EVENTS).unlink(missing_ok=True)
        write_events(out / EVENTS, log)
        result = _result(play, kind, days, log)
    write_whole(out / REPORT, render(result))
    progress(f"Wrote {out / REPORT} and {out / EVENTS}.")
    return result


def _kind(network: str) -> NodeKind:
    try:
        return NodeKind(network)
    except ValueError:
        raise NodeError(
            f"The demonstration runs on a chain of its own, and {network} is none.",
            "Use --network anvil or --network ganache.",
        ) from None


def _result(play: Play, kind: NodeKind, days: Days, log: Sequence[EventRecord]) -> DemoResult:
    """Everything compared, and what the report shows."""
    stage, homes, checks = play.stage, play.homes, Checks()
    verifier = Verifier(play=play, log=log, checks=checks)
    events = tuple(verifier.event(occasion) for occasion in play.plan)
    parties = verifier.parties()
    owed, held = verifier.owed_and_held(parties)
    letters = rule_ids(stage)
    return DemoResult(
        network=kind.value,
        client=stage.client,
        chain_id=stage.suite.chain_id,
        contracts=tuple(stage.suite.addresses.items()),
        token=stage.token,
        customer_share_bps=CUSTOMER_SHARE_BPS,
        rules=tuple((letter.value, f"0x{letters[letter].hex()}", rule) for letter, rule in stage.rules.items()),
        p256_homes=tuple(home.name for home in stage.cast.homes if home.device.scheme is SignerScheme.P256),
        wallet_homes=(WALLET_HOME,),
        first_day=homes.first_day,
        days=len(homes.days),
        drift=days.drift,
        events=events,
        parties=parties,
        owed=owed,
        held=held,
        gas=gas_lines(stage.suite, stage.deployed_block + 1),
        checks=checks.lines(),
        records=sum(record.records for record in log if record.name == "RecordsAttested"),
        log_events=len(log),
    )


def summary(result: DemoResult, out: Path) -> dict[str, Any]:
    """The run for machines: what was paid, penalised and earned, and where report and log are. Money in base units."""
    return {
        "network": result.network,
        "chainId": result.chain_id,
        "report": str(out / REPORT),
        "events": str(out / EVENTS),
        "token": {"symbol": result.token.symbol, "decimals": result.token.decimals},
        "windows": [_window(event) for event in result.events],
        "parties": [
            {
                "name": party.name,
                "address": party.address,
                "deposited": party.deposited,
                "earned": party.earned,
                "withdrawn": party.withdrawn,
                "free": party.free,
                "locked": party.locked,
            }
            for party in result.parties
        ],
        "comparisons": sum(check.count for check in result.checks),
        "modelled": "the homes' batteries",
    }


def _window(event: EventLine) -> dict[str, Any]:
    return {
        "name": event.occasion.slug,
        "start": event.occasion.start,
        "end": event.occasion.end,
        "orderedMilliWh": [line.ordered for line in event.periods],
        "responseMilliWh": [line.response for line in event.periods],
        "pay": sum(line.settled.pay for line in event.dispatches),
        "availability": sum(line.settled.availability for line in event.dispatches) + event.uncalled_availability,
        "penalty": sum(line.settled.penalty for line in event.dispatches),
        "pool": event.pool.amount,
    }
