"""The `flexbond` command as people use it, in this process or in one of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner

from flexbond.chain.node import clone_root
from flexbond.cli.app import app

if TYPE_CHECKING:
    from pathlib import Path

    from flexbond.signing.signers import Secp256k1Signer


class Shell:
    """Runs commands in a folder with its own configuration and address books, and keys in the environment."""

    def __init__(self, folder: Path, *, network: str, url: str, keys: dict[str, Secp256k1Signer] | None = None) -> None:
        self.folder = folder
        (folder / "config").mkdir(parents=True, exist_ok=True)
        shutil.copy(clone_root() / "config" / f"{network}.json", folder / "config")
        self.environment = {
            "FLEXBOND_FOLDER": str(folder),
            "FLEXBOND_RPC": url,
            "FLEXBOND_NETWORK": network,
            "COLUMNS": "200",
            **{f"KEY_{name.upper()}": signer.secret().hex() for name, signer in (keys or {}).items()},
        }

    def run(self, *arguments: str, key: str = "") -> Any:
        """What a command answers with `--json`; it must succeed."""
        code, out, err = self.attempt(*arguments, key=key)
        assert code == 0, f"{arguments}: {out}{err}"
        return json.loads(out)

    def attempt(self, *arguments: str, key: str = "", as_json: bool = True) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of a command."""
        given = [*arguments, *(["--key", f"env:KEY_{key.upper()}"] if key else []), *(["--json"] if as_json else [])]
        result = CliRunner(env=self.environment).invoke(app, given)
        return result.exit_code, result.stdout, result.stderr

    def popen(self, *arguments: str, key: str, url: str | None = None) -> subprocess.Popen[str]:
        """A command in a process of its own, its node at `url` if that is given."""
        environment = {**os.environ, **self.environment}
        if url is not None:
            environment["FLEXBOND_RPC"] = url
        command = [sys.executable, "-c", "from flexbond.cli import main; main()"]
        return subprocess.Popen(
            [*command, *arguments, "--key", f"env:KEY_{key.upper()}", "--json"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
