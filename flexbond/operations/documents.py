"""What people sign and hand to each other, as files: statements, consents, payee changes and offers.

A document is a JSON object with its `schema` and `version`, the chain and the contract that it was signed for, the signed
struct with the field names of Solidity, and the signatures in hexadecimal. Whoever loads one may distrust it: every field is
checked, and what is wrong has a name. Whether a signature is good, the contracts say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from flexbond.model.struct import Struct
from flexbond.model.types import Consent, Offer, Statement
from flexbond.operations.errors import DocumentDomainError
from flexbond.operations.files import read_document, require_keys, write_document
from flexbond.operations.structs import address, from_json, hex_bytes, integer, to_json
from flexbond.signing.eip712 import Domain
from flexbond.signing.messages import PayeeChange

if TYPE_CHECKING:
    from pathlib import Path

MAX_SIGNATURE_BYTES: Final = 4_096
"""Greatest signature; those of contract wallets have no length of their own."""


@dataclass(frozen=True, kw_only=True)
class Signed:
    """What all signed documents have."""

    schema: ClassVar[str]
    body: ClassVar[tuple[str, type[Struct]]]
    """Name and struct of what is signed."""
    accounts: ClassVar[tuple[str, ...]] = ()
    """Fields that are addresses, beside the struct."""
    signatures: ClassVar[tuple[str, ...]] = ("signature",)
    """Fields that are signatures."""

    chain_id: int
    contract: str
    """Address of the contract that verifies."""

    @property
    def domain(self) -> tuple[int, str]:
        """What the signature is bound to."""
        return self.chain_id, self.contract

    def save(self, path: Path) -> None:
        """Writes the file, whole or not at all. Raises DocumentUnreadableError."""
        write_document(path, self.as_json(), schema=self.schema)

    def as_json(self) -> dict[str, Any]:
        """All fields, without schema and version."""
        name, _ = self.body
        fields: dict[str, Any] = {"chainId": self.chain_id, "contract": self.contract}
        fields[name] = to_json(getattr(self, name))
        fields.update({_camel(field): getattr(self, field) for field in self.accounts})
        fields.update({_camel(field): "0x" + getattr(self, field).hex() for field in self.signatures})
        return fields

    @classmethod
    def load(cls, path: Path) -> Self:
        """The document of a file. Raises DocumentError."""
        return cls.from_json(read_document(path, schema=cls.schema), place=str(path))

    @classmethod
    def from_json(cls, content: dict[str, Any], *, place: str) -> Self:
        """The document from JSON, without schema and version. Raises DocumentError."""
        name, struct = cls.body
        others = {_camel(field): field for field in (*cls.accounts, *cls.signatures)}
        given = require_keys(content, {"chainId", "contract", name, *others}, place=place)
        values: dict[str, Any] = {
            "chain_id": integer(given["chainId"], place=f"{place}, chainId", low=1),
            "contract": address(given["contract"], place=f"{place}, contract"),
            name: from_json(struct, given[name], place=f"{place}, {name}"),
        }
        for key, field in others.items():
            if field in cls.accounts:
                values[field] = address(given[key], place=f"{place}, {key}")
            else:
                values[field] = _signature(given[key], place=f"{place}, {key}")
        return cls(**values)

    def check_domain(self, domain: Domain) -> None:
        """Raises DocumentDomainError unless the document was signed for this contract on this chain."""
        if self.domain != (domain.chain_id, domain.contract):
            raise DocumentDomainError(
                f"This was signed for contract {self.contract} on chain {self.chain_id}, "
                f"not for {domain.contract} on chain {domain.chain_id}.",
                "Choose its network with --network, or have it signed anew.",
            )


@dataclass(frozen=True, kw_only=True)
class SignedStatement(Signed):
    """A metering point as its meter operator states it, with the device's proof of its key."""

    schema: ClassVar[str] = "flexbond/statement"
    body: ClassVar[tuple[str, type[Struct]]] = ("statement", Statement)
    accounts: ClassVar[tuple[str, ...]] = ("meter_operator",)
    signatures: ClassVar[tuple[str, ...]] = ("operator_signature", "key_proof")

    statement: Statement
    meter_operator: str
    operator_signature: bytes
    key_proof: bytes
    """Empty until the device has proven its key."""


@dataclass(frozen=True, kw_only=True)
class SignedConsent(Signed):
    """A customer's consent to enrol its metering point."""

    schema: ClassVar[str] = "flexbond/consent"
    body: ClassVar[tuple[str, type[Struct]]] = ("consent", Consent)

    consent: Consent
    signature: bytes


@dataclass(frozen=True, kw_only=True)
class SignedPayeeChange(Signed):
    """The present payee's word that another collects for a place of a portfolio."""

    schema: ClassVar[str] = "flexbond/payee-change"
    body: ClassVar[tuple[str, type[Struct]]] = ("change", PayeeChange)

    change: PayeeChange
    signature: bytes


@dataclass(frozen=True, kw_only=True)
class SignedOffer(Signed):
    """A provider's offer."""

    schema: ClassVar[str] = "flexbond/offer"
    body: ClassVar[tuple[str, type[Struct]]] = ("offer", Offer)
    accounts: ClassVar[tuple[str, ...]] = ("signer",)

    offer: Offer
    signer: str
    """The provider or its operator."""
    signature: bytes


def _signature(content: Any, *, place: str) -> bytes:
    data = hex_bytes(content, place=place)
    integer(len(data), place=f"{place}, length", high=MAX_SIGNATURE_BYTES)
    return data


def _camel(field: str) -> str:
    first, *rest = field.split("_")
    return first + "".join(word.capitalize() for word in rest)
