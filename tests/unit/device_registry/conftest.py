"""A device registry on its own, with accounts in the place of the contracts that call it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from flexbond.signing.keys import development_signer

if TYPE_CHECKING:
    from flexbond.signing.signers import Secp256k1Signer
    from tests.support.evm import Contract
    from tests.support.world import World

ORACLE: Final = development_signer(40)
MEASUREMENT: Final = development_signer(41)


@dataclass(frozen=True, kw_only=True)
class Lone:
    """The world with another registry in it, whose oracle and measurement are accounts."""

    world: World
    oracle: Secp256k1Signer
    measurement: Secp256k1Signer

    @property
    def registry(self) -> Contract:
        """The registry on its own; all helpers of the world use it."""
        return self.world.devices


@pytest.fixture
def lone(world: World, monkeypatch: pytest.MonkeyPatch) -> Lone:
    """The world's helpers on a registry of its own."""
    governance = world.evm.deploy("Governance", world.accounts.admin.address, sender=world.accounts.admin)
    governance.grantRole.send(2, world.accounts.meter_operator, 0, sender=world.accounts.admin)
    registry = world.evm.deploy(
        "DeviceRegistry",
        governance.address,
        world.participants.address,
        ORACLE.address,
        MEASUREMENT.address,
        sender=world.accounts.deployer,
    )
    monkeypatch.setattr(world, "devices", registry)
    monkeypatch.setitem(world.addresses, "DeviceRegistry", registry.address)
    registry.publishGrid.send((900, 96, 0), sender=world.accounts.admin)
    return Lone(world=world, oracle=ORACLE, measurement=MEASUREMENT)
