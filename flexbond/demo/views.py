"""What the report shows of every settled window beside its values, the same in every chapter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from flexbond.demo import tell
from flexbond.demo.charts import Part, bar_rows
from flexbond.demo.text import kwh, listed, long_day, money, percent, short_money
from flexbond.model.settlement import split_pool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.demo.result import ChapterResult, DispatchLine, HomeLine, PartyLine, PeriodLine, SettledLine
    from flexbond.demo.text import Clock
    from flexbond.demo.window import Window

TEMPLATES: Final = Path(__file__).parent / "template"


@dataclass(frozen=True, kw_only=True)
class MoneyRow:
    """Where a lock of a call went; base units."""

    name: str
    locked: int
    homes: int
    aggregator: int
    buyer: int
    penalty: bool = False
    """Whether what the buyer got is one."""


@dataclass(frozen=True, kw_only=True)
class SettledView:
    """What the page shows of a window beside its values."""

    heading: str
    sold: str
    story: list[str]
    chart: Markup
    bars: list[Markup]
    money: list[list[MoneyRow]]
    """Of every call."""
    delivered: list[int]
    """Per period of the window, all calls together, mWh."""
    ordered: list[PeriodLine]
    """Periods with an order."""
    homes: int
    silent: str
    """Names of the silent homes; empty: none."""
    columns: int
    """Of the homes' table between name and share."""


def settled_view(window: Window, event: SettledLine, result: ChapterResult, clock: Clock, chart: Markup) -> SettledView:
    """The view of a window with its main chart."""
    ordered = [line for line in event.periods if line.response is not None]
    silent = [home.name for home in event.homes if home.silence]
    return SettledView(
        heading=clock.heading(window.start, window.end),
        sold=tell.sold(window),
        story=tell.story(event, result.token, clock),
        chart=chart,
        bars=[money_bars(line, result.token.decimals) for line in event.dispatches],
        money=[money_rows(line) for line in event.dispatches],
        delivered=[
            sum(period.delivered for line in event.dispatches for period in line.periods if period.period == place)
            for place in range(len(event.periods))
        ],
        ordered=ordered,
        homes=len(event.homes),
        silent=listed(silent) if silent else "",
        columns=len(ordered) * (1 if event.schedule else 3),
    )


def environment(result: ChapterResult, clock: Clock) -> Environment:
    """The templates, with times and money as a chapter writes them."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        kwh=kwh,
        percent=percent,
        clock=clock.at,
        day=long_day,
        span=lambda line: clock.hours(line.start, line.end),
        whole=lambda number: f"{number:,}",
        money=lambda amount: money(amount, decimals=result.token.decimals),
        share=_share,
    )
    return made


def money_rows(line: DispatchLine) -> list[MoneyRow]:
    """Where every lock of a call went."""
    settled = line.settled
    from_pay, from_availability = split_pool(settled.pool, settled.pay)
    return [
        MoneyRow(
            name="Energy",
            locked=line.utilisation_locked,
            homes=from_pay,
            aggregator=settled.pay - from_pay,
            buyer=settled.utilisation_refund,
        ),
        MoneyRow(
            name="Availability",
            locked=line.availability_locked,
            homes=from_availability,
            aggregator=settled.availability - from_availability,
            buyer=settled.availability_refund,
        ),
        MoneyRow(
            name="Collateral: released, and penalty",
            locked=line.collateral_locked,
            homes=0,
            aggregator=settled.released,
            buyer=settled.penalty,
            penalty=settled.penalty > 0,
        ),
    ]


def money_bars(line: DispatchLine, decimals: int) -> Markup:
    """The same as bars."""
    settled = line.settled
    rows = [
        (
            "Energy: locked",
            (Part(value=settled.pay, label="paid", css="paid"), _back("refunded", settled.utilisation_refund)),
        ),
        (
            "Availability: locked",
            (
                Part(value=settled.availability, label="paid", css="paid"),
                _back("refunded", settled.availability_refund),
            ),
        ),
        ("Collateral", (Part(value=settled.penalty, label="penalty", css="lost"), _back("released", settled.released))),
        (
            "Earned, and shared",
            (
                Part(value=settled.pool, label="homes", css="pool"),
                Part(value=settled.pay + settled.availability - settled.pool, label="aggregator", css="firm"),
            ),
        ),
    ]
    return drawn(
        bar_rows(
            rows,
            show=lambda amount: short_money(amount, decimals=decimals, symbol=""),
            title=f"Money of the call by the {line.buyer}",
        )
    )


def _back(label: str, value: int) -> Part:
    return Part(value=value, label=label, css="back")


def earned(result: ChapterResult) -> Markup:
    """What each home earned, as bars."""
    rows = [
        (party.name, (Part(value=party.earned, label="", css="pool"),))
        for party in result.parties
        if party.role == "home"
    ]
    return drawn(
        bar_rows(
            rows,
            show=lambda amount: money(amount, decimals=result.token.decimals),
            title="What each home earned",
        )
    )


@dataclass(frozen=True, kw_only=True)
class MoneyTable:
    """The table of parties; base units."""

    titles: list[str]
    rows: list[tuple[str, list[int]]]
    """Name and values."""
    sums: list[int]
    """The last row."""


def money_table(parties: Sequence[PartyLine]) -> MoneyTable:
    """The table of these parties; bonds only where any was lost."""
    columns = {
        "deposited": "Deposited",
        "premiums": "Premiums",
        "utilisation": "Energy",
        "availability": "Availability",
        "penalties": "Penalties",
        "bonds": "Bonds",
        "pool": "Pools",
        "withdrawn": "Withdrawn",
        "free": "Free",
        "locked": "Locked",
    }
    if not any(party.bonds for party in parties):
        del columns["bonds"]
    rows = [(party.name, [getattr(party, name) for name in columns]) for party in parties]
    return MoneyTable(
        titles=list(columns.values()), rows=rows, sums=[sum(of) for of in zip(*(row for _, row in rows), strict=True)]
    )


def drawn(chart: str) -> Markup:
    """A chart, which holds nothing but whole numbers and labels that are escaped."""
    return Markup(chart)  # noqa: S704


def _share(home: HomeLine, event: SettledLine) -> str:
    """The home's part of the pool in percent, by what it was split by."""
    total = sum(other.weight for other in event.homes)
    return percent(home.weight * 10_000 // total) if total else "none"
