"""Undoing what a test did on an Anvil node."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flexbond.chain.rpc import Rpc


def keep(rpc: Rpc) -> Any:
    """The present state, for `back_to`."""
    return rpc.once("evm_snapshot")


def back_to(rpc: Rpc, snapshot: Any) -> None:
    """Back to a snapshot, which is used up.

    A node tells of a block before it strikes the block's transactions off those that wait. With the block undone they are as
    good as new, and would be mined again with the next block: so nothing may wait.
    """
    rpc.once("anvil_dropAllTransactions")
    assert rpc.once("evm_revert", snapshot)


@contextmanager
def undone(rpc: Rpc) -> Iterator[None]:
    """Whatever is done within is undone."""
    snapshot = keep(rpc)
    yield
    back_to(rpc, snapshot)
