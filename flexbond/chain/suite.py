"""The contracts of a deployment: reading them, and the transactions that change them.

    suite = Suite(rpc, addresses)
    terms = suite.rulebook.read("terms", rule_id)
    sender.send(suite.rulebook.transaction("publish", rule))

Arguments and results are those of `flexbond.chain.codec`.
"""

# Arguments and results are whatever the ABI takes and gives.

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from flexbond.chain.artifacts import load_artifact
from flexbond.chain.codec import CodecError
from flexbond.chain.plan import MOCK
from flexbond.chain.rpc import Rpc, RpcError, reverted
from flexbond.hashing import checksum_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from web3 import Web3

    from flexbond.chain.codec import Abi, Function

ANYONE: Final = "0x00000000000000000000000000000000DeaDBeef"
"""Who reads."""


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """What is to be sent; who sends it, signs it."""

    to: str | None
    """None creates a contract."""
    data: bytes
    title: str
    """For people."""
    value: int = 0
    """wei"""
    gas: int | None = None
    """Gas limit; None: estimated."""


class Contract:
    """One contract."""

    def __init__(self, rpc: Rpc, name: str, address: str) -> None:
        self.rpc = rpc
        self.name = name
        self.address = checksum_address(address)
        self.abi: Abi = load_artifact(name).abi

    def __repr__(self) -> str:
        return f"<{self.name} {self.address}>"

    def function(self, name: str) -> Function:
        """A function by its name, or by its signature where several have the name. Raises CodecError."""
        if name not in self.abi.functions:
            raise CodecError(f"{self.name} has no function {name}.", next_step="Check the name.")
        return self.abi.functions[name]

    def read(self, function: str, *arguments: Any, sender: str = ANYONE, block: int | str = "latest") -> Any:
        """The result of a call; nothing is sent. Raises ContractRevert, NodeUnreachableError."""
        entry = self.function(function)
        call = {"from": sender, "to": self.address, "data": f"0x{entry.encode(*arguments).hex()}"}
        at = hex(block) if isinstance(block, int) else block
        return entry.decode(self.rpc.call(call, block=at, doing=f"{self.name}.{function}"))

    def read_many(self, function: str, arguments: Sequence[Sequence[Any]], *, block: str = "latest") -> list[Any]:
        """The results of one function for many arguments, in one request. Raises ContractRevert."""
        entry = self.function(function)
        calls = [
            ({"from": ANYONE, "to": self.address, "data": f"0x{entry.encode(*given).hex()}"}, block)
            for given in arguments
        ]
        try:
            results = self.rpc.batch("eth_call", calls)
        except RpcError as error:
            raise reverted(error, doing=f"{self.name}.{function}") or error from error
        return [entry.decode(bytes.fromhex(item[2:])) for item in results]

    def transaction(self, function: str, *arguments: Any, gas: int | None = None) -> Transaction:
        """The transaction that calls a function. Raises CodecError."""
        data = self.function(function).encode(*arguments)
        return Transaction(to=self.address, data=data, title=f"{self.name}.{function}", gas=gas)


class Suite:
    """All contracts of a deployment."""

    def __init__(self, node: Rpc | Web3, addresses: Mapping[str, str], *, first_block: int = 0) -> None:
        self.rpc = node if isinstance(node, Rpc) else Rpc(node)
        self.addresses = dict(addresses)
        self.first_block = first_block
        """From this block on there are events."""

    def contract(self, name: str) -> Contract:
        """A contract by its name in Solidity."""
        return Contract(self.rpc, name, self.addresses[name])

    def token(self, address: str) -> Contract:
        """An ERC-20 token, with permit if it has that."""
        return Contract(self.rpc, MOCK, address)

    @cached_property
    def chain_id(self) -> int:
        """Of the chain it stands on."""
        return self.rpc.chain_id()

    @cached_property
    def governance(self) -> Contract:
        """Governance."""
        return self.contract("Governance")

    @cached_property
    def escrow(self) -> Contract:
        """CollateralEscrow."""
        return self.contract("CollateralEscrow")

    @cached_property
    def rulebook(self) -> Contract:
        """Rulebook."""
        return self.contract("Rulebook")

    @cached_property
    def participants(self) -> Contract:
        """ParticipantRegistry."""
        return self.contract("ParticipantRegistry")

    @cached_property
    def devices(self) -> Contract:
        """DeviceRegistry."""
        return self.contract("DeviceRegistry")

    @cached_property
    def oracle(self) -> Contract:
        """MeterOracle."""
        return self.contract("MeterOracle")

    @cached_property
    def verifier(self) -> Contract:
        """DeliveryVerifier."""
        return self.contract("DeliveryVerifier")

    @cached_property
    def rights(self) -> Contract:
        """FlexibilityRights."""
        return self.contract("FlexibilityRights")

    @cached_property
    def measurement(self) -> Contract:
        """Measurement."""
        return self.contract("Measurement")

    @cached_property
    def spot_checks(self) -> Contract:
        """SpotChecks."""
        return self.contract("SpotChecks")

    @cached_property
    def payouts(self) -> Contract:
        """Payouts."""
        return self.contract("Payouts")

    @cached_property
    def settlement(self) -> Contract:
        """Settlement."""
        return self.contract("Settlement")

    @cached_property
    def market(self) -> Contract:
        """FlexibilityMarket."""
        return self.contract("FlexibilityMarket")
