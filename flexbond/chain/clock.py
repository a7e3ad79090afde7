"""The time and the blocks of a local chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from web3.types import RPCEndpoint

from flexbond.errors import FlexbondError

if TYPE_CHECKING:
    from web3 import Web3


class ClockError(FlexbondError):
    """The chain does not let its time be set."""


def now(w3: Web3) -> int:
    """Time of the latest block, seconds since 1970."""
    return int(w3.eth.get_block("latest")["timestamp"])


def set_time(w3: Web3, timestamp: int) -> None:
    """Mine a block at exactly ``timestamp``; the chain's clock goes on from there.

    Local chains only, and forwards only: a block is never older than the one before it. To set the
    present time again does nothing.
    """
    present = now(w3)
    if timestamp == present:
        return
    if timestamp < present:
        raise ClockError(
            f"The chain's time is {present}, and {timestamp} is before that.", "Start a new local chain to go back."
        )
    client = w3.client_version.lower()
    if client.startswith("anvil"):
        # Ganache's way (increase, then mine) can come out a second short here.
        _call(w3, "evm_setNextBlockTimestamp", timestamp)
        _call(w3, "evm_mine")
    elif client.startswith("ganache"):
        # A block mined at a given time does not move Ganache's clock; set to the same second, it could
        # have ticked on before the block is mined.
        _call(w3, "evm_mine", timestamp)
        _call(w3, "evm_setTime", timestamp * 1000)
    else:
        raise ClockError(
            f"The time of {w3.client_version} cannot be set.", "Use a local chain: `--network anvil` or `ganache`."
        )


def mine_blocks(w3: Web3, count: int) -> int:
    """Mine that many blocks with nothing in them; the number of the last. Local chains only."""
    client = w3.client_version.lower()
    if client.startswith("anvil"):
        _call(w3, "anvil_mine", hex(count))
    elif client.startswith("ganache"):
        _call(w3, "evm_mine", {"blocks": count})
    else:
        raise ClockError(f"{w3.client_version} makes its own blocks.", "Wait for them.")
    return int(w3.eth.block_number)


def _call(w3: Web3, method: str, *parameters: object) -> None:
    response: Any = w3.provider.make_request(RPCEndpoint(method), list(parameters))
    if "error" in response:
        raise ClockError(f"The chain refuses {method}: {response['error'].get('message')}.", "Start a new local chain.")
