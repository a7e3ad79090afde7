"""A sampled submission as the log has it, from what a tower remembers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from flexbond.ids import claim_of

if TYPE_CHECKING:
    from flexbond.model.types import Claim, EventKey
    from flexbond.watching.state import State


@dataclass(frozen=True, kw_only=True)
class Demanded:
    """A leaf that was demanded."""

    event_id: bytes
    place: int
    by: str
    until: int
    """UTC seconds, exclusive."""
    fee: int
    """Base units."""
    is_met: bool
    is_refunded: bool

    @property
    def is_open(self) -> bool:
        """Whether it is to be proven, or its fee to be given back."""
        return not (self.is_met or self.is_refunded)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A submission."""

    event_id: bytes
    key: EventKey
    provider: str
    claim: Claim
    leaves: int
    block: int
    """In which it was submitted."""
    submitted_at: int
    """UTC seconds."""

    @classmethod
    def of(cls, state: State, event_id: bytes) -> Self:
        """Of an event that has one."""
        called, submitted, bonded = (
            state.logs(name, event_id=event_id)[-1] for name in ("EventCalled", "EventSubmitted", "Bonded")
        )
        return cls(
            event_id=event_id,
            key=called.key,
            provider=bonded.provider,
            claim=claim_of(submitted.root, submitted.totals),
            leaves=submitted.leaves,
            block=bonded.block,
            submitted_at=bonded.timestamp,
        )


def demands_of(state: State, event_id: bytes | None = None) -> list[Demanded]:
    """All leaves that were demanded, of one event or of all, in order."""
    ended = {
        name: {(item.event_id, item.place) for item in state.logs(name, event_id=event_id)}
        for name in ("DemandMet", "DemandRefunded")
    }
    return [
        Demanded(
            event_id=item.event_id,
            place=item.place,
            by=item.by,
            until=item.until,
            fee=item.fee,
            is_met=(item.event_id, item.place) in ended["DemandMet"],
            is_refunded=(item.event_id, item.place) in ended["DemandRefunded"],
        )
        for item in state.logs("LeafDemanded", event_id=event_id)
    ]
