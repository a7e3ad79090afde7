"""The whole demonstration: on Anvil once, on Ganache once, and what becomes of its chain when it is stopped."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from flexbond.chain.events import load_events
from flexbond.chain.node import HOST, NodeError, clone_root
from flexbond.demo import fontana, narrate, runner, summary
from flexbond.demo.britain import chapter as british_chapter
from flexbond.demo.britain.chapter import EVENTS as BRITISH_EVENTS
from flexbond.demo.britain.result import BritishResult
from flexbond.demo.fleet import chapter as fleet_chapter
from flexbond.demo.fleet.chapter import EVENTS as FLEET_EVENTS
from flexbond.demo.fleet.result import FleetResult
from flexbond.demo.ledger import Ledger
from flexbond.demo.play import Play
from flexbond.demo.result import ChapterResult, DemoResult, FontanaResult
from flexbond.demo.tell import EVENTS
from tests.integration.fleet_story import require_fleet
from tests.python.demo import british_sample as british
from tests.python.demo import demo_sample as sample

FLEET = 300
"""Homes of the fleet: enough for a relay of a hundred."""
SMALL = 60
COMMAND = [sys.executable, "-c", "from flexbond.cli import main; raise SystemExit(main())"]


@dataclass(frozen=True)
class Run:
    """What a run gave."""

    whole: DemoResult
    out: Path
    seconds: float

    @property
    def result(self) -> FontanaResult:
        assert self.whole.fontana is not None
        return self.whole.fontana

    @property
    def british(self) -> BritishResult:
        assert self.whole.britain is not None
        return self.whole.britain

    @property
    def fleet(self) -> FleetResult:
        assert self.whole.fleet is not None
        return self.whole.fleet


def run_on(network: str, folder: Path, devices: int) -> Run:
    began = time.monotonic()
    result = runner.run(network=network, out=folder, devices=devices)
    return Run(result, folder, time.monotonic() - began)


@pytest.fixture(scope="module")
def on_anvil(tmp_path_factory) -> Run:
    return run_on("anvil", tmp_path_factory.mktemp("anvil"), FLEET)


def require_story(run: Run) -> None:
    """The five windows came out as the model, which knows no chain, says: to the base unit."""
    assert [event.occasion.slug for event in run.result.events] == [
        "evening-1",
        "midday",
        "evening-2",
        "evening-3",
        "uncalled",
    ]
    for event, occasion in zip(run.result.events, sample.plan(), strict=True):
        alone = sample.event(occasion)
        assert [line.settled for line in event.dispatches] == [line.settled for line in alone.dispatches]
        assert [line.periods for line in event.dispatches] == [line.periods for line in alone.dispatches]
        assert event.periods == alone.periods
        assert event.homes == alone.homes
        assert event.root == alone.root
        assert (event.pool.amount, event.pool.remainder) == (alone.pool.amount, alone.pool.remainder)
        assert event.uncalled_availability == alone.uncalled_availability


def require_british_story(run: Run) -> None:
    """The seven windows of October came out as the model, which knows no chain, says: to the base unit, days included."""
    assert [line.window.slug for line in run.british.windows] == [window.slug for window in british.plan()]
    for line in run.british.windows:
        alone = british.line(line.window.slug)
        assert [one.settled for one in line.dispatches] == [one.settled for one in alone.dispatches]
        assert [one.periods for one in line.dispatches] == [one.periods for one in alone.dispatches]
        assert line.periods == alone.periods
        assert line.homes == alone.homes
        assert line.axis == alone.axis
        assert line.days == alone.days
        assert line.passed_over == alone.passed_over
        assert line.what_if == alone.what_if
        assert (line.pool.amount, line.pool.remainder) == (alone.pool.amount, alone.pool.remainder)


def require_statements(run: Run) -> None:
    """Every party has a statement that adds up, nobody's money is missing, and its file says the same."""
    result = run.british
    parties = {party.name: party for party in result.parties}
    assert [one.party for one in result.statements] == [
        "Aggregator",
        "Distribution operator",
        "Transmission operator",
        *result.homes.names,
    ]
    for one in result.statements:
        party = parties[one.party]
        assert one.opening.total + sum(line.amount for line in one.lines) == one.closing.total
        assert one.closing.total + sum(line.amount for line in one.afterwards) == one.final.total
        assert (one.final.free, one.final.locked) == (party.free, party.locked)
        assert one.sum_of("Energy") == party.utilisation
        assert one.sum_of("Penalty") == party.penalties
        rows = list(csv.DictReader((run.out / one.file_name).read_text(encoding="utf-8").splitlines()))
        balances = [row["balance"] for row in rows if row["part"] in ("opening", "closing", "settled")]
        wanted = [f"{balance.total / 10**6:.6f}" for balance in (one.opening, one.closing, one.final)]
        assert balances == wanted
        assert len(rows) == len(one.lines) + len(one.afterwards) + 3
    assert {line.window for one in result.statements for line in (*one.lines, *one.afterwards)} == {
        window.slug for window in british.plan()
    }
    rest = sum(party.free + party.locked for party in result.parties if party.role in ("unclaimed", "pools"))
    assert sum(one.final.total for one in result.statements) + rest == result.owed == result.held


def require_balance(run: Run) -> None:
    """Deposits are withdrawals, free and locked money; what is left over is with the party that the rules name."""
    parties = run.result.parties
    left = sum(party.free + party.locked for party in parties)
    assert run.result.deposited == run.result.withdrawn + left
    assert (run.result.owed, run.result.held) == (left, left)
    assert {party.name: party.free for party in parties if party.free} == {"Unclaimed": left}
    assert left == sum(event.pool.remainder for event in run.result.events)
    assert sum(party.earned for party in parties) == 0
    for party in parties:
        assert party.deposited + party.earned - party.withdrawn == party.free + party.locked


@pytest.mark.anvil
def test_the_story_on_anvil(on_anvil: Run) -> None:
    """Given Anvil, when the demonstration runs, then windows and balances come out, in less than a minute."""
    require_story(on_anvil)
    require_balance(on_anvil)
    assert on_anvil.seconds < 60


@pytest.mark.anvil
def test_the_british_story_on_anvil(on_anvil: Run) -> None:
    """Given Anvil, when the demonstration runs, then October's windows, days, shares and statements come out."""
    require_british_story(on_anvil)
    require_statements(on_anvil)


@pytest.mark.anvil
def test_the_fleet_on_anvil(on_anvil: Run) -> None:
    """Given Anvil, when the demonstration runs, then the fleet is settled by sampling, and the lie is caught and paid for."""
    require_fleet(on_anvil.fleet, FLEET)


@pytest.mark.anvil
def test_the_files(on_anvil: Run) -> None:
    """Given a run, when it ends, then report and log are there, and nothing else."""
    told = (*on_anvil.british.statements, *on_anvil.fleet.statements)
    assert sorted(path.name for path in on_anvil.out.iterdir()) == sorted(
        [EVENTS, BRITISH_EVENTS, FLEET_EVENTS, "report.html", *(one.file_name for one in told)]
    )
    page = (on_anvil.out / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert on_anvil.british.rule_id in page
    assert on_anvil.fleet.false.root in page
    assert 'id="fleet"' in page
    assert 'id="lie"' in page
    for _, address in on_anvil.result.contracts:
        assert address in page


@pytest.mark.anvil
@pytest.mark.parametrize("chapter", ["fontana", "british", "fleet"])
def test_the_log_alone_gives_the_table(on_anvil: Run, chapter: str) -> None:
    """Given a log's file, when an auditor rebuilds the ledger from it, then every party's balances come out."""
    results: dict[str, tuple[ChapterResult, str]] = {
        "fontana": (on_anvil.result, EVENTS),
        "british": (on_anvil.british, BRITISH_EVENTS),
        "fleet": (on_anvil.fleet, FLEET_EVENTS),
    }
    result, name = results[chapter]
    log = list(load_events(on_anvil.out / name))
    assert len(log) == result.log_events
    ledger = Ledger.of(result.token.address, log)
    for party in result.parties:
        account = ledger.accounts[party.address]
        assert (account.free, account.locked) == (party.free, party.locked)
        assert sum(account.moved.values()) == party.free + party.locked


@pytest.mark.anvil
def test_every_action_has_its_gas(on_anvil: Run) -> None:
    """Given a run, when its gas is read, then every action of the story is in it and below the cap."""
    gas = {(line.contract, line.action): line for line in on_anvil.result.gas}
    for action in [
        ("DeviceRegistry", "enrol"),
        ("MeterOracle", "attest"),
        ("MeterOracle", "attestP256"),
        ("FlexibilityMarket", "take"),
        ("Settlement", "dispatch"),
        ("Settlement", "stop"),
        ("Measurement", "nominate"),
        ("Measurement", "submit"),
        ("Measurement", "prove"),
        ("Settlement", "settle"),
        ("Settlement", "settleUncalled"),
        ("Payouts", "collect"),
        ("Payouts", "collectByCapacity"),
        ("Payouts", "sweep"),
    ]:
        assert 0 < gas[action].least <= gas[action].most < 16_700_000
    assert ("Governance", "grantRole") not in gas
    assert {("Rulebook", "publishCalendar"), ("Rulebook", "extendCalendar"), ("MeterOracle", "anchor")} <= {
        (line.contract, line.action) for line in on_anvil.british.gas
    }


@pytest.mark.anvil
def test_it_is_told(on_anvil: Run) -> None:
    """Given a run, when it is told and summed up, then the sums are in both."""
    story = "\n".join(narrate(on_anvil.whole, on_anvil.out))
    assert "home-09 was silent" in story
    assert "home-4 was silent" in story
    assert story.count("batteries are modelled") == 3
    assert "made the whole submission again from the published records and found all 30 false leaves" in story
    told = summary(on_anvil.whole, on_anvil.out)
    assert json.loads(json.dumps(told)) == told
    fleet = told["chapters"].pop("fleet")
    assert (fleet["devices"], fleet["false"]["falseLeaves"]) == (FLEET, FLEET // 10)
    penalised = {name: [window["penalty"] > 0 for window in of["windows"]] for name, of in told["chapters"].items()}
    assert penalised == {
        "fontana": [False, False, True, True, False],
        "british": [False, True, False, True, False, False, True],
    }
    assert told["chapters"]["british"]["windows"][3]["days"] == ["2013-10-20", "2013-10-19"]
    assert told["chapters"]["british"]["windows"][6]["silent"] == ["home-4"]


@pytest.mark.ganache
@pytest.mark.slow
def test_the_story_on_ganache(tmp_path: Path) -> None:
    """Given Ganache, when the demonstration runs, then the same comes out to the base unit."""
    run = run_on("ganache", tmp_path, SMALL)
    require_story(run)
    require_balance(run)
    require_british_story(run)
    require_statements(run)
    require_fleet(run.fleet, SMALL)
    assert "ganache" in run.result.client.lower()


def test_another_network_is_refused(tmp_path: Path) -> None:
    """Given a network that is no local chain, when the demonstration is asked for, then nothing starts."""
    with pytest.raises(NodeError, match="chain of its own, and mainnet is none"):
        runner.run(network="mainnet", out=tmp_path)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def ends(port: int) -> bool:
    """Whether nothing listens any more, at the latest in ten seconds."""
    last = time.monotonic() + 10
    while listens(port) and time.monotonic() < last:
        pass
    return not listens(port)


def test_another_chapter_is_refused(tmp_path: Path) -> None:
    """Given a chapter that there is none of, when it is asked for, then nothing starts."""
    with pytest.raises(runner.ChapterError, match="no chapter Lisbon"):
        runner.run(chapter="Lisbon", out=tmp_path)


@pytest.mark.parametrize("devices", [1, 1_000_000])
def test_a_fleet_of_another_size_is_refused(tmp_path: Path, devices: int) -> None:
    """Given too few homes for a story or too many for the chain, when the fleet is asked for, then nothing starts."""
    with pytest.raises(fleet_chapter.FleetSizeError, match="Ask for 40 to 100,000"):
        runner.run(chapter="fleet", out=tmp_path, devices=devices)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.anvil
def test_one_chapter_alone(tmp_path: Path) -> None:
    """Given one chapter, when it is asked for, then it alone is run, told and shown."""
    result = runner.run(chapter="fontana", out=tmp_path)
    assert result.britain is None
    assert sorted(path.name for path in tmp_path.iterdir()) == [EVENTS, "report.html"]
    assert "Great Britain" not in "\n".join(narrate(result, tmp_path))
    assert list(summary(result, tmp_path)["chapters"]) == ["fontana"]


@pytest.mark.anvil
@pytest.mark.parametrize("chapter", ["fontana", "british", "fleet"])
def test_the_chain_ends_on_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chapter: str) -> None:
    """Given an error in the middle of the story, when it passes through, then the chain has ended and nothing is left behind."""
    ports: list[int] = []

    modules = {"fontana": (fontana, Play), "british": (british_chapter, british_chapter.Play)}
    module, play = modules.get(chapter, (fleet_chapter, fleet_chapter.Play))
    set_up = module.set_up

    def noted(node, homes, folder, say):
        ports.append(node.port)
        return set_up(node, homes, folder, say)

    def broken(self: object) -> None:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(module, "set_up", noted)
    monkeypatch.setattr(play, "perform", broken)
    with pytest.raises(RuntimeError, match="in the middle"):
        runner.run(network="anvil", chapter=chapter, out=tmp_path, devices=SMALL)
    assert not listens(ports[0])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.anvil
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_the_chain_ends_on_interruption(tmp_path: Path, sent: signal.Signals) -> None:
    """Given a run of the command, when it is interrupted or terminated, then it ends with an error and its chain with it."""
    command = [*COMMAND, "demo", "--network", "anvil", "--out", str(tmp_path)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, cwd=clone_root(), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "started anvil on port" in line)
        port = int(line.partition("port ")[2].partition(",")[0])
        assert listens(port)
        process.send_signal(sent)
        process.stderr.read()
        assert process.wait(30) != 0
        # A process that is terminated says nothing more: its chain sees that it is gone, and follows.
        assert ends(port)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


@pytest.mark.anvil
@pytest.mark.slow
def test_the_command_ends_well(tmp_path: Path) -> None:
    """Given the command with --json, when it runs, whole fleet and all, then it exits with 0 and standard output is the summary alone."""
    command = [*COMMAND, "demo", "--network", "anvil", "--out", str(tmp_path), "--json"]
    done = subprocess.run(command, cwd=clone_root(), capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["network"] == "anvil"
    assert told["chapters"]["fleet"]["devices"] == 20_000
    assert Path(told["report"]).is_file()
    for chapter in told["chapters"].values():
        assert Path(chapter["events"]).is_file()
    assert all(Path(path).is_file() for path in told["chapters"]["british"]["statements"])
