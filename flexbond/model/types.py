"""The structs and enums of `contracts/types/Flex.sol`, one to one, in snake case and in the same order.

Units: power in W (`_w`), energy in mWh (`_milli_wh`, `+` import, `-` export), money in base units of the token, ratios
in basis points (`_bps`, 10 000 = 1), time in UTC seconds. Intervals are half-open `[start, end)`, deadlines exclusive.
What has no sign in its text is never negative. Every range is checked on construction.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Final

from flexbond.model.openings import Inclusion, RecordOpening
from flexbond.model.struct import (
    PACKED,
    Address,
    Blob,
    Bool,
    Bytes16,
    Bytes32,
    Int32,
    Int40,
    Int128,
    Struct,
    Uint8,
    Uint16,
    Uint24,
    Uint32,
    Uint40,
    Uint48,
    Uint64,
    Uint96,
    Uint128,
    Uint256,
)

SCHEMA: Final = 1
"""Version of the hashed structs."""
BPS: Final = 10_000
"""Basis points in 1."""
MAX_PERIODS: Final = 96
"""Most settlement periods in a service window."""


class Direction(IntEnum):
    """Shed: less demand or more generation (upward regulation). Absorb: the opposite. A sign never carries it."""

    SHED = 0
    ABSORB = 1


class BaselineMethod(IntEnum):
    """What the metered energy is compared with."""

    NOMINATED = 0
    """A schedule for the portfolio, committed before the gate closes."""
    REFERENCE_LEVEL = 1
    """A contracted level of the portfolio."""
    METER_BEFORE = 2
    """Per device: mean of the last periods before the first notice."""
    X_OF_Y = 3
    """Per device: mean, period by period, of `x` of the last `y` eligible days."""


class DaySelection(IntEnum):
    """Which `x` of the `y` days, by energy in the window's periods, `+` import."""

    HIGH = 0
    MID = 1
    LOW = 2


class Adjustment(IntEnum):
    """How the mean of past days is moved to the event's own day."""

    NONE = 0
    ADDITIVE = 1
    MULTIPLICATIVE = 2


class ClampLevel(IntEnum):
    """Whether `R = sum(max(0, response_i))` (DEVICE) or `R = sum(response_i)` (PORTFOLIO)."""

    DEVICE = 0
    PORTFOLIO = 1


class CurveKind(IntEnum):
    """How a curve is read between its points; nothing below the first point."""

    STEPS = 0
    """The payment of the last point reached."""
    LINEAR = 1
    """Between the points, rounded down."""


class PayBase(IntEnum):
    """What utilisation is paid for."""

    DELIVERED = 0
    ORDERED = 1


class ToleranceKind(IntEnum):
    """When the tolerance is deducted from the deficiency."""

    DEDUCTIBLE = 0
    """Always."""
    THRESHOLD = 1
    """Only while the deficiency stays within it."""


class Funding(IntEnum):
    """Whether the buyer's money is locked."""

    ESCROWED = 0
    STATEMENT = 1
    """The buyer pays in arrears off chain; the result is final."""


class DeviceKind(IntEnum):
    """What signs for a metering point, in order of assurance, least first."""

    DATA_COLLECTOR = 0
    GATEWAY = 1
    DEVICE = 2


class SignerScheme(IntEnum):
    """How a signer signs."""

    NONE = 0
    SECP256K1 = 1
    P256 = 2
    SUSPENDED = 3


class Silence(IntEnum):
    """Why a device counts as silent. OK: it does not."""

    OK = 0
    NO_RECORD = 1
    INACTIVE = 2
    SUSPENDED = 3
    LOW_ASSURANCE = 4
    WRONG_POINT = 5
    NOT_ATTESTED = 6
    LATE = 7
    SUPERSEDED = 8
    BAD_OPENING = 9
    MISSING_READING = 10
    ESTIMATED = 11
    OUT_OF_RANGE = 12
    TOO_FEW_DAYS = 13
    UNSTATED = 14
    OFF_GRID = 15
    WRONG_SIGNER = 16
    TOO_EARLY = 17


class EventStatus(IntEnum):
    """Where an event stands."""

    OPEN = 0
    CALLED = 1
    SUBMITTED = 2
    MEASURED = 3
    UNMEASURED = 4


class DispatchKind(IntEnum):
    """Why units were called."""

    LIVE = 0
    TEST = 1


class LockReason(IntEnum):
    """What money is locked for."""

    RIGHTS = 0
    """Of an event: collateral posted by the provider, availability posted by buyers."""
    UTILISATION = 1
    """Of a dispatch, posted by its holder."""
    POOL = 2
    """Of customers."""


@dataclass(frozen=True, kw_only=True)
class Product(Struct):
    """What one right promises; one unit is one lot for the whole service window."""

    schema: Uint16 = SCHEMA
    """Version of the hashed structs."""
    provider: Address
    """Who promises."""
    portfolio_id: Bytes32
    """With what."""
    zone: Bytes32
    """Where; the portfolio's zone."""
    direction: Direction
    window_start: Uint40
    """Start of the service window, UTC seconds, on the rule's period grid."""
    window_end: Uint40
    """End of the service window, UTC seconds, exclusive."""
    notice_seconds: Uint32
    """Notification period: least time from notice to the start of the ramp, s."""
    ramp_seconds: Uint32
    """From the end of the notification period to full power, before the first ordered period, s."""
    min_run_seconds: Uint32
    """Least length of consecutive ordered periods, s."""
    max_run_seconds: Uint32
    """Greatest length of consecutive ordered periods, s."""
    lot_w: Uint32
    """Power of one unit, W."""
    availability_per_mwhour: Uint96
    """Base units per MW and hour."""
    utilisation_per_mwh: Uint96
    """Base units per MWh."""
    shortfall_per_mwh: Uint96
    """Base units per MWh."""
    currency: Address
    """The rule's currency."""
    rule_id: Bytes32
    reference_w: Int40 = 0
    """REFERENCE_LEVEL: contracted level of the portfolio, W, `+` import, `-` export; else 0."""
    transferable: Bool
    """Whether holders may pass it on to qualified buyers."""
    terms_hash: Bytes32 = bytes(32)
    """Hash of the legal text."""
    external_ref: Bytes32 = bytes(32)
    """Hash of an order's original signed bytes elsewhere."""

    @property
    def event_key(self) -> EventKey:
        """The event that the product's rights belong to."""
        return EventKey(
            portfolio_id=self.portfolio_id,
            window_start=self.window_start,
            window_end=self.window_end,
            rule_id=self.rule_id,
            direction=self.direction,
            reference_w=self.reference_w,
        )


@dataclass(frozen=True, kw_only=True)
class EventKey(Struct):
    """One portfolio in one service window, measured once whoever bought."""

    portfolio_id: Bytes32
    window_start: Uint40
    """UTC seconds."""
    window_end: Uint40
    """UTC seconds, exclusive."""
    rule_id: Bytes32
    direction: Direction
    reference_w: Int40
    """Contracted level of the portfolio, W, `+` import, `-` export."""


@dataclass(frozen=True, kw_only=True)
class CurvePoint(Struct):
    """From this ratio on, this share is paid."""

    ratio_bps: Uint16
    """Basis points."""
    pay_bps: Uint16
    """Basis points."""


@dataclass(frozen=True, kw_only=True)
class DayClass(Struct):
    """Which local days are compared with each other, and how many of them."""

    kinds: Uint8
    """Bits 0 to 6: Monday to Sunday that are no holiday; bit 7: holidays."""
    selection: DaySelection
    x: Uint8
    """Days in the mean."""
    y: Uint8
    """Last eligible days they are chosen from."""
    min_days: Uint8
    """Of which at least so many must be complete, else the device is silent."""


@dataclass(frozen=True, kw_only=True)
class Lookback(Struct):
    """How past days make a baseline (X_OF_Y); its hash is part of the rule."""

    calendar_id: Bytes32
    classes: tuple[DayClass, ...]
    """Every kind of day in exactly one."""
    holidays_eligible: Bool
    """Whether holidays count as past days of their class."""
    look_back_days: Uint8
    """Local days looked at."""
    max_excluded_days: Uint8
    """Of called days at most so many do not count, the latest first."""
    min_event_bps: Uint16
    """A call counts from this share of the portfolio's capacity on, basis points."""
    adjustment: Adjustment
    adjustment_periods: Uint8
    """Length of its window, settlement periods; else 0."""
    adjustment_lead: Uint32
    """From its end to the start of the service window, s."""
    adjustment_cap_bps: Uint32
    """Most it may move a baseline, of it, basis points; 0: uncapped."""


NO_LOOKBACK: Final = Lookback(
    calendar_id=bytes(32),
    classes=(),
    holidays_eligible=False,
    look_back_days=0,
    max_excluded_days=0,
    min_event_bps=0,
    adjustment=Adjustment.NONE,
    adjustment_periods=0,
    adjustment_lead=0,
    adjustment_cap_bps=0,
)
"""What a rule with another baseline is published with."""


@dataclass(frozen=True, kw_only=True)
class Calendar(Struct):
    """Local time; its days are appended in pages of 256."""

    zone: Bytes32
    """Name, as in the IANA time zone database, ASCII, left-aligned."""
    holidays: Bytes32
    """Whose holidays, ASCII, left-aligned."""
    offset_seconds: Int32
    """Local standard time minus UTC, s."""
    summer_seconds: Uint16
    """Added in summer time, s; 0: none."""
    spring_at: Uint24
    """Local standard time of day at which summer time begins, s."""
    autumn_at: Uint24
    """Local standard time of day at which it ends, s."""


@dataclass(frozen=True, kw_only=True)
class CalendarDays(Struct):
    """The days of a calendar that a question needs; day d is the d-th local day after 1970-01-01."""

    calendar: Calendar
    first_day: Uint24
    """Day of bit 0 of the first word, a multiple of 256."""
    summer: tuple[Uint256, ...]
    """Bit: summer time at the start of the day."""
    holidays: tuple[Uint256, ...]
    """Bit: the day is a holiday."""


NO_CALENDAR_DAYS: Final = CalendarDays(
    calendar=Calendar(zone=bytes(32), holidays=bytes(32), offset_seconds=0, summer_seconds=0, spring_at=0, autumn_at=0),
    first_day=0,
    summer=(),
    holidays=(),
)
"""What a question under a rule with another baseline has."""


@dataclass(frozen=True, kw_only=True)
class Call(Struct):
    """A window for which a notice was given."""

    window_start: Uint40
    """UTC seconds."""
    window_end: Uint40
    """UTC seconds, exclusive."""
    first_notice: Uint40
    """UTC seconds."""
    called_bps: Uint16
    """Most power ordered in a period, of the portfolio's capacity, basis points, rounded up."""


@dataclass(frozen=True, kw_only=True)
class Rule(Struct):
    """How rights are measured and paid; published once, immutable."""

    schema: Uint16 = SCHEMA
    """Version of the hashed structs."""
    period_seconds: Uint24
    """Settlement period, s."""
    currency: Address
    """Token of all money under this rule."""
    baseline: BaselineMethod
    baseline_periods: Uint8
    """METER_BEFORE: how many whole periods before the first notice; else 0."""
    lookback_hash: Bytes32 = bytes(32)
    """X_OF_Y: of the Lookback; else 0."""
    clamp_level: ClampLevel
    estimated_allowed: Bool
    """Whether readings flagged as estimated count."""
    min_assurance: DeviceKind
    """Least kind of device accepted."""
    pay_base: PayBase
    over_delivery_cap_bps: Uint32
    """Delivered at most this share of ordered, basis points."""
    pay_curve_kind: CurveKind
    pay_curve: tuple[CurvePoint, ...]
    """Ratio of a period to share of its pay."""
    tolerance_kind: ToleranceKind
    tolerance_bps: Uint16
    """Of ordered, basis points."""
    deficiency_uncapped: Bool
    """Whether a deficiency may exceed what was ordered."""
    stop_loss_bps: Uint16
    """Greatest penalty, of the dispatch's part of the collateral, basis points."""
    collateral_bps: Uint24
    """Collateral, of window energy times shortfall price, basis points."""
    availability_curve_kind: CurveKind
    availability_curve: tuple[CurvePoint, ...]
    """Ratio of the dispatch to share of its availability."""
    min_dispatch_bps: Uint16
    """Least units of a dispatch, of what was issued of its right, basis points."""
    min_customer_share_bps: Uint16
    """Least share of pay and availability that a portfolio must give its customers, basis points."""
    funding: Funding
    unclaimed_to: Address
    """Who gets what customers never collect; never the provider."""
    gate_seconds: Uint32
    """Before the window starts, s: nominations and unavailability until then, notices from then on."""
    reading_deadline: Uint32
    """After the window's end until which records count, s."""
    submission_deadline: Uint32
    """After the window's end until which a submission may be made, s."""
    proof_window: Uint32
    """After the submission until which its leaves may be proven, s."""
    collect_period: Uint32
    """After the event's last settlement until which customers may collect, s."""
    spot_checks: Uint32
    """Leaves proven on chain; at least the number of leaves: every one."""


@dataclass(frozen=True, kw_only=True)
class RuleTerms(Struct):
    """The part of a rule that issuing needs, as the Rulebook keeps it."""

    period_seconds: Uint24
    """Settlement period, s."""
    collateral_bps: Uint24
    """Basis points."""
    min_customer_share_bps: Uint16
    """Basis points."""
    number: Uint32
    """1 for the first published; 0 is none."""
    currency: Address
    gate_seconds: Uint32
    """s before the window starts."""
    funding: Funding
    baseline: BaselineMethod
    unclaimed_to: Address
    known_until: Uint40
    """How far the rule's calendar reaches, UTC seconds; without one the type's greatest."""


@dataclass(frozen=True, kw_only=True)
class Grid(Struct):
    """Record slots: slot k is `[offset + k * L, offset + (k + 1) * L)`, `L = period_seconds * readings_per_slot`."""

    period_seconds: Uint24
    """Length of one reading, s."""
    readings_per_slot: Uint8
    """1 to 100."""
    offset_seconds: Uint32
    """Below the slot's length, a multiple of the period, s."""

    @property
    def slot_seconds(self) -> int:
        """Length of a slot, s."""
        return self.period_seconds * self.readings_per_slot


@dataclass(frozen=True, kw_only=True)
class Statement(Struct):
    """What the meter operator states of a metering point (EIP-712)."""

    metering_point: Bytes16
    """Salted commitment or pseudonym, never a bare meter number."""
    customer: Address
    scheme: SignerScheme
    signer: Address
    """secp256k1: the address; P-256: the low 20 bytes of keccak256(x, y)."""
    kind: DeviceKind
    capacity_w: Uint48
    """Flexible capacity, W."""
    connection_w: Uint48
    """Capacity of the connection, W: no reading can exceed it."""
    grid_id: Uint8
    valid_from: Uint40
    """UTC seconds, over the whole slot of every record."""
    valid_until: Uint40
    """UTC seconds, exclusive."""
    sequence: Uint32
    """Greater than that of the statement it replaces."""


@dataclass(frozen=True, kw_only=True)
class Consent(Struct):
    """The customer's consent to enrol a metering point (EIP-712)."""

    metering_point: Bytes16
    portfolio_id: Bytes32
    customer: Address
    payee: Address
    """Who collects."""
    customer_share_bps: Uint16
    """Least share of the portfolio the customer accepts, basis points."""
    nonce: Uint256
    deadline: Uint40
    """UTC seconds, exclusive."""


@dataclass(frozen=True, kw_only=True)
class SignerState(Struct):
    """What `attest` reads for each record."""

    signer: Address
    valid_from: Uint40
    """UTC seconds."""
    valid_until: Uint40
    """UTC seconds, exclusive."""
    grid_id: Uint8
    scheme: SignerScheme

    @property
    def word(self) -> int:
        """All of it in one word, as the registry keeps it; 0 for a metering point that was never stated."""
        times = self.valid_from << 160 | self.valid_until << 200
        return int(self.signer, 16) | times | self.grid_id << 240 | self.scheme << 248


@dataclass(frozen=True, kw_only=True)
class MeteringPoint(Struct):
    """What the registry knows of a metering point."""

    customer: Address
    kind: DeviceKind
    suspended_at: Uint40
    """UTC seconds; 0: not suspended."""
    sequence: Uint32
    capacity_w: Uint48
    """Flexible capacity, W."""
    connection_w: Uint48
    """Capacity of the connection, W."""
    entry_index: Uint40
    """Place in the portfolio; after leaving, in the one left last."""
    committed_until: Uint40
    """End of the last notified window it may be counted in elsewhere, UTC seconds."""
    portfolio_id: Bytes32
    """0: in none."""


@dataclass(frozen=True, kw_only=True)
class Entry(Struct):
    """One place of a portfolio's append-only list: leaf `i` of every submission is entry `i`."""

    metering_point: Bytes16
    joined_at: Uint40
    """UTC seconds."""
    left_at: Uint40
    """UTC seconds; 0: still in."""
    capacity_w: Uint48
    """Flexible capacity, W."""
    payee: Address
    connection_w: Uint48
    """Capacity of the connection, W."""
    kind: DeviceKind

    def was_in_before(self, at: int) -> bool:
        """Whether the place was taken just before `at`, UTC seconds: what happens at `at` itself does not count."""
        return self.joined_at < at and (self.left_at == 0 or self.left_at >= at)


@dataclass(frozen=True, kw_only=True)
class Stay(Struct):
    """Where a place was that a metering point closed."""

    portfolio_id: Bytes32
    index: Uint40


@dataclass(frozen=True, kw_only=True)
class Portfolio(Struct):
    """What the registry knows of a portfolio beside its list."""

    provider: Address
    customer_share_bps: Uint16
    """Of pay and availability, never lowered, basis points."""
    committed_until: Uint40
    """End of the last window for which a notice was given, UTC seconds."""
    zone: Bytes32


@dataclass(frozen=True, kw_only=True)
class PortfolioSums(Struct):
    """A portfolio's sums at a moment, as they stood just before it."""

    entries: Uint40
    """Length of the list, left ones included."""
    capacity_w: Uint64
    """Of those that were in, W."""
    connection_w: Uint64
    """Of those that were in, W."""


@dataclass(frozen=True, kw_only=True)
class SignedRecord(Struct):
    """A record signed with secp256k1."""

    head: Uint256
    commitment: Bytes32
    """Of the salted readings."""
    r: Bytes32
    vs: Bytes32
    """EIP-2098."""


@dataclass(frozen=True, kw_only=True)
class P256Record(Struct):
    """A record signed with P-256, with the signer's public key."""

    head: Uint256
    commitment: Bytes32
    """Of the salted readings."""
    r: Bytes32
    s: Bytes32
    """The low one of the two."""
    x: Bytes32
    y: Bytes32


@dataclass(frozen=True, kw_only=True)
class Inquiry(Struct):
    """Records of one metering point, of which the oracle is asked."""

    metering_point: Bytes16
    first_notice: Uint40
    """UTC seconds."""
    deadline: Uint40
    """Of readings, UTC seconds."""
    roots: tuple[Bytes32, ...]
    """That the records are under."""
    heads: tuple[Uint256, ...]
    """As they stand in a `RecordOpening`."""
    leaves: tuple[Bytes32, ...]
    """EIP-712 struct hash of each record, which the caller has found under its root."""
    signatures: Blob
    """Of the records, one after the other."""


@dataclass(frozen=True, kw_only=True)
class DeviceProof(Struct):
    """One device of an event, as shown to the verifier."""

    inclusions: Annotated[tuple[Inclusion, ...], PACKED] = ()
    """What the records are under."""
    records: Annotated[tuple[RecordOpening, ...], PACKED]
    """Ascending by slot, then revision; all that hold a needed reading. Empty: claimed silent."""
    past_from: tuple[Uint40, ...] = ()
    """X_OF_Y, for stays in other portfolios within the look-back: the window from which to gather calls, each."""


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
    proven: Uint40
    """Leaves proven so far."""
    ordered_mask: Uint96
    """Bit p: period p of the window was ordered by some dispatch."""


@dataclass(frozen=True, kw_only=True)
class Dispatch(Struct):
    """A called block of units."""

    right_id: Bytes32
    holder: Address
    units: Uint64
    number: Uint16
    """Of the event's dispatches, from 0."""
    kind: DispatchKind
    notice_at: Uint40
    """UTC seconds."""
    orders_w: tuple[Uint40, ...]
    """Ordered power per period of the window, W."""
    excused_mask: Uint96
    """Bit p: period p carries no penalty."""


@dataclass(frozen=True, kw_only=True)
class Settled(Struct):
    """How one dispatch ended; money in base units."""

    pay: Uint256
    """Utilisation earned."""
    availability: Uint256
    """Availability earned."""
    penalty: Uint256
    """From the collateral to the holder."""
    pool: Uint256
    """Part of pay and availability that is the customers'."""
    utilisation_refund: Uint256
    """Locked and not earned, to the holder."""
    availability_refund: Uint256
    """Locked and not earned, to the holder."""
    released: Uint256
    """Collateral back to the provider."""


@dataclass(frozen=True, kw_only=True)
class Offer(Struct):
    """A provider's signed offer (EIP-712)."""

    product: Product
    units: Uint64
    """Most that may be taken over all fills of this nonce."""
    premium_per_unit: Uint256
    """Base units, paid to the provider at purchase."""
    buyer: Address
    """Zero: any qualified buyer."""
    expiry: Uint40
    """UTC seconds, exclusive."""
    nonce: Uint64
    """Offers with one nonce share its fill: taking one uses up the other."""


@dataclass(frozen=True, kw_only=True)
class Question(Struct):
    """What is asked of the verifier (`IDeliveryVerifier.Question`)."""

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


@dataclass(frozen=True, kw_only=True)
class ProofContext(Struct):
    """What a proving transaction needs beside its leaves (`IMeasurement.ProofContext`)."""

    key: EventKey
    rule: Rule
    root: Bytes32
    """As submitted."""
    totals: Totals
    """As submitted."""
    schedule_milli_wh: tuple[Int128, ...]
    """As nominated, `+` import, `-` export; empty otherwise."""
    lookback: Lookback = NO_LOOKBACK
    """X_OF_Y: the rule's; empty otherwise."""
    calls_from: Uint40 = 0
    """X_OF_Y: the window from which to gather the portfolio's calls; 0: the first."""
    cursor: Cursor
    """Where proving stands; `next = 0` and empty starts anew."""


@dataclass(frozen=True, kw_only=True)
class WeightClaim(Struct):
    """One leaf's share of an event's pool (`IPayouts.WeightClaim`)."""

    key: EventKey
    currency: Address
    index: Uint40
    weight_word: Uint256
    """Entry and prefix of the weight column."""
    columns_hash: Bytes32
    """Hash of the leaf's other columns."""
    path: tuple[Bytes32, ...]
    """Siblings, lowest first."""
    root: Bytes32
    """As submitted."""
    total_weight: Uint128
    """As submitted."""
    totals_hash: Bytes32
    """As submitted."""


@dataclass(frozen=True, kw_only=True)
class CapacityClaim(Struct):
    """One place's share of a pool split by capacity (`IPayouts.CapacityClaim`)."""

    pool_id: Bytes32
    key: EventKey
    currency: Address
    index: Uint40
    root: Bytes32
    """As submitted; only for an event's pool."""
    total_weight: Uint128
    """0; only for an event's pool."""
    totals_hash: Bytes32
    """As submitted; only for an event's pool."""
