"""X_OF_Y in columns: fills absent values, ranks the days of every device, and adds up those in the mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import pyarrow as pa

from flexbond.metering.bulk.exact import total
from flexbond.metering.bulk.plan import EVENT_DAY
from flexbond.model.types import Direction

if TYPE_CHECKING:
    from collections.abc import Callable

    from ibis.expr.types import Table

    from flexbond.metering.bulk.plan import FleetPlan


@dataclass(frozen=True, kw_only=True)
class PastDays:
    """What the past days of a fleet give. Energies in mWh."""

    sums: Table
    """number, place, milli_wh: the chosen days together, absent values filled."""
    complete: Table
    """number, complete_days."""
    ranked: Table
    """number, day, local_day, milli_wh (of its window), complete, chosen."""


def past_days(plan: FleetPlan, cells: Table, known: Table, keep: Callable[[Table], Table]) -> PastDays:
    """The past days of every device, from the values it has.

    `cells`: number, day, place, milli_wh, present. `known`: number, group, above, count. `keep` as in `baselines`.
    """
    had = cells.filter(cells.day != EVENT_DAY, cells.present).select("number", "day", "place", "milli_wh")
    counts = had.group_by("number", "day").agg(present=had.count())
    days = known.select("number", "group", "above", "count").inner_join(ibis.memtable(plan.days_table()), "group")
    days = days.left_join(counts, ["number", "day"])
    days = keep(
        days.select("number", "day", "local_day", "above", "count", complete=days.present.fill_null(0) == plan.places)
    )
    values = had.union(keep(_fills(plan, had, days)))
    inside = values.filter(values.place < plan.periods)
    energies = inside.group_by("number", "day").agg(milli_wh=total(inside.milli_wh))
    ranked = days.inner_join(energies, ["number", "day"])
    # Highest first; of equal days the later one, which has the lower number.
    rank = ibis.row_number().over(group_by=ranked.number, order_by=[ranked.milli_wh.desc(), ranked.day])
    ranked = ranked.mutate(rank=rank.cast("int64"))
    chosen = (ranked["rank"] >= ranked.above) & (ranked["rank"] < ranked.above + ranked["count"])
    ranked = keep(ranked.select("number", "day", "local_day", "milli_wh", "complete", chosen=chosen))
    taken = values.semi_join(ranked.filter(ranked.chosen), ["number", "day"])
    return PastDays(
        sums=keep(taken.group_by("number", "place").agg(milli_wh=total(taken.milli_wh))),
        complete=days.group_by("number").agg(complete_days=days.complete.sum().cast("int64")),
        ranked=ranked,
    )


def _fills(plan: FleetPlan, had: Table, days: Table) -> Table:
    """What takes the place of absent values: of the complete days the value that is worst for the provider.

    An adjustment value is subtracted, so there the worst is at the other end.
    """
    lacking = days.filter(~days.complete).select("number", "day")
    theirs = had.semi_join(lacking.select("number").distinct(), "number")
    full = theirs.anti_join(lacking, ["number", "day"])
    ends = full.group_by("number", "place").agg(least=full.milli_wh.min(), most=full.milli_wh.max())
    is_least = (ends.place < plan.periods) == ibis.literal(plan.direction is Direction.SHED)
    fills = ends.select("number", "place", milli_wh=is_least.ifelse(ends.least, ends.most))
    places = ibis.memtable(pa.table({"place": pa.array(range(plan.places), pa.int64())}))
    absent = lacking.cross_join(places).anti_join(theirs, ["number", "day", "place"])
    return absent.inner_join(fills, ["number", "place"]).select("number", "day", "place", "milli_wh")
