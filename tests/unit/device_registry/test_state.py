"""DeviceRegistry.state: what a meter operator states, with the device's proof of its key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flexbond.hashing import ZERO_ADDRESS
from flexbond.model.types import DeviceKind, SignerScheme, Statement
from flexbond.signing.eip712 import digest
from flexbond.signing.keys import development_device, development_signer
from flexbond.signing.sign import prove_key, sign_statement
from flexbond.signing.signers import P256_ORDER
from tests.support.evm import Receipt, reverts
from tests.support.world import GRID_ID, SEED, Home, World


def bring(world: World, home: Home, statement: Statement, **changes: Any) -> Receipt:
    """Brings a statement with signatures that can be replaced: `operator`, `signature`, `proof`."""
    operator, domain = world.accounts.meter_operator, world.domain("DeviceRegistry")
    return world.devices.state.send(
        statement,
        changes.get("operator", operator.address),
        changes.get("signature", sign_statement(operator, domain, statement)),
        changes.get("proof", prove_key(home.device, domain, statement)),
        sender=world.accounts.relayer,
    )


@pytest.mark.parametrize("scheme", [SignerScheme.SECP256K1, SignerScheme.P256])
def test_states_a_metering_point(world: World, scheme: SignerScheme) -> None:
    """Given a statement signed by the operator and the device, whoever brings it, it stands."""
    home = world.home(0, scheme=scheme)
    statement = world.statement(home)
    event = world.state(home, statement).only("Stated")

    assert event.metering_point == home.metering_point
    assert event.meter_operator == world.accounts.meter_operator.address
    assert event.statement == statement
    signer = world.devices.signer.call(home.metering_point)
    assert (signer.signer, signer.scheme) == (home.device.address, scheme)
    assert (signer.valid_from, signer.valid_until) == (statement.valid_from, statement.valid_until)
    assert signer.grid_id == GRID_ID
    point = world.devices.meteringPoint.call(home.metering_point)
    assert (point.customer, point.kind) == (home.customer.address, DeviceKind.DEVICE)
    assert (point.capacity_w, point.connection_w, point.sequence) == (5_000, 15_000, 1)
    assert (point.suspended_at, point.entry_index, point.committed_until) == (0, 0, 0)
    assert point.portfolio_id == bytes(32)


def test_signers_gives_one_word_for_each(world: World) -> None:
    """Given a stated point and an unknown one, it gives their words in the order asked, zero for the unknown."""
    home = world.home(0)
    statement = world.statement(home)
    world.state(home, statement)
    word = int(home.device.address, 16) | statement.valid_from << 160 | statement.valid_until << 200
    word |= GRID_ID << 240 | SignerScheme.SECP256K1 << 248
    asked = [bytes(16), home.metering_point, home.metering_point]
    assert world.devices.signers.call(asked) == (0, word, word)
    assert world.devices.signers.call([]) == ()
    assert world.devices.signer.call(bytes(16)).scheme is SignerScheme.NONE


INVALID: list[tuple[str, dict[str, Any]]] = [
    ("meteringPoint", {"metering_point": bytes(16)}),
    ("customer", {"customer": ZERO_ADDRESS}),
    ("scheme", {"scheme": SignerScheme.NONE}),
    ("scheme", {"scheme": SignerScheme.SUSPENDED}),
    ("signer", {"signer": ZERO_ADDRESS}),
    ("capacityW", {"capacity_w": 0}),
    ("capacityW", {"capacity_w": 15_001}),
    ("validUntil", {"valid_from": 2**40 - 1, "valid_until": 2**40 - 1}),
    ("validUntil", {"valid_from": 2**40 - 1, "valid_until": 2**40 - 2}),
]


@pytest.mark.parametrize(("field", "changes"), INVALID)
def test_refuses_an_invalid_statement(world: World, field: str, changes: dict[str, Any]) -> None:
    """Given a field that no statement may have, the error names it."""
    home = world.home(0)
    statement = world.statement(home, **changes)
    with reverts("DeviceRegistry_StatementInvalid", statement.metering_point, field):
        bring(world, home, statement)


def test_refuses_a_statement_that_has_run_out(world: World) -> None:
    """Given a statement valid until now, exclusive, it is refused; valid a second longer, it is not."""
    home = world.home(0)
    with reverts("DeviceRegistry_StatementInvalid", home.metering_point, "validUntil"):
        world.state(home, world.statement(home, valid_until=world.evm.time))
    world.state(home, world.statement(home, valid_until=world.evm.time + 1))


@pytest.mark.parametrize("grid_id", [0, 2])
def test_refuses_an_unknown_grid(world: World, grid_id: int) -> None:
    """Given a grid that was not published, it is refused."""
    home = world.home(0)
    with reverts("DeviceRegistry_GridUnknown", grid_id):
        world.state(home, world.statement(home, grid_id=grid_id))


def test_refuses_an_old_or_replayed_statement(world: World) -> None:
    """Given sequence 5, when the same statement, or one with a lower sequence, comes again, it is old."""
    home = world.home(0)
    with reverts("DeviceRegistry_StatementOld", home.metering_point, 0, 0):
        world.state(home, world.statement(home, sequence=0))
    stated = world.statement(home, sequence=5)
    world.state(home, stated)
    with reverts("DeviceRegistry_StatementOld", home.metering_point, 5, 5):
        world.state(home, stated)
    with reverts("DeviceRegistry_StatementOld", home.metering_point, 4, 5):
        world.state(home, world.statement(home, sequence=4))


def test_refuses_an_operator_without_the_role(world: World) -> None:
    """Given a statement signed by somebody without METER_OPERATOR, it is refused, whoever that is."""
    home = world.home(0)
    statement = world.statement(home)
    for account in (world.accounts.attacker, world.accounts.market_operator, world.accounts.admin, home.customer):
        signature = sign_statement(account, world.domain("DeviceRegistry"), statement)
        with reverts("DeviceRegistry_NotMeterOperator", account):
            bring(world, home, statement, operator=account.address, signature=signature)


def test_refuses_a_signature_that_is_not_the_operators(world: World) -> None:
    """Given another's signature, one of another statement, or none, it is refused."""
    home = world.home(0)
    statement, domain = world.statement(home), world.domain("DeviceRegistry")
    signatures = (
        sign_statement(world.accounts.attacker, domain, statement),
        sign_statement(world.accounts.meter_operator, domain, replace(statement, capacity_w=4_999)),
        sign_statement(world.accounts.meter_operator, world.domain("MeterOracle"), statement),
        b"",
        bytes(65),
    )
    for signature in signatures:
        with reverts("Flexbond_BadSignature", world.accounts.meter_operator, digest(domain, statement)):
            bring(world, home, statement, signature=signature)


def test_an_operator_may_be_a_contract(world: World) -> None:
    """Given a contract with the role, when its owner signs for it, the statement stands; a stranger's does not."""
    owner, admin = world.accounts.buyer, world.accounts.admin
    wallet = world.evm.deploy("MockWallet", owner.address, sender=owner)
    governance = world.evm.deploy("Governance", admin.address, sender=admin)
    governance.grantRole.send(2, wallet, 0, sender=admin)
    registry = world.evm.deploy(
        "DeviceRegistry", governance.address, *([world.participants.address] * 3), sender=world.accounts.relayer
    )
    registry.publishGrid.send((900, 96, 0), sender=admin)
    home = world.home(0)
    statement = world.statement(home)
    domain = replace(world.domain("DeviceRegistry"), contract=registry.address)
    proof = prove_key(home.device, domain, statement)

    forged = sign_statement(world.accounts.attacker, domain, statement)
    with reverts("Flexbond_BadSignature", wallet, digest(domain, statement)):
        registry.state.send(statement, wallet, forged, proof, sender=owner)
    signature = sign_statement(owner, domain, statement)
    assert registry.state.send(statement, wallet, signature, proof, sender=owner).only("Stated").meter_operator == (
        wallet.address
    )


def test_refuses_a_key_that_is_not_proven(world: World) -> None:
    """Given another device's proof, one of another statement, or bytes that are none, the key is not proven."""
    home = world.home(0)
    statement, domain = world.statement(home), world.domain("DeviceRegistry")
    proofs = (
        prove_key(development_device(SEED, 1), domain, statement),
        prove_key(home.device, domain, replace(statement, sequence=2)),
        prove_key(world.home(0, scheme=SignerScheme.P256).device, domain, statement),
        b"",
        bytes(65),
        bytes(128),
    )
    for proof in proofs:
        with reverts("DeviceRegistry_KeyNotProven", home.metering_point, home.device):
            bring(world, home, statement, proof=proof)


def test_refuses_a_p256_key_that_is_not_proven(world: World) -> None:
    """Given a P-256 device, when the proof is another's, malleated, cut or of the other scheme, it is refused."""
    home = world.home(0, scheme=SignerScheme.P256)
    statement, domain = world.statement(home), world.domain("DeviceRegistry")
    good = prove_key(home.device, domain, statement)
    high = (P256_ORDER - int.from_bytes(good[32:64], "big")).to_bytes(32, "big")
    proofs = (
        prove_key(world.home(1, scheme=SignerScheme.P256).device, domain, statement),
        good[:32] + high + good[64:],
        good[:-1],
        good + b"\0",
        good[:64] + bytes(64),
        prove_key(development_device(SEED, 0), domain, statement),
    )
    for proof in proofs:
        with reverts("DeviceRegistry_KeyNotProven", home.metering_point, home.device):
            bring(world, home, statement, proof=proof)


def test_a_new_key_replaces_the_old(world: World) -> None:
    """Given a stated point, when the operator states another key, that one counts and the customer stays enrolled."""
    home = world.home(0)
    portfolio = world.portfolio_of([home])
    rotated = replace(home, device=development_device(SEED, 99))
    world.state(rotated, world.statement(rotated, sequence=2))
    assert world.devices.signer.call(home.metering_point).signer == rotated.device.address
    assert world.devices.meteringPoint.call(home.metering_point).portfolio_id == portfolio
    assert world.devices.sums.call(portfolio).entries == 1


def test_a_changed_capacity_gives_a_new_place(world: World) -> None:
    """Given an enrolled point, when its capacity changes, its place is closed, and a new one has the same payee."""
    home, other = world.home(0), world.home(1)
    portfolio = world.create_portfolio()
    world.state(home)
    payee = development_signer(30).address
    world.enrol(home, world.consent(home, portfolio, payee=payee))
    world.enrol_home(other, portfolio)
    before = world.evm.time
    world.evm.time += 10
    receipt = world.state(home, world.statement(home, sequence=2, capacity_w=4_000, connection_w=12_000))

    left, joined = receipt.only("Left"), receipt.only("Joined")
    assert (left.portfolio_id, left.metering_point, left.index) == (portfolio, home.metering_point, 0)
    assert (joined.portfolio_id, joined.metering_point, joined.index) == (portfolio, home.metering_point, 2)
    assert (joined.payee, joined.capacity_w, joined.connection_w) == (payee, 4_000, 12_000)
    old, new = world.devices.entry.call(portfolio, 0), world.devices.entry.call(portfolio, 2)
    assert (old.joined_at, old.left_at, old.capacity_w) == (before, before + 10, 5_000)
    assert (new.joined_at, new.left_at, new.capacity_w, new.payee) == (before + 10, 0, 4_000, payee)
    point = world.devices.meteringPoint.call(home.metering_point)
    assert (point.portfolio_id, point.entry_index, point.capacity_w) == (portfolio, 2, 4_000)
    assert world.devices.sums.call(portfolio).as_tuple() == (3, 9_000, 27_000)
    # What stood before is read as before.
    assert world.devices.sumsBefore.call(portfolio, world.evm.time).as_tuple() == (2, 10_000, 30_000)
    assert world.devices.sumsBefore.call(portfolio, world.evm.time + 1).as_tuple() == (3, 9_000, 27_000)


def test_a_changed_connection_gives_a_new_place(world: World) -> None:
    """Given an enrolled point, when only its connection changes, it has a new place too."""
    home = world.home(0)
    portfolio = world.portfolio_of([home])
    receipt = world.state(home, world.statement(home, sequence=2, connection_w=20_000))
    assert receipt.only("Joined").index == 1
    assert world.devices.sums.call(portfolio).as_tuple() == (2, 5_000, 20_000)


def test_a_changed_kind_gives_a_new_place(world: World) -> None:
    """Given an enrolled point, when only its kind changes, its place keeps the old one and a new place has the new."""
    home = world.home(0)
    portfolio = world.portfolio_of([home])
    receipt = world.state(home, world.statement(home, sequence=2, kind=DeviceKind.GATEWAY))
    joined = receipt.only("Joined")
    assert (joined.index, joined.kind) == (1, DeviceKind.GATEWAY)
    kinds = [world.devices.entry.call(portfolio, index).kind for index in (0, 1)]
    assert kinds == [DeviceKind.DEVICE, DeviceKind.GATEWAY]
    assert world.devices.meteringPoint.call(home.metering_point).kind is DeviceKind.GATEWAY


def test_the_same_capacity_keeps_the_place(world: World) -> None:
    """Given an enrolled point, when it is stated anew with the same capacity and kind, its place stays."""
    home = world.home(0)
    portfolio = world.portfolio_of([home])
    receipt = world.state(home, world.statement(home, sequence=2, valid_until=2**40 - 1))
    assert [event.name for event in receipt.events] == ["Stated"]
    assert world.devices.sums.call(portfolio).entries == 1


def test_a_changed_customer_leaves(world: World) -> None:
    """Given an enrolled point, when another customer is stated for it, it leaves, even if its capacity changes too."""
    home = world.home(0)
    portfolio = world.portfolio_of([home])
    moved_in = development_signer(31).address
    receipt = world.state(home, world.statement(home, sequence=2, customer=moved_in, capacity_w=1))
    assert receipt.only("Left").index == 0
    assert receipt.all("Joined") == []
    point = world.devices.meteringPoint.call(home.metering_point)
    assert (point.customer, point.portfolio_id, point.capacity_w) == (moved_in, bytes(32), 1)
    assert world.devices.sums.call(portfolio).as_tuple() == (1, 0, 0)
