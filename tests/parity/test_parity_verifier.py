"""One device's answer, by DeliveryVerifier from attested records and by the model."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexbond.model.delivery import measure_device
from flexbond.model.openings import Inclusion
from flexbond.model.rules import measuring_terms_of
from flexbond.model.shown import ShownRecord
from flexbond.model.types import (
    BaselineMethod,
    ClampLevel,
    DeviceKind,
    DeviceProof,
    Direction,
    Entry,
    EventKey,
    MeteringPoint,
    Question,
    Rule,
    SignerScheme,
)
from flexbond.records import RecordHead
from tests.python.model.fleets import PLAIN
from tests.python.model.strategies import rule
from tests.support.proofs import cut
from tests.support.world import DAY, GRID, Batch, Home, World

PAYEE = "0x" + 40 * "e"
SUSPENDED = 3
"""number of the home that was suspended"""


@pytest.fixture
def homes(world: World) -> list[Home]:
    """Devices of each kind, one of them suspended; afterwards it is the day after tomorrow, noon."""
    made = [
        world.home(0, kind=DeviceKind.DEVICE),
        world.home(1, kind=DeviceKind.GATEWAY),
        world.home(2, kind=DeviceKind.DATA_COLLECTOR, scheme=SignerScheme.P256),
        world.home(SUSPENDED, kind=DeviceKind.DEVICE),
    ]
    for home in made:
        world.state(home)
    return made


@st.composite
def rule_and_question(draw: st.DrawFn, *, today: int, now: int) -> tuple[Rule, Question]:
    """An event of yesterday evening."""
    method = draw(st.sampled_from(PLAIN))
    own = method is BaselineMethod.METER_BEFORE
    seconds = draw(st.sampled_from([900, 1800, 3600]))
    start = today - DAY + 18 * 3600
    notice = start - draw(st.integers(0, 3 * 3600))
    under = rule(
        period_seconds=seconds,
        baseline=method,
        baseline_periods=draw(st.integers(1, 4)) if own else 0,
        clamp_level=draw(st.sampled_from(ClampLevel)) if own else ClampLevel.PORTFOLIO,
        estimated_allowed=draw(st.booleans()),
        min_assurance=draw(st.sampled_from([DeviceKind.DATA_COLLECTOR] * 6 + list(DeviceKind))),
        reading_deadline=now - start - 4 * seconds + draw(st.sampled_from([1000] * 12 + [-1, 0, 1])),
    )
    key = EventKey(
        portfolio_id=bytes(32),
        window_start=start,
        window_end=start + 4 * seconds,
        rule_id=bytes(32),
        direction=draw(st.sampled_from(Direction)),
        reference_w=0,
    )
    asked = Question(key=key, first_notice=notice, ordered_mask=draw(st.integers(1, 15)))
    return under, asked


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_answer(world: World, homes: list[Home], data: st.DataObject) -> None:
    """Given any device, rule, event and records, opened well or badly, both answer the same."""
    with world.evm.rollback():
        today = world.evm.time - world.evm.time % DAY + 2 * DAY
        world.evm.time = today + 12 * 3600
        home = data.draw(st.sampled_from(homes))
        under, asked = data.draw(rule_and_question(today=today, now=world.evm.time))
        entry = Entry(
            metering_point=home.metering_point,
            joined_at=asked.first_notice - data.draw(st.sampled_from([1] * 12 + [0])),
            left_at=data.draw(st.sampled_from([0] * 12 + [asked.first_notice, asked.first_notice - 1])),
            capacity_w=data.draw(st.integers(1, 15_000)),
            payee=PAYEE,
            connection_w=data.draw(st.sampled_from([15_000] * 6 + [4000])),
            kind=data.draw(st.sampled_from([DeviceKind.DEVICE] * 6 + list(DeviceKind))),
        )
        proof, shown = draw_proof(world, home, under, asked, today, data)
        if home.number == SUSPENDED:
            deadline = asked.key.window_end + under.reading_deadline
            at = data.draw(st.sampled_from([deadline - 1, deadline]))
            world.evm.time = at
            world.devices.suspend.send(home.metering_point, sender=world.accounts.meter_operator)
        point: MeteringPoint = world.devices.meteringPoint.call(home.metering_point)
        chain = world.measuring.measure.call(measuring_terms_of(under), asked, entry, proof)
        assert chain == measure_device(under, asked, entry, point, shown)


def draw_proof(
    world: World, home: Home, under: Rule, asked: Question, today: int, data: st.DataObject
) -> tuple[DeviceProof, list[ShownRecord]]:
    """Records of the day of the event, signed and attested now, and what is shown of them."""
    most = home.connection_w * 250
    readings = data.draw(st.lists(st.integers(-most, most), min_size=24, max_size=24))
    flagged = (
        data.draw(st.sets(st.integers(72 - 16, 79), min_size=1, max_size=1))
        if data.draw(st.integers(0, 3)) == 3
        else set()
    )
    records = []
    for revision in range(data.draw(st.sampled_from([1, 1, 1, 1, 2]))):
        values = [*readings * 3, *readings]
        values[0] = revision
        records.append(world.record(home, today - DAY, values, estimated=flagged, revision=revision))
    batch: Batch = world.attest([(home, record) for record in records])
    deadline = asked.key.window_end + under.reading_deadline
    first = asked.first_notice - asked.first_notice % under.period_seconds
    starts = {
        start
        for start in range(today - DAY, today, GRID.period_seconds)
        if first - under.baseline_periods * under.period_seconds <= start < asked.key.window_end
    }
    if data.draw(st.integers(0, 9)) == 9:
        starts -= set(data.draw(st.lists(st.sampled_from(sorted(starts)), max_size=9)))
    openings = [
        record.opening(
            [place for place in map(record.place_of, starts) if place is not None],
            inclusion=index,
        )
        for index, record in enumerate(records)
    ]
    inclusions = [Inclusion(batch_root=batch.tree.root, path=batch.tree.path(index)) for index in range(len(records))]
    openings = data.draw(st.sampled_from([openings[-1:]] * 6 + [openings[:1], openings, []]))
    damage = 20 - data.draw(st.integers(0, 20))
    if openings and damage == 0:
        inclusions[0] = replace(inclusions[0], path=(bytes(32), *inclusions[0].path))
    if openings and damage == 1:
        openings[-1] = cut(openings[-1])
    if openings and damage == 2:
        openings[0] = replace(openings[0], head=openings[0].head ^ 1 << 200)
    if openings and damage == 3:
        openings[0] = replace(openings[0], head=openings[0].head | 5)
    if openings and damage == 4:
        openings[0] = replace(openings[0], head=openings[0].head | len(inclusions) << 8)
    shown = []
    for opening in openings:
        head = RecordHead.unpack(opening.head >> 40 << 40)
        shown.append(
            ShownRecord.of(
                opening,
                inclusions,
                kept_at=world.evm.time,
                latest_revision=world.oracle.revisionBefore.call(head.metering_point, head.slot_start, deadline),
            )
        )
    return DeviceProof(inclusions=tuple(inclusions), records=tuple(openings)), shown
