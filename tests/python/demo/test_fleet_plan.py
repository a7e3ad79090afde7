"""The fleet's homes and evenings, without any chain: who they take after, what their meters show, what the lie says."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from flexbond.demo.battery import HOME_BATTERY
from flexbond.demo.days import BASELINE_HOUR
from flexbond.demo.fleet.crowd import homes_of
from flexbond.demo.fleet.homes import (
    DAYS,
    EVENING,
    LEAST_SIZE_BPS,
    RECHARGE_W,
    SIZES,
    Resampled,
    day_start,
    metered,
)
from flexbond.demo.fleet.plan import (
    CHALLENGER_SHARE_BPS,
    ORDERED_W_PER_HOME,
    SPOT_CHECKS,
    TIMES_LEAST_BOND,
    evenings,
    fleet_rule,
    stakes,
)
from flexbond.demo.homes import HOUR
from flexbond.demo.terms import CONNECTION_W
from flexbond.model.types import BPS
from flexbond.rules.sampling import blind_share, least_bond_per_mw, points_for
from tests.python.demo import demo_sample as sample

COUNT = 400


def fleet(count: int = COUNT) -> Resampled:
    return Resampled.of(sample.homes(), count)


def test_every_evening_is_a_real_one() -> None:
    """Given a fleet, then each home's days are two in a row of a real home, times its size, rounded down."""
    homes, made = sample.homes(), fleet()
    for place in range(0, COUNT, 37):
        home, day, size = (int(of[place]) for of in (made.home, made.day, made.size_bps))
        assert LEAST_SIZE_BPS <= size < LEAST_SIZE_BPS + SIZES
        real = homes.readings[home][24 * day : 24 * (day + DAYS)]
        assert made.readings[place].reshape(-1).tolist() == [value * size // BPS for value in real]


def test_a_larger_fleet_has_the_smaller_one_in_it() -> None:
    """Given the same seed, then home i is the same in every fleet; another seed gives another fleet."""
    small, large = fleet(50), fleet(100)
    assert (small.readings == large.readings[:50]).all()
    other = Resampled.of(sample.homes(), 50, seed=b"another")
    assert (other.readings != small.readings).any()
    assert (np.bincount(fleet(2_000).home, minlength=17) > 60).all()


def test_readings_fit_their_connection() -> None:
    """Given a large fleet, when its batteries charge and discharge, then no reading is beyond the stated connection."""
    plan = evenings(5_000)
    shown = metered(fleet(5_000), tuple(evening.resting for evening in plan))
    assert np.abs(shown).max() <= CONNECTION_W * 1_000


def test_batteries_do_as_they_are_told() -> None:
    """Given one that rests on the second evening, then it gives 2 kWh an hour on the first, charges it again, and rests."""
    made = fleet(40)
    battery = metered(made, (frozenset(), frozenset({7}))) - made.readings
    told = [-2_000_000 if hour in EVENING else 0 for hour in range(24)]
    assert battery[7, 0].tolist() == told
    assert battery[8, 1, list(EVENING)].tolist() == [-2_000_000] * 2
    assert battery[7, 1, list(EVENING)].tolist() == [0, 0]
    assert battery[7, 1].max() == RECHARGE_W * 1_000
    kept = int(battery[7, 1].sum()) * HOME_BATTERY.efficiency_bps // BPS
    assert abs(kept - 4_000_000) <= 10
    assert (battery[:, :, BASELINE_HOUR] == 0).all()


def test_the_evenings() -> None:
    """Given a fleet, then both evenings follow each other, and the second has more batteries that rest, and a lie about them."""
    honest, false = evenings(COUNT)
    assert (honest.is_false, false.is_false) == (False, True)
    assert false.start - honest.start == day_start(1) - day_start(0) == 24 * HOUR
    assert honest.end - honest.start == len(EVENING) * HOUR
    assert honest.units == COUNT * sum(ORDERED_W_PER_HOME) // 1_000
    assert (len(honest.resting), len(false.resting)) == (COUNT // 50, COUNT // 10)
    assert honest.slug != false.slug


def test_the_rule_samples_so_that_no_lie_pays() -> None:
    """Given the fleet's rule, then its bond is twice the least, and a lie of a fifth of the line hardly ever escapes."""
    rule = fleet_rule(currency=sample.address("token"), unclaimed_to=sample.address("unclaimed"), decimals=6)
    assert rule.bond_per_mw == TIMES_LEAST_BOND * least_bond_per_mw(rule, stakes())
    assert blind_share(rule, stakes(), rule.bond_per_mw) < Fraction(1, 1_000)
    assert (rule.spot_checks, rule.challenger_share_bps) == (SPOT_CHECKS, CHALLENGER_SHARE_BPS)
    assert points_for(Fraction(1, 5), Fraction(3, 100)) <= SPOT_CHECKS


def test_keys_are_everybodys_own() -> None:
    """Given the fleet's people, then no two share a key, a secret or a metering point."""
    homes = homes_of(60)
    for of in ("metering_point", "secret", "name"):
        assert len({getattr(home, of) for home in homes}) == 60
    assert len({home.device.address for home in homes} | {home.customer.address for home in homes}) == 120
