"""EIP-712 digests against eth_account, and the signature of each message."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from eth_account import Account
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from flexbond.model.struct import Kind, Struct, kinds_of
from flexbond.model.types import Consent, Offer, Product, Statement
from flexbond.records import RECORD_TYPE, MeterRecord
from flexbond.signing import messages, sign
from flexbond.signing.eip712 import Domain, digest, encode_type, hash_struct, typed_data
from flexbond.signing.keys import development_device, development_p256_device, development_signer
from flexbond.signing.messages import KeyProof, PayeeChange, Permit
from flexbond.signing.sign import record_digest
from flexbond.signing.signers import (
    P256_ORDER,
    SECP256K1_ORDER,
    P256Signer,
    RecoverableSignature,
    Secp256k1Signer,
    SignerError,
    recover,
)

DOMAIN = Domain.of("DeviceRegistry", chain_id=31337, contract="0x" + 40 * "9")
TYPES = [Statement, Consent, Offer, Product, messages.MeterRecord, KeyProof, PayeeChange, Permit]


def values(kind: Kind) -> st.SearchStrategy[Any]:
    """Any value that a field may hold."""
    if kind.is_struct:
        return structs(kind.cls)
    if kind.cls is not None:
        return st.sampled_from(kind.cls)
    if kind.abi == "bool":
        return st.booleans()
    if kind.abi == "address":
        return st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
    if kind.size and kind.abi.startswith("bytes"):
        return st.binary(min_size=kind.size, max_size=kind.size)
    return st.integers(kind.low, kind.high)


def structs(cls: type[Struct]) -> st.SearchStrategy[Any]:
    """Any struct of a type."""
    return st.builds(cls, **{name: values(kind) for name, kind in kinds_of(cls)})


def by_eth_account(domain: Domain, message: Struct) -> bytes:
    """The digest as eth_account makes it."""
    return bytes(_hash_eip191_message(encode_typed_data(full_message=typed_data(domain, message))))


@pytest.mark.parametrize("cls", TYPES, ids=lambda cls: cls.__name__)
@given(data=st.data())
def test_digest_is_that_of_eth_account(cls: type[Struct], data: st.DataObject) -> None:
    """Given any message, both make the same digest."""
    message = data.draw(structs(cls))
    assert digest(DOMAIN, message) == by_eth_account(DOMAIN, message)


def test_types_are_spelled_as_published() -> None:
    """Given the messages, their types are those of docs/encodings.md and of the standards."""
    assert encode_type(messages.MeterRecord) == RECORD_TYPE
    assert encode_type(KeyProof) == "KeyProof(bytes16 meteringPoint,bytes32 statementHash)"
    assert encode_type(Permit) == ("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)")
    assert encode_type(PayeeChange) == (
        "PayeeChange(bytes32 portfolioId,uint40 index,address payee,uint256 nonce,uint40 deadline)"
    )
    assert encode_type(Offer).startswith(
        "Offer(Product product,uint64 units,uint256 premiumPerUnit,address buyer,uint40 expiry,uint64 nonce)"
        "Product(uint16 schema,address provider,bytes32 portfolioId,"
    )
    assert "uint96 availabilityPerMWhour,uint96 utilisationPerMWh," in encode_type(Product)


def test_every_message_is_tested() -> None:
    """Given the module of messages, all of them are in the list above."""
    named = [item for _, item in inspect.getmembers(messages, inspect.isclass) if item.__module__ == messages.__name__]
    assert set(named) <= set(TYPES)


@given(st.lists(st.integers(-(2**39), 2**39 - 1), min_size=1, max_size=20), st.integers(0, 2**16 - 1))
def test_fast_record_digest(readings: list[int], revision: int) -> None:
    """Given any record, the digest built by hand is that of its message."""
    record = MeterRecord.of(
        metering_point=b"\x07" * 16, slot_start=900, period_seconds=900, readings_milli_wh=readings,
        secret=bytes(32), revision=revision,
    )  # fmt: skip
    head = record.head
    message = messages.MeterRecord(
        metering_point=head.metering_point, slot_start=head.slot_start, period_seconds=head.period_seconds,
        readings=head.readings, revision=head.revision, commitment=record.commitment,
    )  # fmt: skip
    assert hash_struct(message) == record.struct_hash
    assert record_digest(DOMAIN, head.pack(), record.commitment) == by_eth_account(DOMAIN, message)


# ------------------------------------------------------------------ signers


@given(st.integers(1, SECP256K1_ORDER - 1), st.binary(min_size=32, max_size=32))
def test_secp256k1(secret: int, hashed: bytes) -> None:
    """Given any key and digest, the signature is eth_account's, deterministic, with low s, and gives the address."""
    raw = secret.to_bytes(32, "big")
    signer, account = Secp256k1Signer(raw), Account.from_key(raw)
    signature = signer.sign_recoverable(hashed)
    theirs = account.unsafe_sign_hash(hashed)
    assert signer.address == account.address
    assert signature.packed == bytes(theirs.signature)
    assert int.from_bytes(signature.s, "big") <= SECP256K1_ORDER // 2
    assert recover(hashed, signature) == signer.address
    assert signature.vs[0] >> 7 == signature.parity == signature.v - 27


@given(st.integers(1, P256_ORDER - 1), st.binary(min_size=32, max_size=32))
def test_p256(secret: int, hashed: bytes) -> None:
    """Given any key and digest, the signature verifies, is deterministic and has low s."""
    signer = P256Signer(secret.to_bytes(32, "big"))
    r, s = signer.sign_pair(hashed)
    assert (r, s) == P256Signer(secret.to_bytes(32, "big")).sign_pair(hashed)
    assert int.from_bytes(s, "big") <= P256_ORDER // 2
    x, y = signer.public_key
    numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1())
    der = utils.encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    numbers.public_key().verify(der, hashed, ec.ECDSA(utils.Prehashed(SHA256())))
    assert signer.sign(hashed) == r + s + x + y


def test_rfc6979_vector() -> None:
    """Given RFC 6979's P-256 key and the SHA-256 of "sample", r is the published one."""
    key = bytes.fromhex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721")
    hashed = bytes.fromhex("AF2BDBE1AA9B6EC1E2ADE1D694F41FC71A831D0268E9891562113D8A62ADD1BF")
    r, s = P256Signer(key).sign_pair(hashed)
    assert r.hex().upper() == "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
    high = int("F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8", 16)
    assert int.from_bytes(s, "big") == P256_ORDER - high


def test_signed_messages() -> None:
    """Given each message, who signed it is recovered from its digest."""
    person, device, p256 = development_signer(3), development_device(b"fleet", 0), development_p256_device(b"fleet", 0)
    record = MeterRecord.of(
        metering_point=bytes(16), slot_start=0, period_seconds=900, readings_milli_wh=[1, 2], secret=bytes(32)
    )
    signed = sign.sign_record(device, DOMAIN, record)
    parity = signed.vs[0] >> 7
    s = bytes([signed.vs[0] & 0x7F]) + signed.vs[1:]
    hashed = record_digest(DOMAIN, signed.head, signed.commitment)
    assert recover(hashed, RecoverableSignature(r=signed.r, s=s, parity=parity)) == device.address
    other = sign.sign_record_p256(p256, DOMAIN, record)
    assert (other.r, other.s) == p256.sign_pair(hashed)
    assert (other.x, other.y) == p256.public_key

    statement = Statement.from_tuple((bytes(16), person.address, 1, device.address, 2, 1, 1, 1, 0, 9, 1))
    proof = KeyProof(metering_point=statement.metering_point, statement_hash=hash_struct(statement))
    permit = Permit(owner=person.address, spender=device.address, value=1, nonce=0, deadline=9)
    change = PayeeChange(portfolio_id=bytes(32), index=0, payee=device.address, nonce=0, deadline=9)
    consent = Consent.from_tuple((bytes(16), bytes(32), person.address, person.address, 1, 0, 9))
    for message, signature in (
        (statement, sign.sign_statement(person, DOMAIN, statement)),
        (proof, sign.prove_key(person, DOMAIN, statement)),
        (consent, sign.sign_consent(person, DOMAIN, consent)),
        (change, sign.sign_payee_change(person, DOMAIN, change)),
        (permit, sign.sign_permit(person, DOMAIN, permit).packed),
    ):
        assert signature == person.sign(digest(DOMAIN, message))
    assert len(sign.prove_key(p256, DOMAIN, statement)) == 128


def test_signers_show_no_secret() -> None:
    """Given signers, their text is their address."""
    for signer in (development_signer(0), development_p256_device(b"", 0)):
        assert signer.address in repr(signer)
        assert len(repr(signer)) < 64


def test_what_is_no_key_and_no_signature() -> None:
    """Given what is none, it is refused."""
    for make in (Secp256k1Signer, P256Signer):
        for secret in (bytes(32), b"\xff" * 32, b"\x01" * 31):
            with pytest.raises(SignerError):
                make(secret)
    for sign_it in (development_signer(0).sign, development_p256_device(b"", 0).sign):
        with pytest.raises(SignerError):
            sign_it(b"short")
    with pytest.raises(SignerError):
        recover(bytes(32), RecoverableSignature(r=bytes(32), s=bytes(32), parity=0))
