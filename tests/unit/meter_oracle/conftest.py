"""Stated homes, and the records of a day that is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.model.types import P256Record, SignedRecord, SignerScheme
from tests.support.world import DAY, GRID, Home, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.records import MeterRecord
    from tests.support.evm import Receipt


@dataclass(frozen=True, kw_only=True)
class Meters:
    """Stated homes of one signature scheme, two days after `day` began."""

    world: World
    scheme: SignerScheme
    day: int
    """Start of a slot that is over, UTC seconds."""
    homes: tuple[Home, ...]

    def record(self, home: Home, value: int = 1_000, **changes: Any) -> MeterRecord:
        """A day's record with the same reading (mWh) in every quarter hour."""
        slot = changes.pop("slot_start", self.day)
        count = changes.pop("count", GRID.readings_per_slot)
        return self.world.record(home, slot, [value] * count, **changes)

    def sign(self, home: Home, record: MeterRecord) -> Any:
        """As the oracle takes it."""
        return self.world.sign(home, record)

    def signed(self, count: int) -> list[Any]:
        """Records of the first homes, signed."""
        return [self.sign(home, self.record(home)) for home in self.homes[:count]]

    def attest(self, signed: Sequence[SignedRecord | P256Record]) -> Receipt:
        """Brings a batch, whoever signed it."""
        oracle = self.world.oracle
        method = oracle.attestP256 if self.scheme is SignerScheme.P256 else oracle.attest
        return method.send(list(signed), sender=self.world.accounts.relayer)

    def report(self, a: Any, b: Any) -> Receipt:
        """Reports two records as equivocation."""
        oracle = self.world.oracle
        method = oracle.reportEquivocationP256 if self.scheme is SignerScheme.P256 else oracle.reportEquivocation
        return method.send(a, b, sender=self.world.accounts.attacker)


@pytest.fixture(params=[SignerScheme.SECP256K1, SignerScheme.P256], ids=["secp256k1", "p256"])
def meters(world: World, request: pytest.FixtureRequest) -> Meters:
    """Three stated homes of either scheme."""
    homes = tuple(world.home(number, scheme=request.param) for number in range(3))
    for home in homes:
        world.state(home)
    day = world.tomorrow()
    world.evm.time = day + 2 * DAY
    return Meters(world=world, scheme=request.param, day=day, homes=homes)
