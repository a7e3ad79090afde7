"""What a portfolio did: asked, answered, submitted and checked."""

from __future__ import annotations

from dataclasses import dataclass

from flexbond.model.struct import (
    Address,
    Blob,
    Bool,
    Bytes16,
    Bytes32,
    Int128,
    Struct,
    Uint8,
    Uint16,
    Uint24,
    Uint32,
    Uint40,
    Uint96,
    Uint128,
    Uint256,
)
from flexbond.model.types.enums import EventStatus, Silence
from flexbond.model.types.terms import (
    NO_CALENDAR_DAYS,
    NO_LOOKBACK,
    CalendarDays,
    Call,
    EventKey,
    Lookback,
    MeasuringTerms,
)


@dataclass(frozen=True, kw_only=True)
class Leaf(Struct):
    """One leaf of a submission, as shown."""

    place: Uint40
    """Which one; also stated in the leaf."""
    weight_word: Uint256
    """Entry (high half) and prefix, its own entry included, of the weight column."""
    columns: Blob
    """The same word of each ordered period, ascending, 32 bytes each."""
    path: tuple[Bytes32, ...]
    """Siblings, lowest first."""


@dataclass(frozen=True, kw_only=True)
class Claim(Struct):
    """What a submission claims, as far as it is checked."""

    root: Bytes32
    weight: Uint128
    """Last prefix of the weight column."""
    columns: tuple[Uint128, ...]
    """Last prefix of each period's column."""
    energies_hash: Bytes32
    """Of the baseline and metered energies in its totals."""


@dataclass(frozen=True, kw_only=True)
class Totals(Struct):
    """What a submission commits to beside its root: per ordered period, ascending."""

    columns: tuple[Uint128, ...]
    """Last prefix of each period's column."""
    weight: Uint128
    """Last prefix of the weight column."""
    baseline_milli_wh: tuple[Int128, ...]
    """Sum over devices, `+` import, `-` export; zero where the baseline is the portfolio's."""
    metered_milli_wh: tuple[Int128, ...]
    """Sum over devices that are not silent, `+` import, `-` export."""


@dataclass(frozen=True, kw_only=True)
class Submitted(Struct):
    """What is submitted of an event."""

    key: EventKey
    root: Bytes32
    """Over all leaves."""
    totals: Totals


@dataclass(frozen=True, kw_only=True)
class Cursor(Struct):
    """Where the proving of all leaves stands."""

    next: Uint40
    """Index of the next leaf."""
    frontier: tuple[Bytes32, ...]
    """Roots of the full subtrees so far, lowest first; zero where none."""
    totals: Totals
    """Sums so far."""


@dataclass(frozen=True, kw_only=True)
class EventState(Struct):
    """What Measurement keeps of an event."""

    status: EventStatus
    first_notice: Uint40
    """UTC seconds."""
    submitted_at: Uint40
    """UTC seconds."""
    leaves: Uint32
    """Of the submission."""
    proven: Uint32
    """Leaves proven so far, where every one is."""
    ordered_mask: Uint96
    """Bit p: period p of the window was ordered by some dispatch."""


@dataclass(frozen=True, kw_only=True)
class Occasion(Struct):
    """An event, as far as its devices are measured (`IDeliveryVerifier.Occasion`)."""

    terms: MeasuringTerms
    """Of the event's rule."""
    key: EventKey
    first_notice: Uint40
    """UTC seconds."""
    ordered_mask: Uint96
    """Bit p: period p of the window was ordered."""
    lookback: Lookback = NO_LOOKBACK
    """X_OF_Y: the rule's; else empty."""
    calls_from: Uint40 = 0
    """X_OF_Y: the window from which to gather the portfolio's calls; 0: the first."""


@dataclass(frozen=True, kw_only=True)
class Question(Struct):
    """What is asked of one device (`IDeliveryVerifier.Question`)."""

    key: EventKey
    first_notice: Uint40
    """UTC seconds."""
    ordered_mask: Uint96
    """Bit p: period p of the window was ordered."""
    lookback: Lookback = NO_LOOKBACK
    """X_OF_Y: the rule's; else empty, as what follows."""
    calendar: CalendarDays = NO_CALENDAR_DAYS
    """From the first day looked at to the day after the window."""
    calls: tuple[Call, ...] = ()
    """That the metering point was in and whose windows meet the days looked at."""


@dataclass(frozen=True, kw_only=True)
class Answer(Struct):
    """What the verifier answers, per ordered period, ascending (`IDeliveryVerifier.Answer`)."""

    silence: Silence
    columns: tuple[Uint128, ...]
    """Entries of the leaf's columns."""
    weight: Uint128
    """Entry of the weight column."""
    baseline_milli_wh: tuple[Int128, ...]
    """`+` import, `-` export; zero where the baseline is the portfolio's, or silent."""
    metered_milli_wh: tuple[Int128, ...]
    """`+` import, `-` export; zero if silent."""
    metering_point: Bytes16
    is_complete: Bool
    """Not silent, and no absent energy was filled in: other records can give nothing else."""


@dataclass(frozen=True, kw_only=True)
class Verdict(Struct):
    """What a spot check has to know of an answer (`IDeliveryVerifier.Verdict`)."""

    silence: Silence
    has_records: Bool
    """Whether any were shown."""
    is_complete: Bool
    """As of the answer."""
    entries_hash: Bytes32
    """Of the answer's columns and weight."""


@dataclass(frozen=True, kw_only=True)
class ProofContext(Struct):
    """What a proving transaction needs beside its leaves (`IMeasurement.ProofContext`)."""

    key: EventKey
    schedule_milli_wh: tuple[Int128, ...] = ()
    """With the last leaf, as nominated, `+` import, `-` export; empty otherwise."""
    lookback: Lookback = NO_LOOKBACK
    """X_OF_Y: the rule's; empty otherwise."""
    calls_from: Uint40 = 0
    """X_OF_Y: the window from which to gather the portfolio's calls; 0: the first."""
    cursor: Cursor
    """Where proving stands; `next = 0` and empty starts anew."""


@dataclass(frozen=True, kw_only=True)
class Context(Struct):
    """What proving or contradicting single leaves needs beside them (`ISpotChecks.Context`)."""

    key: EventKey
    claim: Claim
    """As submitted."""
    lookback: Lookback = NO_LOOKBACK
    """X_OF_Y: the rule's; empty otherwise."""
    calls_from: Uint40 = 0
    """As in Occasion."""


@dataclass(frozen=True, kw_only=True)
class Check(Struct):
    """Where the checks of a submission stand (`ISpotChecks.Check`)."""

    submitted_at: Uint40
    """UTC seconds; 0: none."""
    moment: Uint40
    """Block that draws, until it did; then when it did, UTC seconds."""
    points: Uint24
    """Proven so far."""
    demands: Uint8
    """By buyers so far."""
    open: Uint24
    """Demanded leaves that are not proven yet."""
    accepted: Uint16
    """Dispatches whose holders accept the submission."""
    drawn: Bool
    """Or nothing to draw."""
    seed: Uint96


@dataclass(frozen=True, kw_only=True)
class Demand(Struct):
    """A leaf that has to be proven (`ISpotChecks.Demand`)."""

    by: Address
    until: Uint40
    """UTC seconds; 0: never demanded."""
    met: Bool
