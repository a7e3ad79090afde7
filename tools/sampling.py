"""Write the tables of docs/sampling.md again, or check them.

python tools/sampling.py            write them into the page
python tools/sampling.py --check    fail if the page holds others
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flexbond.model.rounding import div_up
from flexbond.model.types import ClampLevel, CurveKind, CurvePoint, ToleranceKind
from flexbond.rules import template
from flexbond.rules.sampling import (
    Stakes,
    blind_share,
    escape,
    gain_per_mwh,
    least_bond,
    least_bond_per_mw,
    percent,
    points_for,
    step_gain,
)
from flexbond.units import format_money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.types import Rule

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "sampling.md"
POINTS: Final = (8, 16, 32, 64, 128, 256)
SHARES: Final = tuple(Fraction(share, 100) for share in (1, 2, 3, 5, 10, 15, 20))
RISKS: Final = (Fraction(5, 100), Fraction(1, 100), Fraction(1, 1000))
DECIMALS: Final = 6
USDC: Final = 10**DECIMALS

EVENING: Final = Stakes(
    capacity_w=5 * 10**6,
    connection_w=11 * 10**6,
    window_seconds=7_200,
    utilisation_per_mwh=200 * USDC,
    shortfall_per_mwh=300 * USDC,
    availability_per_mwhour=8 * USDC,
)
"""1 000 homes of 5 kW behind connections of 11 kW, for two hours"""
ORDERED_MWH: Final = 10


def escapes() -> str:
    """How likely a lie escapes."""
    rows = [[str(points), *(percent(escape(points, share)) for share in SHARES)] for points in POINTS]
    return table(["points", *(f"{percent(share)} %" for share in SHARES)], rows)


def needed() -> str:
    """How many points keep a risk."""
    rows = [[f"{percent(risk)} %", *(str(points_for(share, risk)) for share in SHARES)] for risk in RISKS]
    return table(["risk", *(f"{percent(share)} %" for share in SHARES)], rows)


def lies() -> str:
    """What share of the line false energy is, and how likely 64 points miss it."""
    rows = []
    for false in (Fraction(1, 10), Fraction(1, 2), Fraction(1), Fraction(2)):
        true = ORDERED_MWH - false
        # Clamp Device: the weight is the sum of the columns, so that what is false in them is false in it.
        lines = (Fraction(2 * ORDERED_MWH), 2 * ORDERED_MWH + true, 22 + false + ORDERED_MWH)
        bare = (2 * false, false, false)
        shares = [part / length for part, length in zip(bare, lines, strict=True)]
        found = [part for share in shares for part in (f"{percent(share)} %", percent(escape(64, share)))]
        rows.append([f"{percent(Fraction(false, ORDERED_MWH))} %", *found])
    named = [part for name in ("Device", "Portfolio", "nominated") for part in (name, "escapes, %")]
    return table(["of the order", *named], rows)


def bonds() -> str:
    """What bond makes no lie pay in the evening of the page."""
    rows = []
    for points in (1, *POINTS):
        rule = plain(spot_checks=points, challenger_share_bps=5_000)
        per_mw, least = least_bond_per_mw(rule, EVENING), least_bond(rule, EVENING)
        producer = least_bond(rule, replace(EVENING, producer_bps=100))
        of_pay = Fraction(least, ORDERED_MWH * EVENING.utilisation_per_mwh)
        rows.append([str(points), money(least), money(per_mw), f"{percent(of_pay)} %", money(producer)])
    return table(["points", "least bond", "per MW", "of the evening's pay", "with 1 % of blocks"], rows)


def steps() -> str:
    """What steps leave open, with twice the least bond."""
    stairs = ((6_000, 2_500), (7_000, 5_000), (8_000, 7_000), (9_000, 8_500), (9_500, 9_500), (9_700, 10_000))
    ds3 = tuple(CurvePoint(ratio_bps=ratio, pay_bps=pay) for ratio, pay in stairs)
    rules = {
        "the evening's": plain(),
        "availability in DS3's steps": plain(availability_curve=ds3),
        "pay in the same steps": plain(pay_curve=ds3),
        "a tolerance of 10 % as a threshold": plain(tolerance_kind=ToleranceKind.THRESHOLD, tolerance_bps=1_000),
    }
    rows = []
    for name, rule in rules.items():
        bond = 2 * least_bond(rule, EVENING)
        figures = (gain_per_mwh(rule, EVENING), step_gain(rule, EVENING), bond)
        rows.append([name, *map(money, figures), f"{percent(blind_share(rule, EVENING, bond))} %"])
    return table(["rule", "a false MWh", "a step", "twice the least bond", "blind below"], rows)


TABLES: Final = {"escapes": escapes, "needed": needed, "lies": lies, "bonds": bonds, "steps": steps}


def plain(**changes: Any) -> Rule:
    """The evening's rule: delivered energy is paid, and every deficiency penalised, without steps; 64 points."""
    own: dict[str, Any] = {
        "clamp_level": ClampLevel.DEVICE,
        "tolerance_kind": ToleranceKind.DEDUCTIBLE,
        "tolerance_bps": 0,
        "availability_curve_kind": CurveKind.STEPS,
        "availability_curve": (CurvePoint(ratio_bps=0, pay_bps=10_000),),
        "spot_checks": 64,
        "challenger_share_bps": 5_000,
    }
    return replace(template().rule, **{**own, **changes})


def money(amount: int) -> str:
    """To the cent, rounded up."""
    return format_money(div_up(amount, USDC // 100) * (USDC // 100), decimals=DECIMALS)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown, numbers to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def filled(page: str) -> str:
    """The page with every table made again."""
    for name, make in TABLES.items():
        head, mark, rest = page.partition(f"<!-- {name} -->\n")
        tail = rest.partition("\n\n")[2]
        if not mark:
            raise SystemExit(f"The page has no place for the table {name!r}: add the line <!-- {name} -->.")
        page = f"{head}{mark}{make()}\n\n{tail}"
    return page


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Write the tables of docs/sampling.md.")
    parser.add_argument("--check", action="store_true", help="only compare")
    parser.add_argument("--page", type=Path, default=PAGE, help="another page with places for the tables")
    given = parser.parse_args()
    page = given.page.read_text(encoding="utf-8")
    made = filled(page)
    if given.check and made != page:
        print(f"{given.page} is not what tools/sampling.py makes: run it without --check.", file=sys.stderr)
        return 1
    if made != page:
        given.page.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
