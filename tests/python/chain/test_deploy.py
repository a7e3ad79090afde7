"""Deploying on a node, and the address book."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flexbond.chain.config import NetworkConfig
from flexbond.chain.deploy import (
    AddressBook,
    AddressBookDamagedError,
    ChainRestartedError,
    NodeExecutor,
    NotDeployedError,
    UnfinishedDeploymentError,
    book_path,
    deploy,
    load_suite,
    write_whole,
)
from flexbond.chain.errors import WrongChainError
from flexbond.chain.plan import MOCK, SUITE, PlanError, check
from flexbond.chain.rpc import Rpc
from flexbond.chain.send import Sender, SendSettings
from flexbond.chain.suite import Transaction
from tests.python.chain.conftest import PEOPLE, ROOT, WatchedRpc

pytestmark = pytest.mark.anvil
SEND = "eth_sendRawTransaction"
SETTINGS = SendSettings(poll_seconds=0.02)


class KilledError(BaseException):
    """The program ends here."""


@pytest.fixture
def bare(anvil: Rpc) -> Iterator[WatchedRpc]:
    """The node, whatever happens on it undone."""
    snapshot = anvil.once("evm_snapshot")
    yield WatchedRpc(anvil)
    anvil.once("evm_revert", snapshot)


def deployer(rpc: Rpc) -> Sender:
    # Another than the one of the session's suite, so that its book is its own.
    return Sender(rpc, PEOPLE.attacker, SETTINGS)


class TestDeploy:
    """Given a chain without the suite"""

    def test_is_recorded(self, bare: WatchedRpc, config: NetworkConfig, tmp_path: Path) -> None:
        """it records every contract with address, arguments, transaction and block, and what it was made from."""
        told: list[str] = []
        book = deploy(config, deployer(bare), folder=tmp_path, tell=told.append)
        assert list(book.contracts) == [*SUITE, MOCK]
        for entry in book.contracts.values():
            assert bare.code(entry.address)
            assert entry.transaction is not None
            receipt = bare.once("eth_getTransactionReceipt", entry.transaction)
            assert (int(receipt["blockNumber"], 16), receipt["contractAddress"].lower()) == (
                entry.block,
                entry.address.lower(),
            )
        assert book.contracts["Rulebook"].arguments == (
            book.addresses["Governance"],
            book.addresses["CollateralEscrow"],
        )
        assert book.config_hash == config.hash.hex()
        assert (book.deployer, book.complete, book.network) == (PEOPLE.attacker.address, True, "anvil")
        assert told[0] == "Deploy Governance"
        assert told[-1] == "Strip the deployer of its power"
        assert AddressBook.load(bare, tmp_path) == book

    def test_again_does_nothing(self, bare: WatchedRpc, config: NetworkConfig, tmp_path: Path) -> None:
        """it sends nothing, when the same is deployed again."""
        book = deploy(config, deployer(bare), folder=tmp_path)
        bare.made.clear()
        assert deploy(config, deployer(bare), folder=tmp_path) == book
        assert SEND not in bare.made

    @pytest.mark.parametrize("step", [0, 1, 6, 12, 13, 20, 26])
    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    def test_killed_goes_on(
        self, bare: WatchedRpc, config: NetworkConfig, tmp_path: Path, step: int, after: bool
    ) -> None:
        """it goes on where it was killed, before or after a transaction reached the node."""
        first = bare.nonce(PEOPLE.attacker.address)

        def kill(method: str, parameters: Any) -> None:
            if method == SEND and bare.made.count(SEND) == step + 1:
                raise KilledError

        bare.watch(**{"after" if after else "before": kill})
        with pytest.raises(KilledError):
            deploy(config, deployer(bare), folder=tmp_path)
        assert bare.nonce(PEOPLE.attacker.address, "pending") == first + step + after
        with pytest.raises(UnfinishedDeploymentError):
            AddressBook.load(bare, tmp_path)
        again = WatchedRpc(bare)
        book = deploy(config, deployer(again), folder=tmp_path)
        assert book.complete
        assert book.first_nonce == first
        assert list(book.contracts) == [*SUITE, MOCK]
        check(config, NodeExecutor(deployer(again)), AddressBook.load(again, tmp_path).addresses)
        assert (
            bare.made.count(SEND) - (not after) + again.made.count(SEND) == again.nonce(PEOPLE.attacker.address) - first
        )

    def test_another_use_of_the_account(self, bare: WatchedRpc, config: NetworkConfig, tmp_path: Path) -> None:
        """it refuses to go on, when the deployer's account was used for something else meanwhile."""

        def kill(method: str, parameters: Any) -> None:
            if method == SEND and bare.made.count(SEND) == 4:
                raise KilledError

        bare.watch(before=kill)
        with pytest.raises(KilledError):
            deploy(config, deployer(bare), folder=tmp_path)
        plain = Rpc(bare.w3)
        deployer(plain).send(Transaction(to=PEOPLE.buyer.address, data=b"", title="Pay", value=1))
        with pytest.raises(PlanError, match="was used for something else"):
            deploy(config, deployer(plain), folder=tmp_path)

    def test_other_chain(self, bare: WatchedRpc, config: NetworkConfig, tmp_path: Path) -> None:
        """it refuses, when the node is of another chain than the configuration."""
        with pytest.raises(WrongChainError, match="of chain 31337, not 1337"):
            deploy(replace(config, chain_id=1337), deployer(bare), folder=tmp_path)

    def test_other_configuration_replaces_on_a_local_chain(
        self, bare: WatchedRpc, config: NetworkConfig, tmp_path: Path
    ) -> None:
        """it deploys anew on a local chain, when the configuration is another."""
        first = deploy(config, deployer(bare), folder=tmp_path)
        other = replace(config, meter_operators=(PEOPLE.relayer.address,))
        second = deploy(other, deployer(bare), folder=tmp_path)
        assert set(first.addresses.values()).isdisjoint(second.addresses.values())
        assert AddressBook.load(bare, tmp_path) == second


class TestAddressBook:
    """Given an address book"""

    def test_none(self, bare: WatchedRpc, tmp_path: Path) -> None:
        """it says that nothing is deployed."""
        with pytest.raises(NotDeployedError, match="Nothing is deployed on chain 31337"):
            load_suite(bare, tmp_path)

    @pytest.mark.parametrize(
        "content", ["", "{}", "[]", "{", '{"chainId": 31337}', "null", '{"schema": 2, "chainId": "x"}']
    )
    def test_damaged(self, bare: WatchedRpc, tmp_path: Path, content: str) -> None:
        """it says that the file is no address book."""
        book_path(31337, tmp_path).write_text(content)
        with pytest.raises(AddressBookDamagedError, match="is no address book"):
            load_suite(bare, tmp_path)

    def test_of_another_chain(self, bare: WatchedRpc, deployed: AddressBook, tmp_path: Path) -> None:
        """it refuses a book that is of another chain than its name says."""
        path = replace(deployed, chain_id=5).save(tmp_path)
        path.rename(book_path(31337, tmp_path))
        with pytest.raises(AddressBookDamagedError, match="is of chain 5"):
            load_suite(bare, tmp_path)

    def test_of_a_later_schema(self, bare: WatchedRpc, deployed: AddressBook, tmp_path: Path) -> None:
        """it refuses a book that a later version wrote."""
        path = deployed.save(tmp_path)
        path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 2}))
        with pytest.raises(AddressBookDamagedError, match="schema 2"):
            load_suite(bare, tmp_path)

    def test_chain_started_anew(self, bare: WatchedRpc, deployed: AddressBook, tmp_path: Path) -> None:
        """it says that the chain was started anew, when a contract is not there, and a new deployment replaces it."""
        entries = {
            name: replace(entry, address=f"0x{number:040x}")
            for number, (name, entry) in enumerate(deployed.contracts.items(), start=0xABCD)
        }
        replace(deployed, contracts=entries).save(tmp_path)
        with pytest.raises(ChainRestartedError, match="There is no Governance at"):
            load_suite(bare, tmp_path)

    def test_chain_started_anew_is_deployed_anew(self, bare: WatchedRpc, config: NetworkConfig, tmp_path: Path) -> None:
        """it deploys anew on a chain that was started anew, though the book says that it is finished."""
        snapshot = bare.once("evm_snapshot")
        old = deploy(config, deployer(bare), folder=tmp_path)
        bare.once("evm_revert", snapshot)
        new = deploy(config, deployer(bare), folder=tmp_path)
        assert new.addresses == old.addresses
        assert AddressBook.load(bare, tmp_path) == new

    def test_round_trip(self, deployed: AddressBook, tmp_path: Path) -> None:
        """it reads what it wrote."""
        deployed.save(tmp_path)
        assert AddressBook.read(31337, tmp_path) == deployed

    def test_writes_whole_or_not_at_all(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """it leaves the old file and nothing else, when writing fails."""
        path = tmp_path / "book.json"
        write_whole(path, "old")

        def fail(handle: int) -> None:
            raise OSError("disk full")

        monkeypatch.setattr("os.fsync", fail)
        with pytest.raises(OSError, match="disk full"):
            write_whole(path, "new")
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize("chain", ["31337", "1337"])
    def test_local_chains_stay_out_of_git(self, chain: str) -> None:
        """it is ignored by git for local chains."""
        ignored = (ROOT / ".gitignore").read_text().split()
        assert f"/deployments/{chain}.json" in ignored


def test_source_commit_of_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a folder without git, it gives an empty commit."""
    from flexbond.chain.deploy import source_commit

    # Temporary folders may lie within a clone.
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert source_commit(tmp_path) == ""


def test_source_commit_without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given no git at all, it gives an empty commit."""
    from flexbond.chain.deploy import source_commit

    def missing(*args: Any, **kwargs: Any) -> None:
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", missing)
    assert source_commit() == ""
