"""A portfolio's list in DeviceRegistry made long: written into the storage of the node, since a million enrolments would take hours.

A few homes are stated and enrolled as always, so that their metering points, signer words and entries are what the
contracts wrote. Then the list is made longer: its count and its sums, as if every device had joined in a second of its
own, and copies of those homes' entries at the places that are looked at. Of sums through time only what a search for
the latest can touch is written. Every other slot of the list stays empty: whoever reads it is refused, so that nothing
here can pass unseen for a place that was never taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING, Final, Self

from flexbond.hashing import keccak

if TYPE_CHECKING:
    from tests.gas.anvil import AnvilEvm
    from tests.support.world import World

LAST_BASE: Final = 64
"""The registry's list of portfolios is found among so many slots."""
COUNT, SUMS = 1, 2
"""Slots of a list after that of its entries: see library Places."""
PAYEE: Final = (1 << 160) - 1


@dataclass(frozen=True, kw_only=True)
class LongList:
    """The list of one portfolio, whose homes are all alike."""

    evm: AnvilEvm
    registry: str
    """Its address."""
    base: int
    """Slot of the list."""
    homes: tuple[tuple[int, int], ...]
    """Words of the entries of the homes that are enrolled."""

    @classmethod
    def of(cls, world: World, evm: AnvilEvm, portfolio: bytes, length: int) -> Self:
        """The portfolio's list, as long as this; the homes that are enrolled keep their places."""
        registry = world.devices.address
        sums = world.devices.sums.call(portfolio)
        bases = [_slot(keccak(portfolio + base.to_bytes(32, "big"))) for base in range(LAST_BASE)]
        (base,) = [found for found in bases if evm.word(registry, found + COUNT) == sums.entries]
        places = [_entry(base, place) for place in range(sums.entries)]
        homes = tuple((evm.word(registry, place), evm.word(registry, place + 1)) for place in places)
        found = cls(evm=evm, registry=registry, base=base, homes=homes)
        if length > sums.entries:
            found._lengthen(length, sums.capacity_w // sums.entries, sums.connection_w // sums.entries)
            longer = world.devices.sums.call(portfolio)
            assert (longer.entries, longer.capacity_w * sums.entries) == (length, length * sums.capacity_w)
        return found

    def put(self, place: int, home: int, payee: str | None = None) -> None:
        """Puts the entry of home `home` at a place, with another payee if there is one."""
        first, second = self.homes[home]
        if payee is not None:
            second = second & ~PAYEE | int(payee, 16)
        at = _entry(self.base, place)
        self.evm.put_word(self.registry, at, first)
        self.evm.put_word(self.registry, at + 1, second)

    def _lengthen(self, length: int, capacity_w: int, connection_w: int) -> None:
        evm, sums = self.evm, self.base + SUMS
        points = _slot(keccak(sums.to_bytes(32, "big")))
        latest = evm.word(self.registry, points + evm.word(self.registry, sums) - 1) & (1 << 48) - 1
        evm.put_word(self.registry, self.base + COUNT, length)
        evm.put_word(self.registry, sums, length)
        for number in range(length - isqrt(length) - 1, length):
            entries = number + 1
            packed = entries << 128 | entries * capacity_w << 64 | entries * connection_w
            evm.put_word(self.registry, points + number, packed << 48 | latest - length + entries)


def _entry(base: int, place: int) -> int:
    """First slot of an entry."""
    return _slot(keccak(place.to_bytes(32, "big") + base.to_bytes(32, "big")))


def _slot(hashed: bytes) -> int:
    return int.from_bytes(hashed, "big")
