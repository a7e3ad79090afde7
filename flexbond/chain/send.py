"""Sending for one account, so that nothing is lost and nothing happens twice.

A transaction is signed before it is sent, so its hash is known before anybody else knows it: when an answer is lost, the node is
asked for that hash, and only the same signed bytes are sent again. What waits too long is replaced under the same nonce
at a higher price, so that at most one of the two can happen.

One account must not be used by two senders at the same time. After a crash `recover` waits for, or replaces by nothing, what
was under way; after it the chain can be looked at and work be taken up.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from eth_account import Account

from flexbond.chain.codec import Revert
from flexbond.chain.errors import (
    ChainError,
    ContractRevert,
    GasLimitError,
    InsufficientFundsError,
    NodeUnreachableError,
    NonceTakenError,
    NotMinedError,
)
from flexbond.chain.rpc import FIRST_WAIT, TRIES, RequestLostError, Rpc, RpcError, reverted
from flexbond.chain.suite import Transaction
from flexbond.hashing import checksum_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from web3 import Web3

    from flexbond.signing.signers import Secp256k1Signer

GAS_CAP: Final = 16_700_000
"""Most gas of a transaction; from the Osaka fork on a chain refuses more than 2^24."""
TRANSFER_GAS: Final = 21_000
GWEI: Final = 10**9

_KNOWN: Final = ("already known", "already imported", "known transaction", "already exists")
_TAKEN: Final = (
    "nonce too low",
    "nonce is too low",
    "correct nonce",
    "invalid nonce",
    "replacement transaction underpriced",
    "underpriced to replace",
)
_POOR: Final = ("insufficient funds", "enough funds", "insufficient balance", "doesn't have enough")


@dataclass(frozen=True, kw_only=True)
class SendSettings:
    """How a sender goes about it."""

    gas_price_wei: int | None = None
    """Price of old-style transactions, wei per gas; None: EIP-1559."""
    gas_margin_bps: int = 2_500
    """Added to the estimate, basis points."""
    gas_cap: int = GAS_CAP
    """Most gas of a transaction."""
    in_flight: int = 16
    """Most transactions sent and not yet mined."""
    replace_seconds: float = 45.0
    """After that long without being mined a transaction is replaced at a higher price, s."""
    raise_bps: int = 2_500
    """By how much a replacement pays more, basis points; nodes ask for a tenth at least."""
    timeout_seconds: float = 300.0
    """After that long a transaction counts as not mined, s."""
    poll_seconds: float = 1.0
    """Longest wait between two looks for a receipt, s; the first are much shorter."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """A transaction that happened."""

    transaction: str
    """Its hash."""
    block: int
    gas_used: int
    fee_wei: int
    contract: str | None
    """Address of the contract it created."""
    logs: tuple[Mapping[str, Any], ...]
    """As the node gives them; `flexbond.chain.events.decode_logs` reads them."""


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """What would happen; nothing was sent."""

    title: str
    gas: int
    """Estimated gas, the margin not included."""
    most_fee_wei: int
    """The most it can cost at the present price."""
    output: bytes
    """What the function would return; `Function.decode` reads it."""


@dataclass
class Pending:
    """A transaction under way."""

    transaction: Transaction
    nonce: int
    gas: int
    fees: dict[str, int]
    hashes: list[str] = field(default_factory=list)
    """Of all transactions signed for the nonce, the latest last."""


class Sender:
    """Sends for one account. Not for threads."""

    def __init__(self, node: Rpc | Web3, signer: Secp256k1Signer, settings: SendSettings | None = None) -> None:
        self.rpc = node if isinstance(node, Rpc) else Rpc(node)
        self.settings = settings or SendSettings()
        self.address = checksum_address(signer.address)
        self._signer = signer
        self._chain_id: int | None = None
        self._nonce: int | None = None

    # ---------------------------------------------------------------- for callers

    def rehearse(self, transaction: Transaction) -> Rehearsal:
        """Tries a transaction without sending it. Raises ContractRevert, GasLimitError, NodeUnreachableError."""
        output = self.rpc.call(self._as_call(transaction), doing=transaction.title)
        gas = self._estimate(transaction)
        fees = self._fees()
        price = fees.get("gasPrice") or fees["maxFeePerGas"]
        return Rehearsal(title=transaction.title, gas=gas, most_fee_wei=gas * price, output=output)

    def send(self, transaction: Transaction) -> Receipt:
        """Sends and waits until it happened. Raises ContractRevert and other ChainErrors."""
        return self.wait(self.submit(transaction))

    def send_all(self, transactions: Iterable[Transaction]) -> list[Receipt]:
        """Sends many in their order, several under way at a time. Raises at the first that fails; those before stand.

        Each is estimated as things stand when it is sent: one that needs an earlier one to have happened waits for it.
        """
        receipts: list[Receipt] = []
        under_way: list[Pending] = []
        for transaction in transactions:
            if len(under_way) >= self.settings.in_flight:
                receipts.append(self.wait(under_way.pop(0)))
            try:
                under_way.append(self.submit(transaction))
            except ContractRevert:
                receipts += [self.wait(pending) for pending in under_way]
                under_way = [self.submit(transaction)]
        receipts += [self.wait(pending) for pending in under_way]
        return receipts

    def submit(self, transaction: Transaction, *, nonce: int | None = None) -> Pending:
        """Sends without waiting. Raises ContractRevert, GasLimitError, InsufficientFundsError, NodeUnreachableError.

        With `nonce` the transaction is that one of the account or none: NonceTakenError if another took it.
        """
        gas = transaction.gas or self._with_margin(self._estimate(transaction))
        for _ in range(3):
            used = self._next_nonce() if nonce is None else nonce
            pending = Pending(transaction=transaction, nonce=used, gas=gas, fees=self._fees())
            try:
                self._sign_and_send(pending)
            except NonceTakenError:
                self._nonce = None
                if nonce is not None:
                    raise
            else:
                self._nonce = used + 1
                return pending
        raise NonceTakenError(
            f"Another program sends for {self.address} at the same time.", next_step="Stop it, and start again."
        )

    def wait(self, pending: Pending) -> Receipt:
        """Waits until it happened. Raises ContractRevert if it was undone, NotMinedError, NonceTakenError."""
        started = sent = time.monotonic()
        pause = 0.005
        while True:
            receipt = self._receipt(pending)
            if receipt is not None:
                return self._checked(pending, receipt)
            now = time.monotonic()
            if now - started > self.settings.timeout_seconds:
                raise NotMinedError(
                    f"{pending.transaction.title}: not in a block after {now - started:.0f} s ({pending.hashes[-1]}).",
                    next_step="Wait, then start again: what happened meanwhile is found on the chain.",
                )
            if now - sent > self.settings.replace_seconds:
                self._replace(pending)
                sent = now
            time.sleep(pause)
            pause = min(pause * 1.5, self.settings.poll_seconds)

    def recover(self) -> int:
        """Waits for what an earlier run of this account left under way, or replaces it by nothing.

        Gives the next nonce. After it, what the chain shows is all that this account did.
        """
        started = time.monotonic()
        pause = 0.01
        while (latest := self.rpc.nonce(self.address)) < self.rpc.nonce(self.address, "pending"):
            if time.monotonic() - started > self.settings.replace_seconds:
                self._clear(latest, self.rpc.nonce(self.address, "pending"))
                started = time.monotonic()
            time.sleep(pause)
            pause = min(pause * 1.5, self.settings.poll_seconds)
        self._nonce = latest
        return latest

    def announce(self, digest: str, pending: Pending) -> None:
        """Called with the hash of what is signed, before anybody else has it: for who keeps a journal.

        What it raises keeps the transaction back.
        """

    # ---------------------------------------------------------------- nonce, gas, price

    def _next_nonce(self) -> int:
        if self._nonce is None:
            self._nonce = self.recover()
        return self._nonce

    def _as_call(self, transaction: Transaction) -> dict[str, Any]:
        call: dict[str, Any] = {"from": self.address, "data": f"0x{transaction.data.hex()}"}
        if transaction.to is not None:
            call["to"] = transaction.to
        if transaction.value:
            call["value"] = hex(transaction.value)
        return call

    def _estimate(self, transaction: Transaction) -> int:
        try:
            gas = int(self.rpc.request("eth_estimateGas", self._as_call(transaction)), 16)
        except RpcError as error:
            raise self._refusal(error, transaction.title) from error
        if gas > self.settings.gas_cap:
            raise GasLimitError(
                f"{transaction.title} needs {gas} gas, a transaction may use {self.settings.gas_cap}.",
                next_step="Split it into smaller parts.",
            )
        return gas

    def _with_margin(self, gas: int) -> int:
        return min(gas + gas * self.settings.gas_margin_bps // 10_000, self.settings.gas_cap)

    def _refusal(self, error: RpcError, title: str) -> ChainError | RpcError:
        """The typed error for what a node refuses."""
        text = error.text.lower()
        if any(part in text for part in _POOR):
            return InsufficientFundsError(
                f"{self.address} cannot pay for the gas of {title}.", next_step="Send it some of the chain's coin."
            )
        revert = reverted(error, doing=title)
        if revert is not None:
            return revert
        if "gas" in text and any(part in text for part in ("exceed", "limit", "allowance", "out of gas", "cap")):
            return GasLimitError(f"{title}: {error.text}.", next_step="Split it into smaller parts.")
        return error

    def _fees(self) -> dict[str, int]:
        """The price fields of a transaction."""
        if self.settings.gas_price_wei is not None:
            return {"gasPrice": self.settings.gas_price_wei}
        base = self.rpc.request("eth_getBlockByNumber", "latest", False).get("baseFeePerGas")
        if base is None:
            return {"gasPrice": int(self.rpc.request("eth_gasPrice"), 16)}
        try:
            tip = int(self.rpc.request("eth_maxPriorityFeePerGas"), 16)
        except RpcError:
            tip = GWEI
        return {"maxFeePerGas": 2 * int(base, 16) + tip, "maxPriorityFeePerGas": tip}

    def _raised(self, fees: Mapping[str, int]) -> dict[str, int]:
        """A price by which a transaction replaces another of its nonce, at least the present one."""
        present = self._fees()
        return {
            name: max(price + price * self.settings.raise_bps // 10_000 + 1, present.get(name, 0))
            for name, price in fees.items()
        }

    # ---------------------------------------------------------------- sending

    def _sign(self, pending: Pending) -> tuple[str, str]:
        """Hash and bytes of the signed transaction."""
        if self._chain_id is None:
            self._chain_id = self.rpc.chain_id()
        fields: dict[str, Any] = {
            "chainId": self._chain_id,
            "nonce": pending.nonce,
            "gas": pending.gas,
            "value": pending.transaction.value,
            "data": pending.transaction.data,
            **pending.fees,
        }
        if pending.transaction.to is not None:
            fields["to"] = pending.transaction.to
        signed = Account.sign_transaction(fields, self._signer.secret())
        return f"0x{bytes(signed.hash).hex()}", f"0x{bytes(signed.raw_transaction).hex()}"

    def _sign_and_send(self, pending: Pending) -> None:
        """Raises NonceTakenError if another transaction took the nonce."""
        digest, raw = self._sign(pending)
        self.announce(digest, pending)
        pending.hashes.append(digest)
        wait = FIRST_WAIT
        for _ in range(TRIES):
            try:
                self.rpc.once("eth_sendRawTransaction", raw)
            except RequestLostError:
                time.sleep(wait)
                wait *= 2
                if self._is_known(digest):
                    return
            except RpcError as error:
                self._after_refusal(error, pending, digest)
                return
            else:
                return
        raise NodeUnreachableError(
            f"{pending.transaction.title}: the node does not answer; whether it was sent is not known ({digest}).",
            next_step="Start again when the node answers: what happened meanwhile is found on the chain.",
        )

    def _after_refusal(self, error: RpcError, pending: Pending, digest: str) -> None:
        """A node may refuse what it has already, and Ganache even what it has mined."""
        text = error.text.lower()
        if any(part in text for part in _KNOWN) or self._is_known(digest):
            return
        pending.hashes.remove(digest)
        if any(part in text for part in _TAKEN):
            raise NonceTakenError(
                f"{pending.transaction.title}: another transaction of {self.address} has number {pending.nonce}.",
                next_step="Do not use one account in two programs at the same time; start again.",
            )
        raise self._refusal(error, pending.transaction.title)

    def _is_known(self, digest: str) -> bool:
        """Whether the node has the transaction, mined or waiting."""
        return self.rpc.request("eth_getTransactionByHash", digest) is not None

    def _receipt(self, pending: Pending) -> dict[str, Any] | None:
        for digest in reversed(pending.hashes):
            receipt: dict[str, Any] | None = self.rpc.request("eth_getTransactionReceipt", digest)
            if receipt is not None:
                return receipt
        return None

    def _replace(self, pending: Pending) -> None:
        """Sends it again under its nonce at a higher price, unless the nonce is used up."""
        if self.rpc.nonce(self.address) > pending.nonce:
            if self._receipt(pending) is None:
                raise NonceTakenError(
                    f"{pending.transaction.title}: another transaction of {self.address} took its place.",
                    next_step="Do not use one account in two programs at the same time; start again.",
                )
            return
        pending.fees = self._raised(pending.fees)
        try:
            self._sign_and_send(pending)
        except NonceTakenError:
            return  # the one before was mined, or pays enough already: the next look tells

    def _clear(self, first: int, end: int) -> None:
        """Replaces the waiting transactions of these nonces by transfers of nothing to oneself."""
        nothing = Transaction(to=self.address, data=b"", title="Replace an unfinished transaction", gas=TRANSFER_GAS)
        fees = self._raised(self._raised(self._raised(self._fees())))
        for nonce in range(first, end):
            pending = Pending(transaction=nothing, nonce=nonce, gas=TRANSFER_GAS, fees=fees)
            try:
                self._sign_and_send(pending)
            except NonceTakenError:
                continue  # mined meanwhile, or it pays more: then it will be mined

    def _checked(self, pending: Pending, receipt: Mapping[str, Any]) -> Receipt:
        """The receipt of what succeeded. Raises ContractRevert, GasLimitError."""
        gas_used = int(receipt["gasUsed"], 16)
        block = int(receipt["blockNumber"], 16)
        if int(receipt.get("status", "0x1"), 16) == 0:
            title = pending.transaction.title
            self.rpc.call(self._as_call(pending.transaction), block=hex(block), doing=title)
            # It would succeed now: it lacked gas, or what stood in its way is gone.
            if gas_used >= pending.gas:
                raise GasLimitError(f"{title} ran out of its {gas_used} gas.", next_step="Try it again.")
            raise ContractRevert(Revert(name="", args=()), doing=title)
        created = receipt.get("contractAddress")
        return Receipt(
            transaction=str(receipt["transactionHash"]),
            block=block,
            gas_used=gas_used,
            fee_wei=gas_used * int(receipt.get("effectiveGasPrice") or "0x0", 16),
            contract=checksum_address(created) if created else None,
            logs=tuple(receipt["logs"]),
        )
