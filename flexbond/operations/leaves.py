"""What somebody who holds the data of a submission can show of it: from a record book, or from a folder that `submit build` made."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

from flexbond.ids import claim_of, commitment_of, event_id, responses_hash, totals_hash
from flexbond.model.delivery import assemble
from flexbond.model.types import Context, EventStatus, NeighboursClaim, Silence, WeightClaim
from flexbond.operations.common import oracle_domain
from flexbond.operations.errors import LeavesUnknownError, RecordsDifferError
from flexbond.operations.evidence import gather, question_of
from flexbond.operations.history import answers_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from flexbond.chain.suite import Suite
    from flexbond.fleet.built import Built
    from flexbond.model.delivery import MeasuredEvent
    from flexbond.model.types import Claim, DeviceProof, Leaf, Totals
    from flexbond.operations.evidence import Evidence
    from flexbond.operations.history import EventHistory
    from flexbond.operations.recordbook import RecordBook

    Shown = tuple[Leaf, DeviceProof]
    """A leaf and the records that it was made of."""


class Shares(Protocol):
    """What every leaf of a submission weighs, and what its customers' shares are claimed with."""

    @property
    def leaves(self) -> int:
        """How many."""

    @property
    def claim(self) -> Claim:
        """What the submission claims."""

    def weights(self) -> Sequence[int]:
        """Of every leaf, in order."""

    def place_of(self, metering_point: bytes) -> int:
        """The last place of a metering point. Raises a FlexbondError if it has none."""

    def weight_claim(self, place: int) -> WeightClaim:
        """One leaf's share of the event's pool."""

    def run_claim(self, first: int, count: int) -> NeighboursClaim:
        """The shares of neighbouring leaves."""


class Leaves(Shares, Protocol):
    """The leaves of a submission and the records behind them."""

    @property
    def totals(self) -> Totals:
        """As they are, or were, submitted."""

    @property
    def context(self) -> Context:
        """What contracts need beside leaves and records."""

    def counts(self) -> Mapping[Silence, int]:
        """How many leaves there are for each reason; OK: heard."""

    def holder(self, column: int, at: int) -> int:
        """The place of the leaf that holds a point of a column, the weight the last one."""

    def shown(self, places: Sequence[int]) -> Sequence[Shown]:
        """Leaves with their records, in the order of the places."""


@dataclass(frozen=True, kw_only=True)
class MeasuredShares:
    """Of an event of which the answer of every leaf is known."""

    event: EventHistory
    measured: MeasuredEvent

    @property
    def leaves(self) -> int:
        """How many."""
        return len(self.measured.answers)

    @property
    def claim(self) -> Claim:
        """What the submission claims."""
        return claim_of(self.measured.tree.root, self.measured.totals)

    def weights(self) -> Sequence[int]:
        """Of every leaf, in order."""
        return [answer.weight for answer in self.measured.answers]

    def place_of(self, metering_point: bytes) -> int:
        """The last place of a metering point. Raises RecordsDifferError."""
        places = [at for at, answer in enumerate(self.measured.answers) if answer.metering_point == metering_point]
        if not places:
            raise RecordsDifferError(
                f"Metering point 0x{metering_point.hex()} has no leaf in this event.",
                "Check it, and the event: it may have joined the portfolio later.",
            )
        return places[-1]

    def weight_claim(self, place: int) -> WeightClaim:
        """One leaf's share of the event's pool."""
        measured, event = self.measured, self.event
        return WeightClaim(
            key=event.key,
            currency=event.rule.currency,
            index=place,
            weight_word=measured.weight_words[place],
            columns_hash=measured.columns_hashes[place],
            path=measured.tree.path(place),
            total_weight=measured.totals.weight,
            totals_hash=totals_hash(measured.totals),
            responses_hash=responses_hash(measured.responses_milli_wh),
        )

    def run_claim(self, first: int, count: int) -> NeighboursClaim:
        """The shares of neighbouring leaves. Raises TreeError."""
        measured, event = self.measured, self.event
        return NeighboursClaim(
            key=event.key,
            currency=event.rule.currency,
            first=first,
            weight_words=tuple(measured.weight_words[first : first + count]),
            columns_hashes=tuple(measured.columns_hashes[first : first + count]),
            path=measured.tree.run_path(first, count),
            total_weight=measured.totals.weight,
            totals_hash=totals_hash(measured.totals),
            responses_hash=responses_hash(measured.responses_milli_wh),
        )


@dataclass(frozen=True, kw_only=True)
class BookLeaves(MeasuredShares):
    """From a record book."""

    evidence: Evidence

    @property
    def totals(self) -> Totals:
        """Of all leaves."""
        return self.measured.totals

    @property
    def context(self) -> Context:
        """What contracts need beside leaves and records."""
        evidence = self.evidence
        return Context(key=self.event.key, claim=self.claim, lookback=evidence.lookback, calls_from=evidence.calls_from)

    def counts(self) -> Mapping[Silence, int]:
        """How many leaves there are for each reason."""
        return Counter(self.evidence.reasons)

    @cached_property
    def _prefixes(self) -> list[list[int]]:
        """Running totals of every column, the weight last."""
        rows = zip(*((*answer.columns, answer.weight) for answer in self.measured.answers), strict=True)
        return [list(accumulate(row)) for row in rows]

    def holder(self, column: int, at: int) -> int:
        """The place of the leaf that holds a point of a column."""
        return bisect_right(self._prefixes[column], at)

    def shown(self, places: Sequence[int]) -> Sequence[Shown]:
        """Leaves with their records."""
        return [(self.measured.leaf(place), self.evidence.proofs[place]) for place in places]


@dataclass(frozen=True, kw_only=True)
class BuiltLeaves:
    """From a folder that `flexbond submit build` made."""

    built: Built

    @property
    def leaves(self) -> int:
        """How many."""
        return self.built.leaves

    @property
    def claim(self) -> Claim:
        """What the submission claims."""
        return self.built.claim

    @property
    def totals(self) -> Totals:
        """Of all leaves."""
        return self.built.totals

    @property
    def context(self) -> Context:
        """What contracts need beside leaves and records."""
        from flexbond.fleet.showing import context_of

        return context_of(self.built)

    def counts(self) -> Mapping[Silence, int]:
        """How many leaves there are for each reason."""
        return self.built.counts()

    def weights(self) -> Sequence[int]:
        """Of every leaf, in order."""
        return self.built.weights()

    def place_of(self, metering_point: bytes) -> int:
        """The last place of a metering point. Raises FleetError."""
        return self.built.place_of(metering_point)

    def holder(self, column: int, at: int) -> int:
        """The place of the leaf that holds a point of a column. Raises FleetError."""
        return self.built.holder(column, at)

    def shown(self, places: Sequence[int]) -> Sequence[Shown]:
        """Leaves with their records. Raises FleetError, DocumentError."""
        from flexbond.fleet.showing import proofs_of

        return [(one.leaf, one.proof) for one in proofs_of(self.built, places)]

    def weight_claim(self, place: int) -> WeightClaim:
        """One leaf's share of the event's pool. Raises FleetError."""
        return self.built.weight_claim(place)

    def run_claim(self, first: int, count: int) -> NeighboursClaim:
        """The shares of neighbouring leaves. Raises FleetError."""
        return self.built.run_claim(first, count)


def leaves_of_book(suite: Suite, event: EventHistory, book: RecordBook) -> BookLeaves:
    """What a record book shows of an event."""
    evidence = gather(suite, event, book)
    return BookLeaves(event=event, measured=evidence.measured, evidence=evidence)


def leaves_of_build(suite: Suite, event: EventHistory, folder: Path) -> BuiltLeaves:
    """What a built submission shows of its event. Raises RecordsDifferError if it is another's, DocumentError, FleetError."""
    from flexbond.fleet.built import Built  # numpy and pyarrow, which only fleets need

    built = Built.load(folder)
    made, asked = built.event, question_of(event)
    here = (oracle_domain(suite), asked.key, asked.first_notice, asked.ordered_mask, event.schedule_milli_wh)
    there = made.question
    if (made.oracle, there.key, there.first_notice, there.ordered_mask, made.schedule_milli_wh) != here:
        raise RecordsDifferError(
            f"{folder} is a submission of another event, or of this one as it stood before.",
            f"Build it again with `flexbond submit build` for the event 0x{event.id.hex()}.",
        )
    return BuiltLeaves(built=built)


def shares_of_log(suite: Suite, event: EventHistory) -> MeasuredShares:
    """Of an event of which every leaf was proven, from what was logged. Raises OperationError if the log is not whole."""
    measured = assemble(
        rule=event.rule,
        question=question_of(event),
        answers=answers_of(suite, event),
        sums=suite.devices.read("sumsBefore", event.key.portfolio_id, event.state.first_notice),
        schedule_milli_wh=event.schedule_milli_wh,
    )
    return MeasuredShares(event=event, measured=measured)


def shares_for(
    suite: Suite, event: EventHistory, *, records: RecordBook | None = None, build: Path | None = None
) -> Shares:
    """What the customers of a measured event are due by: from the log where every leaf was proven, else from the provider's data.

    Raises LeavesUnknownError without data where they are needed, RecordsDifferError for others than were submitted, DocumentError,
    FleetError.
    """
    shares: Shares
    if build is not None:
        shares = leaves_of_build(suite, event, build)
    elif event.checks is None:
        shares = shares_of_log(suite, event)
    elif records is not None:
        shares = leaves_of_book(suite, event, records)
    else:
        raise LeavesUnknownError(
            f"The submission of event 0x{event.id.hex()} was sampled: its leaves are not on chain.",
            "Name the provider's record book with --records, or the folder of its submission with --build; a customer asks the provider "
            "for its claim (`flexbond collect proof`) and sends it with `flexbond collect run --claim`.",
        )
    require_submitted(suite, event, shares)
    return shares


def events_of_builds(folders: Sequence[Path]) -> dict[bytes, Path]:
    """The folders of built submissions by the event that each is of. Raises DocumentError, FleetError."""
    from flexbond.fleet.built import Built

    return {event_id(Built.load(folder).event.question.key): folder for folder in folders}


def require_submitted(suite: Suite, event: EventHistory, leaves: Shares, *, until: str = "") -> None:
    """Raises RecordsDifferError unless these are the leaves that the event was submitted with."""
    claimed, checks = commitment_of(leaves.claim), event.checks
    if event.status is EventStatus.MEASURED:
        submitted = event.commitment
    else:
        submitted = commitment_of(checks.claim) if checks else suite.measurement.read("commitment", event.id)
    if claimed != submitted:
        raise RecordsDifferError(
            "The event was submitted with other records than these.",
            f"Name the record book or folder it was submitted with{until}.",
        )
