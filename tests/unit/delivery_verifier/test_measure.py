"""Measuring: one device's response from its records, and every reason to call it silent."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.hashing import ZERO_ADDRESS
from flexbond.model.openings import Inclusion, RecordOpening
from flexbond.model.rules import measuring_terms_of
from flexbond.model.types import (
    Answer,
    BaselineMethod,
    ClampLevel,
    DeviceKind,
    DeviceProof,
    Direction,
    Entry,
    EventKey,
    Grid,
    Question,
    Rule,
    Silence,
)
from flexbond.records import BLOCK, MeterRecord
from flexbond.trees import BatchTree
from tests.support.evm import reverts
from tests.support.proofs import cut, signed_with, tampered
from tests.support.world import DAY, GRID, World
from tests.unit.story import HOUR, QUARTER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.world import Home

CLAMP = 1_250_000
"""5 kW over a quarter hour, mWh."""
SHIFT = 3_600 * CLAMP


@dataclass(frozen=True)
class Shown:
    """A record opened, and what it is under."""

    opening: RecordOpening
    inclusion: Inclusion

    def but(self, **changes: Any) -> Shown:
        """The same, but for fields of its opening or its inclusion."""
        inclusion = {name: changes.pop(name) for name in ("batch_root", "path", "history") if name in changes}
        return Shown(replace(self.opening, **changes), replace(self.inclusion, **inclusion))


def proof_of(*records: Shown) -> DeviceProof:
    """A proof that shows these records, each under an inclusion of its own."""
    return DeviceProof(
        inclusions=tuple(shown.inclusion for shown in records),
        records=tuple(
            replace(shown.opening, head=shown.opening.head & ~0xFF00 | number << 8)
            for number, shown in enumerate(records)
        ),
    )


@dataclass(frozen=True)
class Bench:
    """A home of 5 kW with 15 kW of connection, measured on a day that is over: ordered 18:00 to 19:00, called at 17:05."""

    world: World
    home: Home
    rule: Rule
    question: Question
    entry: Entry

    @property
    def window(self) -> int:
        """Its start."""
        return self.question.key.window_start

    @property
    def slot(self) -> int:
        """Start of the day."""
        return self.window - 18 * HOUR

    @property
    def needed(self) -> list[int]:
        """Places of the readings that are needed: 16:45 and the hour from 18:00."""
        return [67, 72, 73, 74, 75]

    def record(self, readings: dict[int, int] | None = None, **changes: Any) -> MeterRecord:
        """A day of 500 000 mWh a quarter hour, but where told otherwise."""
        values = [500_000] * 96
        for place, value in (readings or {}).items():
            values[place] = value
        return self.world.record(self.home, changes.pop("slot", self.slot), values, **changes)

    def show(self, record: MeterRecord, places: Sequence[int] | None = None, attest: bool = True) -> Shown:
        """The record opened at the needed places, attested in a batch of two, or not at all."""
        other = self.record({0: 1}, revision=0) if record.head.revision else self.record({0: 1}, slot=self.slot - DAY)
        records = [(self.home, record), (self.home, other)]
        tree = BatchTree.of([item.struct_hash for _, item in records])
        if attest:
            self.world.attest(records)
        return Shown(
            opening=record.opening(self.needed if places is None else places),
            inclusion=Inclusion(batch_root=tree.root, path=tree.path(0)),
        )

    def measure(self, *records: Shown, **changes: Any) -> Answer:
        """What the verifier answers."""
        answer: Answer = self.world.measuring.measure.call(
            measuring_terms_of(changes.get("rule", self.rule)),
            changes.get("question", self.question),
            changes.get("entry", self.entry),
            proof_of(*records),
        )
        return answer


@pytest.fixture
def bench(world: World) -> Bench:
    """The home, enrolled yesterday, and a day that is over."""
    home = world.home(0)
    portfolio = world.portfolio_of([home])
    entry = world.devices.entry.call(portfolio, 0)
    start = world.tomorrow(18)
    world.evm.time = world.tomorrow() + DAY
    key = EventKey(
        portfolio_id=portfolio,
        window_start=start,
        window_end=start + HOUR,
        rule_id=bytes(32),
        direction=Direction.SHED,
        reference_w=0,
    )
    question = Question(key=key, first_notice=start - HOUR + 300, ordered_mask=0b1111)
    return Bench(world=world, home=home, rule=world.rule(), question=question, entry=entry)


def absorb(question: Question, **changes: Any) -> Question:
    """The same question in the other direction."""
    return replace(question, key=replace(question.key, direction=Direction.ABSORB), **changes)


def silent(answer: Answer, why: Silence, column: int = 0) -> None:
    """The answer of a silent device: this entry in every column, nothing else."""
    assert answer.silence is why
    count = len(answer.columns)
    assert answer.columns == (column,) * count
    assert answer.weight == 0
    assert answer.baseline_milli_wh == (0,) * count
    assert answer.metered_milli_wh == (0,) * count


# ------------------------------------------------------------------ responses


def test_against_the_last_period_before_the_notice(bench: Bench) -> None:
    """Given 500 Wh before the notice and less in the window, the response is the difference, in every period."""
    shown = bench.show(bench.record({72: 400_000, 73: 500_000, 74: 600_000, 75: -800_000}))
    answer = bench.measure(shown)
    responses = (100_000, 0, -100_000, CLAMP)
    assert answer.silence is Silence.OK
    assert answer.baseline_milli_wh == (500_000,) * 4
    assert answer.metered_milli_wh == (400_000, 500_000, 600_000, -800_000)
    assert answer.columns == tuple(3_600 * response + SHIFT for response in responses)
    assert answer.weight == 100_000 + CLAMP


def test_of_a_device_alone(bench: Bench) -> None:
    """Given clamp DEVICE, what went the wrong way counts as nothing."""
    shown = bench.show(bench.record({72: 400_000, 73: 500_000, 74: 600_000, 75: -800_000}))
    answer = bench.measure(shown, rule=replace(bench.rule, clamp_level=ClampLevel.DEVICE))
    assert answer.columns == (100_000, 0, 0, CLAMP)
    assert answer.weight == 100_000 + CLAMP


def test_the_other_direction(bench: Bench) -> None:
    """Given Absorb, more consumption is the response, clamped on both sides."""
    shown = bench.show(bench.record({72: 400_000, 73: 500_000, 74: 2_500_000, 75: -900_000}))
    answer = bench.measure(shown, question=absorb(bench.question))
    assert answer.columns == tuple(3_600 * response + SHIFT for response in (-100_000, 0, CLAMP, -CLAMP))
    assert answer.weight == CLAMP


def test_only_ordered_periods(bench: Bench) -> None:
    """Given two of four periods ordered, only these have columns and only their readings are needed."""
    shown = bench.show(bench.record({73: 400_000, 75: 300_000}), [67, 73, 75])
    answer = bench.measure(shown, question=replace(bench.question, ordered_mask=0b1010))
    assert answer.metered_milli_wh == (400_000, 300_000)
    assert answer.weight == 300_000


@pytest.mark.parametrize(
    ("direction", "baseline"), [(Direction.SHED, (-2, 2)), (Direction.ABSORB, (-1, 3))], ids=["shed", "absorb"]
)
def test_the_mean_is_rounded_against_the_provider(
    bench: Bench, direction: Direction, baseline: tuple[int, int]
) -> None:
    """Given three periods whose mean is no whole mWh, it is rounded down for Shed and up for Absorb, below zero too."""
    rule = replace(bench.rule, baseline_periods=3)
    question = bench.question if direction is Direction.SHED else absorb(bench.question)
    below = bench.show(bench.record({65: -5, 66: 0, 67: 0}), [65, 66, *bench.needed])
    assert bench.measure(below, rule=rule, question=question).baseline_milli_wh[0] == baseline[0]
    above = bench.show(bench.record({65: 8, 66: 0, 67: 0}, revision=1), [65, 66, *bench.needed])
    assert bench.measure(above, rule=rule, question=question).baseline_milli_wh[0] == baseline[1]


def test_a_period_that_ends_with_the_notice_counts(bench: Bench) -> None:
    """Given a notice at the end of a period, that period is the last before it; a second earlier it is not."""
    shown = bench.show(bench.record({67: 100_000, 68: 200_000}), [68, *bench.needed])
    at = bench.slot + 69 * QUARTER
    answer = bench.measure(shown, question=replace(bench.question, first_notice=at))
    assert answer.baseline_milli_wh[0] == 200_000
    answer = bench.measure(shown, question=replace(bench.question, first_notice=at - 1))
    assert answer.baseline_milli_wh[0] == 100_000


def test_hours_of_quarter_hours(bench: Bench) -> None:
    """Given settlement periods of an hour, four readings make one, and all four are needed."""
    rule = replace(bench.rule, period_seconds=HOUR)
    question = replace(bench.question, ordered_mask=0b1, first_notice=bench.slot + 64 * QUARTER)
    places = [60, 61, 62, 63, 72, 73, 74, 75]
    shown = bench.show(bench.record({72: 1, 73: 2, 74: 3, 75: 4}), places)
    answer = bench.measure(shown, rule=rule, question=question)
    assert (answer.baseline_milli_wh, answer.metered_milli_wh) == ((2_000_000,), (10,))
    few = bench.show(bench.record({72: 1}, revision=1), [60, 72])
    assert bench.measure(few, rule=rule, question=question).silence is Silence.OK
    opened = bench.show(bench.record({72: 1}, revision=2), [72])
    assert bench.measure(opened, rule=rule, question=question).silence is Silence.MISSING_READING


def test_over_two_days(bench: Bench) -> None:
    """Given a window after midnight and a baseline before it, two records are shown."""
    start = bench.slot + DAY
    key = replace(bench.question.key, window_start=start, window_end=start + HOUR)
    question = replace(bench.question, key=key, first_notice=start - 600)
    bench.world.evm.time += DAY
    before = bench.show(bench.record({95: 600_000}), [94])
    after = bench.show(bench.record({0: 100_000}, slot=start), [0, 1, 2, 3])
    answer = bench.measure(before, after, question=question)
    assert answer.silence is Silence.OK
    assert (answer.baseline_milli_wh[0], answer.metered_milli_wh[0]) == (500_000, 100_000)
    assert bench.measure(after, before, question=question).silence is Silence.MISSING_READING


def test_shown_twice_or_too_much_changes_nothing(bench: Bench) -> None:
    """Given a record shown twice, or opened in full, the answer is the same."""
    record = bench.record({72: 400_000})
    once = bench.show(record)
    answer = bench.measure(once)
    assert bench.measure(once, once) == answer
    whole = Shown(record.opening(range(96)), once.inclusion)
    assert bench.measure(whole) == answer
    assert bench.measure(whole, once, whole) == answer


# ------------------------------------------------------------------ baselines of the portfolio


@pytest.mark.parametrize("method", [BaselineMethod.NOMINATED, BaselineMethod.REFERENCE_LEVEL])
def test_measured_for_the_portfolio(bench: Bench, method: BaselineMethod) -> None:
    """Given a baseline of the portfolio, the column is what was metered, shifted; the weight is the capacity."""
    rule = replace(bench.rule, baseline=method, baseline_periods=0)
    shown = bench.show(bench.record({72: 3_750_000, 73: -3_750_000}), [72, 73, 74, 75])
    full = 1_000 * 15_000 * QUARTER
    metered = (3_750_000, -3_750_000, 500_000, 500_000)
    answer = bench.measure(shown, rule=rule)
    assert (answer.silence, answer.weight, answer.metered_milli_wh) == (Silence.OK, 5_000, metered)
    assert answer.baseline_milli_wh == (0,) * 4
    assert answer.columns == tuple(full - 3_600 * value for value in metered)
    other = bench.measure(shown, rule=rule, question=absorb(bench.question))
    assert other.columns == tuple(full + 3_600 * value for value in metered)
    silent(bench.measure(rule=rule), Silence.NO_RECORD)


# ------------------------------------------------------------------ silence


def test_without_records(bench: Bench) -> None:
    """Given no records, the device counts as its worst (PORTFOLIO) or as nothing (DEVICE)."""
    silent(bench.measure(), Silence.NO_RECORD)
    silent(bench.measure(rule=replace(bench.rule, clamp_level=ClampLevel.DEVICE)), Silence.NO_RECORD)


def test_the_worst_is_a_whole_number(bench: Bench) -> None:
    """Given a capacity whose energy is no whole mWh, the clamp is rounded down and the column keeps the rest."""
    rule = replace(bench.rule, period_seconds=60)
    question = replace(bench.question, ordered_mask=0b1)
    answer = bench.measure(rule=rule, question=question, entry=replace(bench.entry, capacity_w=1))
    assert answer.columns == (1_000 * 60 - 3_600 * 16,)


@pytest.mark.parametrize(
    ("joined", "left", "active"), [(-1, 0, True), (0, 0, False), (-1, 0.5, True), (-2, -1, False), (-2, 1, True)]
)
def test_not_in_the_portfolio(bench: Bench, joined: float, left: float, active: bool) -> None:
    """Given a place as it stood just before the first notice, one that joined with it or left before counts as nothing."""
    notice = bench.question.first_notice
    entry = replace(
        bench.entry,
        joined_at=notice + int(joined),
        left_at=notice if left == 0.5 else notice + int(left) if left else 0,
    )
    shown = bench.show(bench.record())
    answer = bench.measure(shown, entry=entry)
    if active:
        assert answer.silence is Silence.OK
    else:
        silent(answer, Silence.INACTIVE)
        silent(bench.measure(entry=entry), Silence.INACTIVE)


def test_suspended(bench: Bench) -> None:
    """Given a device suspended before the reading deadline, it is silent; at the deadline it is too late for that."""
    shown = bench.show(bench.record())
    deadline = bench.question.key.window_end + bench.rule.reading_deadline
    for at, why in ((deadline - 1, Silence.SUSPENDED), (deadline, Silence.OK)):
        with bench.world.evm.rollback():
            bench.world.evm.time = at
            bench.world.devices.suspend.send(bench.home.metering_point, sender=bench.world.accounts.meter_operator)
            assert bench.measure(shown).silence is why
    bench.world.evm.time = deadline - 1
    bench.world.devices.suspend.send(bench.home.metering_point, sender=bench.world.accounts.meter_operator)
    silent(bench.measure(), Silence.SUSPENDED)


def test_a_kind_below_the_rules(world: World) -> None:
    """Given a gateway, it is silent under a rule for devices and not under one for gateways."""
    home = world.home(3, kind=DeviceKind.GATEWAY)
    portfolio = world.portfolio_of([home])
    entry = world.devices.entry.call(portfolio, 0)
    key = EventKey(
        portfolio_id=portfolio,
        window_start=world.tomorrow(),
        window_end=world.tomorrow(1),
        rule_id=bytes(32),
        direction=Direction.SHED,
        reference_w=0,
    )
    question = Question(key=key, first_notice=world.evm.time, ordered_mask=1)
    for kind, why in (
        (DeviceKind.DEVICE, Silence.LOW_ASSURANCE),
        (DeviceKind.GATEWAY, Silence.NO_RECORD),
        (DeviceKind.DATA_COLLECTOR, Silence.NO_RECORD),
    ):
        rule = world.rule(min_assurance=kind)
        answer = world.measuring.measure.call(measuring_terms_of(rule), question, entry, DeviceProof(records=()))
        assert answer.silence is why


def test_the_record_of_another(bench: Bench) -> None:
    """Given a record of another metering point, the device is silent."""
    shown = bench.show(bench.record())
    silent(bench.measure(shown, entry=replace(bench.entry, metering_point=b"\x01" * 16)), Silence.WRONG_POINT)


def test_never_attested(bench: Bench) -> None:
    """Given a batch nobody attested, or a record that is not in it, the device is silent."""
    shown = bench.show(bench.record(), attest=False)
    silent(bench.measure(shown), Silence.NOT_ATTESTED)
    attested = bench.show(bench.record())
    for change in (
        {"path": ()},
        {"batch_root": bytes(32)},
        {"history": attested.inclusion.path},
        {"blocks": (bytes(32), *attested.opening.blocks[1:])},
        {"head": attested.opening.head + (1 << 40)},
    ):
        silent(bench.measure(attested.but(**change)), Silence.NOT_ATTESTED)
    proof = proof_of(attested)
    nowhere = replace(proof, records=(replace(attested.opening, head=attested.opening.head | 1 << 8),))
    answer = bench.world.measuring.measure.call(measuring_terms_of(bench.rule), bench.question, bench.entry, nowhere)
    silent(answer, Silence.NOT_ATTESTED)


@pytest.mark.parametrize(("offset", "why"), [(-1, Silence.OK), (0, Silence.LATE), (DAY, Silence.LATE)])
def test_attested_too_late(bench: Bench, offset: int, why: Silence) -> None:
    """Given a record attested at the reading deadline or later, the device is silent."""
    bench.world.evm.time = bench.question.key.window_end + bench.rule.reading_deadline + offset
    assert bench.measure(bench.show(bench.record())).silence is why


def test_superseded(bench: Bench) -> None:
    """Given a revision attested in time, only it counts; one that came too late changes nothing."""
    first = bench.show(bench.record({72: 1}))
    bench.world.evm.time = bench.question.key.window_end + bench.rule.reading_deadline - 1
    second = bench.show(bench.record({72: 2}, revision=1))
    bench.world.evm.time += 1
    third = bench.show(bench.record({72: 3}, revision=2))
    silent(bench.measure(first), Silence.SUPERSEDED)
    assert bench.measure(second).metered_milli_wh[0] == 2
    silent(bench.measure(third), Silence.LATE)


def test_opened_badly(bench: Bench) -> None:
    """Given an opening that is cut, or opens blocks that the record does not have, the device is silent."""
    shown = bench.show(bench.record())
    opening = shown.opening
    assert opening.opened_blocks == 1 << 4
    none, many = opening.head & ~(0xFF << 56), opening.head | 0xFF << 56
    for change in (
        {"blocks": cut(opening).blocks},
        {"blocks": opening.blocks[:-1]},
        {"blocks": opening.blocks[:4]},
        {"blocks": ()},
        {"head": opening.head | 1 << 16},
        {"head": opening.head | 1 << 24 + 6},
        {"head": opening.head | 1 << 39},
        {"head": none},
        {"head": many},
    ):
        silent(bench.measure(shown.but(**change)), Silence.BAD_OPENING)


def test_opened_otherwise_than_it_was_closed(bench: Bench) -> None:
    """Given another salt, flag or reading, a block more, or one that is not the opened one, it is another record and under no root."""
    shown = bench.show(bench.record())
    opening = shown.opening
    for bit in (0, 7, 39, 8 * 80, 8 * 82 - 1, 8 * 82, 8 * 114 - 1):
        silent(bench.measure(Shown(tampered(opening, bit), shown.inclusion)), Silence.NOT_ATTESTED)
    apart = bench.show(bench.record(), range(48, 80)).opening
    swapped = (*apart.blocks[:3], apart.blocks[4], apart.blocks[3], *apart.blocks[5:])
    for change in ({"blocks": swapped, "head": apart.head}, {"head": opening.head ^ 1 << 24 + 4 ^ 1 << 24 + 3}):
        silent(bench.measure(shown.but(**change)), Silence.NOT_ATTESTED)
    behind = shown.but(blocks=(*opening.blocks, bytes(7)))
    silent(bench.measure(behind), Silence.WRONG_POINT)


def test_a_reading_too_few(bench: Bench) -> None:
    """Given a needed reading that is not opened, the device is silent."""
    record = bench.record()
    # The last period before it lies in another block than the window.
    question = replace(bench.question, first_notice=bench.slot + 64 * QUARTER)
    for places in ([63], [72], []):
        silent(bench.measure(bench.show(record, places), question=question), Silence.MISSING_READING)
    assert bench.measure(bench.show(record, [63, 72]), question=question).silence is Silence.OK


def test_readings_longer_than_a_period(world: World) -> None:
    """Given a device that reads by the hour and settlement by the quarter hour, it is silent."""
    world.devices.publishGrid.send(
        Grid(period_seconds=HOUR, readings_per_slot=24, offset_seconds=0), sender=world.accounts.market_operator
    )
    home = world.home(5)
    portfolio = world.create_portfolio()
    world.state(home, world.statement(home, grid_id=2))
    world.enrol(home, world.consent(home, portfolio))
    entry = world.devices.entry.call(portfolio, 0)
    start = world.tomorrow(18)
    world.evm.time = start + DAY
    record = MeterRecord.of(
        metering_point=home.metering_point,
        slot_start=start - 18 * HOUR,
        period_seconds=HOUR,
        readings_milli_wh=[HOUR] * 24,
        secret=home.secret,
    )
    batch = world.attest([(home, record)])
    key = EventKey(
        portfolio_id=portfolio,
        window_start=start,
        window_end=start + HOUR,
        rule_id=bytes(32),
        direction=Direction.SHED,
        reference_w=0,
    )
    question = Question(key=key, first_notice=start - HOUR, ordered_mask=1)
    proof = batch.proof(home, [start - 2 * HOUR, start])
    answer = world.measuring.measure.call(measuring_terms_of(world.rule()), question, entry, proof)
    silent(answer, Silence.BAD_OPENING)
    hourly = world.measuring.measure.call(measuring_terms_of(world.rule(period_seconds=HOUR)), question, entry, proof)
    assert (hourly.silence, hourly.metered_milli_wh) == (Silence.OK, (HOUR,))


def test_estimated_readings(bench: Bench) -> None:
    """Given an estimated reading, it counts only if the rule allows it, and only if it is needed."""
    needed = bench.show(bench.record(estimated=[73]))
    silent(bench.measure(needed), Silence.ESTIMATED)
    assert bench.measure(needed, rule=replace(bench.rule, estimated_allowed=True)).silence is Silence.OK
    other = bench.show(bench.record(estimated=[64, 76], revision=1))
    assert bench.measure(other).silence is Silence.OK


@pytest.mark.parametrize(("reading", "why"), [(3_750_000, Silence.OK), (3_750_001, Silence.OUT_OF_RANGE)])
@pytest.mark.parametrize("place", [67, 72])
@pytest.mark.parametrize("sign", [1, -1])
def test_beyond_the_connection(bench: Bench, reading: int, why: Silence, place: int, sign: int) -> None:
    """Given more energy in a needed period than the connection can carry, either way, the device is silent."""
    shown = bench.show(bench.record({place: sign * reading}))
    assert bench.measure(shown).silence is why


def test_beyond_the_connection_where_nobody_asks(bench: Bench) -> None:
    """Given an impossible reading in a period that is not needed, it changes nothing."""
    assert bench.measure(bench.show(bench.record({76: 2**39 - 1, 64: -(2**39)}))).silence is Silence.OK


# ------------------------------------------------------------------ records that were only anchored


def anchored(bench: Bench, record: MeterRecord, *, at: int | None = None, history: int | None = None) -> Shown:
    """The record under an anchored root, alone or at a place of a history of three, with its signature."""
    records = [record] if history is None else [bench.record({0: 7 + place}, revision=0) for place in range(3)]
    if history is not None:
        records[history] = record
    if at is not None:
        bench.world.evm.time = at
    histories = [] if history is None else [range(3)]
    batch = bench.world.anchor([(bench.home, one) for one in records], histories=histories)
    inclusion, place = batch.inclusion(history or 0)
    opening = record.opening(bench.needed, place=place, signature=batch.signatures[history or 0])
    return Shown(opening, inclusion)


@pytest.mark.parametrize("history", [None, 0, 2])
def test_an_anchored_record_counts_with_its_signature(bench: Bench, history: int | None) -> None:
    """Given an anchored root, alone or as a history, its record counts like an attested one."""
    shown = anchored(bench, bench.record({72: 400_000}), history=history)
    answer = bench.measure(shown)
    assert (answer.silence, answer.metered_milli_wh[0]) == (Silence.OK, 400_000)


def test_an_anchored_record_without_its_signature(bench: Bench) -> None:
    """Given no signature, another's, or one of another length, the device is silent and the reason is told."""
    shown = anchored(bench, bench.record())
    other = bench.world.sign(bench.world.home(1), bench.record())
    for signature, why in (
        (b"", Silence.BAD_OPENING),
        (shown.opening.signature + bytes(32), Silence.BAD_OPENING),
        (other.r + other.vs, Silence.WRONG_SIGNER),
        (bytes(64), Silence.WRONG_SIGNER),
    ):
        silent(bench.measure(Shown(signed_with(shown.opening, signature), shown.inclusion)), why)


def test_a_place_of_a_history_is_that_records_alone(bench: Bench) -> None:
    """Given another place, or a history one hash longer or shorter, the record is not under the root."""
    shown = anchored(bench, bench.record(), history=1)
    hashes = shown.inclusion.history
    for change in (
        {"head": shown.opening.head ^ 1},
        {"head": shown.opening.head | 0x7F},
        {"history": hashes[:-1]},
        {"history": (*hashes, bytes(32))},
        {"history": (hashes[0], hashes[2], hashes[1])},
        {"history": ()},
    ):
        silent(bench.measure(shown.but(**change)), Silence.NOT_ATTESTED)


def test_an_anchored_revision_does_not_count(bench: Bench) -> None:
    """Given a revision that was only anchored, the device is silent: only attesting leaves its mark."""
    silent(bench.measure(anchored(bench, bench.record(revision=1))), Silence.NOT_ATTESTED)


def test_anchored_before_the_slot_was_over(bench: Bench) -> None:
    """Given a root that came before the slot ended, its record does not count."""
    record = bench.record(slot=bench.slot + DAY)
    assert bench.world.evm.time < record.head.slot_end
    silent(bench.measure(anchored(bench, record)), Silence.TOO_EARLY)


def test_anchored_outside_the_statement_or_off_the_grid(bench: Bench) -> None:
    """Given a slot before the statement begins, or one that is none of the grid, the record does not count."""
    silent(bench.measure(anchored(bench, bench.record(slot=bench.slot - 9 * DAY))), Silence.UNSTATED)
    silent(bench.measure(anchored(bench, bench.record(slot=bench.slot - QUARTER))), Silence.OFF_GRID)


def test_anchored_too_late(bench: Bench) -> None:
    """Given a root that came at the reading deadline, its record does not count; one second before, it does."""
    deadline = bench.question.key.window_end + bench.rule.reading_deadline
    assert bench.measure(anchored(bench, bench.record(), at=deadline - 1)).silence is Silence.OK
    silent(bench.measure(anchored(bench, bench.record({0: 3}), at=deadline)), Silence.LATE)


# ------------------------------------------------------------------ malice


def test_never_reverts_for_what_a_record_holds(bench: Bench) -> None:
    """Given bytes changed at random in head, hashes, path and opening, an answer always comes."""
    chance = random.Random(20)
    shown = bench.show(bench.record())
    for _ in range(300):
        head = shown.opening.head ^ (1 << chance.randrange(256)) if chance.random() < 0.7 else shown.opening.head
        blocks = list(shown.opening.blocks)[: chance.choice([6, 6, 6, chance.randrange(7)])]
        record = RecordOpening(
            head=head,
            blocks=(*blocks, chance.randbytes(chance.choice([0, 0, 1, 31, 200]))),
            signature=chance.randbytes(chance.choice([0, 0, 64, 128, 7])),
        )
        if chance.random() < 0.3:
            record = tampered(shown.opening, chance.randrange(1 << 10))
        history = chance.choice([(), (), (bytes(32),), (bytes(32),) * 101])
        proof = DeviceProof(
            inclusions=(replace(shown.inclusion, history=history),) * chance.randrange(3),
            records=(record,) * chance.randrange(1, 3),
        )
        bench.world.measuring.measure.call(measuring_terms_of(bench.rule), bench.question, bench.entry, proof)
    for _ in range(300):
        raw = proof_of(shown).as_tuple()
        inclusions, records = (bytearray(part) for part in raw[:2])
        for part in (inclusions, records):
            for _ in range(chance.randrange(3)):
                part[chance.randrange(len(part))] = chance.randrange(256)
            del part[chance.choice([len(part), chance.randrange(len(part))]) :]
        answer = bench.world.measuring.measure.call(
            measuring_terms_of(bench.rule), bench.question, bench.entry, (bytes(inclusions), bytes(records), [])
        )
        assert answer.silence is not Silence.OK or bytes(records) == raw[1]


@pytest.mark.parametrize(
    ("period", "readings"), [(0, 1), (1, 1), (900, 0), (900, 101), (900, 255), (2**24 - 1, 255), (7, 100)]
)
def test_never_reverts_for_a_strange_head(bench: Bench, period: int, readings: int) -> None:
    """Given a head that no oracle would take, the answer is silence."""
    shown = bench.show(bench.record())
    head = shown.opening.head
    strange = head & ~(((1 << 24) - 1) << 64) & ~(0xFF << 56) | period << 64 | readings << 56
    opening = RecordOpening(
        head=strange | ((1 << 40) - 1) << 88, blocks=(*[bytes(32)] * 7, bytes(100)), signature=bytes(64)
    )
    why = (
        Silence.NOT_ATTESTED
        if 1 <= readings <= 100 and opening.opened_blocks >> -(-readings // BLOCK) == 0
        else Silence.BAD_OPENING
    )
    silent(bench.measure(Shown(opening, shown.inclusion)), why)


@pytest.mark.parametrize("name", ["oracle", "devices", "rulebook", "rights"])
def test_needs_its_neighbours(world: World, name: str) -> None:
    """Given a zero address in the constructor, the contract is not made."""
    some = world.accounts.relayer
    names = ("oracle", "devices", "rulebook", "rights")
    arguments = [ZERO_ADDRESS if name == other else some.address for other in names]
    with reverts("Flexbond_ZeroAddress", name):
        world.evm.deploy("DeliveryVerifier", *arguments, sender=some)


def test_the_day_is_one_slot() -> None:
    """Given the tests' grid, a record is a UTC day of quarter hours."""
    assert (GRID.period_seconds, GRID.readings_per_slot) == (QUARTER, 96)
