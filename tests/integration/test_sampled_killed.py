"""`flexbond settle` of a sampled submission is killed (SIGKILL) at every transaction it sends, before and right after the node has it, and
started again.

A demanded leaf is to be proven too. What has to be waited for is brought about between runs: the block that draws, and the end of the
challenge window.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.chain.clock import mine_blocks
from flexbond.chain.events import read_events
from flexbond.chain.node import NodeKind
from flexbond.operations import objecting
from flexbond.operations.history import load_event
from tests.integration.killing_proxy import KillingProxy, When
from tests.integration.sampled import SampledStage
from tests.integration.shell import Shell
from tests.integration.stage import raised
from tests.support.undoing import back_to, keep

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

pytestmark = [pytest.mark.anvil, pytest.mark.slow]

ONCE = (
    "EventSubmitted",
    "Bonded",
    "PointsDrawn",
    "DemandMet",
    "EventMeasured",
    "DispatchSettled",
    "RightSettled",
    "PoolOpened",
)
PATIENCE = 60
"""s; a run takes about one."""


class Scene:
    """A submitted event of which a leaf is demanded, at a point of its way, and a proxy between the command and the chain."""

    def __init__(self, stage: SampledStage, proxy: KillingProxy) -> None:
        self.stage = stage
        self.proxy = proxy
        self.event = stage.up_to_called()
        self.shell = Shell(stage.folder, network="anvil", url=proxy.url, keys={"provider": stage.people.provider})
        self._begin = keep(stage.rpc)

    def rewind(self) -> None:
        """The chain as it was before anything was submitted."""
        back_to(self.stage.rpc, self._begin)
        self._begin = keep(self.stage.rpc)

    def start(self) -> subprocess.Popen[str]:
        """The command: two leaves at a time, so that there is more to interrupt."""
        event, book = f"0x{self.event.hex()}", str(self.stage.book_path)
        return self.shell.popen("settle", event, "--records", book, "--max-leaves", "2", key="provider")

    def run(self, kill_at: int = 0, when: When = When.BEFORE) -> int:
        """Runs the command to its end, or kills it at its transaction `kill_at`; how many transactions it sent."""
        process = self.start()
        self.proxy.arm(process.kill if kill_at else None, at=kill_at, when=when)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == (-signal.SIGKILL if kill_at else 0), out + err
        while int(self.stage.rpc.request("txpool_status")["pending"], 16):
            self.stage.rpc.request("evm_mine")
        return self.proxy.sent

    def demand(self) -> None:
        """By a buyer, of a leaf."""
        buyer = self.stage.sender(self.stage.people.buyer)
        objecting.demand_proof(self.stage.suite, buyer, self.event, 3)

    def go_on(self) -> None:
        """Bring about what is waited for."""
        stage = self.stage
        checks = load_event(stage.suite, self.event).checks
        assert checks is not None
        if not checks.is_drawn:
            mine_blocks(stage.rpc.w3, max(1, checks.draw_block + 1 - stage.rpc.block_number()))
        elif checks.proven == checks.points and not checks.open_demands:
            stage.at(checks.challenge_until)

    def state(self) -> dict[str, Any]:
        """All money of the suite, and what must have happened once."""
        stage = self.stage
        people = [getattr(stage.people, name) for name in stage.people.__dataclass_fields__]
        accounts = [person.address for person in people]
        free = stage.suite.escrow.read_many("free", [(stage.token, account) for account in accounts])
        log = [record.name for record in read_events(stage.suite, first_block=stage.suite.first_block)]
        return {
            "free": dict(zip(accounts, free, strict=True)),
            "owed": stage.suite.escrow.read("owed", stage.token),
            "pending": stage.suite.settlement.read("pending", self.event),
            "once": {name: log.count(name) for name in ONCE},
        }


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """An event with attested records and two dispatches, after the reading deadline."""
    folder = tmp_path_factory.mktemp("killed")
    with raised(NodeKind.ANVIL, folder, SampledStage) as stage, KillingProxy(stage.url).serving() as proxy:
        assert isinstance(stage, SampledStage)
        yield Scene(stage, proxy)


STRETCHES = 3
"""Submission; draw, demand and points; the end. What has to be waited for lies between them."""


def play(scene: Scene, sent: list[int], when: When | None) -> dict[str, Any]:
    """The whole way; where it led. With `when`, the command is killed at each of its transactions, of which `sent` has the numbers."""
    scene.rewind()
    for stretch in range(STRETCHES):
        if when is None:
            sent.append(scene.run())
        elif when is When.AFTER:
            for _ in range(sent[stretch]):
                scene.run(1, when)
        else:
            # It dies before its second transaction: with the first it gets one further each time.
            for _ in range(sent[stretch] - 1):
                scene.run(2, when)
            assert scene.run() == 1
        if stretch == 0:
            scene.demand()
        if stretch < STRETCHES - 1:
            scene.go_on()
    return scene.state()


@pytest.fixture(scope="module")
def undisturbed(scene: Scene) -> tuple[list[int], dict[str, Any]]:
    """How many transactions each stretch takes, and what they lead to."""
    sent: list[int] = []
    return sent, play(scene, sent, None)


def test_undisturbed_all_happens_once(undisturbed: tuple[list[int], dict[str, Any]]) -> None:
    """Given a sampled event with a demanded leaf, when nothing disturbs, then each step takes its transactions, and nothing is left."""
    sent, state = undisturbed
    submit, proofs, end = sent
    assert (submit, end) == (2, 3)
    assert proofs >= 3
    assert state["pending"] == 0
    assert all(
        count == (2 if name == "DispatchSettled" else 1)
        for name, count in state["once"].items()
        if name != "PoolOpened"
    )


@pytest.mark.parametrize("when", list(When), ids=lambda when: when.value)
def test_killed_everywhere_it_ends_alike(
    scene: Scene, undisturbed: tuple[list[int], dict[str, Any]], when: When
) -> None:
    """Given a command killed at every transaction, when it is started again, then all is as if nothing had happened, and happens once."""
    sent, expected = undisturbed
    assert play(scene, sent, when) == expected
    assert scene.run() == 0
