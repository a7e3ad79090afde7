"""The model with the tokens that a careless market operator might list: with fees, with callbacks, rebasing."""

from __future__ import annotations

from collections.abc import Callable

from flexbond.model.suite import Addresses, ModelRevert, Role, Suite
from flexbond.model.suite.base import Table, atomic, require_address
from flexbond.model.suite.escrow import Escrow, Tokens

ONE = 10_000
"""Basis points in 1."""


class OddTokens(Tokens):
    """Balances of all kinds of tokens; those of the rebasing one are kept as shares."""

    def __init__(self, suite: Suite) -> None:
        super().__init__(suite)
        self.fee = self.rebasing = self.callback = ""
        """Which token is which."""
        self.armed: Callable[[], object] | None = None
        """What the callback token calls in each transfer."""
        self.index_bps: Table[str, int] = self.table()

    @property
    def index(self) -> int:
        """What a share of the rebasing token is worth, basis points."""
        return self.index_bps.get("index", ONE)

    @atomic
    def rebase(self, index_bps: int) -> None:
        """Sets it."""
        self.index_bps["index"] = index_bps

    def balance_of(self, token: str, account: str) -> int:
        """Base units."""
        held = super().balance_of(token, account)
        return held * self.index // ONE if token == self.rebasing else held

    @atomic
    def mint(self, token: str, account: str, amount: int) -> None:
        """Makes money, base units."""
        made = amount * ONE // self.index if token == self.rebasing else amount
        self.balances[token, account] = self.balances.get((token, account), 0) + made

    def _move(self, token: str, owner: str, to: str, amount: int) -> None:
        moved = amount * ONE // self.index if token == self.rebasing else amount
        held = self.balances.get((token, owner), 0)
        if held < moved:
            raise ModelRevert("ERC20InsufficientBalance", owner, held, moved)
        self.balances[token, owner] = held - moved
        kept = moved // 100 if token == self.fee else 0
        self.balances[token, to] = self.balances.get((token, to), 0) + moved - kept
        if token == self.callback and self.armed is not None:
            self.armed()

    @atomic
    def transfer_from(self, token: str, owner: str, to: str, amount: int, *, sender: str) -> None:
        """Moves base units of the owner on its allowance; the rebasing token counts that in shares."""
        moved = amount * ONE // self.index if token == self.rebasing else amount
        allowed = self.allowances.get((token, owner, sender), 0)
        if allowed != 2**256 - 1:
            if allowed < moved:
                raise ModelRevert("ERC20InsufficientAllowance", sender, allowed, moved)
            self.allowances[token, owner, sender] = allowed - moved
        self._move(token, owner, to, amount)


class OddEscrow(Escrow):
    """What comes in is counted."""

    @atomic
    def deposit(self, token: str, account: str, amount: int, *, sender: str) -> None:
        """Only what was received to the base unit is taken."""
        self._require_listed(token)
        require_address("account", account)
        if amount == 0:
            raise ModelRevert("CollateralEscrow_ZeroAmount", token)
        tokens, here = self.suite.tokens, self.suite.addresses.escrow
        held = tokens.balance_of(token, here)
        tokens.transfer_from(token, sender, here, amount, sender=here)
        received = max(0, tokens.balance_of(token, here) - held)
        if received != amount:
            raise ModelRevert("CollateralEscrow_ReceivedDiffers", token, amount, received)
        self.owed_of[token] = self.owed(token) + amount
        self._give(token, account, amount)


class OddSuite(Suite):
    """All contracts with such tokens."""

    def __init__(self, addresses: Addresses, roles: dict[Role, frozenset[str]]) -> None:
        super().__init__(addresses, roles)
        self.tokens = OddTokens(self)
        self.escrow = OddEscrow(self)
