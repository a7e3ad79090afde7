"""What a command works with: the network, the suite on it, the account that acts, and where progress goes."""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from flexbond.chain.config import load_config
from flexbond.chain.deploy import load_suite
from flexbond.chain.rpc import Rpc
from flexbond.chain.send import Sender, SendSettings
from flexbond.cli.quantities import OptionError, address
from flexbond.operations.common import oracle_domain, token_at
from flexbond.operations.history import tokens_of
from flexbond.operations.recordbook import RecordBook
from flexbond.operations.rehearsal import DrySender
from flexbond.signing.keys import load_signer

if TYPE_CHECKING:
    from flexbond.chain.config import NetworkConfig
    from flexbond.chain.suite import Suite
    from flexbond.cli.command import Options
    from flexbond.operations.common import Token
    from flexbond.signing.signers import Secp256k1Signer

FOLDER: Final = "FLEXBOND_FOLDER"
"""Environment variable: the folder that holds `config/` and `deployments/`; by default the one worked in."""
NODE: Final = "FLEXBOND_RPC"
"""Environment variable: address of the node, in place of the configuration's."""

_RAW_KEY = re.compile(r"(env:|keystore:)?(0x)?[0-9a-fA-F]{64}")


class RawKeyError(OptionError):
    """A private key where only the name of a place for one may stand."""


class Desk:
    """Made anew for each command; what it does not need is never loaded."""

    def __init__(self, options: Options, *, url: str | None = None) -> None:
        self.options = options
        self._url = url
        self._source = key_source(options.key)
        self._console = Console(stderr=True, highlight=False)

    def progress(self, sentence: str, /) -> None:
        """A sentence on what was done, on standard error."""
        self._console.print(sentence, style="dim", markup=False, soft_wrap=True)

    # ------------------------------------------------------------ the network

    @cached_property
    def named_folder(self) -> Path | None:
        """The folder that the environment names, if it does."""
        named = os.environ.get(FOLDER)
        return Path(named) if named else None

    @property
    def folder(self) -> Path:
        """Holds `config/` and `deployments/`."""
        return self.named_folder or Path()

    @cached_property
    def config(self) -> NetworkConfig:
        """Of the network. Raises ConfigError."""
        return load_config(self.options.network, self.folder / "config")

    @cached_property
    def url(self) -> str:
        """Of the node."""
        return self._url or os.environ.get(NODE) or self.config.rpc

    @cached_property
    def rpc(self) -> Rpc:
        """The node, of the chain that the configuration names. Raises WrongChainError, NodeUnreachableError."""
        rpc = Rpc.at(self.url)
        rpc.once("eth_chainId")  # whether a node is there at all is said at once
        rpc.require_chain(self.config.chain_id)
        return rpc

    @property
    def deployments(self) -> Path:
        """Folder of the address books."""
        return self.folder / "deployments"

    @cached_property
    def suite(self) -> Suite:
        """The deployed suite. Raises AddressBookError."""
        return load_suite(self.rpc, self.deployments)

    # ------------------------------------------------------------ who acts

    @cached_property
    def signer(self) -> Secp256k1Signer:
        """The account of `--key`. Raises KeyUnavailableError."""
        return load_signer(self._source)

    @cached_property
    def sender(self) -> Sender:
        """Sends for the account of `--key`, or only tries, with `--dry-run`."""
        settings = SendSettings(gas_price_wei=self.config.gas_price_wei)
        kind = DrySender if self.options.dry_run else Sender
        sender = kind(self.rpc, self.signer, settings)
        sender.recover()
        return sender

    def account(self, text: str | None, *, name: str) -> str:
        """An address that was given, or that of `--key`. Raises OptionError."""
        return self.signer.address if text is None else address(text, name=name)

    # ------------------------------------------------------------ what commands often need

    def token(self, text: str | None) -> Token:
        """The token at an address, or the only one of the suite. Raises OptionError."""
        if text is not None:
            return token_at(self.suite, address(text, name="--token"))
        listed = tokens_of(self.suite)
        if len(listed) != 1:
            raise OptionError(f"The suite knows {len(listed)} tokens.", "Say which one with --token.")
        return token_at(self.suite, listed[0])

    def book(self, path: Path, *, create: bool = False) -> RecordBook:
        """The record book at a path; a missing one is made only if that is meant. Raises DocumentError."""
        return RecordBook.open(path, oracle=oracle_domain(self.suite), create=create)


def key_source(text: str) -> str:
    """The source as `load_signer` takes it. Raises RawKeyError for a key itself, OptionError for anything unknown."""
    if _RAW_KEY.fullmatch(text.strip()):
        raise RawKeyError(
            "A private key was given as an argument, where others can see it; it was not used.",
            "Put it into an encrypted keystore or a variable, name that (--key env:NAME), and consider the key known.",
        )
    if text.startswith("keystore:"):
        return text.removeprefix("keystore:")
    if text.startswith("env:"):
        return text
    raise OptionError("--key names no place of a key.", "Write env:NAME for a variable, or keystore:PATH for a file.")
