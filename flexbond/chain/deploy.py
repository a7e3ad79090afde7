"""Deploying the suite on a chain, and the address book that says where it stands.

The book `deployments/<chainId>.json` is written before the first transaction and after every step, each time whole or not at
all. A deployment that was killed goes on when it is started again: the deployer's nonce says how far it came.
"""

# JSON is anything until it is checked.

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flexbond.chain.artifacts import artifact_names, load_artifact
from flexbond.chain.errors import ChainError
from flexbond.chain.plan import Deploy, Step, build_plan, check, predict, resolve, run
from flexbond.chain.rpc import Rpc
from flexbond.chain.suite import Contract, Suite, Transaction
from flexbond.hashing import checksum_address, keccak

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from web3 import Web3

    from flexbond.chain.codec import Abi
    from flexbond.chain.config import NetworkConfig
    from flexbond.chain.send import Receipt, Sender

FOLDER: Final = Path("deployments")
SCHEMA: Final = 1


class AddressBookError(ChainError):
    """An address book that cannot be used. Subclasses say why."""


class NotDeployedError(AddressBookError):
    """Nothing is deployed on the chain, as far as is known."""


class AddressBookDamagedError(AddressBookError):
    """A file that is no address book."""


class ChainRestartedError(AddressBookError):
    """The book is of a chain that is gone: there is no code where a contract should be."""


class UnfinishedDeploymentError(AddressBookError):
    """A deployment that was not brought to its end."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One contract of a deployment."""

    address: str
    arguments: tuple[Any, ...]
    """Of the constructor, addresses resolved, bytes as hexadecimal text."""
    transaction: str | None
    """Hash; None where the transaction was found done when the deployment was taken up again."""
    block: int | None


@dataclass(frozen=True, kw_only=True)
class AddressBook:
    """Where the contracts of a deployment stand, and what it was made from."""

    chain_id: int
    network: str
    deployer: str
    first_nonce: int
    """Of the deployer, before the first step."""
    config_hash: str
    bytecode_hash: str
    """Over the bytecode of all packaged contracts."""
    commit: str
    """Of the source, `-dirty` behind it if it was changed; empty if unknown."""
    first_block: int
    """From this block on there are events."""
    complete: bool
    contracts: Mapping[str, Entry] = field(default_factory=dict)

    @property
    def addresses(self) -> dict[str, str]:
        """Name and address of every contract."""
        return {name: entry.address for name, entry in self.contracts.items()}

    def save(self, folder: Path = FOLDER) -> Path:
        """Writes the book, whole or not at all."""
        path = book_path(self.chain_id, folder)
        content = {
            "schema": SCHEMA,
            "chainId": self.chain_id,
            "network": self.network,
            "deployer": self.deployer,
            "firstNonce": self.first_nonce,
            "configHash": self.config_hash,
            "bytecodeHash": self.bytecode_hash,
            "commit": self.commit,
            "firstBlock": self.first_block,
            "complete": self.complete,
            "contracts": {
                name: {
                    "address": entry.address,
                    "arguments": entry.arguments,
                    "transaction": entry.transaction,
                    "block": entry.block,
                }
                for name, entry in self.contracts.items()
            },
        }
        write_whole(path, json.dumps(content, indent=2) + "\n")
        return path

    @classmethod
    def read(cls, chain_id: int, folder: Path = FOLDER) -> AddressBook:
        """The book as it was written; no node is asked. Raises NotDeployedError, AddressBookDamagedError."""
        path = book_path(chain_id, folder)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            book = cls(
                chain_id=int(content["chainId"]),
                network=str(content["network"]),
                deployer=checksum_address(content["deployer"]),
                first_nonce=int(content["firstNonce"]),
                config_hash=str(content["configHash"]),
                bytecode_hash=str(content["bytecodeHash"]),
                commit=str(content["commit"]),
                first_block=int(content["firstBlock"]),
                complete=content["complete"] is True,
                contracts={str(name): _entry(item) for name, item in content["contracts"].items()},
            )
        except FileNotFoundError as error:
            raise NotDeployedError(
                f"Nothing is deployed on chain {chain_id}: there is no {path}.", next_step="Run `flexbond deploy`."
            ) from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise AddressBookDamagedError(
                f"{path} is no address book.", next_step="Restore it, or remove it and deploy anew."
            ) from error
        if book.chain_id != chain_id or content.get("schema") != SCHEMA:
            raise AddressBookDamagedError(
                f"{path} is of chain {book.chain_id}, schema {content.get('schema')}.",
                next_step="Restore the right file, or remove it and deploy anew.",
            )
        return book

    @classmethod
    def load(cls, node: Rpc | Web3, folder: Path = FOLDER) -> AddressBook:
        """The finished deployment on the node's chain, every contract looked at. Raises AddressBookError."""
        rpc = node if isinstance(node, Rpc) else Rpc(node)
        book = cls.read(rpc.chain_id(), folder)
        if not book.complete:
            raise UnfinishedDeploymentError(
                f"The deployment on chain {book.chain_id} was not finished.", next_step="Run `flexbond deploy` again."
            )
        codes = rpc.batch("eth_getCode", [(entry.address, "latest") for entry in book.contracts.values()])
        for name, code in zip(book.contracts, codes, strict=True):
            if code in ("0x", "", None):
                raise ChainRestartedError(
                    f"There is no {name} at {book.contracts[name].address} on chain {book.chain_id}: "
                    "the chain was started anew since.",
                    next_step=f"Deploy again; {book_path(book.chain_id, folder)} is replaced then.",
                )
        return book


def book_path(chain_id: int, folder: Path = FOLDER) -> Path:
    """The file of a chain's address book."""
    return folder / f"{chain_id}.json"


def _entry(item: Any) -> Entry:
    return Entry(
        address=checksum_address(item["address"]),
        arguments=tuple(_frozen(value) for value in item["arguments"]),
        transaction=item["transaction"],
        block=item["block"],
    )


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def load_suite(node: Rpc | Web3, folder: Path = FOLDER) -> Suite:
    """The suite on the node's chain. Raises AddressBookError."""
    rpc = node if isinstance(node, Rpc) else Rpc(node)
    book = AddressBook.load(rpc, folder)
    return Suite(rpc, book.addresses, first_block=book.first_block)


def write_whole(path: Path, text: str) -> None:
    """Replaces a file, so that a reader, or a crash, sees the old or the new one and nothing between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def source_commit(folder: Path | None = None) -> str:
    """Commit of the source this runs from, `-dirty` behind it if tracked files were changed; empty without git."""
    where = folder or Path(__file__).resolve().parent
    arguments = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(  # noqa: S603
            arguments, cwd=where, capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


@cache
def bytecode_hash() -> str:
    """keccak256 over the bytecode of all packaged contracts."""
    return keccak(b"".join(load_artifact(name).bytecode for name in artifact_names())).hex()


class NodeExecutor:
    """Carries a plan out on a node, and keeps the receipts of what it did."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._rpc = sender.rpc
        self.receipts: dict[str, Receipt] = {}

    @property
    def deployer(self) -> str:
        """The deploying account."""
        return self._sender.address

    def nonce(self) -> int:
        """Transactions that happened; those left under way by an earlier run are waited for."""
        return self._sender.recover()

    def abi(self, contract: str) -> Abi:
        """As packaged."""
        return load_artifact(contract).abi

    def has_code(self, address: str) -> bool:
        """Whether there is a contract."""
        return bool(self._rpc.code(address))

    def deploy(self, contract: str, arguments: Sequence[Any], nonce: int) -> None:
        """Creates the contract."""
        artifact = load_artifact(contract)
        data = artifact.bytecode + artifact.abi.constructor.encode_arguments(*arguments)
        transaction = Transaction(to=None, data=data, title=f"Deploy {contract}")
        self.receipts[contract] = self._sender.wait(self._sender.submit(transaction, nonce=nonce))

    def send(self, contract: str, address: str, function: str, arguments: Sequence[Any], nonce: int) -> None:
        """Calls the function."""
        transaction = Contract(self._rpc, contract, address).transaction(function, *arguments)
        self._sender.wait(self._sender.submit(transaction, nonce=nonce))

    def call(self, contract: str, address: str, function: str, arguments: Sequence[Any]) -> Any:
        """Reads."""
        return Contract(self._rpc, contract, address).read(function, *arguments)


def deploy(
    config: NetworkConfig,
    sender: Sender,
    *,
    folder: Path = FOLDER,
    tell: Callable[[str], None] | None = None,
) -> AddressBook:
    """Deploys the suite, or goes on with a deployment that was interrupted, and checks that it stands as planned.

    `tell` is told each step before it happens. A finished deployment of the same configuration is checked and left as it
    is. Raises ConfigError, PlanError, DeploymentCheckError, ChainError.
    """
    rpc = sender.rpc
    rpc.require_chain(config.chain_id)
    executor = NodeExecutor(sender)
    book = _begun(config, rpc, executor, folder)
    if book.complete:
        check(config, executor, book.addresses)
        return book
    addresses = predict(config, executor.deployer, book.first_nonce)

    def record() -> AddressBook:
        standing = {
            step.contract: _recorded(step, executor, book, addresses)
            for step in build_plan(config, executor.abi)
            if isinstance(step, Deploy) and (step.contract in executor.receipts or step.contract in book.contracts)
        }
        written = replace(book, contracts=standing)
        written.save(folder)
        return written

    def before(step: Step) -> None:
        record()
        if tell:
            tell(step.title)

    run(config, executor, first_nonce=book.first_nonce, before=before)
    finished = replace(_with_all(config, record(), executor, addresses), complete=True)
    finished.save(folder)
    return finished


def _begun(config: NetworkConfig, rpc: Rpc, executor: NodeExecutor, folder: Path) -> AddressBook:
    """The book of the deployment that is finished or to be gone on with, or a new one, written."""
    try:
        book = AddressBook.read(config.chain_id, folder)
        stands = not book.contracts or rpc.code(next(iter(book.addresses.values()))) != b""
        same = (book.config_hash, book.bytecode_hash, book.deployer) == (
            config.hash.hex(),
            bytecode_hash(),
            executor.deployer,
        )
        if stands and same and executor.nonce() >= book.first_nonce:
            return book
        if stands and book.contracts and not config.development:
            raise AddressBookError(
                f"Another deployment is recorded for chain {config.chain_id}: of other contracts, configuration or deployer.",
                next_step=f"Move {book_path(config.chain_id, folder)} away if it is to be replaced.",
            )
    except NotDeployedError:
        pass
    book = AddressBook(
        chain_id=config.chain_id,
        network=config.network,
        deployer=executor.deployer,
        first_nonce=executor.nonce(),
        config_hash=config.hash.hex(),
        bytecode_hash=bytecode_hash(),
        commit=source_commit(),
        first_block=rpc.block_number(),
        complete=False,
    )
    book.save(folder)
    return book


def _recorded(step: Deploy, executor: NodeExecutor, book: AddressBook, addresses: Mapping[str, str]) -> Entry:
    known = book.contracts.get(step.contract)
    receipt = executor.receipts.get(step.contract)
    return Entry(
        address=addresses[step.contract],
        arguments=_plain(resolve(step.arguments, addresses, executor.deployer)),
        transaction=receipt.transaction if receipt else known.transaction if known else None,
        block=receipt.block if receipt else known.block if known else None,
    )


def _with_all(
    config: NetworkConfig, book: AddressBook, executor: NodeExecutor, addresses: Mapping[str, str]
) -> AddressBook:
    """The book with those contracts too that an earlier run created without having been able to write it down."""
    contracts = {
        step.contract: _recorded(step, executor, book, addresses)
        for step in build_plan(config, executor.abi)
        if isinstance(step, Deploy)
    }
    return replace(book, contracts=contracts)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    return f"0x{value.hex()}" if isinstance(value, bytes) else value
