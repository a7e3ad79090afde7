"""The configuration of a network, `config/<network>.json`: who governs, with which delays, and which tokens are money.

    {
      "network": "example-rollup",
      "chainId": 424242,
      "rpc": "https://rpc.example.org",
      "development": false,
      "gasPriceWei": null,
      "admin": {"account": "0x…", "delaySeconds": 604800},
      "marketOperators": [{"account": "0x…", "delaySeconds": 172800}],
      "guardians": [{"account": "0x…", "delaySeconds": 0}],
      "meterOperators": ["0x…"],
      "tokens": ["0x…"]
    }

Every key is needed. `gasPriceWei` is for chains that want transactions of the old kind, null elsewhere. A meter
operator has no delay: it calls nothing that the role guards, its signature counts while it is a member. On a
development network `tokens` may be empty: then the deployment brings a mock stablecoin.
"""

# JSON is anything until it is checked.

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from flexbond.errors import FlexbondError
from flexbond.hashing import ZERO_ADDRESS, checksum_address, keccak

MAX_DELAY: Final = 365 * 86_400
"""s; a longer one is a mistake."""

_KEYS: Final = {
    "network",
    "chainId",
    "rpc",
    "development",
    "gasPriceWei",
    "admin",
    "marketOperators",
    "guardians",
    "meterOperators",
    "tokens",
}
_APPOINTMENT_KEYS: Final = {"account", "delaySeconds"}


class ConfigError(FlexbondError):
    """A configuration that cannot be used. Subclasses say why."""


class ConfigMissingError(ConfigError):
    """No file, or a key that is not there."""


class ConfigUnknownKeyError(ConfigError):
    """A key that means nothing here, such as a misspelt one."""


class ConfigValueError(ConfigError):
    """A value of the wrong kind or out of range."""


class ConfigAddressError(ConfigValueError):
    """Something that is no address, or the zero address."""


class ConfigRoleError(ConfigError):
    """A role that nobody would hold, or the same account twice in one."""


@dataclass(frozen=True, kw_only=True)
class Appointment:
    """An account and how long in advance it must announce what it does with its role."""

    account: str
    delay_seconds: int
    """s; 0: acts at once."""


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """A validated configuration."""

    network: str
    chain_id: int
    rpc: str
    """Address of the node's JSON-RPC."""
    development: bool
    """Whether the chain is a local one that holds nothing but play money."""
    gas_price_wei: int | None
    """Gas price of old-style transactions, wei per gas; None: EIP-1559."""
    admin: Appointment
    market_operators: tuple[Appointment, ...]
    guardians: tuple[Appointment, ...]
    meter_operators: tuple[str, ...]
    tokens: tuple[str, ...]
    """Listed from the beginning. Empty: a mock stablecoin is deployed and listed."""

    @property
    def hash(self) -> bytes:
        """keccak256 over all values but the node's address, so that a deployment can say what it was made from."""
        return keccak(repr(replace(self, rpc="")).encode("utf-8"))

    @property
    def brings_mock(self) -> bool:
        """Whether the deployment brings its own money."""
        return self.development and not self.tokens


def load_config(network: str, folder: Path = Path("config")) -> NetworkConfig:
    """The configuration of a network. Raises ConfigError."""
    path = folder / f"{network}.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        known = sorted(item.stem for item in folder.glob("*.json"))
        raise ConfigMissingError(
            f"There is no configuration {path}.",
            next_step=f"Choose one of {', '.join(known)}."
            if known
            else "Go to the folder that holds config/ and deployments/, or name it in FLEXBOND_FOLDER.",
        ) from error
    except (ValueError, OSError) as error:
        raise ConfigValueError(f"{path} is not readable JSON: {error}.", next_step="Correct the file.") from error
    config = parse_config(content, source=str(path))
    if config.network != network:
        raise ConfigValueError(
            f"{path} says that it is of the network {config.network!r}.",
            next_step="Let the file's name and its `network` agree.",
        )
    return config


def parse_config(content: Any, *, source: str = "The configuration") -> NetworkConfig:
    """A configuration from JSON. Raises ConfigError."""
    reader = _Reader(source)
    fields = reader.keys(content, _KEYS, "")
    config = NetworkConfig(
        network=reader.text(fields["network"], "network"),
        chain_id=reader.integer(fields["chainId"], "chainId", low=1, high=2**53),
        rpc=reader.text(fields["rpc"], "rpc"),
        development=reader.boolean(fields["development"], "development"),
        gas_price_wei=None
        if fields["gasPriceWei"] is None
        else reader.integer(fields["gasPriceWei"], "gasPriceWei", low=1, high=10**15),
        admin=reader.appointment(fields["admin"], "admin"),
        market_operators=reader.appointments(fields["marketOperators"], "marketOperators"),
        guardians=reader.appointments(fields["guardians"], "guardians"),
        meter_operators=reader.addresses(fields["meterOperators"], "meterOperators", needed=True),
        tokens=reader.addresses(fields["tokens"], "tokens", needed=False),
    )
    if not config.tokens and not config.development:
        raise ConfigMissingError(f"{source} lists no tokens.", next_step="Give the addresses of the accepted tokens.")
    if not config.development and config.admin.delay_seconds == 0:
        raise ConfigValueError(
            f"{source} gives the admin of a real network no delay.",
            next_step="Set admin.delaySeconds, such as 604800 for a week.",
        )
    return config


class _Reader:
    """Checks that name the file and the place in it."""

    def __init__(self, source: str) -> None:
        self._source = source

    def keys(self, value: Any, needed: set[str], place: str) -> dict[str, Any]:
        where = f"{self._source}{f', {place}' if place else ''}"
        if not isinstance(value, dict):
            raise ConfigValueError(f"{where} is not an object.", next_step=f"Give {{{', '.join(sorted(needed))}}}.")
        if unknown := sorted(set(value) - needed):
            raise ConfigUnknownKeyError(
                f"{where} has the unknown key {unknown[0]!r}.", next_step=f"Known are {', '.join(sorted(needed))}."
            )
        if missing := sorted(needed - set(value)):
            raise ConfigMissingError(f"{where} has no {missing[0]!r}.", next_step="Every key is needed; add it.")
        return value

    def _bad(self, value: Any, place: str, needed: str) -> ConfigValueError:
        return ConfigValueError(f"{self._source}: {place} cannot be {value!r}.", next_step=f"Give {needed}.")

    def text(self, value: Any, place: str) -> str:
        if not isinstance(value, str) or not value:
            raise self._bad(value, place, "a text")
        return value

    def boolean(self, value: Any, place: str) -> bool:
        if not isinstance(value, bool):
            raise self._bad(value, place, "true or false")
        return value

    def integer(self, value: Any, place: str, *, low: int, high: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self._bad(value, place, f"an integer from {low} to {high}")
        return value

    def address(self, value: Any, place: str) -> str:
        try:
            address = checksum_address(value)
        except (ValueError, TypeError) as error:
            raise ConfigAddressError(
                f"{self._source}: {place} {value!r} is not an address.", next_step="Give 0x and 40 hexadecimal digits."
            ) from error
        if address == ZERO_ADDRESS:
            raise ConfigAddressError(f"{self._source}: {place} is the zero address.", next_step="Give a real account.")
        if value not in (address, address.lower()):
            raise ConfigAddressError(
                f"{self._source}: {place} {value} has a wrong checksum.", next_step=f"Check it; it spells {address}."
            )
        return address

    def addresses(self, value: Any, place: str, *, needed: bool) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise self._bad(value, place, "a list of addresses")
        if needed and not value:
            raise ConfigRoleError(f"{self._source} names no {place}.", next_step="Name at least one account.")
        addresses = tuple(self.address(item, f"{place}[{index}]") for index, item in enumerate(value))
        self._unique(addresses, place)
        return addresses

    def appointment(self, value: Any, place: str) -> Appointment:
        fields = self.keys(value, _APPOINTMENT_KEYS, place)
        return Appointment(
            account=self.address(fields["account"], f"{place}.account"),
            delay_seconds=self.integer(fields["delaySeconds"], f"{place}.delaySeconds", low=0, high=MAX_DELAY),
        )

    def appointments(self, value: Any, place: str) -> tuple[Appointment, ...]:
        if not isinstance(value, list):
            raise self._bad(value, place, "a list of accounts with their delays")
        if not value:
            raise ConfigRoleError(f"{self._source} names no {place}.", next_step="Name at least one account.")
        given = tuple(self.appointment(item, f"{place}[{index}]") for index, item in enumerate(value))
        self._unique(tuple(item.account for item in given), place)
        return given

    def _unique(self, accounts: tuple[str, ...], place: str) -> None:
        for account in accounts:
            if accounts.count(account) > 1:
                raise ConfigRoleError(f"{self._source} names {account} twice in {place}.", next_step="Name it once.")
