"""What can stand in the way of a watchtower."""

from __future__ import annotations

from flexbond.errors import FlexbondError


class StateError(FlexbondError):
    """A state file that cannot be used: of another deployment, of another program, or in use."""


class BudgetError(FlexbondError):
    """A transaction that was not sent since it could cost more than is left of the budget."""


class NodeBehindError(FlexbondError):
    """A node whose chain changed while it was read, or that does not know what it must: to be tried again."""
