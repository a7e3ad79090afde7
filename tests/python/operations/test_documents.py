"""Signed documents as files: what is written comes back, and what strangers write has a name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.model.types import Consent, DeviceKind, Direction, Offer, Product, SignerScheme, Statement
from flexbond.operations import errors
from flexbond.operations.documents import SignedConsent, SignedOffer, SignedPayeeChange, SignedStatement
from flexbond.operations.files import MAX_DOCUMENT_BYTES, read_document, write_document
from flexbond.signing.eip712 import Domain
from flexbond.signing.messages import PayeeChange

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ADDRESS = "0x14dC79964da2C08b23698B3D3cc7Ca32193d9955"
OTHER = "0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f"

STATEMENT = SignedStatement(
    chain_id=31_337,
    contract=ADDRESS,
    statement=Statement(
        metering_point=b"p" * 16,
        customer=OTHER,
        scheme=SignerScheme.P256,
        signer=ADDRESS,
        kind=DeviceKind.DEVICE,
        capacity_w=5_000,
        connection_w=12_000,
        grid_id=1,
        valid_from=0,
        valid_until=2**40 - 1,
        sequence=1,
    ),
    meter_operator=OTHER,
    operator_signature=b"s" * 65,
    key_proof=b"",
)
CONSENT = SignedConsent(
    chain_id=31_337,
    contract=ADDRESS,
    consent=Consent(
        metering_point=b"p" * 16,
        portfolio_id=b"q" * 32,
        customer=ADDRESS,
        payee=OTHER,
        customer_share_bps=6_000,
        nonce=2**200,
        deadline=1_900_000_000,
    ),
    signature=b"s" * 65,
)
CHANGE = SignedPayeeChange(
    chain_id=1,
    contract=ADDRESS,
    change=PayeeChange(portfolio_id=b"q" * 32, index=3, payee=OTHER, nonce=0, deadline=1_900_000_000),
    signature=b"s" * 65,
)
OFFER = SignedOffer(
    chain_id=31_337,
    contract=ADDRESS,
    offer=Offer(
        product=Product(
            provider=ADDRESS,
            portfolio_id=b"q" * 32,
            zone=b"z" * 32,
            direction=Direction.ABSORB,
            window_start=1_900_000_800,
            window_end=1_900_004_400,
            notice_seconds=900,
            ramp_seconds=900,
            min_run_seconds=900,
            max_run_seconds=3_600,
            lot_w=1_000,
            availability_per_mwhour=0,
            utilisation_per_mwh=2**96 - 1,
            shortfall_per_mwh=300_000_000,
            currency=OTHER,
            rule_id=b"r" * 32,
            reference_w=-5_000,
            transferable=True,
        ),
        units=2**64 - 1,
        premium_per_unit=0,
        buyer="0x" + 40 * "0",
        expiry=1_900_000_000,
        nonce=7,
    ),
    signer=OTHER,
    signature=b"\x01" * 200,
)


@pytest.mark.parametrize("document", [STATEMENT, CONSENT, CHANGE, OFFER], ids=lambda item: item.schema)
def test_what_is_saved_is_loaded(tmp_path: Path, document: Any) -> None:
    """Given a signed document, when it is saved and loaded, then it is the same, and no other file is left."""
    path = tmp_path / "deep" / "document.json"
    document.save(path)
    assert type(document).load(path) == document
    assert [item.name for item in path.parent.iterdir()] == ["document.json"]


def test_it_is_bound_to_its_deployment() -> None:
    """Given a document, when it is used for another contract or chain, then that is refused by name."""
    CONSENT.check_domain(Domain.of("DeviceRegistry", chain_id=31_337, contract=ADDRESS))
    for chain_id, contract in ((1, ADDRESS), (31_337, OTHER)):
        with pytest.raises(errors.DocumentDomainError):
            CONSENT.check_domain(Domain.of("DeviceRegistry", chain_id=chain_id, contract=contract))


def changed(change: Callable[[dict[str, Any]], Any]) -> str:
    """The consent's file with something changed."""
    content = {"schema": CONSENT.schema, "version": 1, **CONSENT.as_json()}
    change(content)
    return json.dumps(content)


def set_at(*path: str, value: Any) -> str:
    """The consent's file with one field of another value."""

    def change(content: dict[str, Any]) -> None:
        for key in path[:-1]:
            content = content[key]
        content[path[-1]] = value

    return changed(change)


HOSTILE = {
    "empty": ("", errors.DocumentSyntaxError),
    "no JSON": ("{", errors.DocumentSyntaxError),
    "a list": ("[]", errors.DocumentSyntaxError),
    "a number": ("1", errors.DocumentSyntaxError),
    "nested deep": ("[" * 100_000, errors.DocumentTooLargeError),
    "a float": (set_at("consent", "nonce", value=1.0), errors.DocumentSyntaxError),
    "an exponent": (set_at("chainId", value=1).replace(": 1,", ": 1e3,", 1), errors.DocumentSyntaxError),
    "not a number": (set_at("consent", "nonce", value=float("nan")), errors.DocumentSyntaxError),
    "infinite": (set_at("consent", "nonce", value=float("inf")), errors.DocumentSyntaxError),
    "endless digits": (set_at("consent", "nonce", value=10**4_000), errors.DocumentTooLargeError),
    "a key twice": ('{"schema": "a", "schema": "b"}', errors.DocumentDuplicateError),
    "a key twice within": (
        changed(lambda _: None).replace('"nonce"', '"deadline": 1, "nonce"'),
        errors.DocumentDuplicateError,
    ),
    "another kind": (set_at("schema", value="flexbond/offer"), errors.DocumentSchemaError),
    "no kind": (changed(lambda content: content.pop("schema")), errors.DocumentSchemaError),
    "a kind that is no text": (set_at("schema", value={"a": 1}), errors.DocumentSchemaError),
    "a later version": (set_at("version", value=2), errors.DocumentSchemaError),
    "true as version": (set_at("version", value=True), errors.DocumentSchemaError),
    "a field missing": (changed(lambda content: content.pop("signature")), errors.DocumentFieldError),
    "a field within missing": (changed(lambda content: content["consent"].pop("payee")), errors.DocumentFieldError),
    "a field too many": (set_at("more", value=1), errors.DocumentFieldError),
    "a struct that is none": (set_at("consent", value=[1, 2]), errors.DocumentFieldError),
    "a negative number": (set_at("consent", "nonce", value=-1), errors.DocumentFieldError),
    "too large a number": (set_at("consent", "customerShareBps", value=2**16), errors.DocumentFieldError),
    "text for a number": (set_at("consent", "nonce", value="1"), errors.DocumentFieldError),
    "true for a number": (set_at("consent", "nonce", value=True), errors.DocumentFieldError),
    "chain zero": (set_at("chainId", value=0), errors.DocumentFieldError),
    "a short id": (set_at("consent", "portfolioId", value="0x1234"), errors.DocumentFieldError),
    "odd hexadecimal": (set_at("signature", value="0x123"), errors.DocumentFieldError),
    "no hexadecimal": (set_at("signature", value="0xzz"), errors.DocumentFieldError),
    "spaces in hexadecimal": (set_at("signature", value="0x12 34"), errors.DocumentFieldError),
    "bytes without 0x": (set_at("signature", value="1234"), errors.DocumentFieldError),
    "an endless signature": (set_at("signature", value="0x" + "00" * 5_000), errors.DocumentFieldError),
    "no address": (set_at("consent", "payee", value="0x12"), errors.DocumentFieldError),
    "a number for an address": (set_at("consent", "payee", value=5), errors.DocumentFieldError),
    "a wrong checksum": (
        set_at("consent", "payee", value=ADDRESS.swapcase().replace("X", "x")),
        errors.DocumentFieldError,
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    """Given a file that is not what it should be, when it is loaded, then the error has a name, a place and a next step."""
    text, error = HOSTILE[kind]
    path = tmp_path / "hostile.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(errors.DocumentError) as raised:
        SignedConsent.load(path)
    assert type(raised.value) is error
    assert str(path) in raised.value.place
    assert raised.value.next_step
    assert len(raised.value.message) < 600


def test_unreadable_files_are_refused_by_name(tmp_path: Path) -> None:
    """Given no file, a folder, bytes that are no text or a huge file, when it is loaded, then the error says which."""
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(errors.DocumentUnreadableError):
            SignedConsent.load(path)
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe{")
    with pytest.raises(errors.DocumentUnreadableError):
        SignedConsent.load(binary)
    huge = tmp_path / "huge.json"
    huge.write_bytes(b" " * (MAX_DOCUMENT_BYTES + 1))
    with pytest.raises(errors.DocumentTooLargeError):
        SignedConsent.load(huge)


def test_enums_are_names(tmp_path: Path) -> None:
    """Given an enum as a number or an unknown name, when it is loaded, then it is refused."""
    path = tmp_path / "statement.json"
    for value in (2, "P257", None, ["P256"]):
        content = STATEMENT.as_json()
        content["statement"]["scheme"] = value
        write_document(path, content, schema=STATEMENT.schema)
        with pytest.raises(errors.DocumentFieldError):
            SignedStatement.load(path)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a file, when replacing it fails midway, then the old one is there and nothing else."""
    path = tmp_path / "document.json"
    write_document(path, {"a": 1}, schema="test")

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(errors.DocumentUnreadableError, match="No space left"):
        write_document(path, {"a": 2}, schema="test")
    monkeypatch.undo()
    assert read_document(path, schema="test") == {"a": 1}
    assert [item.name for item in tmp_path.iterdir()] == ["document.json"]
