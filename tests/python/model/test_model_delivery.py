"""What a device and a portfolio did: reasons of silence, both clamp levels, all baselines."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexbond import trees
from flexbond.model.baseline import (
    clamp_milli_wh,
    level_milli_wh,
    mean,
    metered_from_column,
    response_milli_wh,
)
from flexbond.model.delivery import measure_device, measure_event, sums_before
from flexbond.model.openings import Inclusion
from flexbond.model.settlement import settle_dispatch
from flexbond.model.shown import ShownRecord
from flexbond.model.types import (
    Answer,
    BaselineMethod,
    ClampLevel,
    DeviceKind,
    Direction,
    Rule,
    Silence,
)
from flexbond.records import MeterRecord
from flexbond.trees import BatchTree, history_leaf
from tests.python.model.fleets import ATTESTED, NOTICE, START, Fleet, day, entry, fleets, point, question
from tests.python.model.strategies import MIDNIGHT, dispatch, product, rule

PLACE = entry(0, 4000, 10_000)
HOUR = [20] * 72 + [5, 20, 20, 30] + [20] * 20
"""kWh/1000 per quarter hour: 20 Wh before, then 5, 20, 20 and 30 Wh"""
READINGS = [1000 * wh for wh in HOUR]


def answer(
    under: Rule, shown: tuple[ShownRecord, ...], *, direction: Direction = Direction.SHED, mask: int = 0b1001
) -> Answer:
    """What PLACE did in the first and last period of the hour."""
    return measure_device(under, question(under, mask, direction), PLACE, point(PLACE), shown)


def test_own_baseline_clamped_by_device() -> None:
    """Given 20 Wh before, 5 and 30 Wh in the event, Shed counts 15 and nothing, Absorb nothing and 10."""
    shed = answer(rule(), (day(PLACE, READINGS),))
    assert shed == Answer(
        silence=Silence.OK, columns=(15_000, 0), weight=15_000,
        baseline_milli_wh=(20_000, 20_000), metered_milli_wh=(5000, 30_000),
        metering_point=PLACE.metering_point, is_complete=True,
    )  # fmt: skip
    absorb = answer(rule(), (day(PLACE, READINGS),), direction=Direction.ABSORB)
    assert absorb.columns == (0, 10_000)


def test_own_baseline_clamped_by_portfolio() -> None:
    """Given the same, the shifted entry holds the response with its sign, the weight only what was positive."""
    under = rule(clamp_level=ClampLevel.PORTFOLIO)
    shift = 1000 * 4000 * 900
    given_ = answer(under, (day(PLACE, READINGS),))
    assert given_.columns == (3600 * 15_000 + shift, 3600 * -10_000 + shift)
    assert given_.weight == 15_000
    silent = answer(under, ())
    assert silent.columns == (0, 0), "the worst: minus its capacity"
    assert (silent.silence, silent.weight) == (Silence.NO_RECORD, 0)


def test_portfolio_baseline_columns() -> None:
    """Given a baseline of the portfolio, the entry holds what was metered, and the weight is the capacity."""
    under = rule(baseline=BaselineMethod.REFERENCE_LEVEL, baseline_periods=0, clamp_level=ClampLevel.PORTFOLIO)
    full = 1000 * 10_000 * 900
    shed = answer(under, (day(PLACE, READINGS),))
    assert shed.columns == (full - 3600 * 5000, full - 3600 * 30_000)
    assert (shed.weight, shed.baseline_milli_wh, shed.metered_milli_wh) == (4000, (0, 0), (5000, 30_000))
    absorb = answer(under, (day(PLACE, READINGS),), direction=Direction.ABSORB)
    assert absorb.columns == (full + 3600 * 5000, full + 3600 * 30_000)
    assert answer(under, ()).columns == (0, 0)


def test_mean_is_rounded_against_the_provider() -> None:
    """Given readings whose mean is not whole, it is lower for Shed and higher for Absorb."""
    assert mean([1, 2], Direction.SHED) == 1
    assert mean([1, 2], Direction.ABSORB) == 2
    assert mean([-1, -2], Direction.SHED) == -2
    assert mean([-1, -2], Direction.ABSORB) == -1
    assert level_milli_wh(-1, 60, Direction.SHED) == -17
    assert level_milli_wh(-1, 60, Direction.ABSORB) == -16
    assert clamp_milli_wh(1, 60) == 16
    assert response_milli_wh(10, -20, Direction.SHED, 16) == 16
    assert response_milli_wh(10, 40, Direction.SHED, 16) == -16


@pytest.mark.parametrize(
    ("silence", "changes"),
    [
        (Silence.WRONG_POINT, {"head": replace(day(PLACE, READINGS).head, metering_point=bytes(16))}),
        (Silence.NOT_ATTESTED, {"kept_at": 0}),
        (Silence.LATE, {"kept_at": START + 3600 + 3600}),
        (Silence.SUPERSEDED, {"latest_revision": 1}),
        (Silence.BAD_OPENING, {"opened": None}),
        (Silence.BAD_OPENING, {"head": replace(day(PLACE, READINGS).head, period_seconds=600)}),
        (Silence.BAD_OPENING, {"head": replace(day(PLACE, READINGS).head, period_seconds=0)}),
        (Silence.MISSING_READING, {"opened": dict(list(day(PLACE, READINGS).opened.items())[:75])}),  # type: ignore[union-attr]
        (Silence.MISSING_READING, {"opened": dict(list(day(PLACE, READINGS).opened.items())[61:])}),  # type: ignore[union-attr]
    ],
    ids=lambda value: value.name if isinstance(value, Silence) else None,
)
def test_silence_of_a_record(silence: Silence, changes: dict[str, object]) -> None:
    """Given a record that does not count, the device is silent and it is said why."""
    assert answer(rule(), (day(PLACE, READINGS, **changes),)).silence is silence


def test_last_moment_to_attest() -> None:
    """Given a record a second before the reading deadline, it counts."""
    assert answer(rule(), (day(PLACE, READINGS, kept_at=START + 3600 + 3599),)).silence is Silence.OK


def test_silence_of_readings() -> None:
    """Given a needed reading that is estimated or beyond the connection, the device is silent; others do not matter."""
    assert answer(rule(), (day(PLACE, READINGS, estimated=frozenset([72])),)).silence is Silence.ESTIMATED
    assert answer(rule(), (day(PLACE, READINGS, estimated=frozenset([73])),)).silence is Silence.OK
    allowed = rule(estimated_allowed=True)
    assert answer(allowed, (day(PLACE, READINGS, estimated=frozenset([72])),)).silence is Silence.OK
    for reading, silence in ((2_500_000, Silence.OK), (2_500_001, Silence.OUT_OF_RANGE)):
        for sign in (1, -1):
            readings = [*READINGS[:72], sign * reading, *READINGS[73:]]
            assert answer(rule(), (day(PLACE, readings),)).silence is silence


def test_silence_of_a_device() -> None:
    """Given a device that does not count, it is silent whatever its records say."""
    under, shown = rule(min_assurance=DeviceKind.GATEWAY), (day(PLACE, READINGS),)
    asked = question(under, 1, Direction.SHED)
    ends = asked.key.window_end + under.reading_deadline

    def silence(place: object = PLACE, **changes: object) -> Silence:
        return measure_device(under, asked, place, point(PLACE, **changes), shown).silence  # type: ignore[arg-type]

    assert silence(replace(PLACE, joined_at=NOTICE)) is Silence.INACTIVE
    assert silence(replace(PLACE, joined_at=NOTICE - 1)) is Silence.OK
    assert silence(replace(PLACE, left_at=NOTICE - 1)) is Silence.INACTIVE
    assert silence(replace(PLACE, left_at=NOTICE)) is Silence.OK
    assert silence(suspended_at=ends - 1) is Silence.SUSPENDED
    assert silence(suspended_at=ends) is Silence.OK
    assert silence(replace(PLACE, kind=DeviceKind.DATA_COLLECTOR)) is Silence.LOW_ASSURANCE
    assert silence(replace(PLACE, kind=DeviceKind.GATEWAY)) is Silence.OK
    # What is stated of it later does not touch the place.
    assert silence(kind=DeviceKind.DATA_COLLECTOR) is Silence.OK


def test_inactive_leaf_is_zero() -> None:
    """Given a place that was left, its leaf is all zero even where silence would cost."""
    under = rule(clamp_level=ClampLevel.PORTFOLIO)
    gone = replace(PLACE, capacity_w=4001, left_at=5)
    asked = question(under, 3, Direction.SHED)
    given_ = measure_device(replace(under, period_seconds=60), asked, gone, point(gone), ())
    assert given_ == Answer(
        silence=Silence.INACTIVE, columns=(0, 0), weight=0, baseline_milli_wh=(0, 0), metered_milli_wh=(0, 0),
        metering_point=gone.metering_point, is_complete=False,
    )  # fmt: skip


def test_a_record_opened_twice_changes_nothing() -> None:
    """Given a record twice, or out of order, each reading counts once and a later one never fills an earlier gap."""
    whole = day(PLACE, READINGS)
    halves = [
        replace(whole, opened={i: r for i, r in whole.opened.items() if test(i)})  # type: ignore[union-attr]
        for test in (lambda i: i < 70, lambda i: i >= 70)
    ]
    once = answer(rule(), (whole,))
    assert answer(rule(), (whole, whole)) == once
    assert answer(rule(), tuple(halves)) == once
    assert answer(rule(), (halves[1], halves[0])).silence is Silence.MISSING_READING


def test_finer_readings_are_added_up() -> None:
    """Given half-hour settlement of quarter-hour readings, a period is the sum of its readings."""
    under = rule(period_seconds=1800, baseline_periods=2)
    given_ = answer(under, (day(PLACE, READINGS),), mask=0b11)
    assert given_.baseline_milli_wh == (40_000, 40_000)
    assert given_.metered_milli_wh == (25_000, 50_000)


def test_an_opening_is_checked() -> None:
    """Given a real opening, what it shows and whether it is in its batch follow from its hashes."""
    record = MeterRecord.of(
        metering_point=PLACE.metering_point, slot_start=MIDNIGHT, period_seconds=900, readings_milli_wh=READINGS,
        secret=bytes(32),
    )  # fmt: skip
    tree = BatchTree.of([record.struct_hash, bytes(32)])
    opening = record.opening(range(96))
    under = (Inclusion(batch_root=tree.root, path=tree.path(0)),)
    shown = ShownRecord.of(opening, under, kept_at=ATTESTED)
    assert shown == day(PLACE, READINGS)
    for inclusions in ((), (replace(under[0], path=()),), (replace(under[0], history=(record.struct_hash,)),)):
        assert ShownRecord.of(opening, inclusions, kept_at=ATTESTED).kept_at == 0
    broken = ShownRecord.of(replace(opening, blocks=opening.blocks[:-1]), under, kept_at=1)
    assert broken.opened is None
    other_place = ShownRecord.of(replace(opening, head=opening.head | 1), under, kept_at=ATTESTED)
    assert other_place == shown


def test_a_record_within_a_history_leaf() -> None:
    """Given a history of two records, when one is shown, it counts at its own place only."""
    records = [
        MeterRecord.of(
            metering_point=PLACE.metering_point, slot_start=MIDNIGHT - 86_400 * back, period_seconds=900,
            readings_milli_wh=READINGS, secret=bytes(32),
        )
        for back in (1, 0)
    ]  # fmt: skip
    history = tuple(record.struct_hash for record in records)
    tree = BatchTree.of([bytes(32), history_leaf(history), bytes(32)])
    under = (Inclusion(batch_root=tree.root, path=tree.path(1), history=history),)
    for place, counts in ((1, True), (0, False), (2, False)):
        shown = ShownRecord.of(records[1].opening([0], place=place), under, kept_at=ATTESTED)
        assert (shown.kept_at == ATTESTED) is counts
    too_long = replace(under[0], history=history * 51)
    assert ShownRecord.of(records[1].opening([0], place=1), (too_long,), kept_at=ATTESTED).kept_at == 0


def test_two_meters_the_classic_trap() -> None:
    """Given meters that went from 30 to 40 and from 50 to 20, DEVICE gives 30 and PORTFOLIO gives 20."""
    places = (entry(0, 10_000, 20_000), entry(1, 10_000, 20_000))
    for level, response in ((ClampLevel.DEVICE, 30_000), (ClampLevel.PORTFOLIO, 20_000)):
        under = rule(clamp_level=level)
        shown = [
            (day(place, [before] * 72 + [after] * 24),)
            for place, before, after in zip(places, (30_000, 50_000), (40_000, 20_000), strict=True)
        ]
        event = measure_event(
            rule=under,
            question=question(under, 1, Direction.SHED),
            entries=places,
            points={place.metering_point: point(place) for place in places},
            shown=shown,
        )
        assert event.responses_milli_wh == (response, 0, 0, 0)
        assert event.totals.weight == 30_000


def test_nothing_nominated_is_no_response() -> None:
    """Given a rule with nominations and none, the response is zero however low the meters ran."""
    under = rule(baseline=BaselineMethod.NOMINATED, baseline_periods=0, clamp_level=ClampLevel.PORTFOLIO)
    for schedule, response in (((), (0, 0, 0, 0)), ((9000, 9000, 9000, 9000), (4000, 0, 0, -21_000))):
        event = measure_event(
            rule=under,
            question=question(under, 0b1001, Direction.SHED),
            entries=[PLACE],
            points={PLACE.metering_point: point(PLACE)},
            shown=[(day(PLACE, READINGS),)],
            schedule_milli_wh=schedule,
        )
        assert event.responses_milli_wh == response


@given(fleets())
def test_totals_and_tree(fleet: Fleet) -> None:
    """Given any fleet, totals are the sums of the leaves, and every leaf stands in the tree at its index."""
    event = fleet.measured()
    assert event.totals.weight == sum(item.weight for item in event.answers)
    for place, total in enumerate(event.totals.columns):
        assert total == sum(item.columns[place] for item in event.answers)
    for index, word in enumerate(event.weight_words):
        leaf = trees.leaf(index, word, event.columns_hashes[index])
        assert trees.verify(event.tree.root, len(fleet.entries), leaf, index, event.tree.path(index))


@given(fleets())
def test_response_is_the_sum_of_the_devices(fleet: Fleet) -> None:
    """Given any fleet with device baselines, the portfolio's response is the sum that the clamp level asks for."""
    event, under = fleet.measured(), fleet.rule
    if under.baseline is not BaselineMethod.METER_BEFORE:
        return
    periods = [p for p in range(4) if fleet.question.ordered_mask >> p & 1]
    for column, period in enumerate(periods):
        expected = 0
        for place, item in zip(fleet.entries, event.answers, strict=True):
            limit = clamp_milli_wh(place.capacity_w, under.period_seconds)
            response = -limit
            if item.silence is Silence.OK:
                response = response_milli_wh(
                    item.baseline_milli_wh[column], item.metered_milli_wh[column], fleet.question.key.direction, limit
                )
            expected += response if under.clamp_level is ClampLevel.PORTFOLIO else max(0, response)
        assert event.responses_milli_wh[period] == expected


@given(fleets(), st.data())
def test_hiding_a_record_never_raises_a_payment(fleet: Fleet, data: st.DataObject) -> None:
    """Given any fleet, when a device is hidden, no response rises, and so no pay, and no penalty falls."""
    hidden = fleet.hiding(data.draw(st.integers(0, len(fleet.entries) - 1))).measured()
    honest = fleet.measured()
    for before, after in zip(honest.responses_milli_wh, hidden.responses_milli_wh, strict=True):
        assert after <= before
    orders = tuple(18_000 if fleet.question.ordered_mask >> p & 1 else 0 for p in range(4))
    settled = [
        settle_dispatch(
            product=product(window_end=MIDNIGHT + 4 * fleet.rule.period_seconds),
            rule=fleet.rule,
            dispatch=dispatch(orders_w=orders, units=18),
            responses_milli_wh=event.responses_milli_wh,
            event_orders_w=orders,
            customer_share_bps=5000,
        ).settled
        for event in (honest, hidden)
    ]
    assert settled[1].pay <= settled[0].pay
    assert settled[1].availability <= settled[0].availability
    assert settled[1].penalty >= settled[0].penalty


@given(fleets(), st.randoms(use_true_random=False))
def test_order_of_devices_does_not_matter(fleet: Fleet, random: object) -> None:
    """Given any fleet in another order, totals and responses are the same."""
    order = list(range(len(fleet.entries)))
    random.shuffle(order)  # type: ignore[attr-defined]
    first, second = fleet.measured(), fleet.permuted(order).measured()
    assert second.totals == first.totals
    assert second.responses_milli_wh == first.responses_milli_wh


@given(fleets(baseline=BaselineMethod.REFERENCE_LEVEL, silent=False))
def test_portfolio_metered_comes_back_exactly(fleet: Fleet) -> None:
    """Given all devices speak, what the portfolio metered follows exactly from the column's total."""
    event = fleet.measured()
    if any(item.silence is not Silence.OK for item in event.answers):
        return
    connection = sum(place.connection_w for place in fleet.entries)
    for column, metered in zip(event.totals.columns, event.totals.metered_milli_wh, strict=True):
        seconds, direction = fleet.rule.period_seconds, fleet.question.key.direction
        assert metered_from_column(column, connection, seconds, direction) == metered


def test_sums_just_before() -> None:
    """Given places joined and left, the sums before a moment count those that were in, and the list as long as it was."""
    places = (entry(0, 1, 10), entry(1, 2, 20, joined_at=50, left_at=70), entry(2, 4, 40, joined_at=70))
    found = [sums_before(places, at).as_tuple() for at in (1, 50, 51, 70, 71)]
    assert found == [(0, 0, 0), (1, 1, 10), (2, 3, 30), (2, 3, 30), (3, 5, 50)]
