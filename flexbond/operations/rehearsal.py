"""Dry runs: every operation with a sender that tries its next transaction on the node and sends none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from flexbond.chain.send import Sender
from flexbond.errors import FlexbondError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flexbond.chain.send import Pending, Receipt, Rehearsal
    from flexbond.chain.suite import Transaction


class NothingSentError(FlexbondError):
    """The end of a dry run: what comes next depends on what would have been sent. `rehearsals` says what that is."""

    exit_code = 0

    def __init__(self, rehearsals: tuple[Rehearsal, ...]) -> None:
        self.rehearsals = rehearsals
        super().__init__(
            f"Would send {len(rehearsals)} transaction(s); nothing was sent.",
            "Run it without --dry-run. What comes after these depends on them.",
        )


class DrySender(Sender):
    """Tries transactions and sends none: raises NothingSentError with what would have been sent."""

    def recover(self) -> int:
        """The next nonce; what is under way is left alone."""
        return self.rpc.nonce(self.address)

    def send(self, transaction: Transaction) -> NoReturn:
        """Tries it. Raises NothingSentError, ContractRevert."""
        raise NothingSentError((self.rehearse(transaction),))

    def send_all(self, transactions: Iterable[Transaction]) -> list[Receipt]:
        """Tries each as things stand. Raises NothingSentError unless there are none, ContractRevert."""
        rehearsed = tuple(self.rehearse(transaction) for transaction in transactions)
        if rehearsed:
            raise NothingSentError(rehearsed)
        return []

    def submit(self, transaction: Transaction, *, nonce: int | None = None) -> Pending:  # noqa: ARG002
        """Tries it. Raises NothingSentError, ContractRevert."""
        raise NothingSentError((self.rehearse(transaction),))
