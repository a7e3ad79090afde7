"""Configurations of networks: what is wrong is named, with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flexbond.chain.config import (
    Appointment,
    ConfigAddressError,
    ConfigError,
    ConfigMissingError,
    ConfigRoleError,
    ConfigUnknownKeyError,
    ConfigValueError,
    load_config,
    parse_config,
)
from flexbond.chain.development import DevelopmentAccounts, development_accounts
from flexbond.chain.node import NodeKind
from tests.python.chain.conftest import ROOT

FOLDER = ROOT / "config"
SOMEBODY = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def content(network: str = "anvil") -> dict[str, Any]:
    return dict(json.loads((FOLDER / f"{network}.json").read_text()))


class TestOurs:
    """Given the configurations that come with the project"""

    @pytest.mark.parametrize("network", ["anvil", "ganache", "example-rollup"])
    def test_are_valid(self, network: str) -> None:
        """it loads them."""
        assert load_config(network, FOLDER).network == network

    @pytest.mark.parametrize("kind", list(NodeKind))
    def test_local_ones_name_the_development_accounts(self, kind: NodeKind) -> None:
        """it has the accounts of the public mnemonic in their parts, and the chain id of the node."""
        config = load_config(kind.value, FOLDER)
        people: DevelopmentAccounts = development_accounts()
        assert config.admin == Appointment(account=people.admin.address, delay_seconds=0)
        assert [item.account for item in config.market_operators] == [people.market_operator.address]
        assert [item.account for item in config.guardians] == [people.guardian.address]
        assert config.meter_operators == (people.meter_operator.address,)
        assert config.chain_id == kind.chain_id
        assert config.brings_mock

    def test_real_one_has_delays(self) -> None:
        """it has a week for the admin and two days for the market operator."""
        config = load_config("example-rollup", FOLDER)
        assert config.admin.delay_seconds == 7 * 86_400
        assert config.market_operators[0].delay_seconds == 2 * 86_400
        assert not config.brings_mock


def put(*path: str | int, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(data: Any) -> None:
        for key in path[:-1]:
            data = data[key]
        data[path[-1]] = value

    return change


def drop(*path: str | int) -> Callable[[dict[str, Any]], None]:
    def change(data: Any) -> None:
        for key in path[:-1]:
            data = data[key]
        del data[path[-1]]

    return change


WRONG: list[tuple[Callable[[dict[str, Any]], None], type[ConfigError], str]] = [
    (put("marketOperater", value=[]), ConfigUnknownKeyError, "unknown key 'marketOperater'"),
    (put("admin", "delay", value=1), ConfigUnknownKeyError, "admin has the unknown key 'delay'"),
    (put("guardians", 0, "x", value=1), ConfigUnknownKeyError, r"guardians\[0\] has the unknown key 'x'"),
    (drop("admin"), ConfigMissingError, "has no 'admin'"),
    (drop("gasPriceWei"), ConfigMissingError, "has no 'gasPriceWei'"),
    (drop("admin", "delaySeconds"), ConfigMissingError, "admin has no 'delaySeconds'"),
    (put("marketOperators", value=[]), ConfigRoleError, "names no marketOperators"),
    (put("guardians", value=[]), ConfigRoleError, "names no guardians"),
    (put("meterOperators", value=[]), ConfigRoleError, "names no meterOperators"),
    (put("meterOperators", value=[SOMEBODY, SOMEBODY.lower()]), ConfigRoleError, "twice in meterOperators"),
    (put("admin", "account", value="0x12"), ConfigAddressError, "admin.account '0x12' is not an address"),
    (put("admin", "account", value=5), ConfigAddressError, "admin.account 5 is not an address"),
    (put("admin", "account", value="0x" + "0" * 40), ConfigAddressError, "admin.account is the zero address"),
    (put("admin", "account", value=SOMEBODY.replace("C8", "c8")), ConfigAddressError, "wrong checksum"),
    (put("tokens", value=[SOMEBODY[:-1] + "g"]), ConfigAddressError, r"tokens\[0\] .* is not an address"),
    (put("tokens", value=SOMEBODY), ConfigValueError, "tokens cannot be"),
    (put("admin", value=[]), ConfigValueError, "admin is not an object"),
    (put("admin", "delaySeconds", value=-1), ConfigValueError, "admin.delaySeconds cannot be -1"),
    (put("admin", "delaySeconds", value=1.5), ConfigValueError, "admin.delaySeconds cannot be 1.5"),
    (put("admin", "delaySeconds", value=True), ConfigValueError, "admin.delaySeconds cannot be True"),
    (put("admin", "delaySeconds", value=10**9), ConfigValueError, "admin.delaySeconds cannot be"),
    (put("chainId", value="31337"), ConfigValueError, "chainId cannot be '31337'"),
    (put("chainId", value=0), ConfigValueError, "chainId cannot be 0"),
    (put("gasPriceWei", value=0), ConfigValueError, "gasPriceWei cannot be 0"),
    (put("development", value="yes"), ConfigValueError, "development cannot be 'yes'"),
    (put("rpc", value=""), ConfigValueError, "rpc cannot be ''"),
    (put("network", value=None), ConfigValueError, "network cannot be None"),
]


@pytest.mark.parametrize(("change", "error", "message"), WRONG, ids=[item[2] for item in WRONG])
def test_wrong(change: Callable[[dict[str, Any]], None], error: type[ConfigError], message: str) -> None:
    """Given a configuration with one thing wrong, it names the thing and its place."""
    data = content()
    change(data)
    with pytest.raises(error, match=message):
        parse_config(data)


class TestRealNetwork:
    """Given a network with real money"""

    def test_needs_tokens(self) -> None:
        """it needs a token."""
        with pytest.raises(ConfigMissingError, match="lists no tokens"):
            parse_config({**content("example-rollup"), "tokens": []})

    def test_needs_a_delay_of_the_admin(self) -> None:
        """it needs a delay of the admin."""
        data = content("example-rollup")
        data["admin"]["delaySeconds"] = 0
        with pytest.raises(ConfigValueError, match="no delay"):
            parse_config(data)


class TestFile:
    """Given a file"""

    def test_none(self, tmp_path: Path) -> None:
        """it names the networks there are, or says where to look for them."""
        with pytest.raises(ConfigMissingError, match="Choose one of anvil, example-rollup, ganache"):
            load_config("mainnet", FOLDER)
        with pytest.raises(ConfigMissingError, match="name it in FLEXBOND_FOLDER"):
            load_config("mainnet", tmp_path)

    @pytest.mark.parametrize("text", ["", "{", "\x00"])
    def test_no_json(self, tmp_path: Path, text: str) -> None:
        """it says that it is no JSON."""
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(ConfigValueError, match="is not readable JSON"):
            load_config("x", tmp_path)

    def test_of_another_name(self, tmp_path: Path) -> None:
        """it refuses a file that says another network."""
        (tmp_path / "x.json").write_text(json.dumps(content()))
        with pytest.raises(ConfigValueError, match="is of the network 'anvil'"):
            load_config("x", tmp_path)


def test_hash_is_of_all_but_the_node() -> None:
    """Given two configurations, their hashes differ, unless only the node's address does."""
    config = parse_config(content())
    assert parse_config({**content(), "rpc": "http://elsewhere"}).hash == config.hash
    assert parse_config({**content(), "chainId": 1}).hash != config.hash
