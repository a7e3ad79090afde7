"""Constants and enums."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

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


class Fault(IntEnum):
    """Why a submission was rejected."""

    NONE = 0
    NOT_DRAWN = 1
    """Nobody drew its points while their block's hash was known."""
    NOT_PROVEN = 2
    """A drawn point was not proven in time."""
    DEMAND_NOT_MET = 3
    """A demanded leaf was not proven in time."""
    MALFORMED = 4
    """A leaf that is none, or states another place than its own."""
    WRONG_START = 5
    """A first leaf whose prefixes are not its entries."""
    WRONG_END = 6
    """A last leaf whose prefixes are not the totals."""
    JUMP = 7
    """Neighbours whose prefixes do not follow."""
    OUT_OF_RANGE = 8
    """Entries that no record could give."""
    NOT_SILENT = 9
    """Entries of a device that is silent whatever its records say."""
    OTHER_RESPONSE = 10
    """Entries that the provider's own records contradict."""


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
    BOND = 3
    """Of a submission, posted by the provider."""
    DEMAND = 4
    """Of a leaf to be proven, posted by who demands it."""
