"""Brings events to their end, as far as it goes now: `brownie run settle --network <network>`.

Read from the environment:
FLEXBOND_KEY         private key of who sends, or
FLEXBOND_KEY_SOURCE  where it is: env:NAME or keystore:PATH
FLEXBOND_EVENT       id of the event, or its beginning; all events by default
FLEXBOND_RECORDS     the provider's record book; without it only what anyone can do is done
FLEXBOND_FOLDER      folder with `config/` and `deployments/`; the working folder by default
FLEXBOND_DRY_RUN     1: send nothing
FLEXBOND_JSON        1: answer in JSON
"""

import os
from pathlib import Path

from brownie import web3
from brownie.network.main import show_active

from flexbond.cli.command import run_script
from flexbond.cli.settle import settle


def main() -> None:
    """The same as `flexbond settle`."""
    records = os.environ.get("FLEXBOND_RECORDS")
    run_script(
        settle,
        network=show_active(),
        node=web3,
        event=os.environ.get("FLEXBOND_EVENT"),
        records=Path(records) if records else None,
    )
