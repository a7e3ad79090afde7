"""MeterOracle.revisionBefore: the highest revision in time counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.world import DAY

if TYPE_CHECKING:
    from tests.unit.meter_oracle.conftest import Meters


def bring(meters: Meters, *revisions: int, day: int = 0) -> list[tuple[int, int]]:
    """Attests revisions of the first home's day in one batch; what was logged as revised."""
    home = meters.homes[0]
    start = meters.day + day * DAY
    records = [meters.record(home, value=revision, revision=revision, slot_start=start) for revision in revisions]
    receipt = meters.attest([meters.sign(home, record) for record in records])
    for event in receipt.all("RecordRevised"):
        assert event.metering_point == home.metering_point
    return [(event.slot_start, event.revision) for event in receipt.all("RecordRevised")]


def before(meters: Meters, moment: int) -> int:
    """The first home's highest revision of the day before a moment."""
    return int(meters.world.oracle.revisionBefore.call(meters.homes[0].metering_point, meters.day, moment))


def test_the_first_record_leaves_no_mark(meters: Meters) -> None:
    """Given a record of revision 0, nothing is noted."""
    assert bring(meters, 0) == []
    assert before(meters, meters.world.evm.time + 1) == 0


def test_a_revision_counts_from_the_next_second(meters: Meters) -> None:
    """Given revision 1 and then 3, each counts for what comes after it, and never before."""
    evm = meters.world.evm
    first = evm.time
    assert bring(meters, 1) == [(meters.day, 1)]
    evm.time = second = first + 10
    assert bring(meters, 3) == [(meters.day, 3)]
    assert [before(meters, moment) for moment in (0, first, first + 1, second, second + 1)] == [0, 0, 1, 1, 3]


def test_a_lower_revision_changes_nothing(meters: Meters) -> None:
    """Given revision 3, when 2 or 3 come later, they are attested and not noted."""
    bring(meters, 3)
    meters.world.evm.time += 10
    assert bring(meters, 2) == []
    assert bring(meters, 3) == []
    assert before(meters, meters.world.evm.time + 1) == 3


def test_several_at_once_keep_the_highest(meters: Meters) -> None:
    """Given several revisions in one block, in any order, in one batch or two, the highest counts."""
    now = meters.world.evm.time
    assert bring(meters, 2, 5, 4) == [(meters.day, 2), (meters.day, 5)]
    assert bring(meters, 65_535) == [(meters.day, 65_535)]
    assert (before(meters, now), before(meters, now + 1)) == (0, 65_535)


def test_each_slot_and_point_has_its_own(meters: Meters) -> None:
    """Given a revised day, another day of the point, and the day of another point, are not revised."""
    bring(meters, 7)
    oracle, now = meters.world.oracle, meters.world.evm.time
    home, other = meters.homes[0].metering_point, meters.homes[1].metering_point
    assert oracle.revisionBefore.call(home, meters.day, now + 1) == 7
    assert oracle.revisionBefore.call(home, meters.day + DAY, now + 1) == 0
    assert oracle.revisionBefore.call(other, meters.day, now + 1) == 0
