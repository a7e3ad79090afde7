"""ParticipantRegistry: who may take part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.model.suite.base import ModelRevert, Part, Role, Table, atomic, require_address

if TYPE_CHECKING:
    from flexbond.model.suite import Suite


@dataclass(frozen=True, kw_only=True)
class Participant:
    """An account's qualification."""

    buyer: bool
    provider: bool
    credential_hash: bytes
    expiry: int
    """UTC seconds, exclusive."""


NOBODY = Participant(buyer=False, provider=False, credential_hash=bytes(32), expiry=0)


class Participants(Part):
    """Who may buy, who may provide, and who may act for them."""

    def __init__(self, suite: Suite) -> None:
        super().__init__(suite)
        self.accounts: Table[str, Participant] = self.table()
        self.operators: Table[tuple[str, str], int] = self.table()

    @atomic
    def qualify(
        self, account: str, buyer: bool, provider: bool, credential_hash: bytes, expiry: int, *, sender: str, now: int
    ) -> None:
        """Sets an account's qualification until `expiry`, UTC seconds."""
        self.require_role(Role.MARKET_OPERATOR, sender)
        require_address("account", account)
        if (buyer or provider) and expiry <= now:
            raise ModelRevert("ParticipantRegistry_BadExpiry", expiry, now)
        self.accounts[account] = Participant(
            buyer=buyer, provider=provider, credential_hash=credential_hash, expiry=expiry
        )

    @atomic
    def appoint_operator(self, operator: str, until: int, *, sender: str) -> None:
        """Lets an operator act for the sender until a time, UTC seconds."""
        self.operators[sender, operator] = until

    def is_buyer(self, account: str, *, now: int) -> bool:
        """Whether the account is qualified as buyer."""
        known = self.accounts.get(account, NOBODY)
        return known.buyer and now < known.expiry

    def is_provider(self, account: str, *, now: int) -> bool:
        """Whether the account is qualified as provider."""
        known = self.accounts.get(account, NOBODY)
        return known.provider and now < known.expiry

    def require_parties(self, provider: str, buyer: str, *, now: int) -> None:
        """Both are qualified. Raises ModelRevert."""
        if not self.is_provider(provider, now=now):
            raise ModelRevert("ParticipantRegistry_NotProvider", provider)
        if not self.is_buyer(buyer, now=now):
            raise ModelRevert("ParticipantRegistry_NotBuyer", buyer)

    def may_act(self, account: str, actor: str, *, now: int) -> bool:
        """Whether the actor is the account or one of its operators."""
        return account == actor or now < self.operators.get((account, actor), 0)
