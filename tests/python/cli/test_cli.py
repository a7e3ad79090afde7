"""The command without a chain: help, keys, errors, and what it answers for machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from flexbond import __version__
from flexbond.cli import desk
from flexbond.cli.app import app
from flexbond.cli.command import UNFORESEEN
from flexbond.model.types import SignerScheme
from flexbond.signing.devices import load_device
from tests.python.cli.commands import arguments, commands, options

COMMANDS = commands()
SENDING = {path for path, item in COMMANDS.items() if "--dry-run" in options(item)}
KEYED = {path for path, item in COMMANDS.items() if "--key" in options(item)}
NEEDED = {
    *(
        "chain up",
        "chain down",
        "chain status",
        "deploy",
        "grid publish",
        "calendar show",
        "calendar publish",
        "calendar extend",
        "rules publish",
        "participant qualify",
    ),
    *(
        "deposit",
        "withdraw",
        "portfolio create",
        "meter keygen",
        "meter state",
        "meter check",
        "meter profiles",
        "meter sign",
        "meter attest",
    ),
    "meter anchor",
    *("consent", "enrol", "offer sign", "offer cancel", "buy", "nominate", "dispatch", "stop", "cancel", "excuse"),
    *(
        "submit run",
        "submit build",
        "submit proof",
        "settle",
        "collect run",
        "collect proof",
        "status",
        "events",
        "demo",
    ),
    *("baseline", "quote", "event inputs"),
}
SELF_CONTAINED = {("rules", "list"), ("rules", "template"), ("rules", "schema"), ("meter", "profiles")}
"""Commands that nothing outside of the package can stop."""
RAW_KEY = "0x" + "ab" * 32
NOBODY = "http://127.0.0.1:1"
"""A port on which nobody listens."""
PLAIN = {
    "FLEXBOND_FOLDER": str(Path(__file__).parents[3]),
    "FLEXBOND_RPC": NOBODY,
    "FLEXBOND_KEY": "11" * 32,
    "COLUMNS": "160",
    "TERM": "dumb",
    "NO_COLOR": "1",
}


def run(*given: str, **environment: str) -> Result:
    """A command in this process."""
    return CliRunner(env={**PLAIN, **environment}).invoke(app, list(given))


def main(*given: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as people run it."""
    return subprocess.run(
        [sys.executable, "-c", "from flexbond.cli import main; main()", *given],
        env={**os.environ, **PLAIN, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_all_commands_are_there() -> None:
    """Given the command, when its parts are listed, then none of what people do is missing."""
    names = {" ".join(path) for path in COMMANDS}
    assert names >= NEEDED
    assert all({"--json", "--debug", "--network"} <= options(item) for item in COMMANDS.values())
    assert SENDING <= KEYED


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help(path: tuple[str, ...]) -> None:
    """Given a command, when its help is asked for, then it says what it does and describes every option."""
    shown = run(*path, "--help")
    assert shown.exit_code == 0
    assert COMMANDS[path].help
    assert all(parameter.help for parameter in COMMANDS[path].params)


@pytest.mark.parametrize("path", sorted(KEYED), ids=" ".join)
@pytest.mark.parametrize("prefix", ["", "env:", "keystore:"])
def test_a_raw_key_is_refused_and_not_repeated(path: tuple[str, ...], prefix: str) -> None:
    """Given a private key as an argument, when a command gets it, then it is refused, and not shown again."""
    for key in (prefix + RAW_KEY, prefix + RAW_KEY[2:]):
        result = run(*path, *arguments(COMMANDS[path]), "--key", key)
        assert result.exit_code == 2, result.output
        assert "A private key was given as an argument" in result.stderr
        assert "ab" * 8 not in result.output


@pytest.mark.parametrize("path", [("meter", "prove"), ("meter", "sign")], ids=" ".join)
def test_a_raw_device_key_is_refused(path: tuple[str, ...]) -> None:
    """Given a device's private key as an argument, when a command gets it, then it is refused in the same way."""
    given = arguments(COMMANDS[path])
    given[given.index("--device-key") + 1] = RAW_KEY
    result = run(*path, *given)
    assert result.exit_code != 0
    assert "ab" * 8 not in result.output


@pytest.mark.parametrize("key", ["0x12", "secret", "file:key.json", ""])
def test_other_sources_are_refused(key: str) -> None:
    """Given something that names no place of a key, when a command gets it, then it says what does."""
    result = run("withdraw", "--key", key)
    assert result.exit_code == 2
    assert "env:NAME" in result.stderr


@pytest.mark.parametrize(
    "path", [path for path in COMMANDS if path[0] not in ("chain", "demo") and path not in SELF_CONTAINED], ids=" ".join
)
@pytest.mark.parametrize("as_json", [False, True])
def test_every_error_is_a_sentence_and_a_next_step(path: tuple[str, ...], as_json: bool, tmp_path: Path) -> None:
    """Given no node and no files, when any command is run, then it says so without a traceback, also in JSON."""
    given = [*path, *arguments(COMMANDS[path]), *(["--json"] if as_json else [])]
    result = CliRunner(env={**PLAIN, "FLEXBOND_PASSWORD_FILE": str(tmp_path / "none")}).invoke(app, given)
    assert result.exit_code not in (0, UNFORESEEN)
    assert "Traceback" not in result.output
    assert result.stderr.count("Error: ") == 1
    assert result.stderr.count("Next: ") == 1
    if as_json:
        error = json.loads(result.stdout)["error"]
        assert set(error) == {"kind", "message", "nextStep"}
        assert all(error.values())
    else:
        assert result.stdout == ""


def test_what_nobody_foresaw_has_no_traceback_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a fault in the program, when a command meets it, then one sentence is said, and with --debug all."""

    def fail(*_: Any) -> None:
        raise ZeroDivisionError("a fault\nin lines")

    monkeypatch.setattr(desk.Rpc, "at", fail)
    result = run("status")
    assert (result.exit_code, result.stdout) == (UNFORESEEN, "")
    assert "ZeroDivisionError: a fault in lines" in result.stderr
    assert "Traceback" not in result.output
    assert isinstance(run("status", "--debug").exception, ZeroDivisionError)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["qualify-nobody"], "No such command"),
        (["settle", "--no-such-option"], "No such option"),
        (["buy"], "Missing argument"),
        (["chain", "up", "--port", "0"], "--port"),
    ],
)
def test_wrong_usage_is_a_sentence_and_a_next_step(given: list[str], said: str) -> None:
    """Given a wrong command line, when the command is run, then it says what is wrong and where help is."""
    done = main(*given)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Next: See `flexbond" in done.stderr
    assert "Traceback" not in done.stderr
    told = json.loads(main(*given, "--json").stdout)
    assert said in told["error"]["message"]


def test_an_error_of_the_process_itself() -> None:
    """Given no node, when the command is run by itself, then its exit code is not 0, and --debug shows where."""
    done = main("status")
    assert (done.returncode, done.stdout) == (1, "")
    assert "No answer from the node" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in main("status", "--debug").stderr


def test_version_and_no_arguments() -> None:
    """Given --version, then it is shown; given nothing, then help is."""
    assert main("--version").stdout == f"flexbond {__version__}\n"
    assert "settle" in main().stdout + main().stderr


# ------------------------------------------------------------------ quantities in options

QUALIFY = ("participant", "qualify", "0x14dC79964da2C08b23698B3D3cc7Ca32193d9955", "--buyer", "--until")
STATE = (
    *("meter", "state", "home", "--customer", "0x14dC79964da2C08b23698B3D3cc7Ca32193d9955", "--grid", "1"),
    *("--signer", "0x14dC79964da2C08b23698B3D3cc7Ca32193d9955", "--connection", "12 kW", "--out", "none.json"),
)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((*QUALIFY, "2030-01-01T00:00"), "with its offset from UTC"),
        ((*QUALIFY, "2030-01-01"), "with its offset from UTC"),
        ((*QUALIFY, "1900000000"), "with its offset from UTC"),
        ((*STATE, "--from", "2030-01-01T00:00Z", "--capacity", "5"), "no unit"),
        ((*STATE, "--from", "2030-01-01T00:00Z", "--capacity", "5 kWh"), "unknown unit"),
        ((*STATE, "--from", "2030-01-01T00:00Z", "--capacity", "-5 kW"), "below zero"),
        ((*STATE, "--from", "2030-01-01T00:00", "--capacity", "5 kW"), "with its offset from UTC"),
        (("grid", "publish", "--period", "15", "--readings", "96"), "not a length of time"),
        (("portfolio", "create", "--zone", "a", "--customer-share", "60"), "not a share"),
        (("portfolio", "create", "--zone", "a", "--customer-share", "100.01 %"), "more than the whole"),
    ],
)
def test_quantities_are_never_guessed(given: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a time without zone or a number without unit, when a command gets it, then it is refused."""
    monkeypatch.setattr(desk.Desk, "suite", None)
    monkeypatch.setattr(desk.Desk, "sender", None)
    result = run(*given)
    assert result.exit_code != 0
    assert said in result.stderr


# ------------------------------------------------------------------ keystores


@pytest.mark.parametrize("scheme", ["secp256k1", "p256"])
def test_a_device_key_is_made_and_kept_encrypted(tmp_path: Path, scheme: str) -> None:
    """Given a password file, when a device's key is made, then only the password opens it, and it is never overwritten."""
    password, file = tmp_path / "password", tmp_path / "device.json"
    password.write_text("correct horse\n", encoding="utf-8")
    result = run(
        "meter", "keygen", "--scheme", scheme, "--out", str(file), "--json", FLEXBOND_PASSWORD_FILE=str(password)
    )
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert file.stat().st_mode & 0o077 == 0
    device = load_device(str(file), SignerScheme[scheme.upper()], environ={"FLEXBOND_PASSWORD_FILE": str(password)})
    assert told["signer"] == device.signer.address
    again = run("meter", "keygen", "--out", str(file), FLEXBOND_PASSWORD_FILE=str(password))
    assert again.exit_code == 1
    assert "exists" in again.stderr
    password.write_text("wrong", encoding="utf-8")
    result = run("withdraw", "--key", f"keystore:{file}", FLEXBOND_PASSWORD_FILE=str(password))
    assert result.exit_code == 1
