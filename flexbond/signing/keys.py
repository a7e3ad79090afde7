"""Where keys come from: encrypted keystores and environment variables, never arguments.

A key is named by a source that is no secret itself and may stand in a configuration: `env:NAME` is the environment
variable that holds the private key in hexadecimal, anything else the path of an encrypted keystore (V3 JSON, as geth
and eth-account write it). The keystore's password is in the file that `FLEXBOND_PASSWORD_FILE` names; without it, it is
asked for on the terminal.
"""

from __future__ import annotations

import json
import os
import sys
from functools import lru_cache
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from eth_account import Account
from eth_account.hdaccount import key_from_seed, seed_from_mnemonic

from flexbond.errors import FlexbondError
from flexbond.hashing import keccak
from flexbond.signing.signers import P256_ORDER, SECP256K1_ORDER, P256Signer, Secp256k1Signer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PASSWORD_FILE: Final = "FLEXBOND_PASSWORD_FILE"  # noqa: S105  the name of a variable, no password
"""Environment variable that names the file with the keystores' password."""

MNEMONIC: Final = "test test test test test test test test test test test junk"
"""The public mnemonic of development chains. Whoever reads this owns its accounts on every chain."""


class KeyUnavailableError(FlexbondError):
    """A key that cannot be loaded from its source."""


def load_signer(
    source: str,
    *,
    environ: Mapping[str, str] | None = None,
    ask: Callable[[str], str] | None = None,
) -> Secp256k1Signer:
    """The account that a source names: `env:NAME` or the path of a keystore. Raises KeyUnavailableError.

    `environ` and `ask` replace the process's environment and the prompt on the terminal.
    """
    variables = os.environ if environ is None else environ
    if source.startswith("env:"):
        return _from_environment(source.removeprefix("env:"), variables)
    return _from_keystore(Path(source), variables, ask)


def save_keystore(path: Path, signer: Secp256k1Signer, password: str) -> None:
    """Writes the signer's key encrypted, readable by its owner only. Raises KeyUnavailableError if the file exists."""
    content = json.dumps(Account.encrypt(signer.secret(), password))
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise KeyUnavailableError(
            f"{path} exists.", next_step="Choose another name; keys are not overwritten."
        ) from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)


def keystore_password(path: Path) -> str:
    """The password for a keystore: from the file that `FLEXBOND_PASSWORD_FILE` names, else asked for. Raises KeyUnavailableError."""
    return _password(path, os.environ, None)


@lru_cache(maxsize=256)
def development_signer(index: int) -> Secp256k1Signer:
    """Account `index` of the public mnemonic, the same as that of Anvil and Ganache. Development only."""
    return Secp256k1Signer(bytes(key_from_seed(_development_seed(), f"m/44'/60'/0'/0/{index}")))


def development_device(seed: bytes, index: int) -> Secp256k1Signer:
    """Device `index` of a fleet derived from a public seed. Development only."""
    return Secp256k1Signer(_derived(b"secp256k1", seed, index, SECP256K1_ORDER))


def development_p256_device(seed: bytes, index: int) -> P256Signer:
    """Device `index` of a fleet derived from a public seed, with a P-256 key. Development only."""
    return P256Signer(_derived(b"p256", seed, index, P256_ORDER))


def development_secret(seed: bytes, index: int) -> bytes:
    """The secret from which device `index` of such a fleet salts its records. Development only."""
    return keccak(b"Flexbond development salt" + keccak(seed) + index.to_bytes(8, "big"))


@lru_cache(maxsize=1)
def _development_seed() -> bytes:
    return bytes(seed_from_mnemonic(MNEMONIC, ""))


def _derived(scheme: bytes, seed: bytes, index: int, order: int) -> bytes:
    drawn = keccak(b"Flexbond development " + scheme + keccak(seed) + index.to_bytes(8, "big"))
    return (1 + int.from_bytes(drawn, "big") % (order - 1)).to_bytes(32, "big")


def _from_environment(name: str, variables: Mapping[str, str]) -> Secp256k1Signer:
    text = variables.get(name, "").strip()
    if not text:
        raise KeyUnavailableError(
            f"The environment variable {name} holds no key.", next_step="Set it, or name a keystore file instead."
        )
    try:
        return Secp256k1Signer(bytes.fromhex(text.removeprefix("0x")))
    except (ValueError, FlexbondError):
        # The original error would quote the key.
        raise KeyUnavailableError(
            f"The environment variable {name} holds no private key.", next_step="It takes 64 hexadecimal digits."
        ) from None


def _from_keystore(path: Path, variables: Mapping[str, str], ask: Callable[[str], str] | None) -> Secp256k1Signer:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise KeyUnavailableError(
            f"{path} is no keystore that can be read.", next_step="Name a V3 keystore file, or env:NAME."
        ) from error
    password = _password(path, variables, ask)
    try:
        return Secp256k1Signer(bytes(Account.decrypt(content, password)))
    except (ValueError, TypeError, KeyError, NotImplementedError) as error:
        raise KeyUnavailableError(
            f"The keystore {path} does not open.", next_step="Check its password and that it is V3 JSON."
        ) from error


def _password(path: Path, variables: Mapping[str, str], ask: Callable[[str], str] | None) -> str:
    named = variables.get(PASSWORD_FILE, "")
    if named:
        try:
            return Path(named).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            raise KeyUnavailableError(
                f"The password file {named} cannot be read.", next_step=f"Correct {PASSWORD_FILE}."
            ) from error
    if ask is None and not sys.stdin.isatty():
        raise KeyUnavailableError(
            f"The keystore {path} needs a password.", next_step=f"Name a file with it in {PASSWORD_FILE}."
        )
    return (ask or getpass)(f"Password of {path}: ")
