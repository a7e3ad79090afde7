"""Deploys the suite, or finishes a deployment that was interrupted: `brownie run deploy --network <network>`.

Read from the environment:
FLEXBOND_KEY         private key of the deploying account, or
FLEXBOND_KEY_SOURCE  where it is: env:NAME or keystore:PATH
FLEXBOND_FOLDER      folder with `config/` and `deployments/`; the working folder by default
FLEXBOND_DRY_RUN     1: send nothing
FLEXBOND_JSON        1: answer in JSON
"""

from brownie import web3
from brownie.network.main import show_active

from flexbond.cli.chain import deploy
from flexbond.cli.command import run_script


def main() -> None:
    """The same as `flexbond deploy`."""
    run_script(deploy, network=show_active(), node=web3)
