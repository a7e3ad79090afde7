"""The British chapter, from an empty chain to its result, its event log and its statements."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flexbond.chain.events import read_events, write_events
from flexbond.demo.britain.expect import Case, Late, baseline_of, expect
from flexbond.demo.britain.homes import load_homes
from flexbond.demo.britain.lines import window_line
from flexbond.demo.britain.plan import FIRST_DAY, metered, revision, windows
from flexbond.demo.britain.play import Play
from flexbond.demo.britain.result import BritishResult
from flexbond.demo.britain.stage import CUSTOMER_SHARE_BPS, START, set_up
from flexbond.demo.checks import Checks
from flexbond.demo.compare import Comparison, ids_of
from flexbond.demo.gas import gas_since
from flexbond.demo.ground import chain, places_of
from flexbond.demo.outcome import Call
from flexbond.demo.scratch import scratch
from flexbond.demo.statement import statements, write_statement
from flexbond.demo.summary import chapter_summary, sums_of
from flexbond.model.types import Silence
from flexbond.operations.history import load_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.chain.events import EventRecord
    from flexbond.chain.node import NodeKind
    from flexbond.demo.britain.plan import Window
    from flexbond.demo.britain.result import WindowLine
    from flexbond.demo.outcome import Expected
    from flexbond.demo.statement import Statement
    from flexbond.model.types import Call as KnownCall
    from flexbond.operations.progress import Progress

EVENTS: Final = "events-british.jsonl"


def run_britain(kind: NodeKind, out: Path, progress: Progress, *, data: Path | None = None) -> BritishResult:
    """Runs the chapter on a chain of its own; writes its event log and a statement per party into `out`. Raises as `runner.run`."""
    homes = load_homes(data)
    plan = windows(homes)
    shown = metered(homes, plan)
    with (
        scratch(out) as folder,
        chain(kind.value, homes.at(FIRST_DAY, START)) as node,
    ):
        progress(f"Britain: started {kind.value} on port {node.port}, on the last morning of September 2013.")
        stage = set_up(node, homes, folder, progress)
        play = Play(
            stage=stage,
            homes=homes,
            plan=plan,
            metered=shown,
            revision=revision(homes, shown, plan),
            folder=folder,
            say=progress,
        )
        play.perform()
        log = tuple(read_events(stage.suite, first_block=stage.first_block))
        (out / EVENTS).unlink(missing_ok=True)
        write_events(out / EVENTS, log)
        result = _result(play, kind, log)
    titles = {line.window.slug: line.window.title for line in result.windows}
    for statement in result.statements:
        write_statement(out, statement, decimals=result.token.decimals, local=homes.clock.local, titles=titles)
    return result


@dataclass
class _Verifier:
    """Compares a finished play, window by window in their order."""

    play: Play
    comparison: Comparison
    earlier: tuple[KnownCall, ...] = ()
    """Calls of the windows so far."""

    def window(self, window: Window) -> WindowLine:
        """The window's line of the report, every value of it compared. Raises DifferenceError."""
        stage = self.play.stage
        history = load_event(stage.suite, self.play.event_id(window))
        case = self._case(window, tuple(Call(first=one.noticed, last=one.dispatch) for one in history.dispatches))
        expected = expect(case)
        self.comparison.event(window.slug, case, history, expected, swept=False)
        self._compare_baselines(case, expected)
        if case.calls:
            self.earlier += (case.as_call,)
        return window_line(
            case,
            expected,
            ids=ids_of(case, history),
            buyers={signer.address: buyer.value for buyer, signer in stage.cast.buyers.items()},
            dispatch_ids=[f"0x{one.id.hex()}" for one in history.dispatches],
        )

    def _case(self, window: Window, calls: tuple[Call, ...]) -> Case:
        play, stage = self.play, self.play.stage
        late = play.revision
        return Case(
            window=window,
            metered=play.metered,
            lookback=stage.rule_file.lookback,
            calendar_days=play.homes.calendar_days,
            earlier=self.earlier,
            revisions=(Late(revision=late, at=play.revised_at),) if late.window == window.slug else (),
            product=play.products[window.slug],
            rule=stage.rule_file.rule,
            units=window.units,
            places=places_of(stage.suite, stage.portfolio_id, stage.cast.homes[: len(window.homes)]),
            calls=calls,
        )

    def _compare_baselines(self, case: Case, expected: Expected) -> None:
        """The proven baselines are those of the one-device reference, and the contracts know the same calls."""
        answers = expected.measured.answers if expected.measured else ()
        for number, answer in enumerate(answers):
            if answer.silence is Silence.OK:
                found = baseline_of(case, number).baseline_milli_wh
                self.comparison.checks.equal("Baselines of past days", answer.baseline_milli_wh, found)
        if case.calls:
            stage = self.play.stage
            calls = stage.suite.rights.read("callsFrom", stage.portfolio_id, 0, case.window.start)
            self.comparison.checks.equal("Earlier calls", tuple(calls), self.earlier, of=case.window.slug)


def _result(play: Play, kind: NodeKind, log: Sequence[EventRecord]) -> BritishResult:
    """Everything compared, and what the report shows."""
    stage, checks = play.stage, Checks()
    comparison = Comparison(ground=stage, cast=stage.cast, log=log, checks=checks)
    verifier = _Verifier(play=play, comparison=comparison)
    lines = tuple(verifier.window(window) for window in play.plan)
    parties = comparison.parties()
    owed, held = comparison.owed_and_held(parties)
    return BritishResult(
        network=kind.value,
        client=stage.client,
        chain_id=stage.suite.chain_id,
        contracts=tuple(stage.suite.addresses.items()),
        token=stage.token,
        customer_share_bps=CUSTOMER_SHARE_BPS,
        parties=parties,
        owed=owed,
        held=held,
        statements=_statements(play, log, comparison),
        gas=gas_since(stage.suite, stage.deployed_block + 1),
        checks=checks.lines(),
        records=sum(record.records for record in log if record.name == "RecordsAttested"),
        log_events=len(log),
        homes=play.homes,
        rule_file=stage.rule_file,
        rule_id=f"0x{stage.rule_id.hex()}",
        windows=lines,
        history_roots=sum(record.name == "RecordsAnchored" for record in log),
    )


def _statements(play: Play, log: Sequence[EventRecord], comparison: Comparison) -> tuple[Statement, ...]:
    """A statement for everybody who has an account, and the sum of all of them compared."""
    escrow, token = play.stage.suite.escrow, play.stage.token.address
    made = statements(
        log,
        token,
        comparison.named(),
        month=play.homes.month,
        windows={play.event_id(window): window.slug for window in play.plan},
    )
    lines = [line for one in made for line in (*one.lines, *one.afterwards)]
    checks = comparison.checks
    for text in sorted({line.text for line in lines}):
        checks.equal(
            "Kinds of movement, of which the statements' sum is zero", sum(one.sum_of(text) for one in made), 0, of=text
        )
    checks.equal("Balances of all statements", sum(one.final.total for one in made), escrow.read("owed", token))
    for one in made:
        checks.equal("Closing balances", one.final.free, escrow.read("free", token, one.address), of=one.party)
    return tuple(one for one in made if one.role not in ("pools", "unclaimed"))


def britain_summary(result: BritishResult, out: Path) -> dict[str, Any]:
    """The chapter for machines; see `runner.summary`."""
    return {
        **chapter_summary(result, out / EVENTS),
        "rule": {"name": result.rule_file.name, "id": result.rule_id},
        "windows": [_window(line) for line in result.windows],
        "statements": [str(out / statement.file_name) for statement in result.statements],
        "modelled": "the homes' batteries, and the late revision",
    }


def _window(line: WindowLine) -> dict[str, Any]:
    days = line.days[0].days if line.days else ()
    return {
        "name": line.window.slug,
        "start": line.window.start,
        "end": line.window.end,
        **sums_of(line),
        "days": [day.day.isoformat() for day in days],
        "silent": [home.name for home in line.days if home.silence],
    }
