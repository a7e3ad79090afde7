"""An X_OF_Y answer, by DeliveryVerifier from kept records and by the model: days, calls, clocks, revisions and damage at random."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from random import Random

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from flexbond.model.delivery import measure_device
from flexbond.model.openings import Inclusion, RecordOpening
from flexbond.model.rules import measuring_terms_of
from flexbond.model.shown import ShownRecord
from flexbond.model.types import (
    Adjustment,
    BaselineMethod,
    Calendar,
    CalendarDays,
    Call,
    ClampLevel,
    DayClass,
    DaySelection,
    DeviceKind,
    DeviceProof,
    Direction,
    Entry,
    EventKey,
    Lookback,
    Question,
    Rule,
    Silence,
)
from flexbond.records import MeterRecord
from flexbond.signing.sign import sign_record
from flexbond.trees import BatchTree, history_leaf
from tests.python.model.strategies import rule
from tests.support.proofs import signed_with, tampered
from tests.support.world import DAY, GRID, Home, World

PAYEE = "0x" + 40 * "e"
BACK = 9
"""most days looked back at"""
PAGES = 2


@pytest.fixture
def home(world: World) -> Home:
    """A device stated for long."""
    made = world.home(0)
    today = world.evm.time - world.evm.time % DAY
    world.state(made, world.statement(made, valid_from=today - 40 * DAY))
    return made


@dataclass
class Shown:
    """What is put before both."""

    inclusions: list[Inclusion] = field(default_factory=list)
    openings: list[RecordOpening] = field(default_factory=list)

    def proof(self) -> DeviceProof:
        """As the verifier takes it, in order."""
        order = sorted(self.openings, key=lambda opening: opening.head >> 40)
        return DeviceProof(inclusions=tuple(self.inclusions), records=tuple(order))


@st.composite
def calendars(draw: st.DrawFn, today: int) -> CalendarDays:
    """Two pages around today, with a change of clocks nearby or none."""
    first = (today - 128) // 256 * 256
    summer_seconds = draw(st.sampled_from([0, 3600, 3600]))
    words = [0] * PAGES
    if summer_seconds:
        change = today + draw(st.integers(-BACK, 3)) - first
        starts_in_summer = draw(st.booleans())
        for day in range(256 * PAGES):
            words[day // 256] |= ((day < change) is starts_in_summer) << day % 256
    holidays = [0] * PAGES
    for back in draw(st.lists(st.integers(-2, BACK), max_size=4)):
        day = today - back - first
        holidays[day // 256] |= 1 << day % 256
    at = draw(st.sampled_from([0, 3600, 7200, 17 * 3600]))
    local = Calendar(
        zone=b"z" * 32,
        holidays=bytes(32),
        offset_seconds=draw(st.sampled_from([0, 3600, -18_000, 19_800])),
        summer_seconds=summer_seconds,
        spring_at=at if summer_seconds else 0,
        autumn_at=at if summer_seconds else 0,
    )
    return CalendarDays(calendar=local, first_day=first, summer=tuple(words), holidays=tuple(holidays))


@st.composite
def lookbacks(draw: st.DrawFn, seconds: int) -> Lookback:
    """Classes, selections and adjustments of every kind."""

    def of(kinds: int) -> DayClass:
        y = draw(st.integers(1, 6))
        return DayClass(
            kinds=kinds,
            selection=draw(st.sampled_from(DaySelection)),
            x=draw(st.integers(1, y)),
            y=y,
            min_days=draw(st.integers(1, y)),
        )

    adjustment = draw(st.sampled_from(Adjustment))
    kinds = draw(st.sampled_from([(255,), (255,), (31, 224), (127, 128)]))
    return Lookback(
        calendar_id=bytes(32),
        classes=tuple(map(of, kinds)),
        holidays_eligible=draw(st.booleans()),
        look_back_days=draw(st.integers(2, BACK)),
        max_excluded_days=draw(st.integers(0, 3)),
        min_event_bps=draw(st.sampled_from([1, 5000])),
        adjustment=adjustment,
        adjustment_periods=0 if adjustment is Adjustment.NONE else draw(st.integers(1, 6)),
        adjustment_lead=0 if adjustment is Adjustment.NONE else seconds * draw(st.integers(0, 4)),
        adjustment_cap_bps=0 if adjustment is Adjustment.NONE else draw(st.sampled_from([0, 2000, 10_000])),
    )


@st.composite
def calls(draw: st.DrawFn, start: int) -> tuple[Call, ...]:
    """Windows of the days before."""
    made = []
    for back in sorted(draw(st.sets(st.integers(1, 4 * BACK), max_size=5)), reverse=True):
        begin = start - back * DAY // 4
        length = draw(st.sampled_from([900, 3600, DAY // 4, 2 * DAY]))
        bps = draw(st.sampled_from([4999, 5000, 10_000]))
        made.append(Call(window_start=begin, window_end=begin + length, first_notice=begin - 3600, called_bps=bps))
    return tuple(made)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_answer(world: World, home: Home, data: st.DataObject) -> None:
    """Given any look-back, calendar, calls and records, kept in time or not, both answer the same."""
    with world.evm.rollback():
        midnight = world.evm.time - world.evm.time % DAY
        draw = data.draw
        seconds = draw(st.sampled_from([900, 900, 1800]))
        start = midnight + DAY + draw(st.integers(0, DAY // 1800 - 1)) * 1800
        periods = draw(st.integers(1, 6))
        key = EventKey(
            portfolio_id=bytes(32),
            window_start=start,
            window_end=start + periods * seconds,
            rule_id=bytes(32),
            direction=draw(st.sampled_from(Direction)),
            reference_w=0,
        )
        notice = start - draw(st.sampled_from([0, 300, 3600, 5 * 3600, 20 * 3600, start - midnight - 1]))
        notice = max(notice, world.evm.time + 100)
        asked = Question(
            key=key,
            first_notice=notice,
            ordered_mask=draw(st.integers(1, 2**periods - 1)),
            lookback=draw(lookbacks(seconds)),
            calendar=draw(calendars(midnight // DAY + 1)),
            calls=draw(calls(start)),
        )
        under = rule(
            period_seconds=seconds,
            baseline=BaselineMethod.X_OF_Y,
            baseline_periods=0,
            clamp_level=draw(st.sampled_from(ClampLevel)),
            estimated_allowed=draw(st.sampled_from([True, False])),
            reading_deadline=3 * DAY,
        )
        entry = Entry(
            metering_point=home.metering_point,
            joined_at=1,
            left_at=0,
            capacity_w=15_000,
            payee=PAYEE,
            connection_w=draw(st.sampled_from([15_000] * 6 + [3])),
            kind=DeviceKind.DEVICE,
        )
        proof = keep_and_show(world, home, asked, data).proof()
        shown = seen(world, proof, under, asked)
        point = world.devices.meteringPoint.call(home.metering_point)
        if draw(st.integers(0, 4)):
            refused = (Silence.LATE, Silence.SUPERSEDED)
            counts = [measure_device(under, asked, entry, point, [one]).silence not in refused for one in shown]
            proof = replace(proof, records=tuple(itertools.compress(proof.records, counts)))
            shown = list(itertools.compress(shown, counts))
        chain = world.measuring.measure.call(measuring_terms_of(under), asked, entry, proof)
        event(chain.silence.name)
        assert chain == measure_device(under, asked, entry, point, shown)


def keep_and_show(world: World, home: Home, asked: Question, data: st.DataObject) -> Shown:
    """Records of all days: those before today are kept now, in one of two ways, what comes later when its time has come."""
    random = Random(data.draw(st.integers(0, 2**32)))
    flags, gaps = data.draw(st.sampled_from([0, 0, 1])), data.draw(st.sampled_from([0, 0, 0, 1, 3]))
    level = random.choice([3, 4000])

    def record(slot: int, revision: int = 0) -> MeterRecord:
        values = [random.randint(-level // 4, level) for _ in range(GRID.readings_per_slot)]
        estimated = random.sample(range(96), 2) if flags and random.random() < 0.3 else []
        return world.record(home, slot, values, estimated=estimated, revision=revision)

    today = world.evm.time - world.evm.time % DAY
    past = [record(today - back * DAY) for back in range(BACK + 2, 0, -1)]
    early = [record(item.head.slot_start, 1) for item in past if random.random() < 0.1]
    shown = Shown()
    if data.draw(st.booleans()):
        anchor(world, home, past, shown, random)
    else:
        attest(world, home, past, shown)
    attest(world, home, early, shown)
    world.evm.time = today + 3 * DAY + 60
    later = [record(today), record(today + DAY), record(today + 2 * DAY)]
    later += [record(item.head.slot_start, 2) for item in (*past[-2:], later[1]) if random.random() < 0.2]
    attest(world, home, later, shown)
    for _ in range(gaps):
        shown.openings.pop(random.randrange(len(shown.openings)))
    damage(shown, random)
    return shown


def attest(world: World, home: Home, records: list[MeterRecord], shown: Shown) -> None:
    """Verified at once."""
    if not records:
        return
    batch = world.attest([(home, record) for record in records])
    for place, record in enumerate(records):
        shown.openings.append(record.opening(range(96), inclusion=len(shown.inclusions)))
        shown.inclusions.append(Inclusion(batch_root=batch.tree.root, path=batch.tree.path(place)))


def anchor(world: World, home: Home, records: list[MeterRecord], shown: Shown, random: Random) -> None:
    """Only a root is kept: of a history leaf, or of the records."""
    hashes = tuple(record.struct_hash for record in records)
    is_history = random.random() < 0.7
    tree = BatchTree.of([history_leaf(hashes), bytes(32)] if is_history else hashes)
    world.oracle.anchor.send(tree.root, sender=world.accounts.relayer)
    if is_history:
        shown.inclusions.append(Inclusion(batch_root=tree.root, path=tree.path(0), history=hashes))
    for place, record in enumerate(records):
        signed = sign_record(home.device, world.domain("MeterOracle"), record)  # type: ignore[arg-type]
        inclusion = 0 if is_history else len(shown.inclusions)
        at = place if is_history else 0
        if not is_history:
            shown.inclusions.append(Inclusion(batch_root=tree.root, path=tree.path(place)))
        opening = record.opening(range(96), inclusion=inclusion, place=at, signature=signed.r + signed.vs)
        shown.openings.append(opening)


def damage(shown: Shown, random: Random) -> None:
    """Now and then something is wrong."""
    if not shown.openings or random.random() < 0.9:
        return
    place = random.randrange(len(shown.openings))
    opening = shown.openings[place]
    shown.openings[place] = random.choice(
        [
            signed_with(opening, b""),
            signed_with(opening, opening.signature[:-1] + b"\7" if opening.signature else bytes(64)),
            signed_with(opening, bytes(128)),
            replace(opening, head=opening.head | 0xFF00),
            replace(opening, head=opening.head | 0xFF),
            replace(opening, head=opening.head ^ 1),
            replace(opening, head=opening.head ^ 1 << 250),
            replace(opening, head=opening.head + (1 << 88)),
            tampered(opening, random.randrange(1 << 10)),
        ]
    )


def seen(world: World, proof: DeviceProof, under: Rule, asked: Question) -> list[ShownRecord]:
    """The records with what the oracle says of them."""
    deadline = asked.key.window_end + under.reading_deadline
    found = []
    for opening in proof.records:
        point, slot = (opening.head >> 128).to_bytes(16, "big"), opening.head >> 88 & (1 << 40) - 1
        kept_at, refusal = 0, Silence.OK
        if opening.inclusion < len(proof.inclusions):
            kept_at, attested_at, _ = world.oracle.standing.call(proof.inclusions[opening.inclusion].batch_root)
            if attested_at and not opening.signature:
                kept_at = attested_at
            else:
                refusal = world.oracle.recordStanding.call(
                    opening.record_head, opening.commitment, opening.signature, kept_at
                )
        found.append(
            ShownRecord.of(
                opening,
                proof.inclusions,
                kept_at=kept_at,
                refusal=Silence(refusal),
                latest_revision=world.oracle.revisionBefore.call(point, slot, deadline),
                latest_before_notice=world.oracle.revisionBefore.call(point, slot, asked.first_notice),
            )
        )
    return found
