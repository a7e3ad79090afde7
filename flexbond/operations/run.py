"""One run of bringing an event to its end: what it works with, what it did, and what it has to wait for."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.chain.errors import ContractRevert
from flexbond.model.types import EventStatus
from flexbond.operations.common import titled
from flexbond.operations.history import load_event

if TYPE_CHECKING:
    from pathlib import Path

    from flexbond.chain.send import Sender
    from flexbond.chain.suite import Suite, Transaction
    from flexbond.operations.history import EventHistory
    from flexbond.operations.leaves import Leaves
    from flexbond.operations.progress import Progress
    from flexbond.operations.recordbook import RecordBook


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Why an event is not at its end."""

    reason: str
    until: int
    """From when on it can go on, or until when somebody has to act; UTC seconds."""
    block: int = 0
    """The block that has to come first; 0: it is a matter of time, or of somebody."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was done for an event, and where it stands now."""

    event_id: bytes
    status: EventStatus
    submitted: bool
    """Whether it was submitted now."""
    drawn: bool
    """Whether its points were drawn now."""
    proven: int
    """Leaves proven now: all of the submission's, or those that were drawn."""
    demands_met: int
    """Demanded leaves proven now."""
    finalised: bool
    """Whether a sampled submission became final now."""
    failed: bool
    """Whether it was ended as unmeasured now."""
    refunds: int
    """Fees of demands given back now."""
    dispatches: tuple[bytes, ...]
    """Dispatches settled now."""
    rights: tuple[bytes, ...]
    """Rights whose uncalled units were settled now."""
    open_dispatches: int
    """Dispatches that are not settled."""
    waiting: Waiting | None
    """None if nothing is left to do."""

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to settle."""
        return self.waiting is None


@dataclass(kw_only=True)
class Run:
    """What a run works with and what it did so far."""

    suite: Suite
    sender: Sender
    progress: Progress
    records: RecordBook | None = None
    """The provider's record book."""
    build: Path | None = None
    """Folder of a built submission, in place of the book where not every leaf is proven."""
    max_leaves: int
    """Most leaves proven in one transaction."""
    accept_silence: bool = False
    """Whether to submit an event of which no device counts."""
    leaves: Leaves | None = None
    """What book or folder show of the event, once they were looked into."""
    submitted: bool = False
    drawn: bool = False
    proven: int = 0
    demands_met: int = 0
    finalised: bool = False
    failed: bool = False
    refunds: int = 0
    dispatches: list[bytes] = dataclasses.field(default_factory=list)
    rights: list[bytes] = dataclasses.field(default_factory=list)
    waiting: Waiting | None = None

    def wait(self, reason: str, until: int, *, block: int = 0) -> None:
        """Notes what has to be waited for; of several reasons the one whose time comes first."""
        self.progress(reason)
        if self.waiting is None or until < self.waiting.until:
            self.waiting = Waiting(reason=reason, until=until, block=block)

    def send(self, transaction: Transaction, title: str, *, unless: str = "") -> bool:
        """Sends a transaction; False if it is refused with the error `unless`: then somebody else did it meanwhile."""
        try:
            self.sender.send(titled(transaction, title))
        except ContractRevert as refused:
            if not unless or refused.name != unless:
                raise
            self.progress("Somebody else did it meanwhile.")
            return False
        return True

    def look(self, event: EventHistory) -> EventHistory:
        """The event as it stands now."""
        return load_event(self.suite, event.id)

    def may_submit(self, event: EventHistory) -> bool:
        """Whether the sender is the provider, or acts for it, and has what to submit."""
        has_data = self.records is not None or self.build is not None
        mine = self.sender.address == event.provider
        return has_data and (mine or self.suite.participants.read("mayAct", event.provider, self.sender.address))
