"""Makes fleets with everything that may be wrong with a device or its records."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from flexbond.fleet.event import FleetEvent
from flexbond.ids import rule_id
from flexbond.model.types import (
    NO_CALENDAR_DAYS,
    NO_LOOKBACK,
    Adjustment,
    BaselineMethod,
    Call,
    ClampLevel,
    DeviceKind,
    Direction,
    EventKey,
    Grid,
    Question,
    SignerScheme,
)
from flexbond.records import MeterRecord
from flexbond.signing.devices import DeviceKey
from flexbond.signing.keys import development_device
from tests.python.model.fleets import entry, point
from tests.python.model.strategies import MIDNIGHT, PORTFOLIO, rule
from tests.support.calendars import day_class, london, lookback, under

if TYPE_CHECKING:
    pass

from tests.python.fleet.cases import AT, DAY, DEFECTS, GRIDS, NOTICE, ORACLE, START, Fleet, Given

FAR = 2**40 - 1
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@cache
def key_of(index: int, scheme: SignerScheme) -> DeviceKey:
    """A device's key; a few are enough."""
    return DeviceKey.of(development_device(b"fleet", index % 4).secret(), scheme)


def signed(key: DeviceKey, record: MeterRecord) -> bytes:
    """The signature as it is shown: 64 or 128 bytes."""
    return b"".join(key.sign(ORACLE, record).as_tuple()[2:])


def with_high_s(signature: bytes) -> bytes:
    """The other signature of the same key, which no contract takes."""
    parity, s = signature[32] >> 7, int.from_bytes(bytes([signature[32] & 0x7F]) + signature[33:64], "big")
    other = (_ORDER - s).to_bytes(32, "big")
    return signature[:32] + bytes([other[0] | (parity ^ 1) << 7]) + other[1:]


def an_event(rng: random.Random, method: BaselineMethod) -> FleetEvent:
    """Four periods from 18:00, noticed two hours before."""
    own = method is BaselineMethod.METER_BEFORE
    portfolio = method in (BaselineMethod.NOMINATED, BaselineMethod.REFERENCE_LEVEL)
    past, days = NO_LOOKBACK, NO_CALENDAR_DAYS
    terms = rule(
        period_seconds=rng.choice([900, 1800]),
        baseline=method,
        baseline_periods=rng.randint(1, 4) if own else 0,
        clamp_level=ClampLevel.PORTFOLIO if portfolio else rng.choice(list(ClampLevel)),
        estimated_allowed=rng.random() < 0.5,
        min_assurance=DeviceKind.GATEWAY,
        reading_deadline=7 * DAY,
        submission_deadline=8 * DAY,
    )
    if method is BaselineMethod.X_OF_Y:
        adjustment = rng.choice(list(Adjustment))
        adjusted = adjustment is not Adjustment.NONE
        past = lookback(
            classes=(day_class(0xFF, x=2, y=3, min_days=rng.choice([2, 3])),),
            holidays_eligible=True,
            look_back_days=6,
            adjustment=adjustment,
            adjustment_periods=2 if adjusted else 0,
            adjustment_lead=3600 if adjusted else 0,
            adjustment_cap_bps=rng.choice([0, 2000]) if adjusted else 0,
        )
        terms, days = under(terms, past), london()
    key = EventKey(
        portfolio_id=PORTFOLIO,
        window_start=START,
        window_end=START + 4 * terms.period_seconds,
        rule_id=rule_id(terms),
        direction=rng.choice(list(Direction)),
        reference_w=rng.randint(-9999, 9999) if method is BaselineMethod.REFERENCE_LEVEL else 0,
    )
    call = Call(
        window_start=START - 2 * DAY, window_end=START - 2 * DAY + 1800, first_notice=START - 3 * DAY, called_bps=9
    )
    groups: tuple[tuple[Call, ...], ...] = ((), (call,)) if method is BaselineMethod.X_OF_Y else ((),)
    question = Question(
        key=key, first_notice=NOTICE, ordered_mask=rng.randint(1, 15), lookback=past, calendar=days, calls=groups[0]
    )
    schedule = tuple(rng.randint(-(10**7), 10**7) for _ in range(4)) if method is BaselineMethod.NOMINATED else ()
    return FleetEvent(
        oracle=ORACLE, rule=terms, question=question, groups=groups, grids=GRIDS, schedule_milli_wh=schedule
    )


def a_fleet(rng: random.Random, method: BaselineMethod, size: int) -> Fleet:
    """A fleet of which about every other device has something wrong with it."""
    fleet = Fleet(event=an_event(rng, method))
    for index in range(size):
        others = ("left", "suspended", "assurance", "none", "estimated", "beyond", "revised")
        add_device(fleet, rng, index, rng.choice([*DEFECTS, *([""] * 8), *others]))
    return fleet


def add_device(fleet: Fleet, rng: random.Random, index: int, what: str) -> None:
    """Adds a device and its records, with what is wrong with them; `""`: nothing."""
    connection = rng.randint(1, 20_000)
    place = entry(index, rng.randint(1, connection), connection)
    known = point(place)
    place = replace(place, joined_at=NOTICE - 5 + index if index and rng.random() < 0.1 else 1 + index)
    if fleet.entries and place.joined_at < fleet.entries[-1].joined_at:
        place = replace(place, joined_at=fleet.entries[-1].joined_at)
    if what == "left":
        place = replace(place, left_at=NOTICE - 1)
    if what == "suspended":
        known = replace(known, suspended_at=AT)
    if what == "assurance":
        place = replace(place, kind=DeviceKind.DATA_COLLECTOR)
    scheme = SignerScheme.P256 if rng.random() < 0.2 and what != "high s" else SignerScheme.SECP256K1
    key, grid = key_of(index, scheme), rng.choice([0, 1]) if fleet.event.rule.period_seconds == 1800 else 0
    fleet.entries.append(place)
    fleet.points.append(known)
    fleet.rows.append(
        {
            **{name: getattr(place, name) for name in ("metering_point", "joined_at", "left_at", "capacity_w")},
            "connection_w": connection,
            "kind": int(place.kind),
            "suspended_at": known.suspended_at,
            "signer": bytes.fromhex(key.signer.address[2:]),
            "valid_from": MIDNIGHT + DAY if what == "unstated" else 0,
            "valid_until": FAR,
            "grid_id": grid,
            "scheme": int(3 - scheme if what == "other scheme" else scheme),
            "group": rng.randrange(len(fleet.event.groups)),
        }
    )
    fleet.given.append(_records(fleet, rng, place, key, GRIDS[grid], what))


def _records(fleet: Fleet, rng: random.Random, place: Any, key: DeviceKey, grid: Grid, what: str) -> list[Given]:
    def record(day: int, revision: int = 0, shift: int = 0) -> MeterRecord:
        return _record(rng, place, key, grid, what, (day, revision, shift))

    if what == "none":
        return []
    bad_day = rng.randint(0, 3) if fleet.event.boundary else 0
    together = rng.random() < 0.5
    times = {"boundary": fleet.event.boundary, "deadline": fleet.event.deadline}
    result = []
    for day in range(7 if fleet.event.boundary else 1):
        if day and rng.random() < 0.1:
            continue
        own = record(day)
        given = Given(
            record=own,
            signature=signed(key, own),
            at=AT - (1 if day and together else day) * DAY,
            is_history=day > 0 and rng.random() < 0.7,
            **times,
        )
        if rng.random() < 0.4:
            given.attested_at = given.at + rng.choice([0, 0, 60, 2 * DAY, 40 * DAY])
        if what in DEFECTS and day == bad_day:
            given = _spoilt(given, what, key, record, day)
        result.append(given)
        if what == "revised" and day == 0:
            corrected = record(0, revision=2)
            given.is_shown = False
            given.latest_revision = 2
            result.append(
                Given(
                    record=corrected,
                    signature=signed(key, corrected),
                    at=AT + 9,
                    attested_at=AT + 99,
                    latest_revision=2,
                    **times,
                )
            )
    if what == "unstated":
        for given in result:
            given.defect = "unstated" if given.counts_as_anchored else ""
    if what == "other scheme":
        for given in result:
            given.defect = "other scheme" if given.counts_as_anchored and not given.is_history else ""
    return result


def _record(
    rng: random.Random, place: Any, key: DeviceKey, grid: Grid, what: str, of: tuple[int, int, int]
) -> MeterRecord:
    """A record of a day back, of a revision, shifted by seconds."""
    day, revision, shift = of
    count = grid.readings_per_slot
    most = place.connection_w * grid.period_seconds // 3600 * 1000 // 4
    readings = [rng.randint(-most, most)] * count
    for at in range(count // 2, count):
        readings[at] = rng.randint(-most, most)
    if what == "beyond" and day == 0:
        readings = [4 * 10**9] * count
    return MeterRecord.of(
        metering_point=place.metering_point,
        slot_start=MIDNIGHT - day * DAY + shift,
        period_seconds=grid.period_seconds,
        readings_milli_wh=readings,
        secret=key.secret,
        estimated={rng.randrange(count * 2 // 3, count * 5 // 6)} if what == "estimated" else (),
        revision=revision,
    )


def _spoilt(given: Given, what: str, key: DeviceKey, record: Any, day: int) -> Given:
    given = replace(given, defect=what, attested_at=0)
    if what in ("wrong key", "high s", "changed reading"):
        given.is_history &= what == "changed reading"
    if what == "wrong key":
        given.signature = signed(key_of(given.record.head.metering_point[-1] + 2, key.signer.scheme), given.record)
    elif what == "high s":
        given.signature = with_high_s(given.signature)
    elif what == "changed reading":
        readings = given.record.readings_milli_wh
        given.changed = (*readings[:-1], readings[-1] + 1)
    elif what == "off grid":
        shifted = record(day, shift=-given.record.head.period_seconds)
        given.record, given.signature = shifted, signed(key, shifted)
        given.at = shifted.head.slot_end
    elif what == "too early":
        given.at = given.record.head.slot_end - 1
    elif what == "no root":
        given.at = 0
    elif what == "anchored revision":
        given.record = record(day, revision=1)
        given.signature = signed(key, given.record)
    elif what == "late":
        given.at = START + 30 * DAY
    elif what == "superseded":
        given.latest_revision = given.latest_before_notice = 1
    return given
