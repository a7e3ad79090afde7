"""Exports the whole event log as JSON lines: `brownie run events --network <network>`.

Read from the environment:
FLEXBOND_OUT     the file, which is brought up to date if it exists; `out/events.jsonl` by default
FLEXBOND_FOLDER  folder with `config/` and `deployments/`; the working folder by default
FLEXBOND_JSON    1: answer in JSON
"""

import os
from pathlib import Path

from brownie import web3
from brownie.network.main import show_active

from flexbond.cli.command import run_script
from flexbond.cli.settle import events


def main() -> None:
    """The same as `flexbond events --out`."""
    out = Path(os.environ.get("FLEXBOND_OUT", "out/events.jsonl"))
    run_script(events, network=show_active(), node=web3, out=out)
