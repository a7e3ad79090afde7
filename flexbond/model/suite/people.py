"""ParticipantRegistry and Rulebook: who may take part, and under which rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond import ids
from flexbond.model.rules import RuleError, check_rule, terms_of
from flexbond.model.suite.base import ModelRevert, Part, Role, Table, atomic, require_address
from flexbond.model.types import Rule, RuleTerms

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


class Rulebook(Part):
    """Rules, published once."""

    def __init__(self, suite: Suite) -> None:
        super().__init__(suite)
        self.rules: Table[bytes, Rule] = self.table()
        self.known_terms: Table[bytes, RuleTerms] = self.table()

    @atomic
    def publish(self, rule: Rule, *, sender: str) -> bytes:
        """Publishes a rule; its id."""
        self.require_role(Role.MARKET_OPERATOR, sender)
        try:
            check_rule(rule)
        except RuleError as error:
            raise ModelRevert(error.error, *error.values) from error
        if not self.suite.escrow.listed.get(rule.currency, False):
            raise ModelRevert("Rulebook_CurrencyNotListed", rule.currency)
        rule_id = ids.rule_id(rule)
        if rule_id in self.rules:
            raise ModelRevert("Rulebook_AlreadyPublished", rule_id)
        self.rules[rule_id] = rule
        self.known_terms[rule_id] = terms_of(rule, len(self.rules))
        return rule_id

    def terms(self, rule_id: bytes) -> RuleTerms:
        """The terms that issuing needs. Raises ModelRevert."""
        if rule_id not in self.known_terms:
            raise ModelRevert("Rulebook_Unknown", rule_id)
        return self.known_terms[rule_id]
