"""Write the golden vectors, ``tests/vectors/*.json``; with ``--check``, compare them.

They hold an implementation in another language to this one: ids, digests, records, trees and settlements, each with what
goes in and what must come out. Structs are objects with Solidity's field names, bytes are hexadecimal, and integers that
a double cannot hold are decimal strings. All keys in them are public and for development only.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flexbond import ids, trees
from flexbond.hashing import keccak
from flexbond.model.settlement import settle_dispatch
from flexbond.model.struct import Struct, kinds_of, solidity_name
from flexbond.model.types import (
    Adjustment,
    BaselineMethod,
    Calendar,
    ClampLevel,
    Consent,
    Cursor,
    CurveKind,
    CurvePoint,
    DayClass,
    DaySelection,
    DeviceKind,
    Direction,
    Dispatch,
    DispatchKind,
    Funding,
    LockReason,
    Lookback,
    Offer,
    PayBase,
    Product,
    Rule,
    SignerScheme,
    Statement,
    ToleranceKind,
    Totals,
)
from flexbond.records import MeterRecord
from flexbond.signing import sign
from flexbond.signing.eip712 import Domain, digest, encode_type, hash_struct
from flexbond.signing.keys import development_device, development_p256_device, development_secret, development_signer
from flexbond.signing.messages import KeyProof, PayeeChange, Permit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FOLDER: Final = Path(__file__).resolve().parents[1] / "tests" / "vectors"
SEED: Final = b"vectors"
SAFE: Final = 2**53 - 1
START: Final = 1_751_302_800
"""a summer evening, UTC seconds"""
CURRENCY: Final = "0x" + 40 * "c"
CHAIN: Final = 31337
CONTRACT: Final = "0x" + 40 * "9"


# ------------------------------------------------------------------ as JSON


def plain(value: Any) -> Any:
    """A value as JSON holds it without loss."""
    if isinstance(value, Struct):
        return {solidity_name(name): plain(getattr(value, name)) for name, _ in kinds_of(type(value))}
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) <= SAFE else str(int(value))
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value]


# ------------------------------------------------------------------ what goes in


def full_pay() -> tuple[CurvePoint, ...]:
    """Everything is paid from the first mWh on."""
    return (CurvePoint(ratio_bps=0, pay_bps=10_000),)


def a_rule(**changes: Any) -> Rule:
    """Quarter hours, each device against its own last hour."""
    rule = Rule(
        period_seconds=900,
        currency=CURRENCY,
        baseline=BaselineMethod.METER_BEFORE,
        baseline_periods=4,
        clamp_level=ClampLevel.DEVICE,
        estimated_allowed=False,
        min_assurance=DeviceKind.GATEWAY,
        pay_base=PayBase.DELIVERED,
        over_delivery_cap_bps=10_000,
        pay_curve_kind=CurveKind.STEPS,
        pay_curve=full_pay(),
        tolerance_kind=ToleranceKind.DEDUCTIBLE,
        tolerance_bps=500,
        deficiency_uncapped=False,
        stop_loss_bps=8_000,
        collateral_bps=10_000,
        availability_curve_kind=CurveKind.LINEAR,
        availability_curve=(CurvePoint(ratio_bps=5_000, pay_bps=0), CurvePoint(ratio_bps=9_500, pay_bps=10_000)),
        min_dispatch_bps=100,
        min_customer_share_bps=6_000,
        funding=Funding.ESCROWED,
        unclaimed_to="0x" + 40 * "d",
        gate_seconds=7_200,
        reading_deadline=86_400,
        submission_deadline=172_800,
        proof_window=86_400,
        collect_period=31_536_000,
        spot_checks=1_024,
    )
    return replace(rule, **changes)


def a_calendar() -> Calendar:
    """New York's clock: behind UTC, its two changes at different standard times of day."""
    return Calendar(
        zone=b"America/New_York".ljust(32, b"\0"),
        holidays=b"NERC".ljust(32, b"\0"),
        offset_seconds=-18_000,
        summer_seconds=3_600,
        spring_at=7_200,
        autumn_at=3_600,
    )


def a_lookback() -> Lookback:
    """High 5 of 10 on workdays, 2 of 3 else, with an additive adjustment that is capped."""
    return Lookback(
        calendar_id=ids.calendar_id(a_calendar()),
        classes=(
            DayClass(kinds=0b0001_1111, selection=DaySelection.HIGH, x=5, y=10, min_days=10),
            DayClass(kinds=0b1110_0000, selection=DaySelection.MID, x=2, y=3, min_days=1),
        ),
        holidays_eligible=True,
        look_back_days=45,
        max_excluded_days=30,
        min_event_bps=2_500,
        adjustment=Adjustment.ADDITIVE,
        adjustment_periods=8,
        adjustment_lead=7_200,
        adjustment_cap_bps=2_000,
    )


def a_product(rule: Rule, **changes: Any) -> Product:
    """An hour of Shed in lots of 1 kW."""
    product = Product(
        provider=development_signer(5).address,
        portfolio_id=ids.portfolio_id(development_signer(5).address, keccak(b"zone"), keccak(b"salt")),
        zone=keccak(b"zone"),
        direction=Direction.SHED,
        window_start=START,
        window_end=START + 3_600,
        notice_seconds=1_800,
        ramp_seconds=300,
        min_run_seconds=900,
        max_run_seconds=3_600,
        lot_w=1_000,
        availability_per_mwhour=7_000_000,
        utilisation_per_mwh=220_000_000,
        shortfall_per_mwh=300_000_000,
        currency=rule.currency,
        rule_id=ids.rule_id(rule),
        reference_w=0,
        transferable=True,
        terms_hash=keccak(b"terms"),
        external_ref=bytes(32),
    )
    return replace(product, **changes)


def a_dispatch(product: Product, **changes: Any) -> Dispatch:
    """Ten units for the whole hour."""
    dispatch = Dispatch(
        right_id=ids.right_id(product),
        holder=development_signer(7).address,
        units=10,
        number=0,
        kind=DispatchKind.LIVE,
        notice_at=START - 3_600,
        orders_w=(10_000, 10_000, 10_000, 10_000),
        excused_mask=0,
    )
    return replace(dispatch, **changes)


# ------------------------------------------------------------------ what comes out


def id_vectors() -> list[dict[str, Any]]:
    """Structs and their ids."""
    rule = a_rule()
    level = a_rule(
        baseline=BaselineMethod.REFERENCE_LEVEL, baseline_periods=0, clamp_level=ClampLevel.PORTFOLIO, schema=1
    )
    calendar, past = a_calendar(), a_lookback()
    compared = a_rule(
        baseline=BaselineMethod.X_OF_Y,
        baseline_periods=0,
        lookback_hash=ids.lookback_hash(past),
    )
    sampled = a_rule(
        spot_checks=16,
        draw_delay=5,
        challenge_window=172_800,
        max_demands=8,
        demand_fee=2 * 10**6,
        bond_per_mw=10**12,
        challenger_share_bps=5_000,
    )
    product, other = a_product(rule), a_product(level, reference_w=-12_345, direction=Direction.ABSORB)
    totals = Totals(columns=(0, 2**100), weight=2**127, baseline_milli_wh=(-1, 2**90), metered_milli_wh=(-(2**90), 0))
    claim = ids.claim_of(keccak(b"root"), totals)
    cursor = Cursor(next=5, frontier=(keccak(b"0"), bytes(32), keccak(b"2"), bytes(32)), totals=totals)
    dispatch = a_dispatch(product, excused_mask=0b1010)
    found: list[tuple[str, Any, bytes]] = [
        ("rule", rule, ids.rule_id(rule)),
        ("rule", level, ids.rule_id(level)),
        ("rule", compared, ids.rule_id(compared)),
        ("rule", sampled, ids.rule_id(sampled)),
        ("calendar", calendar, ids.calendar_id(calendar)),
        ("lookbackHash", past, ids.lookback_hash(past)),
        ("right", product, ids.right_id(product)),
        ("right", other, ids.right_id(other)),
        ("event", product.event_key, ids.event_id(product.event_key)),
        ("event", other.event_key, ids.event_id(other.event_key)),
        ("dispatchHash", dispatch, ids.dispatch_hash(dispatch)),
        ("cursorHash", cursor, ids.cursor_hash(cursor)),
        ("totalsHash", totals, ids.totals_hash(totals)),
        ("commitment", {"root": keccak(b"root"), "totals": totals}, ids.commitment(keccak(b"root"), totals)),
        ("scheduleHash", [-1, 0, 2**100], ids.schedule_hash([-1, 0, 2**100])),
        ("energiesHash", totals, ids.energies_hash(totals)),
        ("claim", claim, ids.commitment_of(claim)),
        ("responsesHash", [], ids.responses_hash([])),
        (
            "outcome",
            {"commitment": keccak(b"claim"), "responsesMilliWh": [5, -(2**100)]},
            ids.outcome_hash(keccak(b"claim"), [5, -(2**100)]),
        ),
        ("demandKey", {"eventId": keccak(b"event"), "place": 2**40 - 1}, ids.demand_key(keccak(b"event"), 2**40 - 1)),
        (
            "portfolio",
            {"provider": product.provider, "zone": keccak(b"zone"), "salt": keccak(b"salt")},
            product.portfolio_id,
        ),
        (
            "dispatch",
            {"rightId": dispatch.right_id, "holder": dispatch.holder, "number": 65_535},
            ids.dispatch_id(dispatch.right_id, dispatch.holder, 65_535),
        ),
        (
            "lock",
            {"token": CURRENCY, "reason": LockReason.POOL, "key": keccak(b"key")},
            ids.lock_id(CURRENCY, LockReason.POOL, keccak(b"key")),
        ),
    ]
    return [{"kind": kind, "of": given, "is": result} for kind, given, result in found]


def digest_vectors() -> list[dict[str, Any]]:
    """Messages, their EIP-712 digests and their signatures by account 0 of the public mnemonic."""
    person, device = development_signer(0), development_device(SEED, 0)
    rule = a_rule()
    statement = Statement(
        metering_point=keccak(b"point")[:16],
        customer=person.address,
        scheme=SignerScheme.SECP256K1,
        signer=device.address,
        kind=DeviceKind.DEVICE,
        capacity_w=5_000,
        connection_w=15_000,
        grid_id=1,
        valid_from=START,
        valid_until=START + 31_536_000,
        sequence=1,
    )
    messages: list[tuple[str, Struct]] = [
        ("DeviceRegistry", statement),
        ("DeviceRegistry", KeyProof(metering_point=statement.metering_point, statement_hash=hash_struct(statement))),
        (
            "DeviceRegistry",
            Consent(
                metering_point=statement.metering_point,
                portfolio_id=keccak(b"portfolio"),
                customer=person.address,
                payee=person.address,
                customer_share_bps=6_000,
                nonce=3,
                deadline=START,
            ),
        ),
        (
            "DeviceRegistry",
            PayeeChange(portfolio_id=keccak(b"portfolio"), index=7, payee=device.address, nonce=4, deadline=START),
        ),
        (
            "FlexibilityMarket",
            Offer(
                product=a_product(rule),
                units=20,
                premium_per_unit=50_000,
                buyer="0x" + 40 * "0",
                expiry=START - 86_400,
                nonce=9,
            ),
        ),
    ]
    found = [(Domain.of(name, chain_id=CHAIN, contract=CONTRACT), message) for name, message in messages]
    permit = Permit(owner=person.address, spender=CONTRACT, value=2**255, nonce=0, deadline=2**256 - 1)
    found.append((Domain(name="Play money", chain_id=CHAIN, contract=CURRENCY), permit))
    return [
        {
            "domain": {"name": d.name, "version": d.version, "chainId": d.chain_id, "verifyingContract": d.contract},
            "type": encode_type(type(message)),
            "message": message,
            "structHash": hash_struct(message),
            "digest": digest(d, message),
            "signature": person.sign(digest(d, message)),
        }
        for d, message in found
    ]


def record_vectors() -> list[dict[str, Any]]:
    """Records from readings to signatures, and an opening of each."""
    oracle = Domain.of("MeterOracle", chain_id=CHAIN, contract=CONTRACT)
    shapes: list[tuple[Sequence[int], Sequence[int], int, Sequence[int]]] = [
        ([-(2**39), -1, 0, 1, 2**39 - 1], [1], 0, [4]),
        ([1_000 * place for place in range(96)], [0, 79, 95], 0, [78, 79, 80, 81]),
        ([-250] * 100, [], 3, [0, 99]),
    ]
    found = []
    for number, (readings, estimated, revision, places) in enumerate(shapes):
        secret = development_secret(SEED, number)
        record = MeterRecord.of(
            metering_point=keccak(b"point" + bytes([number]))[:16],
            slot_start=START - START % 86_400,
            period_seconds=900,
            readings_milli_wh=readings,
            estimated=estimated,
            revision=revision,
            secret=secret,
        )
        opening = record.opening(places)
        signed = sign.sign_record(development_device(SEED, number), oracle, record)
        other = sign.sign_record_p256(development_p256_device(SEED, number), oracle, record)
        found.append(
            {
                "meteringPoint": record.head.metering_point,
                "slotStart": record.head.slot_start,
                "periodSeconds": record.head.period_seconds,
                "revision": revision,
                "readingsMilliWh": readings,
                "estimated": estimated,
                "secret": secret,
                "head": record.head.pack().to_bytes(32, "big"),
                "salt": record.salt,
                "blocks": record.blocks,
                "commitment": record.commitment,
                "structHash": record.struct_hash,
                "digest": sign.record_digest(oracle, record.head.pack(), record.commitment),
                "openedAt": places,
                "opening": opening.packed,
                "secp256k1": {
                    "signer": development_device(SEED, number).address,
                    "r": signed.r,
                    "vs": signed.vs,
                },
                "p256": {
                    "signer": development_p256_device(SEED, number).address,
                    "r": other.r,
                    "s": other.s,
                    "x": other.x,
                    "y": other.y,
                },
            }
        )
    return found


def tree_vectors() -> list[dict[str, Any]]:
    """Both trees over some numbers of leaves, with the path and the frontier of the last leaf, and their history leaf."""
    found = []
    for count in (1, 2, 3, 5, 8, 17):
        leaves = [keccak(b"leaf" + bytes([index])) for index in range(count)]
        tree, batch = trees.SubmissionTree.of(leaves), trees.BatchTree.of(leaves)
        frontier = trees.empty_frontier(count)
        for index, leaf in enumerate(leaves):
            frontier = trees.append(frontier, index, leaf)
        found.append(
            {
                "leaves": leaves,
                "submission": {"root": tree.root, "lastPath": tree.path(count - 1), "frontier": frontier},
                "batch": {"root": batch.root, "lastPath": batch.path(count - 1)},
                "historyLeaf": trees.history_leaf(leaves),
            }
        )
    return found


def settlement_vectors() -> list[dict[str, Any]]:
    """Dispatches and how they end."""
    return [*_usef(), *_ordinary(), *_stepped()]


def _usef() -> list[dict[str, Any]]:
    """USEF's published table: net of pay and penalty 14, 14, -4, -22, -33."""
    rule = a_rule(
        period_seconds=3_600,
        baseline=BaselineMethod.NOMINATED,
        baseline_periods=0,
        clamp_level=ClampLevel.PORTFOLIO,
        tolerance_bps=0,
        deficiency_uncapped=True,
        stop_loss_bps=10_000,
        collateral_bps=15_000,
    )
    product = a_product(
        rule,
        lot_w=1_000_000,
        availability_per_mwhour=0,
        utilisation_per_mwh=7_000_000,
        shortfall_per_mwh=11_000_000,
        min_run_seconds=3_600,
    )
    dispatch = a_dispatch(product, units=2, orders_w=(2_000_000,))
    return [
        _settled(f"USEF, {metered} MW metered", rule, product, dispatch, [(10 - metered) * 10**9], [2_000_000], 0)
        for metered in (7, 8, 9, 10, 11)
    ]


def _ordinary() -> list[dict[str, Any]]:
    """One hour under the plain rule, delivered in all sorts of ways."""
    rule = a_rule()
    product = a_product(rule)
    dispatch = a_dispatch(product)
    alone, shared = [10_000] * 4, [30_000] * 4
    return [
        _settled("in full", rule, product, dispatch, [2_500_000] * 4, alone, 6_000),
        _settled("half, shared with 20 kW", rule, product, dispatch, [3_750_001] * 4, shared, 6_000),
        _settled("against it", rule, product, dispatch, [-1, 2_499_999, 7_000_000, -9_000_000], alone, 6_000),
        _settled("never measured", rule, product, replace(dispatch, excused_mask=0b0010), None, alone, 6_000),
        _settled("taken back whole", rule, product, replace(dispatch, orders_w=(0, 0, 0, 0)), None, [0] * 4, 6_000),
    ]


def _stepped() -> list[dict[str, Any]]:
    """Ireland's DS3 steps on availability and a paid order, threshold tolerance, buyer in arrears."""
    points = ((6_000, 2_500), (7_000, 5_000), (8_000, 7_000), (9_000, 8_500), (9_500, 9_500), (9_700, 10_000))
    rule = a_rule(
        pay_base=PayBase.ORDERED,
        pay_curve_kind=CurveKind.LINEAR,
        pay_curve=(CurvePoint(ratio_bps=5_000, pay_bps=5_000), CurvePoint(ratio_bps=10_000, pay_bps=10_000)),
        over_delivery_cap_bps=12_000,
        tolerance_kind=ToleranceKind.THRESHOLD,
        tolerance_bps=2_500,
        availability_curve_kind=CurveKind.STEPS,
        availability_curve=tuple(CurvePoint(ratio_bps=ratio, pay_bps=pay) for ratio, pay in points),
        funding=Funding.STATEMENT,
    )
    product = a_product(rule, direction=Direction.ABSORB)
    dispatch = a_dispatch(product)
    return [
        _settled(f"DS3 steps at {share} %", rule, product, dispatch, [25_000 * share] * 4, [10_000] * 4, 6_000)
        for share in (59, 60, 75, 89, 96, 97, 120)
    ]


def _settled(
    name: str,
    rule: Rule,
    product: Product,
    dispatch: Dispatch,
    responses: Sequence[int] | None,
    event_orders_w: Sequence[int],
    customer_share_bps: int,
) -> dict[str, Any]:
    outcome = settle_dispatch(
        product=product,
        rule=rule,
        dispatch=dispatch,
        responses_milli_wh=responses,
        event_orders_w=event_orders_w,
        customer_share_bps=customer_share_bps,
    )
    periods = [{solidity_name(key): value for key, value in asdict(item).items()} for item in outcome.periods]
    return {
        "name": name,
        "rule": rule,
        "product": product,
        "dispatch": dispatch,
        "responsesMilliWh": responses,
        "eventOrdersW": event_orders_w,
        "customerShareBps": customer_share_bps,
        "periods": periods,
        "settled": outcome.settled,
    }


FILES: Final[dict[str, Callable[[], list[dict[str, Any]]]]] = {
    "ids.json": id_vectors,
    "digests.json": digest_vectors,
    "records.json": record_vectors,
    "trees.json": tree_vectors,
    "settlements.json": settlement_vectors,
}


def content(name: str) -> str:
    """A file as it should be."""
    return json.dumps(plain(FILES[name]()), indent=1) + "\n"


def main() -> None:
    """Write or check."""
    if "--check" not in sys.argv[1:]:
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            (FOLDER / name).write_text(content(name), encoding="utf-8")
        return
    present = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    stale = sorted(
        name for name in FILES.keys() | present.keys() if name not in FILES or content(name) != present.get(name)
    )
    if stale:
        raise SystemExit(f"Golden vectors differ: {', '.join(stale)}. Run `python tools/vectors.py` if that is meant.")


if __name__ == "__main__":
    main()
