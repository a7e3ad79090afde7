"""What is promised, and the rules of measuring and paying it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flexbond.model.struct import (
    Address,
    Bool,
    Bytes32,
    Int32,
    Int40,
    Struct,
    Uint8,
    Uint16,
    Uint24,
    Uint32,
    Uint40,
    Uint96,
    Uint256,
)
from flexbond.model.types.enums import (
    SCHEMA,
    Adjustment,
    BaselineMethod,
    ClampLevel,
    CurveKind,
    DaySelection,
    DeviceKind,
    Direction,
    Funding,
    PayBase,
    ToleranceKind,
)


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
    """Points of a submission that are drawn and proven; from the number of leaves on, every leaf is."""
    draw_delay: Uint16 = 0
    """Not every leaf proven: blocks from the submission to the one whose hash draws; else 0, as what follows."""
    challenge_window: Uint32 = 0
    """After the submission during which it may be challenged, s; 0: every leaf has to be proven."""
    max_demands: Uint8 = 0
    """Leaves of a submission that its buyers may have proven."""
    demand_fee: Uint96 = 0
    """Base units a leaf, from who has it proven to the provider."""
    bond_per_mw: Uint96 = 0
    """Base units per MW of the portfolio's capacity, locked at submission, rounded up."""
    challenger_share_bps: Uint16 = 0
    """Of a lost bond, to who showed that the submission is wrong, basis points; the rest is the buyers'."""


@dataclass(frozen=True, kw_only=True)
class MeasuringTerms(Struct):
    """The part of a rule that measuring needs, as the Rulebook keeps it; fields as in Rule."""

    period_seconds: Uint24
    """s; 0: no such rule."""
    baseline: BaselineMethod
    baseline_periods: Uint8
    clamp_level: ClampLevel
    estimated_allowed: Bool
    min_assurance: DeviceKind
    reading_deadline: Uint32
    """s after the window's end."""
    submission_deadline: Uint32
    """s after the window's end."""
    proof_window: Uint32
    """s after the submission, the draw or the demand."""
    challenge_window: Uint32
    """s after the submission."""
    draw_delay: Uint16
    """Blocks."""
    max_demands: Uint8
    spot_checks: Uint32
    gate_seconds: Uint32
    """NOMINATED: s before the window starts; else 0."""
    lookback_hash: Bytes32


@dataclass(frozen=True, kw_only=True)
class Stakes(Struct):
    """What a submission stakes, as the Rulebook keeps it; fields as in Rule, zero where every leaf has to be proven."""

    currency: Address
    """Of bond and fee."""
    bond_per_mw: Uint96
    """Base units per MW."""
    demand_fee: Uint96
    """Base units."""
    challenger_share_bps: Uint16
    """Basis points."""


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
