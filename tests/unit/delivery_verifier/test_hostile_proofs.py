"""Measuring against a provider that shows past days as it likes: nothing reverts, and nothing pays more than the truth."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from flexbond.hashing import keccak
from flexbond.model.openings import Inclusion
from flexbond.model.rules import measuring_terms_of
from flexbond.model.types import (
    Adjustment,
    Answer,
    BaselineMethod,
    Call,
    DaySelection,
    DeviceKind,
    DeviceProof,
    Direction,
    Entry,
    EventKey,
    Question,
    Rule,
    SignerScheme,
    Silence,
)
from flexbond.records import MeterRecord
from flexbond.signing.keys import development_device, development_p256_device
from flexbond.trees import HISTORY_TAG, MAX_HISTORY, history_leaf
from tests.support.lookbacks import calendar_days, day_class, lookback
from tests.support.proofs import Batch, cut, show, signed_with, tampered
from tests.support.world import DAY, GRID, SEED, World
from tests.unit.story import HOUR, QUARTER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.world import Home

Y = 4
PERIODS = 4
BEFORE = 4
"""periods of the adjustment window"""


@dataclass
class Bench:
    """A home under MID 2 of 4, adjusted; ordered 18:00 to 19:00 on a day that is still to come, called an hour before."""

    world: World
    home: Home
    rule: Rule
    question: Question
    entry: Entry
    day: int
    """The event's, since 1970."""

    def at(self, back: int, hour: int = 0) -> int:
        """A time so many days before the event's."""
        return (self.day - back) * DAY + hour * HOUR

    def record(self, back: int, level: int, revision: int = 0) -> tuple[Home, MeterRecord]:
        """A day's record, a little more every quarter hour."""
        values = [level + place for place in range(GRID.readings_per_slot)]
        return self.home, self.world.record(self.home, self.at(back), values, revision=revision)

    def past(self, days: int = Y) -> list[tuple[Home, MeterRecord]]:
        """The days before, oldest first."""
        return [self.record(back, 100_000 * back) for back in range(days, 0, -1)]

    def own(self, level: int = 50_000) -> Batch:
        """The event's day, attested in time."""
        self.world.evm.time = self.at(-1) + 1
        return self.world.attest([self.record(0, level)])

    def starts(self) -> Iterable[int]:
        """Of all readings that may be needed."""
        hours = range(14 * HOUR, 20 * HOUR, QUARTER)
        return [self.at(back) + second for back in range(Y + 2) for second in hours]

    def proof(self, *batches: Batch) -> DeviceProof:
        """All that these hold."""
        return show(batches, self.home, self.starts())

    def measure(self, proof: DeviceProof, question: Question | None = None) -> Answer:
        """What the verifier answers."""
        answer: Answer = self.world.measuring.measure.call(
            measuring_terms_of(self.rule), question or self.question, self.entry, proof
        )
        return answer


@pytest.fixture(params=[SignerScheme.SECP256K1, SignerScheme.P256], ids=["secp256k1", "p256"])
def bench(world: World, request: pytest.FixtureRequest) -> Bench:
    """The home, stated for long, in the morning of the event's day."""
    home = world.home(0, scheme=request.param)
    day = world.evm.time // DAY + 2
    world.state(home, world.statement(home, valid_from=(day - 30) * DAY))
    world.evm.time = day * DAY + HOUR
    start = day * DAY + 18 * HOUR
    key = EventKey(
        portfolio_id=bytes(32),
        window_start=start,
        window_end=start + PERIODS * QUARTER,
        rule_id=bytes(32),
        direction=Direction.SHED,
        reference_w=0,
    )
    past = lookback(
        bytes(32),
        day_class(x=2, y=Y, min_days=Y, selection=DaySelection.MID),
        adjustment=Adjustment.MULTIPLICATIVE,
        adjustment_periods=BEFORE,
        adjustment_lead=HOUR,
        adjustment_cap_bps=2_000,
    )
    entry = Entry(
        metering_point=home.metering_point,
        joined_at=1,
        left_at=0,
        capacity_w=5_000,
        payee="0x" + 40 * "e",
        connection_w=15_000,
        kind=DeviceKind.DEVICE,
    )
    question = Question(
        key=key, first_notice=start - HOUR, ordered_mask=2**PERIODS - 1, lookback=past, calendar=calendar_days(day)
    )
    rule = world.rule(baseline=BaselineMethod.X_OF_Y, baseline_periods=0, reading_deadline=2 * DAY)
    return Bench(world=world, home=home, rule=rule, question=question, entry=entry, day=day)


def spoilt(proof: DeviceProof, chance: random.Random) -> DeviceProof:
    """Something of it changed, left out, doubled, moved or cut."""
    records, inclusions = list(proof.records), list(proof.inclusions)
    place = chance.randrange(len(records))
    one = records[place]
    kind = chance.randrange(10)
    if kind == 0:
        records.pop(place)
    elif kind == 1:
        records.insert(chance.randrange(len(records) + 1), one)
    elif kind == 2:
        chance.shuffle(records)
    elif kind == 3:
        records[place] = replace(one, head=one.head ^ 1 << chance.randrange(256))
    elif kind == 4:
        records[place] = replace(one, head=one.head & ~0xFFFF | chance.randrange(1 << 16))
    elif kind == 5:
        records[place] = tampered(one, chance.randrange(1 << 10))
    elif kind == 6:
        records[place] = cut(one)
    elif kind == 7:
        signature = bytearray(one.signature or bytes(64))
        signature[chance.randrange(len(signature))] ^= 1 << chance.randrange(8)
        records[place] = signed_with(one, bytes(signature[: chance.choice([64, 128, 32, 0])]))
    elif kind == 8:
        under = chance.randrange(len(inclusions))
        history = list(inclusions[under].history)
        count = chance.choice([0, 1, len(history) - 1, len(history) + 1, MAX_HISTORY, MAX_HISTORY + 1, 255])
        changed = (history + [keccak(bytes([number % 256])) for number in range(max(count, 0))])[: max(count, 0)]
        inclusions[under] = replace(inclusions[under], history=tuple(changed))
    else:
        under = chance.randrange(len(inclusions))
        changed_path = (*inclusions[under].path, bytes(32))[chance.randrange(2) :]
        inclusions[under] = replace(inclusions[under], path=changed_path)
    return DeviceProof(inclusions=tuple(inclusions), records=tuple(records))


@pytest.mark.parametrize("kept", ["history", "anchored", "attested"])
def test_nothing_reverts_and_nothing_pays_more(bench: Bench, kept: str) -> None:
    """Given minDays = y and a proof damaged in one to three ways, an answer comes, silent or no better than the whole proof's."""
    world = bench.world
    if kept == "attested":
        past = world.attest(bench.past())
    else:
        past = world.anchor(bench.past(), histories=[range(Y)] if kept == "history" else ())
    proof = bench.proof(past, bench.own())
    honest = bench.measure(proof)
    assert honest.silence is Silence.OK
    assert honest.weight > 0
    chance = random.Random(7)
    seen = set()
    for _ in range(200):
        hostile = proof
        for _ in range(chance.randrange(1, 4)):
            if hostile.records:
                hostile = spoilt(hostile, chance)
        answer = bench.measure(hostile)
        seen.add(answer.silence)
        if answer.silence is Silence.OK:
            assert answer == honest
        else:
            assert answer.weight == 0
            assert all(hidden <= whole for hidden, whole in zip(answer.columns, honest.columns, strict=True))
    assert len(seen) >= 6


@pytest.mark.parametrize(("early", "silence"), [(1, Silence.OK), (0, Silence.LATE), (-1, Silence.LATE)])
@pytest.mark.parametrize("way", ["anchor", "attest"])
def test_past_days_must_be_kept_before_the_second_of_the_notice(
    bench: Bench, way: str, early: int, silence: Silence
) -> None:
    """Given past days kept in the second of the notice or later, they are refused; a second earlier they count."""
    bench.world.evm.time = bench.question.first_notice - early
    past = getattr(bench.world, way)(bench.past())
    assert bench.measure(bench.proof(past, bench.own())).silence is silence


def test_a_revision_in_the_second_of_the_notice_changes_no_past_day(bench: Bench) -> None:
    """Given a revision attested with the notice, the record before it counts and it does not; a second earlier it is the other way."""
    world = bench.world
    *older, latest = bench.past()
    past, first = world.attest(older), world.attest([latest])
    for early, counts in ((0, False), (1, True)):
        with world.evm.rollback():
            world.evm.time = bench.question.first_notice - early
            second = world.attest([bench.record(1, 900_000, revision=1)])
            own = bench.own()
            kept, given = (second, first) if counts else (first, second)
            assert bench.measure(bench.proof(past, kept, own)).silence is Silence.OK
            why = Silence.SUPERSEDED if counts else Silence.LATE
            assert bench.measure(bench.proof(past, given, own)).silence is why


def test_a_revision_counts_from_its_attestation_not_from_an_anchor(bench: Bench) -> None:
    """Given a revision whose root was anchored before the notice and attested after it, it is late, and the record before it counts."""
    world = bench.world
    *older, latest = bench.past()
    past, first = world.attest(older), world.attest([latest])
    revised = [bench.record(1, 900_000, revision=1)]
    anchored = world.anchor(revised)
    world.evm.time = bench.question.first_notice
    second = world.attest(revised)
    assert second.tree.root == anchored.tree.root
    own = bench.own()
    assert bench.measure(bench.proof(past, second, own)).silence is Silence.LATE
    assert bench.measure(bench.proof(past, first, own)).silence is Silence.OK


def test_a_key_of_later_cannot_bring_what_it_anchored(bench: Bench) -> None:
    """Given past days anchored before the notice and signed by a key that is stated only after it, their attestation is too late."""
    world = bench.world
    honest = world.attest(bench.past())
    make = development_p256_device if bench.home.device.scheme is SignerScheme.P256 else development_device
    other = replace(bench.home, device=make(SEED, 777))
    lies = [(other, world.record(other, bench.at(back), [900_000] * 96)) for back in range(Y, 0, -1)]
    world.anchor(lies)
    world.evm.time = bench.question.first_notice + 1
    world.state(other, world.statement(other, valid_from=bench.at(30), sequence=9))
    late = world.attest(lies)
    world.evm.time = bench.at(-1) + 1
    own = world.attest([(other, world.record(other, bench.at(0), [50_000] * 96))])
    assert bench.measure(bench.proof(honest, own)).silence is Silence.OK
    assert bench.measure(bench.proof(late, own)).silence is Silence.LATE


def test_a_history_is_no_longer_than_its_limit(bench: Bench) -> None:
    """Given a leaf over one record too many, nothing under it counts."""
    records = [record for _, record in bench.past()]
    own = bench.own()
    bench.world.evm.time = bench.question.first_notice - 1
    for length, silence in ((MAX_HISTORY, Silence.OK), (MAX_HISTORY + 1, Silence.NOT_ATTESTED)):
        padding = [keccak(bytes([number])) for number in range(length - Y)]
        hashes = [*[record.struct_hash for record in records], *padding]
        words = [HISTORY_TAG, (64).to_bytes(32, "big"), length.to_bytes(32, "big"), *hashes]
        leaf = keccak(b"".join(words))
        assert length > MAX_HISTORY or leaf == history_leaf(hashes)
        bench.world.oracle.anchor.send(leaf, sender=bench.world.accounts.attacker)
        signatures = [b"".join(bench.world.sign(bench.home, record).as_tuple()[2:]) for record in records]
        shown = [
            record.opening(range(96), inclusion=1, place=place, signature=signature)
            for place, (record, signature) in enumerate(zip(records, signatures, strict=True))
        ]
        whole = bench.proof(own)
        proof = DeviceProof(
            inclusions=(*whole.inclusions, Inclusion(batch_root=leaf, path=(), history=tuple(hashes))),
            records=(*shown, *whole.records),
        )
        assert bench.measure(proof).silence is silence


def test_a_history_counts_only_under_its_root(bench: Bench) -> None:
    """Given a record that nobody attested, in a history that is not under the attested root it is shown with, it does not count."""
    past = bench.world.attest(bench.past())
    _, better = bench.record(1, 900_000)
    own = bench.own()
    whole = bench.proof(past, own)
    *inclusions, last = whole.inclusions
    for path in ((), past.tree.path(Y - 1)):
        history = (better.struct_hash, whole.inclusions[0].batch_root)
        forged = Inclusion(batch_root=past.tree.root, path=path, history=history)
        opening = better.opening(range(96), inclusion=len(whole.inclusions))
        records = (*whole.records[: Y - 1], opening, whole.records[-1])
        proof = DeviceProof(inclusions=(*inclusions, last, forged), records=records)
        assert bench.measure(proof).silence is Silence.NOT_ATTESTED


def test_nothing_counts_behind_a_history(bench: Bench) -> None:
    """Given a record that nobody anchored, put where the history that it names is over already, it does not count."""
    past = bench.world.anchor(bench.past(), histories=[range(Y)])
    home, better = bench.record(1, 900_000)
    whole = bench.proof(bench.own(), past)
    signature = b"".join(bench.world.sign(home, better).as_tuple()[2:])
    opening = better.opening(range(96), inclusion=1, place=Y, signature=signature)
    behind = Inclusion(batch_root=better.struct_hash, path=())
    records = (*whole.records[: Y - 1], opening, whole.records[-1])
    proof = DeviceProof(inclusions=(*whole.inclusions, behind), records=records)
    assert bench.measure(whole).silence is Silence.OK
    assert bench.measure(proof).silence is Silence.NOT_ATTESTED


def test_a_signature_has_the_length_of_its_scheme(bench: Bench) -> None:
    """Given anchored records shown with a signature as long as the other scheme's, or none, the opening is bad."""
    past = bench.world.anchor(bench.past())
    proof = bench.proof(past, bench.own())
    right = len(proof.records[0].signature)
    assert right in (64, 128)
    for length in (0, 32, 192 - right, right + 32):
        first = signed_with(proof.records[0], (proof.records[0].signature * 3)[:length])
        spoilt_one = replace(proof, records=(first, *proof.records[1:]))
        assert bench.measure(spoilt_one).silence is Silence.BAD_OPENING


@pytest.mark.parametrize(("allowed", "silence"), [(True, Silence.OK), (False, Silence.TOO_FEW_DAYS)])
def test_an_estimated_reading_of_a_past_day_is_absent(bench: Bench, allowed: bool, silence: Silence) -> None:
    """Given one estimated reading on a past day, the day is complete only if the rule lets estimates count."""
    *older, (home, latest) = bench.past()
    estimated = bench.world.record(home, latest.head.slot_start, latest.readings_milli_wh, estimated=[73])
    past = bench.world.attest([*older, (home, estimated)])
    proof = bench.proof(past, bench.own())
    bench.rule = replace(bench.rule, estimated_allowed=allowed)
    assert bench.measure(proof).silence is silence


@pytest.mark.parametrize(("level", "baseline"), [(0, 200_057), (-1, 250_072)])
def test_a_day_that_begins_at_nothing_is_scaled_to_nothing(bench: Bench, level: int, baseline: int) -> None:
    """Given no energy before the notice, the baseline falls to its cap, a fifth below the mean; given export it is the mean."""
    past = bench.world.attest(bench.past())
    bench.world.evm.time = bench.at(-1) + 1
    day = bench.world.record(bench.home, bench.at(0), [level] * GRID.readings_per_slot)
    answer = bench.measure(bench.proof(past, bench.world.attest([(bench.home, day)])))
    # of the days before, 200 072 and 300 072
    assert answer.baseline_milli_wh[0] == baseline


def overnight(bench: Bench, **changes: object) -> Question:
    """The last day of one before, from 23:00 to 01:00."""
    start = bench.at(0, 23)
    key = replace(bench.question.key, window_start=start, window_end=start + 2 * HOUR)
    past = lookback(bytes(32), day_class(x=1, y=1), max_excluded_days=3, min_event_bps=1)
    given = {"key": key, "first_notice": start - HOUR, "ordered_mask": 0b1000_0000, "lookback": past}
    return replace(bench.question, **{**given, **changes})  # type: ignore[arg-type]


def last_quarter(bench: Bench, question: Question) -> int:
    """Its baseline from 00:45 to 01:00."""
    world = bench.world
    past = world.attest(bench.past(6))
    world.evm.time = bench.at(-2) + 1
    own = world.attest([bench.record(0, 50_000), bench.record(-1, 50_000)])
    starts = [
        bench.at(back, hour) + quarter * QUARTER for back in range(-1, 7) for hour in (0, 23) for quarter in range(4)
    ]
    answer = bench.measure(show([past, own], bench.home, starts), question)
    assert answer.silence is Silence.OK
    return answer.baseline_milli_wh[0]


def test_a_notice_after_midnight_finds_no_later_days(bench: Bench) -> None:
    """Given a window over midnight, noticed after it, the days found end before the window's own first day."""
    # two days before from 23:00, so that 00:45 is on the day before
    assert last_quarter(bench, overnight(bench)) == 100_003
    assert last_quarter(bench, overnight(bench, first_notice=bench.at(-1) + 60)) == 100_003


def test_a_call_on_the_second_day_of_a_window_excludes_its_first(bench: Bench) -> None:
    """Given a window over midnight, a call on one day excludes the window that begins on it and the one that ends on it."""
    noon = bench.at(2, 12)
    one = Call(window_start=noon, window_end=noon + HOUR, first_notice=noon - HOUR, called_bps=5_000)
    assert last_quarter(bench, overnight(bench, calls=(one,))) == 300_003


def test_of_two_anchored_records_of_a_slot_one_counts(bench: Bench) -> None:
    """Given two records of every day, both anchored, shown together: the first shown counts and nothing of the other."""
    world = bench.world
    low = world.anchor(bench.past())
    high = world.anchor([bench.record(back, 200_000 * back) for back in range(Y, 0, -1)])
    own = bench.own()
    alone = [bench.measure(bench.proof(batch, own)) for batch in (low, high)]
    assert alone[0].baseline_milli_wh != alone[1].baseline_milli_wh
    for order, first in (((low, high), alone[0]), ((high, low), alone[1])):
        assert bench.measure(bench.proof(*order, own)) == first
