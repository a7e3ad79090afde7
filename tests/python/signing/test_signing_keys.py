"""Where keys come from."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from eth_account import Account
from eth_keyfile import create_keyfile_json

from flexbond.signing.keys import (
    PASSWORD_FILE,
    KeyUnavailableError,
    development_device,
    development_p256_device,
    development_secret,
    development_signer,
    load_signer,
    save_keystore,
)

KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    """An encrypted keystore with the password `open sesame`, cheap to open."""
    path = tmp_path / "key.json"
    path.write_text(json.dumps(create_keyfile_json(bytes.fromhex(KEY), b"open sesame", iterations=2, kdf="pbkdf2")))
    return path


def test_development_accounts_are_those_of_anvil() -> None:
    """Given the public mnemonic, its first accounts are Anvil's and Ganache's."""
    assert development_signer(0).address == ADDRESS
    assert development_signer(0).secret().hex() == KEY
    assert development_signer(1).address == "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
    assert development_signer(9).address == "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"


def test_devices_of_a_fleet_are_derived() -> None:
    """Given a public seed, each device has its own key and secret, the same every time."""
    made = [make(b"fleet", i).address for make in (development_device, development_p256_device) for i in range(3)]
    secrets = [development_secret(b"fleet", i) for i in range(3)]
    assert len({*made, *secrets}) == 9
    assert development_device(b"fleet", 2).address == made[2]
    assert development_device(b"other", 2).address != made[2]


@pytest.mark.parametrize("text", [KEY, "0x" + KEY, f" 0x{KEY}\n"])
def test_key_from_the_environment(text: str) -> None:
    """Given a variable with a key, it is loaded."""
    assert load_signer("env:MY_KEY", environ={"MY_KEY": text}).address == ADDRESS


@pytest.mark.parametrize("text", ["", "0x12", "not hexadecimal", "00" * 32])
def test_environment_without_a_key(text: str) -> None:
    """Given a variable without a key, it is named and its content is not shown."""
    with pytest.raises(KeyUnavailableError, match="MY_KEY") as caught:
        load_signer("env:MY_KEY", environ={"MY_KEY": text})
    assert not text or text not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.next_step


def test_keystore_with_a_password_file(keystore: Path, tmp_path: Path) -> None:
    """Given a keystore and a file with its password, it opens."""
    password = tmp_path / "password"
    password.write_text("open sesame\n")
    assert load_signer(str(keystore), environ={PASSWORD_FILE: str(password)}).address == ADDRESS


def test_keystore_with_a_prompt(keystore: Path) -> None:
    """Given a keystore and no file, the password is asked for by the keystore's name."""
    asked = []

    def answer(text: str) -> str:
        asked.append(text)
        return "open sesame"

    assert load_signer(str(keystore), environ={}, ask=answer).address == ADDRESS
    assert asked == [f"Password of {keystore}: "]


def test_keystores_that_do_not_open(keystore: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a wrong password, no file, no JSON, no password file or no terminal, it is said."""
    wrong = tmp_path / "wrong.json"
    wrong.write_text("no json")
    empty = tmp_path / "empty.json"
    empty.write_text("{}")
    for path, environ, says in (
        (keystore, {}, "does not open"),
        (empty, {}, "does not open"),
        (wrong, {}, "no keystore"),
        (tmp_path / "none", {}, "no keystore"),
        (keystore, {PASSWORD_FILE: str(tmp_path / "none")}, "password file"),
    ):
        with pytest.raises(KeyUnavailableError, match=says):
            load_signer(str(path), environ=environ, ask=lambda _: "wrong")
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    with pytest.raises(KeyUnavailableError, match="needs a password") as caught:
        load_signer(str(keystore), environ={})
    assert PASSWORD_FILE in caught.value.next_step


def test_saved_keystore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a signer, its keystore is readable by its owner only, opens with the password, and is not overwritten."""
    monkeypatch.setattr(
        Account,
        "encrypt",
        lambda key, password: create_keyfile_json(key, password.encode(), iterations=2, kdf="pbkdf2"),
    )
    path = tmp_path / "new.json"
    save_keystore(path, development_signer(0), "pw")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KEY not in path.read_text()
    assert load_signer(str(path), environ={}, ask=lambda _: "pw").address == ADDRESS
    with pytest.raises(KeyUnavailableError, match="exists"):
        save_keystore(path, development_signer(0), "pw")
