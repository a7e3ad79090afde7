"""The whole suite as a model of its state: the same functions, checks in the same order, the same errors and values.

Each part is named for its contract and its functions for the contract's, with `sender` and `now` (UTC seconds) beside
them. Whether a signature is valid is an input. Where the contract reverts, `ModelRevert` is raised and nothing changes.
"""

from __future__ import annotations

from flexbond.model.suite.base import ANY, Addresses, Journal, ModelRevert, Role
from flexbond.model.suite.devices import Devices
from flexbond.model.suite.dispatching import Settlement
from flexbond.model.suite.escrow import Escrow, Lock, Tokens
from flexbond.model.suite.market import Market
from flexbond.model.suite.measurement import Measurement
from flexbond.model.suite.oracle import BroughtRecord, Oracle
from flexbond.model.suite.payouts import Payouts, Pool
from flexbond.model.suite.people import Participant, Participants
from flexbond.model.suite.rights import Right, Rights, Window
from flexbond.model.suite.rulebook import Rulebook
from flexbond.model.suite.spotchecks import SpotChecks
from flexbond.model.suite.verifier import Verifier

__all__ = [
    "ANY",
    "Addresses",
    "BroughtRecord",
    "Lock",
    "ModelRevert",
    "Participant",
    "Pool",
    "Right",
    "Role",
    "Suite",
    "Window",
]


class Suite:
    """All contracts, deployed, with the holders of each role."""

    def __init__(self, addresses: Addresses, roles: dict[Role, frozenset[str]]) -> None:
        self.addresses = addresses
        self.roles = {role: roles.get(role, frozenset()) for role in Role}
        self.journal = Journal()
        self.tokens = Tokens(self)
        self.escrow = Escrow(self)
        self.participants = Participants(self)
        self.rulebook = Rulebook(self)
        self.devices = Devices(self)
        self.oracle = Oracle(self)
        self.rights = Rights(self)
        self.verifier = Verifier(self)
        self.measurement = Measurement(self)
        self.spot_checks = SpotChecks(self)
        self.settlement = Settlement(self)
        self.payouts = Payouts(self)
        self.market = Market(self)

    def held(self, token: str) -> int:
        """Sum of all free balances and locks of a token that this model knows, base units.

        Locks do not say their token, so this is for a suite with one.
        """
        free = sum(amount for (listed, _), amount in self.escrow.balances.items() if listed == token)
        return free + sum(lock.amount for lock in self.escrow.locks.values())
