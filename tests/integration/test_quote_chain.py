"""`flexbond quote` on the inputs of a settled event gives exactly what the chain paid, under every baseline."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.calendars import build
from flexbond.chain.clock import mine_blocks
from flexbond.chain.node import NodeKind
from flexbond.ids import calendar_id, lookback_hash
from flexbond.metering import IntervalSeries
from flexbond.model.types import (
    NO_LOOKBACK,
    Adjustment,
    BaselineMethod,
    ClampLevel,
    DayClass,
    DaySelection,
    EventStatus,
    Lookback,
)
from flexbond.operations import collecting, dispatching, governing, market, meters, settlement
from flexbond.operations.history import find_events, load_event
from tests.integration.shell import Shell
from tests.integration.stage import DAY, FOREVER, HOUR, NOTICE, START, WINDOW_END, WINDOW_START, Home, Stage, raised

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from flexbond.model.types import Product, Rule
    from flexbond.operations.history import EventHistory

pytestmark = [pytest.mark.anvil, pytest.mark.slow]

PAST_DAYS = 21
"""Of the homes' data before the chain begins."""
CALENDAR = build("Europe/London", "GB-ENG", 2016, 2017)
LOOKBACK = Lookback(
    calendar_id=calendar_id(CALENDAR.calendar),
    classes=(
        DayClass(kinds=0b0001_1111, selection=DaySelection.MID, x=3, y=5, min_days=4),
        DayClass(kinds=0b1110_0000, selection=DaySelection.HIGH, x=2, y=2, min_days=2),
    ),
    holidays_eligible=False,
    look_back_days=20,
    max_excluded_days=5,
    min_event_bps=1,
    adjustment=Adjustment.ADDITIVE,
    adjustment_periods=2,
    adjustment_lead=2 * HOUR,
    adjustment_cap_bps=1_500,
)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A rule, and what happens under it."""

    name: str
    changes: dict[str, Any]
    lookback: Lookback = NO_LOOKBACK
    reference_w: int = 0
    schedule: tuple[int, ...] = ()
    silent: tuple[int, ...] = ()
    """Homes without a record of the event's day."""
    is_submitted: bool = True
    is_called_before: bool = False
    """Whether the evening before was called too, so that it is no baseline day."""


PORTFOLIO = {"baseline_periods": 0, "clamp_level": ClampLevel.PORTFOLIO}
SAMPLED = {
    "spot_checks": 2,
    "draw_delay": 1,
    "challenge_window": 2 * DAY,
    "max_demands": 1,
    "demand_fee": 10**6,
    "bond_per_mw": 10**9,
    "challenger_share_bps": 5_000,
}
"""Fewer checks than there are homes."""
VARIANTS = (
    Variant(name="before", changes={}),
    Variant(name="before-portfolio", changes={"clamp_level": ClampLevel.PORTFOLIO, "baseline_periods": 3}, silent=(2,)),
    Variant(name="sampled", changes={"clamp_level": ClampLevel.PORTFOLIO, **SAMPLED}, silent=(2,)),
    Variant(name="unmeasured", changes={}, is_submitted=False),
    Variant(
        name="nominated",
        changes={"baseline": BaselineMethod.NOMINATED, **PORTFOLIO},
        schedule=(18_000_001, 19_999_999),
        silent=(2,),
    ),
    Variant(name="reference", changes={"baseline": BaselineMethod.REFERENCE_LEVEL, **PORTFOLIO}, reference_w=9_000),
    Variant(
        name="x-of-y",
        changes={"baseline": BaselineMethod.X_OF_Y, "baseline_periods": 0, "lookback_hash": lookback_hash(LOOKBACK)},
        lookback=LOOKBACK,
    ),
    Variant(
        name="x-of-y-portfolio",
        changes={
            "baseline": BaselineMethod.X_OF_Y,
            "baseline_periods": 0,
            "lookback_hash": lookback_hash(LOOKBACK),
            "clamp_level": ClampLevel.PORTFOLIO,
        },
        lookback=LOOKBACK,
        silent=(2,),
        is_called_before=True,
    ),
)


class Played(Stage):
    """The stage's story under a variant's rule."""

    variant = VARIANTS[0]

    def rule(self) -> Rule:
        """The stage's, changed."""
        return replace(super().rule(), **self.variant.changes)

    def product(self, *, window_start: int = WINDOW_START) -> Product:
        """The stage's, at the variant's level."""
        return replace(super().product(window_start=window_start), reference_w=self.variant.reference_w)

    def lookback(self) -> Lookback:
        """The variant's."""
        return self.variant.lookback

    def open_market(self) -> None:
        """The stage's, with the calendar that the rule may need."""
        if self.variant.lookback is not NO_LOOKBACK:
            governing.publish_calendar(self.suite, self.sender(self.people.market_operator), CALENDAR)
        super().open_market()

    def series(self, each: Home) -> IntervalSeries:
        """Three weeks of days that differ by home, weekday and hour, the stage's last day among them."""
        told = super().series(each)
        hours = range(PAST_DAYS * 24)
        past = [3_000_000 + 211_111 * each.number + 100_003 * (hour // 24 % 7) + 7_001 * (hour % 24) for hour in hours]
        readings = (*past, *told.readings)
        return replace(
            told,
            start=START - PAST_DAYS * DAY,
            readings=readings,
            estimated=(False,) * len(readings),
        )

    def sign_until(self, end: int, homes: Sequence[Home]) -> None:
        """Brings these homes' readings before `end` to the oracle."""
        for each in homes:
            series = self.series(each)
            meters.sign_series(self.suite, self.book(), series.window(series.start, end), each.point, each.device)
        self.attest_signed()

    def play(self) -> bytes:
        """All up to the end of the event; its id."""
        self.open_market()
        self.enrol_homes()
        self.sign_until(START, self.homes)
        if self.variant.is_called_before:
            self.call_before()
        right = self.sell()
        event = load_event(self.suite, list(find_events(self.suite))[-1])
        if self.variant.schedule:
            provider = self.sender(self.people.provider)
            dispatching.nominate(self.suite, provider, event.id, list(self.variant.schedule))
        first, second = self.call(right)
        # A revision of a past day, after the notice: no baseline may know it.
        self.revise(self.homes[1])
        dispatching.stop(self.suite, self.sender(self.people.second_buyer), second.dispatch_id, from_period=1)
        dispatching.excuse(self.suite, self.sender(self.people.buyer), first.dispatch_id, periods=[1])
        self.at(START + 2 * DAY + 60)
        self.sign_until(START + 2 * DAY, [each for each in self.homes if each.number not in self.variant.silent])
        self.at(WINDOW_END + DAY + 60 if self.variant.is_submitted else WINDOW_END + 2 * DAY)
        return event.id

    def settle(self, identity: bytes) -> settlement.Outcome:
        """By the provider, as often as there is something to wait for."""
        provider = self.sender(self.people.provider)
        while True:
            done = settlement.settle_event(self.suite, provider, identity, records=self.book())
            if done.waiting is None:
                return done
            if done.waiting.block:
                mine_blocks(self.rpc.w3, done.waiting.block - self.rpc.block_number())
            else:
                self.at(done.waiting.until)

    def call_before(self) -> None:
        """One unit, on the evening before."""
        people, buyer = self.people, self.sender(self.people.buyer)
        product = self.product(window_start=WINDOW_START - DAY)
        offer = market.make_offer(
            self.suite, people.provider, product, units=1, premium_per_unit=0, expiry=FOREVER, nonce=7
        )
        right = market.take(self.suite, buyer, offer, units=1).right_id
        self.at(NOTICE - DAY)
        dispatching.dispatch(self.suite, buyer, right, units=1, orders_w=[1_000, 0])

    def revise(self, each: Home) -> None:
        """Half of everything on the last past days, as revision 1, and on the oracle before the reading deadline."""
        series = self.series(each).window(START - 7 * DAY, START)
        halved = replace(series, readings=tuple(reading // 2 for reading in series.readings))
        meters.sign_series(self.suite, self.book(), halved, each.point, each.device, revision=1)
        self.attest_signed()


@pytest.fixture(scope="module", params=VARIANTS, ids=lambda variant: variant.name)
def ended(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A settled and collected event, what everyone collected, and the files that its inputs were written to."""
    variant: Variant = request.param
    cls = type("PlayedVariant", (Played,), {"variant": variant})
    folder: Path = tmp_path_factory.mktemp(variant.name)
    with raised(NodeKind.ANVIL, folder, cls) as stage:
        identity = stage.play()
        provider = stage.sender(stage.people.provider)
        assert stage.settle(identity).is_done
        event = load_event(stage.suite, identity)
        collected = collecting.collect_event(stage.suite, provider, identity, records=stage.book())
        shell = Shell(stage.folder, network="anvil", url=stage.url)
        book, out = str(stage.book_path), str(folder / "inputs")
        told = shell.run("event", "inputs", f"0x{identity.hex()}", "--records", book, "--out", out)
        quoted = shell.run(*told["command"].split()[1:])
        yield variant, event, collected, quoted


def test_every_base_unit_is_the_chains(ended: tuple[Variant, EventHistory, Any, dict[str, Any]]) -> None:
    """Given a settled event, when its inputs are quoted, then responses, money, pools and every share are what the chain has."""
    variant, event, collected, quoted = ended
    said = quoted["events"][0]
    assert said["isMeasured"] is variant.is_submitted
    assert event.status is (EventStatus.MEASURED if variant.is_submitted else EventStatus.UNMEASURED)
    assert tuple(said["responsesMilliWh"]) == event.responses_milli_wh
    paid = [called.settled for called in event.dispatches]
    fields = ("pay", "availability", "penalty", "pool", "released")
    for mine, chains in zip(said["dispatches"], paid, strict=True):
        assert chains is not None
        assert {name: mine["settled"][name] for name in fields} == {name: getattr(chains, name) for name in fields}
        assert mine["settled"]["utilisationRefund"] == chains.utilisation_refund
        assert mine["settled"]["availabilityRefund"] == chains.availability_refund
    shares = {item["index"]: item for item in said["shares"]}
    for pool in collected:
        name = "ofEvent" if pool.pool_id == event.id else "ofRights"
        assert {share.index: share.amount for share in pool.shares} == {
            index: item[name] for index, item in shares.items() if item[name]
        }


def test_something_was_at_stake(ended: tuple[Variant, EventHistory, Any, dict[str, Any]]) -> None:
    """Given the variants, then the measured ones pay and the others penalise, so that equality says something."""
    variant, event, collected, quoted = ended
    pays = [called.settled.pay for called in event.dispatches if called.settled]
    assert any(pays) is variant.is_submitted
    assert collected
    silent = [row["device"] for row in quoted["devices"] if row["silence"] not in ("ok", "")]
    assert len(silent) == len(variant.silent)
    used = {day for row in quoted["devices"] for day in row["days_used"].split()}
    assert bool(used) is (variant.lookback is not NO_LOOKBACK)
    assert ("2016-08-01" in used) is (bool(used) and not variant.is_called_before)
