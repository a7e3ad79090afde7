"""`flexbond watch` on Anvil: every lie is rejected by the command, the honest are left alone, whatever happens on the way."""

from __future__ import annotations

import json
import shutil
import signal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flexbond.chain.config import load_config
from flexbond.chain.node import LocalNode, NodeKind, NodeSettings, clone_root
from flexbond.fleet.built import Built
from flexbond.model.types import EventStatus, Fault
from flexbond.operations import money
from flexbond.operations.history import logs_of
from tests.integration.killing_proxy import KillingProxy, When
from tests.integration.shell import Shell
from tests.integration.stage import DAY, HOUR, START, Stage, raised
from tests.integration.test_fleet_anvil import built_by_command, sampled
from tests.integration.test_quote_chain import Played
from tests.integration.watched import Sampled, Scene
from tests.python.watching.lying import LIES, Told
from tests.support.undoing import undone

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path


pytestmark = [pytest.mark.anvil, pytest.mark.slow]

WRONG = 5
UPHELD = {
    "jump": Fault.JUMP,
    "beyond": Fault.OUT_OF_RANGE,
    "overstated": Fault.OTHER_RESPONSE,
    "moved": Fault.OTHER_RESPONSE,
    "silenced": Fault.OTHER_RESPONSE,
    "false_total": Fault.WRONG_END,
    "false_start": Fault.WRONG_START,
    "zero_leaf": Fault.MALFORMED,
    "other_place": Fault.MALFORMED,
    "short_columns": Fault.MALFORMED,
}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, bytes, KillingProxy]]:
    """The stage just after the reading deadline, with an honest build."""
    with raised(NodeKind.ANVIL, tmp_path_factory.mktemp("watched"), Sampled) as stage:
        event = stage.up_to_called()
        shell = Shell(stage.folder, network="anvil", url=stage.url)
        book = str(stage.book_path)
        shell.run("submit", "build", str(stage.folder / "honest"), "--event", f"0x{event.hex()}", "--records", book)
        with KillingProxy(stage.url).serving() as proxy:
            yield stage, event, proxy


@pytest.fixture
def scene(played: tuple[Stage, bytes, KillingProxy], tmp_path: Path) -> Iterator[Scene]:
    """The same for every test."""
    stage, event, proxy = played
    with undone(stage.rpc):
        yield Scene(stage, event, tmp_path, proxy)


@pytest.mark.parametrize("name", list(LIES))
def test_every_lie_is_rejected(scene: Scene, name: str) -> None:
    """Given a lie, and leaves and records in its data, when the watchtower looks, then the submission is rejected and it is rewarded."""
    scene.lie(name)
    report = scene.watch(expected=WRONG)
    (told,) = report["events"]
    assert scene.rejected() == (UPHELD[name], scene.stage.people.attacker.address)
    # What does not follow where no leaf stands cannot be said.
    is_whole = UPHELD[name] is not Fault.MALFORMED
    assert (told["status"], told["checked"]) == ("UNMEASURED", "fully" if is_whole else "partly")
    assert len(told["done"]) == 1
    assert 0 < report["spentWei"] < 10**18
    again = scene.watch(expected=0)
    assert again["events"] == []
    assert list((scene.folder / "watch.sqlite-work").glob("*")) == []


def test_the_honest_are_left_alone(scene: Scene) -> None:
    """Given an honest submission, then everything is checked and nothing is sent."""
    scene.submit(Told.honestly(scene.built))
    report = scene.watch(expected=0)
    (told,) = report["events"]
    assert (told["checked"], told["findings"], told["done"]) == ("fully", [], [])
    assert (report["spentWei"], scene.status) == (0, EventStatus.SUBMITTED)


def test_files_are_as_good_as_a_book(scene: Scene) -> None:
    """Given records as Parquet in place of the book, then the lie is found alike."""
    scene.lie("overstated")
    (scene.data / scene.stage.book_path.name).unlink()
    shutil.copytree(scene.stage.folder / "honest" / "inputs", scene.data / "records")
    (told,) = scene.watch(expected=WRONG)["events"]
    assert (scene.rejected() or ())[0] is Fault.OTHER_RESPONSE
    assert told["notes"] == []


def test_spoilt_files_hide_nothing(scene: Scene) -> None:
    """Given files of the provider's that cannot be read, or are full of false records, then what others hold of it still counts."""
    scene.lie("overstated")
    spoilt = scene.data / "z"
    shutil.copytree(scene.stage.folder / "honest" / "inputs", spoilt)
    (spoilt / "roots.parquet").write_bytes((spoilt / "roots.parquet").read_bytes()[:100])
    table = pq.read_table(spoilt / "records.parquet")
    at = table.schema.get_field_index("salt")
    salts = pa.array([bytes(32)] * len(table), table.schema.field("salt").type)
    pq.write_table(table.set_column(at, "salt", salts), spoilt / "records.parquet")
    (told,) = scene.watch(expected=WRONG)["events"]
    assert (scene.rejected() or ())[0] is Fault.OTHER_RESPONSE
    assert any("records.parquet count for nothing" in note for note in told["notes"])


def test_records_of_others_lead_to_a_demand(scene: Scene) -> None:
    """Given a leaf that openly attested records contradict, then its proof is demanded, and as none comes the submission is rejected."""
    told = Told.honestly(scene.built)
    scene.submit(told.claims({(2, 0): told.entry(2, 0) + 7200}))
    tower = scene.stage.people.attacker
    (poor,) = scene.watch("--demand-fees", "10", expected=WRONG)["events"]
    assert any("0 base units free" in line for line in poor["blocked"])
    money.deposit(scene.stage.suite, scene.stage.sender(tower), tower, scene.stage.token, 5, mint=True, up_to=True)
    (blocked,) = scene.watch(expected=WRONG)["events"]
    assert any("--demand-fees 0" in line for line in blocked["blocked"])
    (demanded,) = scene.watch("--demand-fees", "10", expected=WRONG)["events"]
    assert [line for line in demanded["done"] if "by its records" in line]
    waiting = scene.watch("--demand-fees", "10", expected=WRONG)["events"]
    assert (waiting[0]["done"], scene.status) == ([], EventStatus.SUBMITTED)
    scene.stage.at(scene.stage.rpc.now() + 6 * HOUR)
    scene.watch("--demand-fees", "10", expected=WRONG)
    assert scene.rejected() == (Fault.DEMAND_NOT_MET, tower.address)
    assert scene.stage.suite.escrow.read("free", scene.stage.token, tower.address) >= 5


@pytest.mark.parametrize("when", list(When), ids=lambda when: when.value)
def test_killed_between_seeing_and_challenging(scene: Scene, when: When) -> None:
    """Given a tower that is killed as it sends its challenge, when it is started again, then the challenge has happened once."""
    scene.lie("jump")
    scene.shell.environment["FLEXBOND_RPC"] = scene.proxy.url
    process = scene.shell.popen(*scene.arguments, "--once", "--budget", "1 ether", key="tower")
    scene.proxy.arm(process.kill, at=1, when=when)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    scene.proxy.arm(None)
    assert (scene.rejected() is None) is (when is When.BEFORE)
    report = scene.watch()
    assert scene.rejected() == (Fault.JUMP, scene.stage.people.attacker.address)
    assert 0 < report["spentWei"] < 10**18
    assert scene.watch(expected=0)["events"] == []


@pytest.mark.parametrize("looks", [1, 2])
def test_a_dropped_challenge_is_sent_again(scene: Scene, looks: int) -> None:
    """Given a reorganisation that drops the challenge, seen or not yet, then the tower judges again and challenges again."""
    scene.lie("jump")
    for _ in range(looks):
        scene.watch()
    scene.reorganise(1)
    assert scene.status is EventStatus.SUBMITTED
    report = scene.watch(expected=WRONG)
    assert report["droppedBlocks"] == looks - 1
    assert scene.rejected() == (Fault.JUMP, scene.stage.people.attacker.address)
    assert len(report["events"][0]["done"]) == 1


def test_a_dropped_submission_is_forgotten(scene: Scene) -> None:
    """Given a reorganisation that drops a false submission, and an honest one in its place, then that one is left alone."""
    scene.lie("jump")
    (seen,) = scene.watch("--no-challenge", expected=WRONG)["events"]
    scene.reorganise(1)
    assert scene.watch(expected=0)["events"] == []
    scene.submit(Told.honestly(scene.built))
    (told,) = scene.watch(expected=0)["events"]
    assert (told["checked"], told["findings"]) == ("fully", [])
    assert told["commitment"] != seen["commitment"]


def test_nothing_goes_beyond_the_budget(scene: Scene) -> None:
    """Given a budget that does not reach, then nothing is sent, and it says so; with a larger one it goes on."""
    scene.lie("jump")
    report = scene.watch(budget="1000 gwei", expected=WRONG)
    assert ("of the budget" in report["events"][0]["blocked"][0], report["spentWei"]) == (True, 0)
    assert scene.rejected() is None
    scene.watch(expected=WRONG)
    assert scene.rejected() is not None


def test_without_leaves_nothing_can_be_said(scene: Scene) -> None:
    """Given a submission whose leaves were not published, or not these, then it says so and what is left to buyers."""
    scene.lie("overstated")
    Told.honestly(scene.built).publish(scene.data / "leaves")
    (told,) = scene.watch(expected=0)["events"]
    assert (told["checked"], told["done"]) == ("not checkable", [])
    assert "do not belong to this submission" in told["notes"][0]
    assert "A buyer" in told["notes"][1]
    scene.publish(LIES["overstated"](Told.honestly(scene.built)))
    assert scene.watch(expected=WRONG)["events"][0]["checked"] == "fully"


def test_points_are_drawn_and_what_is_overdue_is_ended(scene: Scene) -> None:
    """Given nobody who draws or proves, then the tower draws after a while, and ends what was not proven in time."""
    scene.submit(Told.honestly(scene.built))
    scene.stage.rpc.request("anvil_mine", "0x28")
    assert scene.watch("--no-draw", expected=0)["events"][0]["done"] == []
    assert len(scene.watch(expected=0)["events"][0]["done"]) == 1
    assert scene.checks.read("check", scene.event).drawn
    scene.stage.at(scene.stage.rpc.now() + 6 * HOUR)
    assert scene.watch("--no-fail", expected=0)["events"][0]["done"] == []
    scene.watch(expected=WRONG)
    assert (scene.rejected() or ())[0] is Fault.NOT_PROVEN


def test_undrawn_too_late_is_ended(scene: Scene) -> None:
    """Given points that nobody drew in time, then the submission is ended."""
    scene.submit(Told.honestly(scene.built))
    scene.stage.rpc.request("anvil_mine", "0x110")
    scene.watch(expected=WRONG)
    assert (scene.rejected() or ())[0] is Fault.NOT_DRAWN


def test_silence_is_excused_where_others_attested(scene: Scene) -> None:
    """Given a home that is said to be silent, and records of it that not the provider anchored, then that is told, and nothing is wrong."""
    told = Told.honestly(scene.built)
    scene.submit(told.claims({(2, 0): 0, (2, 1): 0}))
    (seen,) = scene.watch("--demand-fees", "10", expected=0)["events"]
    assert (seen["withheld"], seen["falseLeaves"], seen["done"], seen["blocked"]) == (1, 0, [], [])
    assert [(one["place"], one["isExcused"]) for one in seen["findings"]] == [(2, True)]


def test_without_a_budget_it_only_watches(scene: Scene) -> None:
    """Given no budget and no key, then lies are told and nothing is sent; a second tower cannot use its state."""
    scene.lie("jump")
    code, out, _ = scene.shell.attempt(*scene.arguments, "--once")
    assert (code, json.loads(out)["events"][0]["findings"][0]["fault"]) == (WRONG, "JUMP")
    code, out, _ = scene.shell.attempt(*scene.arguments, "--once", "--budget", "1 ether", key="tower")
    assert (code, "another deployment, chain or account" in out) == (1, True)
    assert scene.rejected() is None


class _WholePast(Played):
    """The day before the event is known before the notice: no day is missing, so that nothing is filled in."""

    def call(self, right: bytes) -> Any:
        """The stage's."""
        self.at(START + DAY + 60)
        self.sign_until(START + DAY, self.homes)
        return super().call(right)


def test_past_days_are_shown_with_their_histories(tmp_path: Path) -> None:
    """Given an event against past days that were anchored, then a leaf that claims too much is contradicted by all of them on chain."""
    with raised(NodeKind.ANVIL, tmp_path, type("Whole", (_WholePast, sampled("anchored")), {})) as stage:
        assert isinstance(stage, Played)
        _, built = built_by_command(stage, stage.play(), tmp_path / "honest")
        told = Told.honestly(built)
        told.claims({(0, 0): told.entry(0, 0) + 3600}).publish(tmp_path / "data")
        shutil.copy(stage.book_path, tmp_path / "data")
        provider, tower = stage.sender(stage.people.provider), stage.people.attacker
        key = built.event.question.key
        provider.send(stage.suite.spot_checks.transaction("submit", key, told.claim.root, told.totals))
        money.deposit(stage.suite, stage.sender(tower), tower, stage.token, 1, mint=True, up_to=True)
        shell = Shell(tmp_path, network="anvil", url=stage.url, keys={"tower": tower})
        files = "--data", str(tmp_path / "data"), "--state", str(tmp_path / "state")
        spending = "--budget", "1 ether", "--demand-fees", "1"
        code, out, _ = shell.attempt("watch", "--once", *files, *spending, key="tower")
        (seen,) = json.loads(out)["events"]
        assert (code, seen["checked"], seen["falseLeaves"], seen["blocked"]) == (WRONG, "fully", 1, [])
        assert [one["place"] for one in seen["findings"]] == [0]
        assert "Challenge leaf 0 by its records" in seen["done"][0]


def test_a_node_that_goes_away_is_waited_for(tmp_path: Path) -> None:
    """Given a running tower whose node is killed, when the node is back, then it goes on and challenges; it ends when asked to."""
    kind, folder = NodeKind.ANVIL, tmp_path / "data"
    with LocalNode(NodeSettings(kind=kind, timestamp=START)) as node:
        stage = Sampled(node, load_config(kind.value, clone_root() / "config"), tmp_path)
        event = stage.up_to_called()
        shell = Shell(tmp_path, network="anvil", url=stage.url, keys={"tower": stage.people.attacker})
        book, honest = str(stage.book_path), str(tmp_path / "honest")
        shell.run("submit", "build", honest, "--event", f"0x{event.hex()}", "--records", book)
        told = LIES["jump"](Told.honestly(Built.load(tmp_path / "honest")))
        key, checks = told.built.event.question.key, stage.suite.spot_checks
        stage.sender(stage.people.provider).send(checks.transaction("submit", key, told.claim.root, told.totals))
        folder.mkdir()
        arguments = ["--data", str(folder), "--state", str(tmp_path / "watch.sqlite"), "--budget", "1 ether"]
        tower = shell.popen("watch", *arguments, "--poll", "0.2", key="tower")
        try:
            _hear(tower, "not checkable")
            kept = stage.rpc.request("anvil_dumpState")
            node.stop()
            _hear(tower, "Trying again every 2 s")
            told.publish(folder / "leaves")
            with LocalNode(NodeSettings(kind=kind, port=int(stage.url.rpartition(":")[2]), timestamp=START)):
                stage.rpc.request("anvil_loadState", kept)
                _hear(tower, "Challenge leaf 1 (jump)")
                assert logs_of(stage.suite, "SpotChecks", "SubmissionRejected", event_id=event)
                tower.terminate()
                out, _ = tower.communicate(timeout=20)
                assert (tower.returncode, json.loads(out)) == (0, {"interrupted": True})
        finally:
            tower.kill()
            tower.communicate()


def _hear(tower: subprocess.Popen[str], sentence: str) -> None:
    """Waits until the tower says something."""
    assert tower.stderr is not None
    heard = []
    while line := tower.stderr.readline():
        heard.append(line)
        if sentence in line:
            return
    pytest.fail(f"It never said {sentence!r}: {heard}")
