"""The story as a plan: what is sold for which hours, who takes part, what the batteries are told, what the meters then show."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from flexbond.demo.battery import HOME_BATTERY, Battery, Flow
from flexbond.demo.days import BASELINE_HOUR, EVENING_HOURS, MIDDAY_HOURS, Days
from flexbond.demo.homes import HOUR, Homes, local_time
from flexbond.demo.terms import (
    EVENING_TARIFF,
    MIDDAY_TARIFF,
    SET_POINT_EVENING_W,
    SET_POINT_MIDDAY_W,
    Tariff,
)
from flexbond.demo.text import kwh, listed
from flexbond.model.types import Direction, DispatchKind
from flexbond.units import period_energy

if TYPE_CHECKING:
    from datetime import date

DROPPED_OUT: Final = ("home-03", "home-07", "home-11", "home-16")
"""Homes whose batteries do not answer on the second evening."""
SILENT: Final = "home-09"
"""The home whose record of the second evening nobody ever receives."""
RECHARGE_HOURS: Final = (10, 16)
"""Local hours in which batteries are filled again on the day after."""
RECHARGE_W: Final = 1_000
OWN_USE_HOURS: Final = (18, 22)
"""Local hours of the evening before the midday, in which batteries cover the homes' own use and so make room."""
OWN_USE_W: Final = 1_000


class Buyer(StrEnum):
    """The two system operators."""

    DISTRIBUTION = "distribution operator"
    TRANSMISSION = "transmission operator"


class Rules(StrEnum):
    """The two rules."""

    A = "A"
    B = "B"


@dataclass(frozen=True, kw_only=True)
class Sale:
    """Units of one right that a buyer takes."""

    buyer: Buyer
    units: int
    """Lots of 1 kW."""


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """One service window of the story."""

    slug: str
    title: str
    day: date
    hours: tuple[int, ...]
    """Local hours of the service window."""
    direction: Direction
    rules: Rules
    tariff: Tariff
    sales: tuple[Sale, ...]
    kind: DispatchKind | None
    """How it is called; None: never."""
    taking_part: tuple[str, ...]
    """Homes whose batteries do as they are told."""
    silent: tuple[str, ...] = ()
    """Homes whose record is never brought."""
    set_point_w: int
    """Power each battery is told, W, `+` charging, `-` discharging; 0: nothing reaches it."""
    why: str
    """Why this day."""
    course: str
    """What happens, in a sentence or two."""
    stopped_by: Buyer | None = None
    """Who takes its order back from the window's second hour on."""

    @property
    def start(self) -> int:
        """Start of the service window, UTC seconds."""
        return local_time(self.day, self.hours[0])

    @property
    def end(self) -> int:
        """End of the service window, UTC seconds, exclusive."""
        return local_time(self.day, self.hours[-1] + 1)

    @property
    def units(self) -> int:
        """Units sold."""
        return sum(sale.units for sale in self.sales)


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """What the aggregator tells some batteries for some hours of a day."""

    day: date
    hours: tuple[int, ...]
    """Local hours."""
    homes: tuple[str, ...]
    power_w: int
    """W, `+` charging, `-` discharging."""


@dataclass(frozen=True, kw_only=True)
class Metered:
    """What the meters show: real net load and modelled battery."""

    flows: tuple[tuple[Flow, ...], ...]
    """Of each home's battery, every hour."""
    readings: tuple[tuple[int, ...], ...]
    """Of each home, every hour, mWh, `+` import, `-` export."""

    def total(self, place: int) -> int:
        """All homes in the hour at that place, mWh, `+` import, `-` export."""
        return sum(readings[place] for readings in self.readings)

    def battery(self, place: int) -> int:
        """All batteries in the hour at that place, mWh, `+` charging, `-` discharging."""
        return sum(flows[place].grid_milli_wh for flows in self.flows)


EVENING_SALES: Final = (Sale(buyer=Buyer.DISTRIBUTION, units=20), Sale(buyer=Buyer.TRANSMISSION, units=10))


def occasions(homes: Homes, days: Days) -> tuple[Occasion, ...]:
    """The five windows of the story in the order of their dates."""
    first, second, third = days.evenings
    answering = tuple(name for name in homes.names if name not in DROPPED_OUT)
    return tuple(
        sorted(
            (
                _evening(
                    "evening-1",
                    "Delivered in full",
                    first,
                    days,
                    homes.names,
                    course="All batteries discharge at 2 kW for two hours.",
                ),
                _evening(
                    "evening-2",
                    "Delivered short",
                    second,
                    days,
                    answering,
                    silent=(SILENT,),
                    course=f"Four batteries do not answer ({listed(DROPPED_OUT)}), and the record of {SILENT} never arrives.",
                ),
                _evening(
                    "evening-3",
                    "Not delivered",
                    third,
                    days,
                    (),
                    stopped_by=Buyer.DISTRIBUTION,
                    course="The aggregator's control fails: no battery is told anything. At 20:40 the distribution operator, whose "
                    "cable has cooled, takes its order for the second hour back.",
                ),
                _midday(homes, days),
                _uncalled(days),
            ),
            key=lambda occasion: occasion.start,
        )
    )


def metered(homes: Homes, plan: tuple[Occasion, ...], *, battery: Battery = HOME_BATTERY) -> Metered:
    """Sixty days of every home with its battery, which is full at first and rests unless told."""
    commands = {name: [0] * len(readings) for name, readings in zip(homes.names, homes.readings, strict=True)}
    for instruction in instructions(homes, plan):
        for name in instruction.homes:
            for hour in instruction.hours:
                commands[name][homes.index(instruction.day, hour)] = period_energy(instruction.power_w, HOUR)
    flows = tuple(
        battery.run(commands[name], stored_milli_wh=battery.capacity_milli_wh, period_seconds=HOUR)
        for name in homes.names
    )
    readings = tuple(
        tuple(load + flow.grid_milli_wh for load, flow in zip(of, its, strict=True))
        for of, its in zip(homes.readings, flows, strict=True)
    )
    return Metered(flows=flows, readings=readings)


def instructions(homes: Homes, plan: tuple[Occasion, ...]) -> tuple[Instruction, ...]:
    """What the batteries are told for every occasion, before it and after it."""
    told: list[Instruction] = []
    for occasion in plan:
        if not occasion.set_point_w or not occasion.taking_part:
            continue
        place = homes.days.index(occasion.day)
        if occasion.direction is Direction.ABSORB:
            told.append(_told(homes.days[place - 1], OWN_USE_HOURS, homes.names, -OWN_USE_W))
        told.append(
            Instruction(
                day=occasion.day, hours=occasion.hours, homes=occasion.taking_part, power_w=occasion.set_point_w
            )
        )
        told.append(_told(homes.days[place + 1], RECHARGE_HOURS, homes.names, RECHARGE_W))
    return tuple(told)


def _told(day: date, hours: tuple[int, int], names: tuple[str, ...], power_w: int) -> Instruction:
    return Instruction(day=day, hours=tuple(range(*hours)), homes=names, power_w=power_w)


def _evening(
    slug: str,
    title: str,
    day: date,
    days: Days,
    taking_part: tuple[str, ...],
    *,
    course: str,
    silent: tuple[str, ...] = (),
    stopped_by: Buyer | None = None,
) -> Occasion:
    drift = max(map(abs, dict(days.drift)[day]))
    return Occasion(
        slug=slug,
        title=title,
        day=day,
        hours=EVENING_HOURS,
        direction=Direction.SHED,
        rules=Rules.A,
        tariff=EVENING_TARIFF,
        sales=EVENING_SALES,
        kind=DispatchKind.LIVE,
        taking_part=taking_part,
        silent=silent,
        set_point_w=-SET_POINT_EVENING_W if taking_part else 0,
        stopped_by=stopped_by,
        course=course,
        why=f"One of the three weekday evenings on which the homes' own load changed least: by at most {kwh(drift, 1)} kWh from "
        f"{BASELINE_HOUR}:00-{BASELINE_HOUR + 1}:00 to either hour of the window.",
    )


def _midday(homes: Homes, days: Days) -> Occasion:
    missed = max(map(abs, dict(days.missed)[days.midday]))
    return Occasion(
        slug="midday",
        title="Absorbed at midday",
        day=days.midday,
        hours=MIDDAY_HOURS,
        direction=Direction.ABSORB,
        rules=Rules.B,
        tariff=MIDDAY_TARIFF,
        sales=(Sale(buyer=Buyer.DISTRIBUTION, units=15),),
        kind=DispatchKind.TEST,
        taking_part=homes.names,
        set_point_w=SET_POINT_MIDDAY_W,
        course="The batteries have made room the evening before and charge at 1 kW for two hours. The buyer calls it as a test: the "
        "kind is noted, the money is the same.",
        why="The weekday on which the homes' midday came closest to the mean of the five days before, which is what the aggregator "
        f"nominated: within {kwh(missed, 1)} kWh in either hour.",
    )


def _uncalled(days: Days) -> Occasion:
    return Occasion(
        slug="uncalled",
        title="Never called",
        day=days.uncalled,
        hours=EVENING_HOURS,
        direction=Direction.SHED,
        rules=Rules.A,
        tariff=EVENING_TARIFF,
        sales=(Sale(buyer=Buyer.TRANSMISSION, units=10),),
        kind=None,
        taking_part=(),
        set_point_w=0,
        course="The transmission operator holds the right and does not need it.",
        why="The last evening of the data.",
    )
