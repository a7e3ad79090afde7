"""The chapter as a plan: which windows are sold and called, what the batteries are told, what the meters then show."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from flexbond.demo.battery import HOME_BATTERY, Battery
from flexbond.demo.britain.homes import DAY, HALF_HOUR, METERS
from flexbond.demo.plan import Buyer, Sale
from flexbond.demo.terms import DECIMALS, Tariff
from flexbond.model.types import Direction, DispatchKind
from flexbond.units import money, period_energy, price_per_mw_hour, price_per_mwh

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flexbond.demo.britain.homes import Homes

TARIFF: Final = Tariff(
    availability_per_mwhour=price_per_mw_hour("30/MW/h", decimals=DECIMALS),
    utilisation_per_mwh=price_per_mwh("500/MWh", decimals=DECIMALS),
    shortfall_per_mwh=price_per_mwh("750/MWh", decimals=DECIMALS),
    premium_per_unit=money("0.02", decimals=DECIMALS),
)
FIRST_DAY: Final = date(2013, 9, 30)
"""The chain begins on its morning."""
SIGNING_DAY: Final = date(2013, 9, 16)
"""The meters' first records are of this day: as many working days as the rule looks back on lie between it and the first window."""
SALE_DAY: Final = date(2013, 10, 1)
"""Of the first window; the others are sold when all four meters are in."""
JOIN_DAY: Final = date(2013, 10, 21)
"""From then on the portfolio has the last two meters, which have readings since 11 October only."""
ALL: Final = tuple(meter.name for meter in METERS)
FIRST_TWO: Final = ALL[:2]

EVENING_W: Final = -2_500
"""Power each battery is told in an evening, W, `-` discharging."""
NIGHT_W: Final = -1_250
RECHARGE: Final = ("03:00", "06:00")
"""Local times of the night after, in which batteries are filled again."""
RECHARGE_W: Final = 2_000


class Keeping(StrEnum):
    """How the records of the days before come to the oracle, before the notice."""

    ANCHORED = "anchored: one root, in which all past records of a meter are one leaf"
    ATTESTED = "attested: every signature checked when they came"


@dataclass(frozen=True, kw_only=True)
class Window:
    """One service window of the month."""

    slug: str
    title: str
    span: tuple[int, int]
    """Start and end, UTC seconds, the end exclusive."""
    homes: tuple[str, ...]
    """In the portfolio by then."""
    sales: tuple[Sale, ...]
    answering: tuple[str, ...]
    """Homes whose batteries do as they are told."""
    keeping: Keeping
    plotted: str
    """The home whose days the report shows beside the portfolio's."""
    course: str
    """What happens."""
    why: str
    """What the window shows of the rule."""
    set_point_w: int = EVENING_W
    """Power each battery is told, W, `-` discharging."""
    kind: DispatchKind | None = DispatchKind.LIVE
    """None: never called."""
    direction: Direction = Direction.SHED
    tariff: Tariff = TARIFF
    rules: str = "gb-bl01"

    @property
    def start(self) -> int:
        """UTC seconds."""
        return self.span[0]

    @property
    def end(self) -> int:
        """UTC seconds, exclusive."""
        return self.span[1]

    @property
    def units(self) -> int:
        """Units sold."""
        return sum(sale.units for sale in self.sales)

    @property
    def starts(self) -> range:
        """Of its half-hours, UTC seconds."""
        return range(self.start, self.end, HALF_HOUR)


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A record that says later what a day's readings were; this one is invented."""

    home: str
    window: str
    """Slug of the window after whose notice it comes."""
    slot_start: int
    """UTC seconds."""
    readings: Mapping[int, int]
    """What it says, by start of the half-hour, mWh."""
    told: str


@dataclass(frozen=True, kw_only=True)
class Metered:
    """What the meters show: real load and modelled battery."""

    readings: tuple[Mapping[int, int], ...]
    """Of each home: start of the half-hour (UTC seconds) -> mWh, `+` import; absent where the source has none."""
    recorded: tuple[Mapping[int, int], ...]
    """What of it is in records: that of days of UTC that lack no half-hour."""
    batteries: tuple[Mapping[int, int], ...]
    """Of each home: the same of its battery alone, `+` charging, `-` discharging; zero is left out."""


def windows(homes: Homes) -> tuple[Window, ...]:
    """The windows of the month in their order."""
    return (_full(homes), _revised(homes), _uncalled(homes), *_sunday(homes), _after(homes), _silent(homes))


def revision(homes: Homes, metered: Metered, plan: tuple[Window, ...]) -> Revision:
    """The corrected record of one of the days that the second window looks back on: every half-hour of its evening trebled."""
    window, day, number = plan[1], date(2013, 10, 16), homes.names.index("home-4")
    slot = homes.at(day, "12:00") // DAY * DAY
    first, last = homes.at(day, "17:00"), homes.at(day, "19:00")
    known = metered.recorded[number]
    readings = {at: known[at] * (3 if first <= at < last else 1) for at in range(slot, slot + DAY, HALF_HOUR)}
    return Revision(
        home="home-4",
        window=window.slug,
        slot_start=slot,
        readings=readings,
        told="the record of home-4 for Wednesday 16 October, with three times the energy from 17:00 to 19:00",
    )


def metered(homes: Homes, plan: tuple[Window, ...], *, battery: Battery = HOME_BATTERY) -> Metered:
    """All half-hours of every home with its battery, which is full at first and rests unless told."""
    first = min(map(min, homes.readings))
    last = max(map(max, homes.readings))
    grid = range(first, last + HALF_HOUR, HALF_HOUR)
    batteries: list[Mapping[int, int]] = []
    for name in homes.names:
        told = _told(homes, plan, name)
        flows = battery.run(
            (told.get(at, 0) for at in grid), stored_milli_wh=battery.capacity_milli_wh, period_seconds=HALF_HOUR
        )
        batteries.append({at: flow.grid_milli_wh for at, flow in zip(grid, flows, strict=True) if flow.grid_milli_wh})
    readings = tuple(
        {at: load + moved.get(at, 0) for at, load in real.items()}
        for real, moved in zip(homes.readings, batteries, strict=True)
    )
    recorded = tuple(map(_of_whole_days, readings))
    return Metered(readings=readings, recorded=recorded, batteries=tuple(batteries))


def _of_whole_days(readings: Mapping[int, int]) -> dict[int, int]:
    counts = Counter(at // DAY for at in readings)
    return {at: value for at, value in readings.items() if counts[at // DAY] == DAY // HALF_HOUR}


def _told(homes: Homes, plan: tuple[Window, ...], name: str) -> dict[int, int]:
    """What a home's battery is told, mWh by start of the half-hour."""
    told: dict[int, int] = {}
    for window in plan:
        if name not in window.answering:
            continue
        told |= dict.fromkeys(window.starts, period_energy(window.set_point_w, HALF_HOUR))
        day = homes.clock.local(window.end + DAY // 4).date()
        hours = range(homes.at(day, RECHARGE[0]), homes.at(day, RECHARGE[1]), HALF_HOUR)
        told |= dict.fromkeys(hours, period_energy(RECHARGE_W, HALF_HOUR))
    return told


def _evening(homes: Homes, day: date) -> tuple[int, int]:
    return homes.at(day, "17:00"), homes.at(day, "19:00")


def _both(distribution: int, transmission: int) -> tuple[Sale, ...]:
    return (
        Sale(buyer=Buyer.DISTRIBUTION, units=distribution),
        Sale(buyer=Buyer.TRANSMISSION, units=transmission),
    )


def _full(homes: Homes) -> Window:
    return Window(
        slug="gb-full",
        title="Delivered in full",
        span=_evening(homes, date(2013, 10, 3)),
        homes=FIRST_TWO,
        sales=(Sale(buyer=Buyer.DISTRIBUTION, units=4),),
        answering=FIRST_TWO,
        keeping=Keeping.ANCHORED,
        plotted="home-2",
        course="Both batteries discharge at 2.5 kW for two hours; the aggregator sold less than that, to be safe.",
        why="The five working days before it reach back into September. Its records were anchored before the notice, one root for all, and "
        "each was checked only when it was shown.",
    )


def _revised(homes: Homes) -> Window:
    return Window(
        slug="gb-revised",
        title="A revision that comes too late",
        span=_evening(homes, date(2013, 10, 22)),
        homes=ALL,
        sales=_both(6, 4),
        answering=ALL[:3],
        keeping=Keeping.ATTESTED,
        plotted="home-4",
        course="The battery of home-4 does not answer. Twenty minutes after the notice somebody brings a new record of one of the "
        "past days, signed by its meter.",
        why="Past days count as they stood before the first notice. What comes later changes nothing, so nobody can choose a baseline "
        "once called.",
    )


def _uncalled(homes: Homes) -> Window:
    return Window(
        slug="gb-uncalled",
        title="Never called",
        span=_evening(homes, date(2013, 10, 24)),
        homes=ALL,
        sales=(Sale(buyer=Buyer.TRANSMISSION, units=4),),
        answering=(),
        keeping=Keeping.ATTESTED,
        plotted="home-1",
        kind=None,
        course="The transmission operator holds the right and does not need it.",
        why="The day stays an ordinary one: nobody was called on it, so later windows look back on it.",
    )


def _sunday(homes: Homes) -> tuple[Window, Window]:
    day = date(2013, 10, 27)
    night = Window(
        slug="gb-night",
        title="The night with two hours from one to two",
        span=(homes.at(day, "00:30"), homes.at(day, "02:00")),
        set_point_w=NIGHT_W,
        homes=ALL,
        sales=(Sale(buyer=Buyer.DISTRIBUTION, units=4),),
        answering=ALL,
        keeping=Keeping.ANCHORED,
        plotted="home-2",
        course="At two in the morning clocks go back to one. The window from 00:30 to 02:00 is two and a half hours long, and so is the "
        "call. Home-2 and home-4, one house in two years, take over "
        "40 % of their October between one and five at night.",
        why="Both half-hours that the clock calls 01:00 look back on the one 01:00 of each past day. The notice came on Saturday, so "
        "Saturday is none of them; the hour and a half before the notice is Saturday's too, so the baseline is not adjusted.",
    )
    evening = Window(
        slug="gb-sunday",
        title="The evening of 25 hours",
        span=_evening(homes, day),
        homes=ALL,
        sales=_both(5, 3),
        answering=ALL,
        keeping=Keeping.ANCHORED,
        plotted="home-1",
        course="The batteries were filled again at dawn and discharge at 2.5 kW.",
        why="17:00 is 17:00 UTC today and was 16:00 UTC on the past days, which were in summer time: the rule compares what clocks showed.",
    )
    return night, evening


def _after(homes: Homes) -> Window:
    return Window(
        slug="gb-after",
        title="After the change of clocks",
        span=_evening(homes, date(2013, 10, 29)),
        homes=ALL,
        sales=_both(5, 3),
        answering=ALL,
        keeping=Keeping.ATTESTED,
        plotted="home-3",
        course="All batteries discharge at 2.5 kW.",
        why="Four of its five past days lie in summer time, one in winter time. The Tuesday before, on which it was called, is passed "
        "over; the Thursday that was never called is not.",
    )


def _silent(homes: Homes) -> Window:
    return Window(
        slug="gb-silent",
        title="A meter that is silent",
        span=_evening(homes, date(2013, 10, 31)),
        homes=ALL,
        sales=_both(5, 3),
        answering=ALL,
        keeping=Keeping.ANCHORED,
        plotted="home-1",
        course="The meter of home-4 has no readings from the last day of October on: the source has a gap of two days there.",
        why="A silent home counts as its whole capacity against the portfolio. Nobody asks whether a gap was real, so "
        "nobody gains by one.",
    )
