"""The British chapter of the report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from flexbond.demo.britain import tell
from flexbond.demo.britain.charts import Cell, Curve, days_chart, strip_chart
from flexbond.demo.britain.homes import DAY, HALF_HOUR, SOURCE, SOURCE_LICENCE
from flexbond.demo.britain.result import HomeDays, PastDay
from flexbond.demo.text import kw, listed, percent
from flexbond.demo.views import SettledView, drawn, earned, environment, money_table, settled_view
from flexbond.model.lookback import PassedOver
from flexbond.rules import parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.demo.britain.homes import Homes
    from flexbond.demo.britain.result import BritishResult, WindowLine

OTHER_CLASS: Final = PassedOver.OTHER_CLASS.value
REASONS: Final = {OTHER_CLASS: "other class", PassedOver.HOLIDAY.value: "holiday", PassedOver.CALLED.value: "called"}
"""In few words."""


@dataclass(frozen=True, kw_only=True)
class DaysView:
    """A window's days on the page."""

    settled: SettledView
    strip: Markup
    sentences: list[str]
    plotted: Markup
    """The chart of one home."""
    others: list[tuple[str, Markup]]
    """Those of the others, by name."""
    mapping: list[list[str]]
    """Where every place of the window lies on each past day; empty where all clocks were alike."""
    mapped_days: list[str]
    without: tuple[int, ...]
    """Baseline of the home that a late revision is of, as it counted, mWh; empty: there is none."""


def render_britain(result: BritishResult) -> Markup:
    """The chapter as a part of the page."""
    made = environment(result, result.homes.clock)
    made.filters.update(stamp=lambda seconds: _stamp(result.homes, seconds))
    return Markup(made.get_template("british.html.jinja").render(**_context(result)))  # noqa: S704  escaped by the template


def _context(result: BritishResult) -> dict[str, object]:
    settled = [line.settled for event in result.windows for line in event.dispatches]
    return {
        "result": result,
        "modelled": tell.MODELLED,
        "balance": tell.balance(result),
        "views": [_view(line, result) for line in result.windows],
        "titles": {line.window.slug: line.window.title for line in result.windows},
        "rule": [
            (
                path,
                _shown(value),
                "" if why is None or why.confidence is None else why.confidence.value,
                "" if why is None else why.note,
            )
            for path, value, why in parameters(result.rule_file)
        ],
        "prices": _prices(result),
        "paid": sum(one.pay + one.availability for one in settled)
        + sum(line.uncalled_availability for line in result.windows),
        "penalties": sum(one.penalty for one in settled),
        "homes_earned": sum(party.earned for party in result.parties if party.role == "home"),
        "meters": [
            (meter.name, meter.told, _gaps(result.homes, number)) for number, meter in enumerate(result.homes.meters)
        ],
        "money": money_table(result.parties),
        "earned": earned(result),
        "source": SOURCE,
        "licence": SOURCE_LICENCE,
    }


# ------------------------------------------------------------------ a window and its days


def _view(line: WindowLine, result: BritishResult) -> DaysView:
    clock = result.homes.clock
    if line.axis is None:
        settled = settled_view(line.window, line, result, clock, Markup())
        return DaysView(
            settled=settled,
            strip=Markup(),
            sentences=[],
            plotted=Markup(),
            others=[],
            mapping=[],
            mapped_days=[],
            without=(),
        )
    charts = {home.name: _chart(line, home) for home in line.days}
    mapping = _mapping(line, result.homes)
    return DaysView(
        settled=settled_view(line.window, line, result, clock, _chart(line, _together(line))),
        strip=_strip(line),
        sentences=[*tell.past_days(line), *tell.what_if(line, result.token)],
        plotted=charts.pop(line.window.plotted),
        others=list(charts.items()),
        mapping=mapping,
        mapped_days=[tell.short(day.day) for day in line.days[0].days] if mapping else [],
        without=next((home.baseline for home in line.days if line.what_if and home.name == line.what_if.home), ()),
    )


def _together(line: WindowLine) -> HomeDays:
    """The homes that counted, added up."""
    heard = [home for home in line.days if not home.silence]
    return HomeDays(
        name="the portfolio",
        silence="",
        days=tuple(
            PastDay(
                day=days[0].day,
                chosen=all(day.chosen for day in days),
                starts=days[0].starts,
                window=_summed([day.window for day in days]),
                adjusting=_summed([day.adjusting for day in days]),
            )
            for days in zip(*(home.days for home in heard), strict=True)
        ),
        raw=tuple(map(sum, zip(*(home.raw for home in heard), strict=True))),
        baseline=tuple(map(sum, zip(*(home.baseline for home in heard), strict=True))),
        metered=_summed([home.metered for home in heard]),
        real=_summed([home.real for home in heard]),
        adjusting=_summed([home.adjusting for home in heard]),
    )


def _summed(rows: Sequence[Sequence[int | None]]) -> tuple[int | None, ...]:
    """Place by place; None where one is absent."""
    columns = zip(*rows, strict=True)
    return tuple(None if None in column else sum(value or 0 for value in column) for column in columns)


def _chart(line: WindowLine, home: HomeDays) -> Markup:
    axis = line.axis
    if axis is None:
        return Markup()
    days = [
        _curve(tell.short(day.day), "past" if day.chosen else "past left", day.adjusting, day.window)
        for day in home.days
    ]
    drawn_days = [curve for curve in days if curve is not None]
    own = [
        _curve("without battery", "real", (), home.real),
        _curve("mean of the days", "raw", (), home.raw),
        _curve("baseline", "baseline", (), home.baseline),
        _curve("metered", "metered", home.adjusting, home.metered),
    ]
    return drawn(
        days_chart(
            [*drawn_days, *(curve for curve in own if curve is not None)],
            before=axis.adjusting,
            window=axis.window,
            ends=(axis.adjusting_end, axis.end),
            title=f"Past days, baseline and metered energy of {home.name}",
        )
    )


def _curve(name: str, css: str, before: Sequence[int | None], window: Sequence[int | None]) -> Curve | None:
    """A curve if there is something of it, and no reading is absent."""
    values = [value for value in window if value is not None]
    earlier = [value for value in before if value is not None]
    if not values or len(values) < len(window):
        return None
    return Curve(name=name, css=css, before=earlier if len(earlier) == len(before) else [], window=values)


def _strip(line: WindowLine) -> Markup:
    """All days that were looked at, and the event's own."""
    found = next(home for home in line.days if not home.silence).days
    cells = {day.day: ("in the mean", "found") if day.chosen else ("not chosen", "left") for day in found}
    cells |= {
        day: (REASONS[reason], "called" if reason == PassedOver.CALLED.value else "other")
        for day, reason in line.passed_over
    }
    shown = [Cell(day=tell.short(day), reason=why, css=css) for day, (why, css) in sorted(cells.items())]
    own = [] if line.axis is None else [Cell(day=tell.short(line.axis.event_day), reason="the window's", css="own")]
    return drawn(strip_chart([*shown, *own], title="The days that the baseline looked back on"))


def _mapping(line: WindowLine, homes: Homes) -> list[list[str]]:
    """A row for every period: its local time, its UTC, and the UTC of the same wall time on each past day."""
    axis, days = line.axis, line.days[0].days
    if axis is None or all(
        (start - past) % DAY == 0 for day in days for start, past in zip(axis.starts, day.starts, strict=True) if past
    ):
        return []
    rows = []
    for place, (start, label) in enumerate(zip(axis.starts, axis.window, strict=True)):
        past = [day.starts[place] for day in days]
        rows.append(
            [label, _utc(start), *("none" if at is None else f"{homes.clock.at(at)} = {_utc(at)}" for at in past)]
        )
    return rows


# ------------------------------------------------------------------ the rule and the data


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    if isinstance(value, dict):
        return " ".join(f"{name} {item}" for name, item in value.items())
    return str(value)


def _prices(result: BritishResult) -> str:
    line = result.windows[0]
    tariff, show = line.window.tariff, result.token.show
    return (
        f"{show(tariff.availability_per_mwhour)} per MW and hour of availability, {show(tariff.utilisation_per_mwh)} per MWh of energy, "
        f"{show(tariff.shortfall_per_mwh)} per MWh of shortfall, a premium of {show(tariff.premium_per_unit)} per "
        f"{kw(line.product.lot_w)} kW, and {percent(result.customer_share_bps)} of what is earned for the homes"
    )


def _gaps(homes: Homes, number: int) -> str:
    """Where a meter has no readings between its first one and the month's end, in words."""
    known = homes.readings[number]
    missing = homes.missing(number, min(known), homes.month[1])
    runs: list[tuple[int, int]] = []
    for at in missing:
        if runs and runs[-1][1] == at:
            runs[-1] = (runs[-1][0], at + HALF_HOUR)
        else:
            runs.append((at, at + HALF_HOUR))
    told = [f"{_stamp(homes, start)} to {_stamp(homes, end)}" for start, end in runs]
    return f"from {_stamp(homes, min(known))}; {'none missing' if not told else 'missing ' + listed(told)}"


def _stamp(homes: Homes, seconds: int) -> str:
    """`22 Oct 16:05`, local."""
    local = homes.clock.local(seconds)
    return f"{local.day} {local:%b %H:%M}"


def _utc(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M} UTC"
