"""`flexbond settle` is killed (SIGKILL) at every transaction it sends, before and right after the node has it, and started again."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.chain.events import read_events
from flexbond.chain.node import NodeKind
from tests.integration.killing_proxy import KillingProxy, When
from tests.integration.shell import Shell
from tests.integration.stage import raised
from tests.support.undoing import back_to, keep

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.integration.stage import Stage

ONCE = ("EventSubmitted", "LeafProven", "EventMeasured", "DispatchSettled", "RightSettled", "PoolOpened", "PoolFunded")
PATIENCE = 60
"""s; a run takes about one."""


class Scene:
    """An event that waits to be settled, and a proxy between the command and the chain."""

    def __init__(self, stage: Stage, proxy: KillingProxy) -> None:
        self.stage = stage
        self.proxy = proxy
        self.event = stage.up_to_called()
        self.shell = Shell(stage.folder, network="anvil", url=proxy.url, keys={"provider": stage.people.provider})
        self.begin = stage.rpc.block_number()
        self._snapshot = keep(stage.rpc)

    def rewind(self) -> None:
        """The chain as it was before anything was settled."""
        back_to(self.stage.rpc, self._snapshot)
        self._snapshot = keep(self.stage.rpc)

    def settle(self) -> subprocess.Popen[str]:
        """Start the command: leaves one by one, so that there is more to interrupt."""
        book = str(self.stage.book_path)
        event = f"0x{self.event.hex()}"
        return self.shell.popen("settle", event, "--records", book, "--max-leaves", "1", key="provider")

    def settle_killed(self, at: int, when: When) -> None:
        """Start the command, and kill it at its transaction number `at`."""
        process = self.settle()
        self.proxy.arm(process.kill, at=at, when=when)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == -signal.SIGKILL

    def mined(self) -> int:
        """How many transactions the chain has taken; a node answers a sender before it mines."""
        rpc = self.stage.rpc
        while int(rpc.request("txpool_status")["pending"], 16):
            rpc.request("evm_mine")
        return sum(
            rpc.request("eth_getBlockTransactionCountByNumber", hex(number)) != "0x0" for number in self._blocks()
        )

    def _blocks(self) -> range:
        return range(self.begin + 1, self.stage.rpc.block_number() + 1)

    def settle_whole(self) -> int:
        """Run the command to its end; how many transactions it sent."""
        self.proxy.arm(None)
        process = self.settle()
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, out + err
        return self.proxy.sent

    def state(self) -> dict[str, Any]:
        """All money of the suite, and what the log says of the settlement, times left out."""
        stage = self.stage
        people = [getattr(stage.people, name) for name in stage.people.__dataclass_fields__]
        accounts = [*(person.address for person in people), *(each.customer.address for each in stage.homes)]
        free = stage.suite.escrow.read_many("free", [(stage.token, account) for account in accounts])
        log = list(read_events(stage.suite, first_block=self.begin + 1))
        return {
            "free": dict(zip(accounts, free, strict=True)),
            "owed": stage.suite.escrow.read("owed", stage.token),
            "pending": stage.suite.settlement.read("pending", self.event),
            "outcome": stage.suite.measurement.read("commitment", self.event),
            "transactions": self.mined(),
            "log": [_timeless(record) for record in log if record.name in ONCE],
            "paid": [record.args for record in log if record.name in ("Paid", "Divided")],
        }


def _timeless(record: Any) -> tuple[Any, ...]:
    return (record.name, *(value for name, value in record.args._asdict().items() if name != "opened_at"))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """An event with attested records and two dispatches, after the reading deadline."""
    with raised(NodeKind.ANVIL, tmp_path_factory.mktemp("killed")) as stage, KillingProxy(stage.url).serving() as proxy:
        yield Scene(stage, proxy)


@pytest.fixture(scope="module")
def undisturbed(scene: Scene) -> tuple[int, dict[str, Any]]:
    """How many transactions settling takes, and what it leads to."""
    sent = scene.settle_whole()
    return sent, scene.state()


@pytest.mark.anvil
@pytest.mark.slow
def test_undisturbed_it_takes_a_submission_three_proofs_two_dispatches_and_a_right(
    undisturbed: tuple[int, dict[str, Any]],
) -> None:
    """Given three leaves, two dispatches and an uncalled unit, when nothing disturbs, then seven transactions are sent."""
    sent, state = undisturbed
    assert sent == 7
    assert state["pending"] == 0
    assert [entry[0] for entry in state["log"]].count("LeafProven") == 3


@pytest.mark.anvil
@pytest.mark.slow
@pytest.mark.parametrize("when", list(When), ids=lambda when: when.value)
@pytest.mark.parametrize("at", range(1, 8))
def test_killed_anywhere_it_ends_alike(
    scene: Scene, undisturbed: tuple[int, dict[str, Any]], at: int, when: When
) -> None:
    """Given a run killed at a transaction, when it is started again, then all is as if nothing had happened, and nothing happens twice."""
    sent, expected = undisturbed
    scene.rewind()
    scene.settle_killed(at, when)
    done = scene.mined()
    assert done == (at if when is When.AFTER else at - 1)
    assert scene.settle_whole() == sent - done
    assert scene.state() == expected
