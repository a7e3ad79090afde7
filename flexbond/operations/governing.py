"""What the market operator does: grids, rules, participants. Each is done once, however often it is asked for.

Where the configuration gives the operator a delay, the first run announces the operation and says when it is due, and a later run
does it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexbond.ids import rule_id
from flexbond.operations.common import time_of, titled
from flexbond.operations.errors import NotYoursError, TooEarlyError
from flexbond.operations.history import grids_of
from flexbond.operations.progress import Progress, silent
from flexbond.units import format_time

if TYPE_CHECKING:
    from flexbond.chain.send import Sender
    from flexbond.chain.suite import Contract, Suite
    from flexbond.model.types import Grid, Rule


def publish_grid(suite: Suite, sender: Sender, grid: Grid, *, progress: Progress = silent) -> int:
    """Publishes a grid of record slots unless it stands; its id, from 1. Raises NotYoursError, TooEarlyError."""
    known = grids_of(suite)
    for number, published in known.items():
        if published == grid:
            progress(f"The grid stands already as number {number}.")
            return number
    _act(
        suite, sender, suite.devices, "publishGrid", (grid,), title="Publish a grid of record slots", progress=progress
    )
    return next(number for number, published in grids_of(suite).items() if published == grid)


def publish_rule(suite: Suite, sender: Sender, rule: Rule, *, progress: Progress = silent) -> bytes:
    """Publishes a rule unless it stands; its id. Raises NotYoursError, TooEarlyError."""
    identity = rule_id(rule)
    if suite.rulebook.read("isPublished", identity):
        progress(f"The rule 0x{identity.hex()} stands already.")
        return identity
    _act(suite, sender, suite.rulebook, "publish", (rule,), title="Publish a rule", progress=progress)
    return identity


def qualify(
    suite: Suite,
    sender: Sender,
    account: str,
    *,
    buyer: bool,
    provider: bool,
    expiry: int,
    credential_hash: bytes = bytes(32),
    progress: Progress = silent,
) -> None:
    """Sets an account's qualification until `expiry` (UTC seconds) unless it is set so. Raises NotYoursError, TooEarlyError."""
    stored = suite.participants.read("participant", account)
    if (stored.buyer, stored.provider, stored.expiry, stored.credential_hash) == (
        buyer,
        provider,
        expiry,
        credential_hash,
    ):
        progress(f"{account} is qualified so already.")
        return
    arguments = (account, buyer, provider, credential_hash, expiry)
    _act(suite, sender, suite.participants, "qualify", arguments, title=f"Qualify {account}", progress=progress)


def _act(
    suite: Suite,
    sender: Sender,
    contract: Contract,
    function: str,
    arguments: tuple[object, ...],
    *,
    title: str,
    progress: Progress,
) -> None:
    """Calls what a role guards: at once, or announced first where the role has a delay."""
    transaction = titled(contract.transaction(function, *arguments), title)
    governance, actor = suite.governance, sender.address
    allowed = governance.read("canCall", actor, contract.address, transaction.data[:4])
    at_once, delay = allowed[0], allowed[1]
    if not at_once and not delay:
        raise NotYoursError(f"{actor} has no role for {contract.name}.{function}.", "Use the market operator's key.")
    if not at_once:
        operation = governance.read("hashOperation", actor, contract.address, transaction.data)
        due = governance.read("getSchedule", operation)
        if due == 0:
            announced = governance.transaction("schedule", contract.address, transaction.data, 0)
            sender.send(titled(announced, f"Announce: {title[0].lower()}{title[1:]}"))
            due = governance.read("getSchedule", operation)
        if time_of(suite) < due:
            raise TooEarlyError(
                f"The operation is announced and can be done from {format_time(due)} on.",
                "Run the same command again then.",
                at=due,
            )
    sender.send(transaction)
    progress(f"{title}: done.")
