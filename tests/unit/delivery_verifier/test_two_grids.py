"""Measuring a device that was stated on one grid after another: what overlaps counts once."""

from __future__ import annotations

import random

from flexbond.model.openings import Inclusion
from flexbond.model.rules import measuring_terms_of
from flexbond.model.types import (
    Answer,
    DeviceKind,
    DeviceProof,
    Direction,
    Entry,
    EventKey,
    Grid,
    Question,
    Silence,
)
from flexbond.records import MeterRecord
from tests.support.world import DAY, World
from tests.unit.story import HOUR, QUARTER


def test_readings_of_two_grids_never_count_twice(world: World) -> None:
    """Given a day on two grids, of quarter and of half hours, whatever is shown in whatever order, no reading is added to another's."""
    home = world.home(0)
    receipt = world.devices.publishGrid.send(
        Grid(period_seconds=2 * QUARTER, readings_per_slot=48, offset_seconds=0), sender=world.accounts.market_operator
    )
    day = world.evm.time // DAY + 2
    world.state(home, world.statement(home, valid_from=(day - 30) * DAY))
    world.evm.time = (day + 1) * DAY
    fine = world.record(home, day * DAY, [1] * 96)
    batches = [world.attest([(home, fine)])]
    world.state(home, world.statement(home, valid_from=(day - 30) * DAY, sequence=9, grid_id=receipt.value))
    coarse = MeterRecord.of(
        metering_point=home.metering_point,
        slot_start=day * DAY,
        period_seconds=2 * QUARTER,
        readings_milli_wh=[1_000] * 48,
        secret=home.secret,
    )
    batches.append(world.attest([(home, coarse)]))
    start = day * DAY + 18 * HOUR
    key = EventKey(
        portfolio_id=bytes(32),
        window_start=start,
        window_end=start + 4 * HOUR,
        rule_id=bytes(32),
        direction=Direction.SHED,
        reference_w=0,
    )
    question = Question(key=key, first_notice=start, ordered_mask=15)
    entry = Entry(
        metering_point=home.metering_point,
        joined_at=1,
        left_at=0,
        capacity_w=5_000,
        payee="0x" + 40 * "e",
        connection_w=15_000,
        kind=DeviceKind.DEVICE,
    )
    rule = world.rule(period_seconds=HOUR, reading_deadline=9 * DAY)
    inclusions = tuple(Inclusion(batch_root=batch.tree.root, path=()) for batch in batches)
    chance = random.Random(3)
    measured = set()
    for _ in range(120):
        openings = [
            record.opening(sorted(chance.sample(range(count), chance.choice([1, 9, count]))), inclusion=number)
            for number, record, count in chance.choices([(0, fine, 96), (1, coarse, 48)], k=chance.randrange(1, 6))
        ]
        answer: Answer = world.measuring.measure.call(
            measuring_terms_of(rule), question, entry, DeviceProof(inclusions=inclusions, records=tuple(openings))
        )
        if answer.silence is Silence.OK:
            measured.add(answer.metered_milli_wh)
    # an hour is four readings of 1 or two of 1 000, or, where one record ends and the other begins, of both
    assert measured
    assert {value for row in measured for value in row} <= {4, 2_000, 1_002}
