"""The Fontana chapter without any chain: what the reference model makes of the plan, with invented ids and addresses."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from flexbond import ids
from flexbond.demo.days import choose, midday_schedule
from flexbond.demo.expect import Case, expect
from flexbond.demo.homes import HOUR, Homes, load_homes
from flexbond.demo.lines import event_line
from flexbond.demo.outcome import Call, Expected, Place, product_of
from flexbond.demo.plan import Buyer, Metered, Occasion, Rules, metered, occasions
from flexbond.demo.result import Check, EventLine, FontanaResult, GasLine, PartyLine
from flexbond.demo.terms import CAPACITY_W, CONNECTION_W, CUSTOMER_SHARE_BPS, evening_rule, midday_rule
from flexbond.hashing import checksum_address, keccak
from flexbond.model.types import DeviceKind, Direction, Dispatch, DispatchKind, Entry, MeteringPoint, Product, Rule
from flexbond.operations.common import Token

ZONE = keccak(b"zone")
PORTFOLIO = keccak(b"portfolio")


def address(name: str) -> str:
    """An address that nobody has the key of."""
    return checksum_address("0x" + keccak(name.encode())[-20:].hex())


BUYERS = {address(buyer): buyer.value for buyer in Buyer}


@cache
def homes() -> Homes:
    return load_homes()


@cache
def plan() -> tuple[Occasion, ...]:
    return occasions(homes(), choose(homes()))


@cache
def shown() -> Metered:
    return metered(homes(), plan())


@cache
def rules() -> dict[Rules, Rule]:
    money = {"currency": address("token"), "unclaimed_to": address("unclaimed")}
    return {Rules.A: evening_rule(**money), Rules.B: midday_rule(**money)}


@cache
def places() -> tuple[Place, ...]:
    return tuple(_place(name, index) for index, name in enumerate(homes().names))


def _place(name: str, index: int) -> Place:
    point = keccak(name.encode())[:16]
    entry = Entry(
        metering_point=point,
        joined_at=1,
        left_at=0,
        capacity_w=CAPACITY_W,
        payee=address(name),
        connection_w=CONNECTION_W,
        kind=DeviceKind.DEVICE,
    )
    known = MeteringPoint(
        customer=address(name),
        kind=DeviceKind.DEVICE,
        suspended_at=0,
        sequence=1,
        capacity_w=CAPACITY_W,
        connection_w=CONNECTION_W,
        entry_index=index,
        committed_until=0,
        portfolio_id=PORTFOLIO,
    )
    return Place(entry=entry, point=known)


def product(occasion: Occasion) -> Product:
    return product_of(
        occasion,
        rules()[occasion.rules],
        provider=address("aggregator"),
        portfolio_id=PORTFOLIO,
        zone=ZONE,
        rule_id=ids.rule_id(rules()[occasion.rules]),
    )


def calls(occasion: Occasion) -> tuple[Call, ...]:
    """Every buyer calls all it holds, a few minutes after the gate closed."""
    if occasion.kind is None:
        return ()
    made = []
    for number, sale in enumerate(occasion.sales):
        first = Dispatch(
            right_id=ids.right_id(product(occasion)),
            holder=address(sale.buyer),
            units=sale.units,
            number=number,
            kind=DispatchKind(occasion.kind),
            notice_at=occasion.start - HOUR + 300 * (number + 1),
            orders_w=(sale.units * 1_000,) * len(occasion.hours),
            excused_mask=0,
        )
        last = replace(first, orders_w=(first.orders_w[0], 0)) if sale.buyer is occasion.stopped_by else first
        made.append(Call(first=first, last=last))
    return tuple(made)


def schedule(occasion: Occasion) -> tuple[int, ...]:
    return midday_schedule(homes(), occasion.day) if occasion.direction is Direction.ABSORB else ()


def case(occasion: Occasion) -> Case:
    return Case(
        occasion=occasion,
        homes=homes(),
        metered=shown(),
        places=places(),
        product=product(occasion),
        rule=rules()[occasion.rules],
        units=occasion.units,
        calls=calls(occasion),
        schedule=schedule(occasion),
    )


@cache
def expected(occasion: Occasion) -> Expected:
    return expect(case(occasion), customer_share_bps=CUSTOMER_SHARE_BPS)


def event(occasion: Occasion) -> EventLine:
    right = ids.right_id(product(occasion))
    known = {"right": "0x" + right.hex(), "event": "0x" + ids.event_id(product(occasion).event_key).hex()}
    known["pool"] = known["event" if occasion.kind is not None else "right"]
    if occasion.kind is not None:
        known["root"] = "0x" + expected(occasion).measured.tree.root.hex()
    return event_line(
        case(occasion),
        expected(occasion),
        ids=known,
        buyers=BUYERS,
        dispatch_ids=[
            "0x" + ids.dispatch_id(right, call.first.holder, call.first.number).hex() for call in calls(occasion)
        ],
    )


def party(name: str, role: str, **money: int) -> PartyLine:
    names = ("deposited", "premiums", "utilisation", "availability", "penalties", "pool", "withdrawn", "free", "locked")
    return PartyLine(name=name, role=role, address=address(name), **{key: money.get(key, 0) for key in names})


@cache
def result() -> FontanaResult:
    """The story as the report takes it; the table of parties is reduced to what two rows need."""
    events = tuple(event(occasion) for occasion in plan())
    earned = [sum(line.homes[place].credited for line in events) for place in range(len(homes().names))]
    total = sum(earned)
    parties = [
        party("Aggregator", "aggregator", deposited=total, pool=-total),
        *(
            party(name, "home", pool=amount, withdrawn=amount)
            for name, amount in zip(homes().names, earned, strict=True)
        ),
    ]
    return FontanaResult(
        network="anvil",
        client="anvil/v1.7.1",
        chain_id=31_337,
        contracts=(("Settlement", address("Settlement")),),
        token=Token(address=address("token"), symbol="USDC", decimals=6),
        customer_share_bps=CUSTOMER_SHARE_BPS,
        rules=tuple((letter.value, "0x" + ids.rule_id(rule).hex(), rule) for letter, rule in rules().items()),
        p256_homes=homes().names[:4],
        wallet_homes=(homes().names[-1],),
        first_day=homes().first_day,
        days=len(homes().days),
        drift=choose(homes()).drift,
        events=events,
        parties=tuple(parties),
        owed=0,
        held=0,
        gas=(GasLine(contract="Settlement", action="settle", transactions=7, least=1, most=2, total=9),),
        checks=(Check(text="Responses of chain and model", count=8),),
        records=67,
        log_events=1_000,
    )
