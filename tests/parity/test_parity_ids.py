"""Ids, digests and bounds, in the real contracts and in Python."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexbond import ids
from flexbond.hashing import ZERO_ADDRESS, keccak
from flexbond.model.rules import RuleError, check_rule
from flexbond.model.settlement import availability_per_unit
from flexbond.model.types import (
    NO_LOOKBACK,
    CurvePoint,
    EventKey,
    LockReason,
    Offer,
    Product,
    Rule,
    SignedRecord,
)
from flexbond.records import MeterRecord
from flexbond.signing.eip712 import Domain, digest
from flexbond.signing.messages import Permit
from flexbond.signing.sign import record_digest, sign_permit, sign_record
from flexbond.trees import BatchTree
from tests.python.model.strategies import addresses, hashes, products, rules
from tests.support.evm import CHAIN_ID, Reverted
from tests.support.world import DAY, World

on_chain = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@on_chain
@given(under=rules(), data=st.data())
def test_ids_of_terms(world: World, under: Rule, data: st.DataObject) -> None:
    """Given any rule, with a look-back or without, and product, both have the same ids and the same event."""
    under = replace(under, lookback_hash=data.draw(st.just(bytes(32)) | hashes))
    of = replace(data.draw(products(under)), rule_id=ids.rule_id(under), zone=data.draw(hashes))
    assert world.rulebook.idOf.call(under) == ids.rule_id(under)
    assert world.rights.idOf.call(of) == ids.right_id(of)
    assert world.rights.eventKeyOf.call(of) == of.event_key
    assert world.measurement.idOf.call(of.event_key) == ids.event_id(of.event_key)
    assert world.rights.availabilityPerUnit.call(of) == availability_per_unit(of)


@on_chain
@given(token=addresses, reason=st.sampled_from(LockReason), key=hashes)
def test_lock_id(world: World, token: str, reason: LockReason, key: bytes) -> None:
    """Given any token, reason and key, both have the same id."""
    assert world.escrow.lockId.call(token, reason, key) == ids.lock_id(token, reason, key)


@on_chain
@given(zone=hashes, salt=hashes)
def test_portfolio_id(world: World, zone: bytes, salt: bytes) -> None:
    """Given any zone and salt, the portfolio has the id that Python says."""
    provider = world.accounts.provider
    chain = world.devices.createPortfolio.call(provider, zone, 0, salt, sender=provider)
    assert chain == ids.portfolio_id(provider.address, zone, salt)


@on_chain
@given(
    under=rules(),
    units=st.integers(0, 2**64 - 1),
    premium=st.integers(0, 2**256 - 1),
    buyer=addresses,
    expiry=st.integers(0, 2**40 - 1),
    nonce=st.integers(0, 2**64 - 1),
    data=st.data(),
)
def test_offer_digest(
    world: World, under: Rule, units: int, premium: int, buyer: str, expiry: int, nonce: int, data: st.DataObject
) -> None:
    """Given any offer, both sign the same digest."""
    of: Product = data.draw(products(under))
    offer = Offer(product=of, units=units, premium_per_unit=premium, buyer=buyer, expiry=expiry, nonce=nonce)
    assert world.market.offerDigest.call(offer) == digest(world.domain("FlexibilityMarket"), offer)


@on_chain
@given(head=st.integers(0, 2**216 - 1).map(lambda value: value << 40), commitment=hashes)
def test_record_digest(world: World, head: int, commitment: bytes) -> None:
    """Given any record, both sign the same digest."""
    expected = record_digest(world.domain("MeterOracle"), head, commitment)
    assert world.oracle.recordDigest.call(head, commitment) == expected


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 11])
def test_batch_root(world: World, count: int) -> None:
    """Given signed records of so many days, the oracle keeps the root that Python computes, and knows the signer."""
    home = world.home(0)
    today = world.evm.time - world.evm.time % DAY
    world.state(home, world.statement(home, valid_from=today - 30 * DAY))
    signed: list[SignedRecord] = []
    leaves: list[bytes] = []
    for day in range(count):
        record = MeterRecord.of(
            metering_point=home.metering_point,
            slot_start=today - (day + 1) * DAY,
            period_seconds=900,
            readings_milli_wh=[day] * 96,
            secret=home.secret,
        )
        signed.append(sign_record(home.device, world.domain("MeterOracle"), record))  # type: ignore[arg-type]
        leaves.append(record.struct_hash)
    receipt = world.oracle.attest.send(signed, sender=world.accounts.relayer)
    assert receipt.value == BatchTree.of(leaves).root
    assert tuple(world.oracle.standing.call(receipt.value)) == (world.evm.time, world.evm.time, ZERO_ADDRESS)


def test_permit(world: World) -> None:
    """Given a signed permit, the token accepts it."""
    owner, spender = world.accounts.buyer, world.escrow.address
    domain = Domain(name=world.token.name.call(), chain_id=CHAIN_ID, contract=world.token.address)
    assert world.token.DOMAIN_SEPARATOR.call() == domain.separator
    permit = Permit(
        owner=owner.address,
        spender=spender,
        value=77,
        nonce=world.token.nonces.call(owner),
        deadline=world.evm.time + 1,
    )
    signature = sign_permit(owner, domain, permit)
    values = (permit.owner, spender, 77, permit.deadline, signature.v, signature.r, signature.s)
    world.token.permit.send(*values, sender=world.accounts.relayer)
    assert world.token.allowance.call(owner, spender) == 77


def test_dispatch_hash_and_id(world: World) -> None:
    """Given a dispatch, its id and hash are those that Python computes."""
    home = world.home(0)
    portfolio = world.portfolio_of([home])
    of = world.product(portfolio)
    world.buy(of, units=2, buyer=world.accounts.buyer)
    world.evm.time = of.window_start - world.rule().gate_seconds
    called = world.dispatch(of, units=2, orders_w=[1000] * 4).dispatch
    dispatch_id = ids.dispatch_id(called.right_id, called.holder, called.number)
    assert world.settlement.dispatchHash.call(dispatch_id) == ids.dispatch_hash(called)


# ------------------------------------------------------------------ bounds


WRONG: dict[str, st.SearchStrategy[Any]] = {
    "schema": st.integers(0, 3),
    "period_seconds": st.integers(0, 2**24 - 1),
    "over_delivery_cap_bps": st.integers(0, 2**32 - 1),
    "tolerance_bps": st.integers(0, 2**16 - 1),
    "stop_loss_bps": st.integers(0, 2**16 - 1),
    "collateral_bps": st.integers(0, 2**24 - 1),
    "min_dispatch_bps": st.integers(0, 2**16 - 1),
    "min_customer_share_bps": st.integers(0, 2**16 - 1),
    "baseline_periods": st.integers(0, 255),
    "baseline": st.integers(0, 2),  # past days: test_parity_calendars
    "clamp_level": st.integers(0, 1),
    "gate_seconds": st.integers(0, 10**6),
    "reading_deadline": st.integers(0, 10**7),
    "submission_deadline": st.integers(0, 10**7),
    "proof_window": st.integers(0, 10**7),
    "collect_period": st.integers(0, 2**32 - 1),
    "spot_checks": st.integers(0, 2**22),
    "unclaimed_to": st.sampled_from(["0x" + 40 * "0", "0x" + 40 * "1"]),
    "pay_curve": st.lists(
        st.builds(CurvePoint, ratio_bps=st.integers(0, 10_100), pay_bps=st.integers(0, 10_100)), max_size=18
    ),
    "availability_curve": st.lists(
        st.builds(CurvePoint, ratio_bps=st.integers(0, 3), pay_bps=st.integers(0, 3)), max_size=4
    ),
}


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(under=rules(), data=st.data())
def test_bounds_of_a_rule(world: World, under: Rule, data: st.DataObject) -> None:
    """Given a rule with any fields changed, both publish it or both refuse it with the same error and values."""
    fields = data.draw(st.sets(st.sampled_from(sorted(WRONG)), max_size=3))
    changed = replace(under, currency=world.token.address, **{name: data.draw(WRONG[name]) for name in sorted(fields)})
    expected: tuple[object, ...] | None = None
    try:
        check_rule(changed)
    except RuleError as error:
        expected = (error.error, *error.values)
    try:
        published = world.rulebook.publish.call(changed, NO_LOOKBACK, sender=world.accounts.market_operator)
    except Reverted as reverted:
        assert (reverted.name, *reverted.args) == expected
        return
    assert expected is None
    assert published == ids.rule_id(changed)


def test_event_key_is_hashed_with_its_sign(world: World) -> None:
    """Given a negative level, both hash it alike."""
    key = EventKey(
        portfolio_id=keccak(b"p"),
        window_start=1,
        window_end=2,
        rule_id=keccak(b"r"),
        direction=1,
        reference_w=-1,  # type: ignore[arg-type]
    )
    assert world.measurement.idOf.call(key) == ids.event_id(key)
