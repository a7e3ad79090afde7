"""The British chapter without any chain: what the reference model makes of its plan, with invented ids and addresses."""

from __future__ import annotations

from functools import cache

from flexbond import ids
from flexbond.demo.britain.expect import Case, Late, expect
from flexbond.demo.britain.homes import Homes, load_homes
from flexbond.demo.britain.lines import window_line
from flexbond.demo.britain.plan import JOIN_DAY, Metered, Revision, Window, metered, revision, windows
from flexbond.demo.britain.play import NOTICE_AFTER, REVISED_AFTER
from flexbond.demo.britain.result import BritishResult, WindowLine
from flexbond.demo.britain.stage import CAPACITY_W, CONNECTION_W, CUSTOMER_SHARE_BPS
from flexbond.demo.outcome import Call, Expected, Place, product_of
from flexbond.demo.result import Check, GasLine
from flexbond.demo.statement import Balance, Statement, StatementLine
from flexbond.demo.terms import LOT_W
from flexbond.hashing import keccak
from flexbond.model.types import Call as KnownCall
from flexbond.model.types import DeviceKind, Dispatch, DispatchKind, Entry, MeteringPoint, Product
from flexbond.operations.common import Token
from flexbond.rules import RuleFile
from tests.python.demo.demo_sample import BUYERS, PORTFOLIO, ZONE, address, party


@cache
def homes() -> Homes:
    return load_homes()


@cache
def plan() -> tuple[Window, ...]:
    return windows(homes())


@cache
def shown() -> Metered:
    return metered(homes(), plan())


@cache
def late() -> Revision:
    return revision(homes(), shown(), plan())


@cache
def rule_file() -> RuleFile:
    return homes().rule_file.filled(currency=address("token"), unclaimed_to=address("unclaimed"))


def window(slug: str) -> Window:
    return next(one for one in plan() if one.slug == slug)


def product(of: Window) -> Product:
    rule = rule_file().rule
    return product_of(
        of, rule, provider=address("aggregator"), portfolio_id=PORTFOLIO, zone=ZONE, rule_id=ids.rule_id(rule)
    )


def place(name: str, index: int) -> Place:
    point = keccak(b"British " + name.encode())[:16]
    joined_at = 1 if index < 2 else homes().at(JOIN_DAY, "09:00")
    limits = {"capacity_w": CAPACITY_W, "connection_w": CONNECTION_W, "kind": DeviceKind.DEVICE}
    return Place(
        entry=Entry(metering_point=point, joined_at=joined_at, left_at=0, payee=address(name), **limits),
        point=MeteringPoint(
            customer=address(name),
            suspended_at=0,
            sequence=1,
            entry_index=index,
            committed_until=0,
            portfolio_id=PORTFOLIO,
            **limits,
        ),
    )


def calls(of: Window) -> tuple[Call, ...]:
    """Every buyer calls all it holds, a few minutes after the gate closed."""
    if of.kind is None:
        return ()
    made = []
    for number, sale in enumerate(of.sales):
        told = Dispatch(
            right_id=ids.right_id(product(of)),
            holder=address(sale.buyer),
            units=sale.units,
            number=number,
            kind=DispatchKind(of.kind),
            notice_at=of.start - rule_file().rule.gate_seconds + NOTICE_AFTER[sale.buyer],
            orders_w=(sale.units * LOT_W,) * len(of.starts),
            excused_mask=0,
        )
        made.append(Call(first=told, last=told))
    return tuple(made)


@cache
def case(slug: str) -> Case:
    """A window with the calls of all windows before it."""
    of = window(slug)
    earlier: list[KnownCall] = [
        case(one.slug).as_call for one in plan() if one.start < of.start and one.kind is not None
    ]
    came = of.start - rule_file().rule.gate_seconds + REVISED_AFTER
    return Case(
        window=of,
        metered=shown(),
        lookback=rule_file().lookback,
        calendar_days=homes().calendar_days,
        earlier=tuple(earlier),
        revisions=(Late(revision=late(), at=came),) if late().window == slug else (),
        product=product(of),
        rule=rule_file().rule,
        units=of.units,
        places=tuple(place(name, index) for index, name in enumerate(of.homes)),
        calls=calls(of),
    )


@cache
def expected(slug: str) -> Expected:
    return expect(case(slug))


@cache
def line(slug: str) -> WindowLine:
    of = case(slug)
    right = ids.right_id(of.product)
    known = {name: "0x" + right.hex() for name in ("right", "event", "pool", "root")}
    return window_line(
        of,
        expected(slug),
        ids=known,
        buyers=BUYERS,
        dispatch_ids=["0x" + ids.dispatch_id(right, one.first.holder, one.first.number).hex() for one in of.calls],
    )


def statement() -> Statement:
    start, end = homes().month
    made = StatementLine(at=start + 60, window="gb-full", call="call 1", text="Energy", amount=7, balance=12)
    after = StatementLine(at=end + 60, window="gb-silent", call="call 2", text="Penalty", amount=-3, balance=9)
    return Statement(
        party="Aggregator",
        role="aggregator",
        address=address("aggregator"),
        opening=Balance(at=start, free=5, locked=0),
        lines=(made,),
        closing=Balance(at=end, free=10, locked=2),
        afterwards=(after,),
        final=Balance(at=end + 61, free=9, locked=0),
    )


@cache
def result() -> BritishResult:
    """The chapter as its part of the report takes it; parties and statements are reduced to what a row needs."""
    return BritishResult(
        network="anvil",
        client="anvil/v1.7.1",
        chain_id=31_337,
        contracts=(("Settlement", address("Settlement")),),
        token=Token(address=address("token"), symbol="USDC", decimals=6),
        customer_share_bps=CUSTOMER_SHARE_BPS,
        parties=(party("Aggregator", "aggregator", deposited=9, pool=-4), party("home-1", "home", pool=4, free=4)),
        owed=0,
        held=0,
        gas=(GasLine(contract="Settlement", action="settle", transactions=7, least=1, most=2, total=9),),
        checks=(Check(text="Baselines of past days", count=21),),
        records=80,
        log_events=300,
        homes=homes(),
        rule_file=rule_file(),
        rule_id="0x" + ids.rule_id(rule_file().rule).hex(),
        windows=tuple(line(one.slug) for one in plan()),
        statements=(statement(),),
        history_roots=4,
    )
