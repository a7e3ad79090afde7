"""An event under way, with what is claimed of it and what became of that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flexbond import ids

if TYPE_CHECKING:
    from flexbond.model.suite.submissions import Rejection
    from flexbond.model.types import Claim, Context, EventKey, Rule
    from tests.invariant.fleets.lies import Claimed
    from tests.invariant.ghost import Event
    from tests.support.sampled import Sampled


@dataclass
class Case:
    """One event."""

    event: Event
    habits: tuple[str, ...]
    """How the records of each home came."""
    honest: Sampled | None = None
    """What the provider's records give; None: not yet measured."""
    measured_at: int = 0
    """When that was; before the reading deadline records may still come."""
    claimed: Claimed | None = None
    """What was submitted, once it was."""
    lazy: bool = False
    """The provider does not what it has to."""
    known_false: bool = False
    """Whether those who hold the leaves and records can tell that it is false."""
    bond: int = 0
    """Base units."""
    submitted_at: int = 0
    """UTC seconds."""
    accepted: set[bytes] = field(default_factory=set)
    """Dispatches whose holders accepted."""
    rejection: Rejection | None = None
    released: int = 0
    """Of the bond, to the provider, base units."""
    shared: int = 0
    """Of the bond, to buyers, base units."""
    ended: bool = False

    @property
    def id(self) -> bytes:
        """The event's id."""
        return ids.event_id(self.event.key)

    @property
    def key(self) -> EventKey:
        """The event."""
        return self.event.key

    @property
    def rule(self) -> Rule:
        """Its rule."""
        return self.event.rule

    @property
    def sampled(self) -> Sampled:
        """What was submitted."""
        assert self.claimed is not None
        return self.claimed.sampled

    @property
    def claim(self) -> Claim:
        """As it is shown."""
        return self.sampled.claim

    @property
    def context(self) -> Context:
        """What is shown beside leaves."""
        return self.sampled.context

    @property
    def is_open(self) -> bool:
        """Whether a submission is under way."""
        return self.claimed is not None and not self.ended
