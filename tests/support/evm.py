"""Contracts in an EVM inside the process: 10 000s of calls a second, no node, no waiting.

    evm = Evm()
    token = evm.deploy("MockStablecoin", "Test dollar", "TUSD", sender=admin)
    receipt = token.mint.send(buyer, 5, sender=admin)          # a transaction
    assert receipt.only("Transfer").value == 5                 # its one event of that name
    assert token.balanceOf.call(buyer) == 5                    # a view, or a transaction tried and undone
    with reverts("ERC20InsufficientBalance", buyer, 5, 6):     # the exact error with its values
        token.transfer.send(admin, 6, sender=buyer)
    evm.time += 3600                                           # UTC seconds; nothing else moves the time
    with evm.rollback():                                       # whatever happens inside is undone
        ...

Accounts are addresses, or objects with `.address`. Arguments and results are those of
`flexbond.chain.codec`: structs go in as objects with `as_tuple()` or as tuples, and come out as the
dataclasses of `flexbond.model.types`; events have their arguments as attributes in snake case.
Functions of one name: `token["safeTransferFrom(address,address,uint256,uint256,bytes)"]`.

Contracts come from `build/contracts` (`brownie compile --all`), or from the folder that
`FLEXBOND_BUILD` names. Gas here is understated: what counts is measured on Anvil.
"""

from __future__ import annotations

import functools
import json
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyrevm

from flexbond.chain.codec import Abi, Error, Event, Function, Revert, decode_revert
from flexbond.chain.plan import created_address
from flexbond.hashing import checksum_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHAIN_ID: Final = 31337
GENESIS: Final = 1_700_006_400
"""Where time starts, UTC seconds: midnight."""
TRANSACTION_GAS: Final = 16_777_216
"""What a transaction may use at most from the Osaka fork on."""
DEPLOY_GAS: Final = 30_000_000
ANYONE: Final = "0x00000000000000000000000000000000DeaDBeef"
"""Who calls views."""

_ROOT = Path(__file__).resolve().parents[2]
_REVERT = re.compile(r"Revert \{.*output: 0x([0-9a-f]*)")
_HALT = re.compile(r"reason: ([^,]*)")


class Reverted(Exception):
    """A transaction that was undone: the error's `name` and its arguments in `args`.

    `Error` and its text, `Panic` and its code, `Halt` and why (out of gas, invalid opcode), an empty
    name where there was no reason, `Unknown` with the data where no ABI has the error.
    """

    def __init__(self, revert: Revert) -> None:
        super().__init__(*revert.args)
        self.revert = revert
        self.name = revert.name

    def __str__(self) -> str:
        return str(self.revert)


@contextmanager
def reverts(name: str, *args: Any) -> Iterator[None]:
    """The block must revert with exactly this error and these values; `...` stands for any value.

    Without values none are compared, so give them wherever there are any.
    """
    expected = Revert(name=name, args=tuple(getattr(item, "address", item) for item in args))
    found: Revert | None = None
    try:
        yield
    except Reverted as reverted:
        found = reverted.revert
    message = f"expected {expected}, reverted with {found or 'nothing'}"
    assert found is not None, message
    assert found.name == name, message
    if args:
        assert len(found.args) == len(args), message
        pairs = zip(expected.args, found.args, strict=True)
        assert all(want is ... or _same(want, got) for want, got in pairs), message


def _same(want: Any, got: Any) -> bool:
    if isinstance(want, str) and isinstance(got, str) and want.startswith("0x"):
        return want.lower() == got.lower()
    return bool(want == got)


def address_of(account: Any) -> str:
    """The address of an account, a contract or an address."""
    return account if isinstance(account, str) else str(account.address)


# ------------------------------------------------------------------ artifacts


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A compiled contract."""

    name: str
    abi: Abi
    bytecode: bytes


class Artifacts:
    """The compiled contracts of a folder, read as they are asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, Artifact] = {}
        self.errors: dict[bytes, Error] = {}
        self.events: dict[tuple[bytes, int], Event] = {}

    def __getitem__(self, name: str) -> Artifact:
        if name not in self._read:
            self._read[name] = self._load(name)
        return self._read[name]

    def _load(self, name: str) -> Artifact:
        path = next(iter(sorted(self._folder.rglob(f"{name}.json"), key=lambda item: len(item.parts))), None)
        if path is None:
            raise FileNotFoundError(f"{name} is not in {self._folder}: compile first (make compile)")
        content = json.loads(path.read_text())
        artifact = Artifact(
            name=name,
            abi=Abi(content["abi"]),
            bytecode=bytes.fromhex(content.get("bytecode", "").removeprefix("0x")),
        )
        self.errors.update(artifact.abi.errors)
        for event in artifact.abi.events.values():
            self.events[event.hash, 1 + sum(item.indexed for item in event.inputs)] = event
        return artifact

    def load_all(self) -> None:
        """Reads the rest, so that a foreign error or event can be named."""
        for path in self._folder.rglob("*.json"):
            if path.stem not in self._read:
                self._read[path.stem] = self._load(path.stem)


@functools.cache
def artifacts() -> Artifacts:
    """Those of this run."""
    return Artifacts(Path(os.environ.get("FLEXBOND_BUILD") or _ROOT / "build" / "contracts"))


# ------------------------------------------------------------------ results


@dataclass(frozen=True, kw_only=True)
class Log:
    """An event: its arguments are attributes in snake case."""

    name: str
    """empty where no ABI has it"""
    address: str
    args: Any

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.args, name)


class Receipt:
    """What a transaction did."""

    def __init__(self, function: Function, output: bytes, result: Any, time: int) -> None:
        self._function = function
        self._output = output
        self._result = result
        self.time = time
        """UTC seconds of its block"""

    @property
    def gas_used(self) -> int:
        """Gas as this EVM counts it, which understates."""
        return int(self._result.gas_used)

    @functools.cached_property
    def value(self) -> Any:
        """What the function returned."""
        return self._function.decode(self._output)

    @functools.cached_property
    def events(self) -> list[Log]:
        """All events, in order."""
        return [_log(raw.address, *raw.data) for raw in self._result.logs]

    def all(self, name: str) -> list[Log]:
        """The events of that name, in order."""
        return [event for event in self.events if event.name == name]

    def only(self, name: str) -> Log:
        """The one event of that name."""
        found = self.all(name)
        assert len(found) == 1, f"{len(found)} events {name} among {[event.name for event in self.events]}"
        return found[0]


def _log(address: str, topics: Sequence[bytes], data: bytes) -> Log:
    known = artifacts()
    key = (topics[0], len(topics)) if topics else None
    if key and key not in known.events:
        known.load_all()
    event = known.events.get(key) if key else None
    if event is None:
        return Log(name="", address=checksum_address(address), args=(tuple(topics), data))
    return Log(name=event.name, address=checksum_address(address), args=event.decode(topics, data))


# ------------------------------------------------------------------ contracts


class Method:
    """A function of a contract: `send` makes a transaction, `call` reads or tries."""

    def __init__(self, evm: Evm, address: str, function: Function) -> None:
        self._evm = evm
        self.address = address
        self.function = function

    def call(self, *args: Any, sender: Any = ANYONE, value: int = 0) -> Any:
        """The result; whatever the call changes is undone. Raises Reverted."""
        data = self.function.encode(*args)
        if self.function.is_view:
            output = self._evm.execute(sender, self.address, data, is_static=True)
            return self.function.decode(output)
        with self._evm.rollback():
            output = self._evm.execute(sender, self.address, data, value=value)
        return self.function.decode(output)

    def send(self, *args: Any, sender: Any, value: int = 0, gas: int = TRANSACTION_GAS) -> Receipt:
        """Makes the transaction. Raises Reverted."""
        evm = self._evm
        output = evm.execute(sender, self.address, self.function.encode(*args), value=value, gas=gas)
        return Receipt(self.function, output, evm.result, evm.time)

    def encode(self, *args: Any) -> bytes:
        """The data of such a call."""
        return self.function.encode(*args)


class Contract:
    """A contract at an address; its functions are attributes."""

    address: str

    def __init__(self, evm: Evm, abi: Abi, address: str) -> None:
        self._evm = evm
        self._abi = abi
        self.address = address

    def __getattr__(self, name: str) -> Method:
        if name.startswith("__") or name not in self._abi.functions:
            raise AttributeError(f"the contract has no function {name}")
        method = Method(self._evm, self.address, self._abi.functions[name])
        self.__dict__[name] = method
        return method

    def __getitem__(self, signature: str) -> Method:
        return Method(self._evm, self.address, self._abi.functions[signature])

    def __repr__(self) -> str:
        return f"<Contract {self.address}>"


class Evm:
    """One chain in the process. Not for threads."""

    def __init__(self, *, time: int = GENESIS) -> None:
        block = pyrevm.BlockEnv(number=1, timestamp=time, gas_limit=DEPLOY_GAS)
        env = pyrevm.Env(cfg=pyrevm.CfgEnv(chain_id=CHAIN_ID), block=block)
        self._evm = pyrevm.EVM(env, gas_limit=DEPLOY_GAS)
        self._time = time
        self._number = 1

    @property
    def chain_id(self) -> int:
        """31337, Anvil's."""
        return CHAIN_ID

    @property
    def time(self) -> int:
        """Time of the block in which everything happens, UTC seconds."""
        return self._time

    @time.setter
    def time(self, value: int) -> None:
        self._set_block(value, self._number + 1)

    @property
    def number(self) -> int:
        """Number of the block; setting the time goes to the next."""
        return self._number

    @number.setter
    def number(self, value: int) -> None:
        self._set_block(self._time, value)

    @property
    def result(self) -> Any:
        """pyrevm's own result of the last execution."""
        return self._evm.result

    def _set_block(self, time: int, number: int) -> None:
        self._time = time
        self._number = number
        self._evm.set_block_env(pyrevm.BlockEnv(number=number, timestamp=time, gas_limit=DEPLOY_GAS))

    # ---------------------------------------------------------------- contracts

    def deploy(self, contract: str, *args: Any, sender: Any, value: int = 0) -> Contract:
        """Deploys a compiled contract with its constructor's arguments. Raises Reverted."""
        artifact = artifacts()[contract]
        code = artifact.bytecode + artifact.abi.constructor.encode_arguments(*args)
        try:
            address = self._evm.deploy(address_of(sender), code, value=value or None, gas=DEPLOY_GAS)
        except RuntimeError as error:
            raise _reverted(error) from None
        return Contract(self, artifact.abi, checksum_address(address))

    def at(self, contract: str, address: str) -> Contract:
        """The contract of that name at an address."""
        return Contract(self, artifacts()[contract].abi, checksum_address(address))

    def next_address(self, sender: Any) -> str:
        """Where the sender's next deployment will stand."""
        return created_address(address_of(sender), self.nonce(sender))

    def nonce(self, account: Any) -> int:
        """How many contracts the account deployed."""
        return int(self._evm.basic(address_of(account)).nonce)

    def code(self, address: str) -> bytes:
        """The code at an address, empty where there is none."""
        return bytes(self._evm.get_code(address) or b"").rstrip(b"\0")  # it is padded for the interpreter

    def word(self, address: str, slot: int) -> int:
        """What a slot of an account's storage holds."""
        return int(self._evm.storage(address, slot))

    def stored(self) -> frozenset[str]:
        """What all storage holds, slot by slot as pyrevm shows it, for comparison with another state of this chain."""
        found = set()
        for before, after in pairwise(self._evm.journal_str.split(", storage: {")):
            account = before[before.rfind(": Account {") - 42 :][:42]
            slots = [slot.strip("} ") for slot in after[: after.find("}, status")].split("}, ")]
            found |= {f"{account} {slot}" for slot in slots if slot and not slot.endswith("present_value: 0")}
        return frozenset(found)

    def put_word(self, address: str, slot: int, value: int) -> None:
        """Writes a slot of an account's storage, where getting there would take too long."""
        self._evm.insert_account_storage(address, slot, value)

    def put_code(self, address: str, code: bytes) -> None:
        """Places code at an address, such as a precompile this EVM lacks. `rollback` does not undo it: own `Evm` only."""
        self._evm.insert_account_info(address, pyrevm.AccountInfo(nonce=1, code=code))

    @contextmanager
    def impersonated(self, contract: Any) -> Iterator[str]:
        """Lets a contract's address send transactions itself, which it cannot while it has code; do not call it meanwhile."""
        address = address_of(contract)
        code, nonce = self.code(address), self.nonce(address)
        self._evm.insert_account_info(address, pyrevm.AccountInfo(nonce=nonce))
        try:
            yield address
        finally:
            self._evm.insert_account_info(address, pyrevm.AccountInfo(nonce=nonce, code=code))

    # ---------------------------------------------------------------- money and calls

    def give(self, account: Any, wei: int) -> None:
        """Sets an account's ether."""
        self._evm.set_balance(address_of(account), wei)

    def balance(self, account: Any) -> int:
        """An account's ether."""
        return int(self._evm.get_balance(address_of(account)))

    def execute(
        self,
        sender: Any,
        to: str,
        data: bytes,
        *,
        value: int = 0,
        gas: int = TRANSACTION_GAS,
        is_static: bool = False,
    ) -> bytes:
        """One call with raw data; its raw result. Raises Reverted."""
        try:
            return self._evm.message_call(
                address_of(sender), to, calldata=data, value=value or None, gas=gas, is_static=is_static
            )
        except RuntimeError as error:
            raise _reverted(error) from None

    # ---------------------------------------------------------------- undoing

    def snapshot(self) -> Any:
        """The present state, time included, for `revert`."""
        return self._evm.snapshot(), self._time, self._number

    def revert(self, snapshot: Any) -> None:
        """Back to a snapshot, which is used up, and with it all that were taken later."""
        checkpoint, time, number = snapshot
        self._evm.revert(checkpoint)
        self._set_block(time, number)

    @contextmanager
    def rollback(self) -> Iterator[None]:
        """Undoes whatever happens in the block."""
        snapshot = self.snapshot()
        try:
            yield
        finally:
            self.revert(snapshot)


def _reverted(error: RuntimeError) -> Reverted:
    text = str(error)
    if matched := _REVERT.search(text):
        known = artifacts()
        data = bytes.fromhex(matched[1])
        revert = decode_revert(data, known.errors)
        if revert.name == "Unknown":
            known.load_all()
            revert = decode_revert(data, known.errors)
        return Reverted(revert)
    reason = _HALT.search(text)
    return Reverted(Revert(name="Halt", args=(reason[1].strip() if reason else text,)))
