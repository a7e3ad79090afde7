"""EIP-712 types, struct hashes and digests, derived from the structs themselves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from flexbond.hashing import checksum_address, keccak
from flexbond.model.struct import Kind, Struct, kinds_of, solidity_name

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION: Final = "1"
"""Version of every domain of the suite."""

_DOMAIN_FIELDS: Final = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)
_DOMAIN_TYPE: Final = f"EIP712Domain({','.join(f'{kind} {name}' for name, kind in _DOMAIN_FIELDS)})"
_TYPE_HASHES: dict[type, bytes] = {}


@dataclass(frozen=True, kw_only=True)
class Domain:
    """What binds a signature to one contract on one chain."""

    name: str
    version: str = VERSION
    chain_id: int
    contract: str
    """Address of the contract that verifies."""

    @classmethod
    def of(cls, contract_name: str, *, chain_id: int, contract: str) -> Domain:
        """The domain of a contract of the suite, such as `MeterOracle`."""
        return cls(name=f"Flexbond {contract_name}", chain_id=chain_id, contract=contract)

    @cached_property
    def separator(self) -> bytes:
        """Hash of the domain."""
        parts = (
            keccak(_DOMAIN_TYPE.encode("ascii")),
            keccak(self.name.encode("utf-8")),
            keccak(self.version.encode("utf-8")),
            self.chain_id.to_bytes(32, "big"),
            bytes(12) + bytes.fromhex(self.contract[2:]),
        )
        return keccak(b"".join(parts))


def encode_type(cls: type[Struct]) -> str:
    """The type as EIP-712 spells it, the structs it holds behind it in alphabetical order."""
    inner = sorted({item for item in _inner(cls) if item is not cls}, key=lambda item: item.__name__)
    return "".join(_spelled(item) for item in (cls, *inner))


def type_hash(cls: type[Struct]) -> bytes:
    """keccak256 of the type."""
    known = _TYPE_HASHES.get(cls)
    if known is None:
        known = _TYPE_HASHES[cls] = keccak(encode_type(cls).encode("ascii"))
    return known


def hash_struct(message: Struct) -> bytes:
    """EIP-712 struct hash of a message."""
    words = [_word(kind, getattr(message, name)) for name, kind in kinds_of(type(message))]
    return keccak(type_hash(type(message)) + b"".join(words))


def digest_of(separator: bytes, struct_hash: bytes) -> bytes:
    """What is signed, from the hashes of domain and message."""
    return keccak(b"\x19\x01" + separator + struct_hash)


def digest(domain: Domain, message: Struct) -> bytes:
    """What is signed."""
    return digest_of(domain.separator, hash_struct(message))


def typed_data(domain: Domain, message: Struct) -> dict[str, Any]:
    """The message as wallets and `eth_signTypedData_v4` take it."""
    types = {item.__name__: _fields(item) for item in (type(message), *_inner(type(message)))}
    types["EIP712Domain"] = [{"name": name, "type": kind} for name, kind in _DOMAIN_FIELDS]
    return {
        "types": types,
        "primaryType": type(message).__name__,
        "domain": {
            "name": domain.name,
            "version": domain.version,
            "chainId": domain.chain_id,
            "verifyingContract": checksum_address(domain.contract),
        },
        "message": _plain(message),
    }


def _name(kind: Kind) -> str:
    single = kind.cls.__name__ if kind.is_struct else kind.abi
    return single + "[]" if kind.many else single


def _spelled(cls: type[Struct]) -> str:
    inside = ",".join(f"{_name(kind)} {solidity_name(name)}" for name, kind in kinds_of(cls))
    return f"{cls.__name__}({inside})"


def _fields(cls: type[Struct]) -> list[dict[str, str]]:
    return [{"name": solidity_name(name), "type": _name(kind)} for name, kind in kinds_of(cls)]


def _inner(cls: type[Struct]) -> Iterator[type[Struct]]:
    """All structs that the type holds, at any depth."""
    for _, kind in kinds_of(cls):
        if kind.is_struct:
            yield kind.cls
            yield from _inner(kind.cls)


def _word(kind: Kind, value: Any) -> bytes:
    """The 32 bytes by which a field enters the struct hash."""
    if kind.many:
        single = Kind(kind.abi, kind.cls, low=kind.low, high=kind.high, size=kind.size)
        return keccak(b"".join([_word(single, item) for item in value]))
    if kind.is_struct:
        return hash_struct(value)
    if kind.abi == "address":
        return bytes(12) + bytes.fromhex(value[2:])
    if kind.abi == "bytes":
        return keccak(value)
    if isinstance(value, bytes):
        return value.ljust(32, b"\0")
    return int(value).to_bytes(32, "big", signed=value < 0)


def _plain(message: Struct) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, kind in kinds_of(type(message)):
        value = getattr(message, name)
        if kind.is_struct:
            found[solidity_name(name)] = [_plain(item) for item in value] if kind.many else _plain(value)
        else:
            found[solidity_name(name)] = kind.plain(value)
    return found
