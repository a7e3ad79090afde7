"""Many transactions of one account at once, on a local chain of one's own: signed beforehand, brought in batches, mined together.

`flexbond.chain.send` is for chains on which others are too. Here nobody else sends, nothing is lost on the way, and what counts is speed:
forty thousand transactions are brought in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import rlp

from flexbond.chain.errors import ChainError
from flexbond.chain.node import NodeKind
from flexbond.chain.rpc import RpcError
from flexbond.hashing import keccak

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from flexbond.chain.rpc import Rpc
    from flexbond.chain.suite import Contract
    from flexbond.demo.ground import Ground
    from flexbond.signing.signers import Secp256k1Signer

BLOCK_GAS: Final = 600_000_000
"""Of a block of the fleet's chain: such chains hash their whole state anew with every block, so that a few large ones are faster."""
GAS_PRICE: Final = 2_000_000_000
"""wei; the chains of the demonstration burn none of it that is worth anything."""
_KNOWN: Final = "already"
"""In what a node says of a transaction that it has."""
_PROTECTED: Final = 35
"""EIP-155: what the recovery id begins from, twice the chain's id added."""


@dataclass(kw_only=True)
class Bulk:
    """One account's transactions to one contract. Not for threads, but signing and bringing may go on side by side."""

    rpc: Rpc
    signer: Secp256k1Signer
    chain_id: int
    to: str
    gas: int
    """Limit of each."""
    nonce: int
    """Of the next that is signed."""

    @classmethod
    def of(cls, ground: Ground, signer: Secp256k1Signer, contract: Contract, *, gas: int) -> Self:
        """From the account's present nonce on."""
        rpc = ground.suite.rpc
        nonce = rpc.nonce(signer.address)
        return cls(rpc=rpc, signer=signer, chain_id=ground.suite.chain_id, to=contract.address, gas=gas, nonce=nonce)

    def sign(self, data: bytes) -> str:
        """The account's next transaction, as `eth_sendRawTransaction` takes it."""
        fields = [self.nonce, GAS_PRICE, self.gas, bytes.fromhex(self.to[2:]), 0, data]
        signature = self.signer.sign_recoverable(keccak(rlp.encode([*fields, self.chain_id, 0, 0])))
        parts = [int.from_bytes(half, "big") for half in (signature.r, signature.s)]
        self.nonce += 1
        raw: bytes = rlp.encode([*fields, _PROTECTED + 2 * self.chain_id + signature.parity, *parts])
        return f"0x{raw.hex()}"

    def bring(self, signed: Sequence[str]) -> int:
        """Sends transactions in their order and has them mined, a full block at a time; their gas altogether.

        What became of each is for the caller to look at: a node takes long to tell the receipts of large blocks. Raises ChainError if not
        all of them were mined.
        """
        used, together = 0, BLOCK_GAS // self.gas
        for first in range(0, len(signed), together):
            part = signed[first : first + together]
            self._send(part)
            self.rpc.request("evm_mine")
            block = self.rpc.request("eth_getBlockByNumber", "latest", False)
            if len(block["transactions"]) != len(part):
                raise ChainError(
                    f"Of {len(part)} transactions {len(block['transactions'])} were mined.",
                    next_step="This is a defect: please report it.",
                )
            used += int(block["gasUsed"], 16)
        return used

    def _send(self, part: Sequence[str]) -> None:
        """Sends all; where an answer was lost on the way, what the node has already is passed over."""
        try:
            self.rpc.batch("eth_sendRawTransaction", [(raw,) for raw in part])
        except RpcError as first:
            if _KNOWN not in first.text.lower():
                raise
            for raw in part:
                try:
                    self.rpc.request("eth_sendRawTransaction", raw)
                except RpcError as refused:
                    if _KNOWN not in refused.text.lower():
                        raise


def stop_mining(rpc: Rpc, kind: NodeKind) -> None:
    """No more blocks by themselves: what is sent waits until a block is asked for."""
    if kind is NodeKind.ANVIL:
        rpc.request("evm_setAutomine", False)
    else:
        rpc.request("miner_stop")


def start_mining(rpc: Rpc, kind: NodeKind) -> None:
    """A block for every transaction again."""
    if kind is NodeKind.ANVIL:
        rpc.request("evm_setAutomine", True)
    else:
        rpc.request("miner_start")


def mine(rpc: Rpc, kind: NodeKind, blocks: int) -> None:
    """So many empty blocks."""
    if kind is NodeKind.ANVIL:
        rpc.request("anvil_mine", hex(blocks))
    else:
        rpc.request("evm_mine", {"blocks": blocks})
