"""The scripts, run by Brownie as its users do."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.chain.deploy import AddressBook
from flexbond.chain.node import NodeKind, clone_root
from flexbond.model.types import EventStatus
from tests.integration.shell import Shell
from tests.integration.stage import raised

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.stage import Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """An event that waits to be settled."""
    with raised(NodeKind.ANVIL, tmp_path_factory.mktemp("scripts")) as stage:
        stage.up_to_called()
        yield stage


def brownie(stage: Stage, script: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """`brownie run`, on the stage's node."""
    shell = Shell(folder, network="anvil", url=stage.url)
    environment = {
        **os.environ,
        **shell.environment,
        "FLEXBOND_PORT": stage.url.rpartition(":")[2],
        "FLEXBOND_JSON": "1",
        **more,
    }
    del environment["FLEXBOND_RPC"]  # the scripts use the node of Brownie's network
    return subprocess.run(
        [str(clone_root() / ".venv" / "bin" / "brownie"), "run", script, "--network", "anvil"],
        cwd=clone_root(),
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def answer(done: subprocess.CompletedProcess[str]) -> Any:
    """What the script says in JSON, among what Brownie says."""
    assert done.returncode == 0, done.stdout + done.stderr
    start = min(place for place in (done.stdout.find("\n{"), done.stdout.find("\n[")) if place >= 0)
    return json.JSONDecoder().raw_decode(done.stdout[start + 1 :])[0]


@pytest.mark.anvil
@pytest.mark.slow
def test_deploy(stage: Stage, tmp_path: Path) -> None:
    """Given a node and a key, when deploy is run, then a suite stands and its address book is written."""
    secret = stage.people.attacker.secret().hex()
    done = answer(brownie(stage, "deploy", tmp_path, FLEXBOND_KEY=secret))
    book = AddressBook.load(stage.rpc, tmp_path / "deployments")
    assert done["contracts"] == book.addresses
    assert done["contracts"] != stage.suite.addresses


@pytest.mark.anvil
@pytest.mark.slow
def test_settle_and_events(stage: Stage, tmp_path: Path) -> None:
    """Given an event to be settled, when settle and then events are run, then it is settled once and the log says so."""
    key = {"FLEXBOND_KEY": stage.people.provider.secret().hex(), "FLEXBOND_RECORDS": str(stage.book_path)}
    done = answer(brownie(stage, "settle", stage.folder, **key))
    assert [item["status"] for item in done] == [EventStatus.MEASURED.name]
    assert len(done[0]["dispatches"]) == 2
    out = tmp_path / "events.jsonl"
    assert answer(brownie(stage, "events", stage.folder, FLEXBOND_OUT=str(out)))["added"] > 0
    names = [json.loads(line)["event"] for line in out.read_text(encoding="utf-8").splitlines()]
    assert names.count("DispatchSettled") == 2


@pytest.mark.anvil
@pytest.mark.slow
def test_without_a_key_it_says_so(stage: Stage, tmp_path: Path) -> None:
    """Given no key, when settle is run, then it ends with one sentence and no traceback."""
    done = brownie(stage, "settle", stage.folder, FLEXBOND_KEY="")
    assert done.returncode == 1
    assert "FLEXBOND_KEY holds no key" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
