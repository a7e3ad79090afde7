"""The Fontana chapter, from an empty chain to its result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexbond.chain.events import read_events, write_events
from flexbond.demo.checks import Checks
from flexbond.demo.compare import Comparison
from flexbond.demo.days import choose
from flexbond.demo.gas import gas_since
from flexbond.demo.ground import chain
from flexbond.demo.homes import load_homes, local_time
from flexbond.demo.plan import metered, occasions
from flexbond.demo.play import Play
from flexbond.demo.result import FontanaResult
from flexbond.demo.scratch import scratch
from flexbond.demo.stage import START_HOUR, WALLET_HOME, rule_ids, set_up
from flexbond.demo.summary import chapter_summary, sums_of
from flexbond.demo.tell import EVENTS
from flexbond.demo.terms import CUSTOMER_SHARE_BPS
from flexbond.demo.verify import Verifier
from flexbond.model.types import SignerScheme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.chain.events import EventRecord
    from flexbond.chain.node import NodeKind
    from flexbond.demo.days import Days
    from flexbond.demo.result import EventLine
    from flexbond.operations.progress import Progress


def run_fontana(kind: NodeKind, out: Path, progress: Progress, *, data: Path | None = None) -> FontanaResult:
    """Runs the chapter on a chain of its own and writes its event log into `out`. Raises as `runner.run`."""
    homes = load_homes(data)
    days = choose(homes)
    plan = occasions(homes, days)
    with (
        scratch(out) as folder,
        chain(kind.value, local_time(homes.first_day, START_HOUR)) as node,
    ):
        progress(f"Fontana: started {kind.value} on port {node.port}, at the data's first morning.")
        stage = set_up(node, homes, folder, progress)
        play = Play(
            stage=stage,
            homes=homes,
            plan=plan,
            metered=metered(homes, plan),
            folder=folder,
            say=progress,
        )
        play.perform()
        log = tuple(read_events(stage.suite, first_block=stage.first_block))
        (out / EVENTS).unlink(missing_ok=True)
        write_events(out / EVENTS, log)
        return _result(play, kind, days, log)


def _result(play: Play, kind: NodeKind, days: Days, log: Sequence[EventRecord]) -> FontanaResult:
    """Everything compared, and what the report shows."""
    stage, homes, checks = play.stage, play.homes, Checks()
    comparison = Comparison(ground=stage, cast=stage.cast, log=log, checks=checks)
    verifier = Verifier(play=play, comparison=comparison)
    events = tuple(verifier.event(occasion) for occasion in play.plan)
    parties = comparison.parties()
    owed, held = comparison.owed_and_held(parties)
    letters = rule_ids(stage)
    return FontanaResult(
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
        gas=gas_since(stage.suite, stage.deployed_block + 1),
        checks=checks.lines(),
        records=sum(record.records for record in log if record.name == "RecordsAttested"),
        log_events=len(log),
    )


def fontana_summary(result: FontanaResult, out: Path) -> dict[str, Any]:
    """The chapter for machines; see `runner.summary`."""
    return {
        **chapter_summary(result, out / EVENTS),
        "windows": [_window(event) for event in result.events],
        "modelled": "the homes' batteries",
    }


def _window(event: EventLine) -> dict[str, Any]:
    return {"name": event.occasion.slug, "start": event.occasion.start, "end": event.occasion.end, **sums_of(event)}
