"""Signing each message of the suite in its domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexbond.model.types import P256Record, SignedRecord
from flexbond.records import record_hash
from flexbond.signing.eip712 import Domain, digest, digest_of, hash_struct
from flexbond.signing.messages import KeyProof, PayeeChange, Permit

if TYPE_CHECKING:
    from flexbond.model.types import Consent, Offer, Statement
    from flexbond.records import MeterRecord
    from flexbond.signing.signers import P256Signer, RecoverableSignature, Secp256k1Signer, Signer


def record_digest(oracle: Domain, head: int, commitment: bytes) -> bytes:
    """What a device signs for a record, as `MeterOracle.recordDigest`."""
    return digest_of(oracle.separator, record_hash(head, commitment))


def sign_record(signer: Secp256k1Signer, oracle: Domain, record: MeterRecord) -> SignedRecord:
    """The record as `MeterOracle.attest` takes it."""
    signature = signer.sign_recoverable(digest_of(oracle.separator, record.struct_hash))
    return SignedRecord(head=record.head.pack(), commitment=record.commitment, r=signature.r, vs=signature.vs)


def sign_record_p256(signer: P256Signer, oracle: Domain, record: MeterRecord) -> P256Record:
    """The record as `MeterOracle.attestP256` takes it."""
    r, s = signer.sign_pair(digest_of(oracle.separator, record.struct_hash))
    x, y = signer.public_key
    return P256Record(head=record.head.pack(), commitment=record.commitment, r=r, s=s, x=x, y=y)


def sign_statement(operator: Signer, registry: Domain, statement: Statement) -> bytes:
    """The meter operator's signature of a statement."""
    return operator.sign(digest(registry, statement))


def prove_key(device: Signer, registry: Domain, statement: Statement) -> bytes:
    """The device's proof of the key that the statement names."""
    proof = KeyProof(metering_point=statement.metering_point, statement_hash=hash_struct(statement))
    return device.sign(digest(registry, proof))


def sign_consent(customer: Signer, registry: Domain, consent: Consent) -> bytes:
    """The customer's consent to enrol a metering point."""
    return customer.sign(digest(registry, consent))


def sign_payee_change(payee: Signer, registry: Domain, change: PayeeChange) -> bytes:
    """The present payee's signature that another collects."""
    return payee.sign(digest(registry, change))


def sign_offer(provider: Signer, market: Domain, offer: Offer) -> bytes:
    """The signature of an offer, by the provider or its operator."""
    return provider.sign(digest(market, offer))


def sign_permit(owner: Secp256k1Signer, token: Domain, permit: Permit) -> RecoverableSignature:
    """An ERC-2612 permit; the contract takes v, r and s."""
    return owner.sign_recoverable(digest(token, permit))
