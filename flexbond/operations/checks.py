"""The checks of a sampled submission, from the event log: what was drawn, proven, demanded, accepted, and why it was rejected.

All of it comes from what SpotChecks logged, and from Measurement whether it ended well, so that an auditor needs no state: the contract
keeps a submission only while it is under way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from flexbond.ids import claim_of
from flexbond.model.sampling import points_of, weight_scale
from flexbond.model.types import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from flexbond.chain.events import EventRecord
    from flexbond.model.types import Claim, Rule, Totals

NAMES: Final = (
    "Bonded",
    "PointsDrawn",
    "PointsProven",
    "LeafDemanded",
    "DemandMet",
    "DemandRefunded",
    "SubmissionAccepted",
    "SubmissionRejected",
)
"""Of all events of SpotChecks; each has the id of the event first."""
END: Final = "EventMeasured"
"""Of Measurement: a sampled submission ends so with its bond released."""
NOBODY: Final = "0x" + 40 * "0"


@dataclass(frozen=True, kw_only=True)
class DemandedLeaf:
    """A leaf of which somebody demanded the proof, or contradicted the records."""

    place: int
    by: str
    until: int
    """UTC seconds, exclusive."""
    fee: int
    """Base units."""
    is_met: bool = False
    is_refunded: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it is still to be proven, or its fee to be given back."""
        return not (self.is_met or self.is_refunded)


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """Why a submission was rejected, and where its bond went."""

    challenger: str | None
    """Who showed it; None: it missed a deadline."""
    fault: Fault
    place: int
    """Of the leaf, where one is at fault."""
    reward: int
    """The challenger's part of the bond, base units."""
    for_buyers: int
    """The rest of it, base units."""
    at: int
    """UTC seconds."""


@dataclass(frozen=True, kw_only=True)
class Checks:
    """The checks of one submission."""

    claim: Claim
    bond: int
    """Base units."""
    submitted_at: int
    """UTC seconds."""
    challenge_until: int
    """UTC seconds, exclusive."""
    points: int
    """To be proven."""
    draw_block: int
    """Whose hash draws; 0: nothing is drawn."""
    drawn_at: int | None
    """UTC seconds; None: not yet."""
    block_hash: bytes | None = None
    seed: int = 0
    proof_until: int | None = None
    """Until when the points have to be proven, UTC seconds, exclusive; None: not drawn yet."""
    proven: int = 0
    """Points."""
    proven_places: tuple[int, ...] = ()
    """Leaves that were proven for them, in order."""
    demands: tuple[DemandedLeaf, ...] = ()
    is_accepted: bool = False
    """By the holders of all dispatches."""
    is_released: bool = False
    """Whether it ended well and the bond is free."""
    rejection: Rejection | None = None

    @property
    def is_drawn(self) -> bool:
        """Whether its points are drawn, or none are to be."""
        return self.drawn_at is not None

    @property
    def open_demands(self) -> tuple[DemandedLeaf, ...]:
        """In the order of their deadlines."""
        return tuple(sorted((one for one in self.demands if one.is_open), key=lambda one: (one.until, one.place)))


def checks_of(logs: Mapping[str, Sequence[EventRecord]], rule: Rule, root: bytes, totals: Totals) -> Checks | None:
    """From the events of one submission by their name; None where every leaf is proven."""
    if not logs["Bonded"]:
        return None
    bonded = logs["Bonded"][0]
    claim = claim_of(root, totals)
    at, draw_block = bonded.timestamp, bonded.draw_block
    checks = Checks(
        claim=claim,
        bond=bonded.bond,
        submitted_at=at,
        challenge_until=at + rule.challenge_window,
        points=points_of(claim, rule.spot_checks, weight_scale(rule, len(claim.columns))),
        draw_block=draw_block,
        drawn_at=None if draw_block else at,
        proof_until=None if draw_block else at + rule.proof_window,
        demands=_demands(logs),
        is_accepted=bool(logs["SubmissionAccepted"]),
        is_released=bool(logs[END]),
        rejection=_rejection(logs["SubmissionRejected"]),
    )
    for drawn in logs["PointsDrawn"]:
        moment = drawn.timestamp
        checks = replace(
            checks,
            drawn_at=moment,
            block_hash=drawn.block_hash,
            seed=drawn.seed,
            proof_until=moment + rule.proof_window,
        )
    for proven in logs["PointsProven"]:
        checks = replace(checks, proven=proven.proven, proven_places=(*checks.proven_places, *map(int, proven.places)))
    return checks


def _demands(logs: Mapping[str, Sequence[EventRecord]]) -> tuple[DemandedLeaf, ...]:
    """A leaf is demanded once, unless it was refunded: then the submission is rejected and nothing follows."""
    found = {
        item.place: DemandedLeaf(place=item.place, by=item.by, until=item.until, fee=item.fee)
        for item in logs["LeafDemanded"]
    }
    for place in _places(logs["DemandMet"]):
        found[place] = replace(found[place], is_met=True)
    for place in _places(logs["DemandRefunded"]):
        found[place] = replace(found[place], is_refunded=True)
    return tuple(found.values())


def _places(records: Iterable[EventRecord]) -> list[int]:
    return [record.place for record in records]


def _rejection(records: Sequence[EventRecord]) -> Rejection | None:
    if not records:
        return None
    told = records[0]
    return Rejection(
        challenger=None if told.challenger == NOBODY else told.challenger,
        fault=Fault(told.fault),
        place=told.place,
        reward=told.reward,
        for_buyers=told.for_buyers,
        at=told.timestamp,
    )
