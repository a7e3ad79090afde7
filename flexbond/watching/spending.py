"""Sending within a budget, with a journal: what is signed is written down before anybody else has it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from flexbond.chain.send import Sender, SendSettings
from flexbond.watching.errors import BudgetError
from flexbond.watching.state import Fate, Sent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flexbond.chain.rpc import Rpc
    from flexbond.chain.send import Pending
    from flexbond.signing.signers import Secp256k1Signer
    from flexbond.watching.state import State

_OF_NONE = bytes(32)


class ThriftySender(Sender):
    """Sends for an account as long as its budget lasts: no transaction, nor a replacement of one, can go beyond."""

    def __init__(
        self, rpc: Rpc, signer: Secp256k1Signer, settings: SendSettings, *, state: State, budget_wei: int
    ) -> None:
        super().__init__(rpc, signer, settings)
        self.budget_wei = budget_wei
        self._state = state
        self._about: tuple[bytes, str, int] = (_OF_NONE, "", 0)

    @contextmanager
    def about(self, event_id: bytes, what: str, place: int = 0) -> Iterator[None]:
        """What the transactions of the block are for."""
        self._about = (event_id, what, place)
        try:
            yield
        finally:
            self._about = (_OF_NONE, "", 0)

    def announce(self, digest: str, pending: Pending) -> None:
        """Writes it down. Raises BudgetError if it could cost more than is left."""
        price = pending.fees.get("gasPrice") or pending.fees["maxFeePerGas"]
        most = pending.gas * price + pending.transaction.value
        spent = self._state.spent_wei(without_nonce=pending.nonce)
        if spent + most > self.budget_wei:
            raise BudgetError(
                f"{pending.transaction.title} may cost {most:,} wei, and {max(0, self.budget_wei - spent):,} wei are left "
                f"of the budget of {self.budget_wei:,}.",
                "Raise --budget.",
            )
        event_id, what, place = self._about
        self._state.announce(
            Sent(
                hash=digest,
                nonce=pending.nonce,
                event_id=event_id,
                what=what or pending.transaction.title,
                place=place,
                most_wei=most,
                fee_wei=None,
                block=None,
                fate=Fate.OPEN,
            )
        )

    def reconcile(self, since: int) -> None:
        """Finds out what became of all that is open, and whether what was mined after block `since` still is.

        Raises NodeUnreachableError.
        """
        recent = [one for one in self._state.sent() if one.fate is Fate.OPEN or (one.block or 0) > since]
        if not recent:
            return
        used = self.rpc.nonce(self.address)
        for one in recent:
            receipt = self.rpc.request("eth_getTransactionReceipt", one.hash)
            if receipt is not None:
                fate = Fate.MINED if int(receipt.get("status", "0x1"), 16) else Fate.UNDONE
                fee = int(receipt["gasUsed"], 16) * int(receipt.get("effectiveGasPrice") or "0x0", 16)
                self._state.settle(one.hash, fate, block=int(receipt["blockNumber"], 16), fee_wei=fee)
            else:
                self._state.settle(one.hash, Fate.LOST if one.nonce < used else Fate.OPEN)

    def _replace(self, pending: Pending) -> None:
        """As of any sender; beyond the budget it is waited for as it is."""
        try:
            super()._replace(pending)
        except BudgetError:
            return
