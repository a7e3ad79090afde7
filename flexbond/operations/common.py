"""What several operations need: the time on chain, domains of signatures, tokens, and who may act for whom."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.chain.rpc import RpcError
from flexbond.operations.errors import NotYoursError
from flexbond.signing.eip712 import Domain
from flexbond.units import format_money

if TYPE_CHECKING:
    from flexbond.chain.suite import Suite, Transaction


@dataclass(frozen=True, kw_only=True)
class Token:
    """An ERC-20 token as people speak of it."""

    address: str
    symbol: str
    decimals: int

    def show(self, amount: int) -> str:
        """Base units for people: `1,234.50 MUSD`."""
        return format_money(amount, decimals=self.decimals, symbol=self.symbol)


def token_at(suite: Suite, address: str) -> Token:
    """The token at an address. Raises ContractRevert, NodeUnreachableError."""
    contract = suite.token(address)
    return Token(address=contract.address, symbol=contract.read("symbol"), decimals=contract.read("decimals"))


def time_of(suite: Suite) -> int:
    """The time that the next block would have at the earliest, as far as the node says; UTC seconds.

    A local chain without traffic makes no blocks: there the latest one may be hours old.
    """
    latest = suite.rpc.now()
    try:
        pending = suite.rpc.request("eth_getBlockByNumber", "pending", False)
        return max(latest, int(pending["timestamp"], 16))
    except (RpcError, KeyError, TypeError, ValueError):
        return latest


def registry_domain(suite: Suite) -> Domain:
    """What statements, consents and payee changes are signed for."""
    return Domain.of("DeviceRegistry", chain_id=suite.chain_id, contract=suite.devices.address)


def oracle_domain(suite: Suite) -> Domain:
    """What records are signed for."""
    return Domain.of("MeterOracle", chain_id=suite.chain_id, contract=suite.oracle.address)


def market_domain(suite: Suite) -> Domain:
    """What offers are signed for."""
    return Domain.of("FlexibilityMarket", chain_id=suite.chain_id, contract=suite.market.address)


def titled(transaction: Transaction, title: str) -> Transaction:
    """The transaction with a title for people."""
    return dataclasses.replace(transaction, title=title)


def require_actor(suite: Suite, account: str, actor: str, *, what: str) -> None:
    """Raises NotYoursError unless the actor is the account or its operator now."""
    if actor != account and not suite.participants.read("mayAct", account, actor):
        raise NotYoursError(
            f"{actor} may not {what}: that is for {account} or its operator.", "Use the key of one of them with --key."
        )
