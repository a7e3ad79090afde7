"""The fleet chapters, from an empty chain to their result, event log and statements. Both have one chain, and one fleet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flexbond.chain.events import read_events, write_events
from flexbond.chain.node import NodeKind
from flexbond.demo.checks import Checks
from flexbond.demo.compare import Comparison
from flexbond.demo.fleet.homes import DAYS, Resampled, day_start
from flexbond.demo.fleet.plan import evenings
from flexbond.demo.fleet.play import Play
from flexbond.demo.fleet.result import FleetResult
from flexbond.demo.fleet.sending import BLOCK_GAS
from flexbond.demo.fleet.stage import START_BEFORE, Stage, set_up
from flexbond.demo.fleet.verify import Verifier
from flexbond.demo.gas import actions, gas_lines
from flexbond.demo.ground import chain
from flexbond.demo.homes import load_homes
from flexbond.demo.scratch import scratch
from flexbond.demo.statement import statements, write_statement
from flexbond.demo.summary import chapter_summary
from flexbond.demo.terms import CUSTOMER_SHARE_BPS, DAY
from flexbond.demo.text import FONTANA
from flexbond.errors import FlexbondError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.chain.events import EventRecord
    from flexbond.demo.cast import Home
    from flexbond.demo.fleet.result import FalseLine, HonestLine
    from flexbond.demo.homes import Homes
    from flexbond.demo.statement import Statement
    from flexbond.operations.progress import Progress

EVENTS: Final = "events-fleet.jsonl"
STORY: Final = "fleet"
DEVICES: Final = {NodeKind.ANVIL: 20_000, NodeKind.GANACHE: 200}
"""Homes of the fleet: as many as a chain takes in well under a minute."""
LEAST: Final = 40
"""Homes: with fewer, draws and a lie show nothing."""
MOST: Final = 100_000
"""Homes: beyond, the chain's own state takes too long."""


class FleetSizeError(FlexbondError):
    """A fleet that the demonstration cannot show."""


def run_fleet(
    kind: NodeKind, out: Path, progress: Progress, *, devices: int | None = None, data: Path | None = None
) -> FleetResult:
    """Runs both chapters on a chain of their own; writes the event log and statements into `out`.

    Raises FleetSizeError, and as `runner.run`.
    """
    count = DEVICES[kind] if devices is None else devices
    if not LEAST <= count <= MOST:
        raise FleetSizeError(f"A fleet of {count:,} homes.", f"Ask for {LEAST} to {MOST:,}.")
    homes = load_homes(data)
    with (
        scratch(out) as folder,
        chain(kind.value, day_start(0) - START_BEFORE, block_gas=BLOCK_GAS) as node,
    ):
        progress(
            f"Fleet: started {kind.value} on port {node.port}; {count:,} homes are resampled from {len(homes.names)} real ones."
        )
        stage = set_up(node, count, folder, progress)
        play = Play(
            stage=stage,
            homes=homes,
            fleet=Resampled.of(homes, count),
            plan=evenings(count),
            folder=folder,
            say=progress,
        )
        play.perform()
        progress("Comparing every home with the model, and the log with the chain.")
        log = tuple(read_events(stage.suite, first_block=stage.first_block))
        (out / EVENTS).unlink(missing_ok=True)
        write_events(out / EVENTS, log)
        result = _result(play, kind, homes, log)
    titles = {evening.slug: evening.title for evening in (result.honest.evening, result.false.evening)}
    for statement in result.statements:
        write_statement(out, statement, decimals=result.token.decimals, local=FONTANA.local, titles=titles)
    return result


def _result(play: Play, kind: NodeKind, homes: Homes, log: Sequence[EventRecord]) -> FleetResult:
    """Everything compared, and what the report shows."""
    stage, checks = play.stage, Checks()
    comparison = Comparison(
        ground=stage,
        cast=stage.players_with(_paid(stage, log)),
        log=log,
        checks=checks,
        others=(("Watchtower", "watchtower", stage.watchtower.address),),
    )
    verifier = Verifier(play=play, comparison=comparison)
    first, second = play.plan
    honest = verifier.honest(verifier.told(first))
    false = verifier.false(verifier.told(second))
    parties = comparison.parties()
    owed, held = comparison.owed_and_held(parties)
    end = stage.suite.rpc.block_number()
    ordinary = [*range(stage.deployed_block + 1, stage.enrolling_block + 1), *range(stage.enrolled_block + 1, end + 1)]
    return FleetResult(
        network=kind.value,
        client=stage.client,
        chain_id=stage.suite.chain_id,
        contracts=tuple(stage.suite.addresses.items()),
        token=stage.token,
        customer_share_bps=CUSTOMER_SHARE_BPS,
        parties=parties,
        owed=owed,
        held=held,
        gas=gas_lines(stage.suite, actions(stage.suite, ordinary)),
        checks=checks.lines(),
        records=sum(len(day.signatures) for day in play.days.values()),
        log_events=len(log),
        devices=len(play.fleet),
        real_homes=len(homes.names),
        real_days=len(homes.days),
        rule=stage.rule,
        rule_id=f"0x{stage.rule_id.hex()}",
        honest=honest,
        false=false,
        statements=_statements(play, log, comparison),
    )


def _paid(stage: Stage, log: Sequence[EventRecord]) -> tuple[Home, ...]:
    """The homes that were credited something, in the order of their places."""
    payees = {
        payee
        for record in log
        if record.name == "CollectedMany"
        for payee, amount in zip(record.payees, record.amounts, strict=True)
        if amount
    }
    payees |= {record.payee for record in log if record.name == "Collected"}
    return tuple(home for home in stage.cast.homes if home.customer.address in payees)


def _statements(play: Play, log: Sequence[EventRecord], comparison: Comparison) -> tuple[Statement, ...]:
    """Of everybody who sent or withdrew something; the sum of all parties' compared."""
    escrow, token = play.stage.suite.escrow, play.stage.token.address
    made = statements(
        log,
        token,
        comparison.named(),
        month=(day_start(0) - START_BEFORE, day_start(DAYS) + 30 * DAY),
        windows={play.event_id(evening): evening.slug for evening in play.plan},
        story=STORY,
    )
    checks = comparison.checks
    checks.equal("Balances of all statements", sum(one.final.total for one in made), escrow.read("owed", token))
    for one in made:
        checks.equal("Closing balances", one.final.free, escrow.read("free", token, one.address), of=one.party)
    own = play.stage.cast.homes[play.own_place].name
    return tuple(one for one in made if one.role in ("aggregator", "buyer", "watchtower") or one.party == own)


def fleet_summary(result: FleetResult, out: Path) -> dict[str, Any]:
    """The chapters for machines; see `runner.summary`."""
    return {
        **chapter_summary(result, out / EVENTS),
        "devices": result.devices,
        "rule": result.rule_id,
        "statements": [str(out / statement.file_name) for statement in result.statements],
        "honest": _honest(result.honest),
        "false": _false(result.false),
        "modelled": "the homes' batteries; the homes are resampled from real ones",
    }


def _honest(line: HonestLine) -> dict[str, Any]:
    settled = [one.settled for one in line.settled.dispatches]
    return {
        "orderedMilliWh": [period.ordered for period in line.settled.periods],
        "responseMilliWh": [period.response for period in line.settled.periods],
        "pay": sum(one.pay for one in settled),
        "availability": sum(one.availability for one in settled),
        "penalty": sum(one.penalty for one in settled),
        "pool": line.settled.pool.amount,
        "bond": line.bond,
        "drawn": [point.place for point in line.drawn],
        "proven": line.costs.proven,
        "gas": {step.title: step.gas for step in line.costs.steps},
        "gasPerProvenLeaf": line.costs.gas_per_leaf,
        "gasPerEnrolment": line.costs.enrolment.gas_per_home,
    }


def _false(line: FalseLine) -> dict[str, Any]:
    return {
        "orderedMilliWh": list(line.ordered),
        "trueMilliWh": list(line.true),
        "claimedMilliWh": list(line.claimed),
        "falseLeaves": line.false_leaves,
        "challenged": line.challenged,
        "fault": line.fault.name,
        "bond": line.bond,
        "reward": line.reward,
        "forBuyers": line.for_buyers,
        "penalty": line.penalty,
        "gain": line.gain,
        "cost": line.cost,
    }
