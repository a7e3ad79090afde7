"""Kept records with what opens them, and the proofs that show them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flexbond.model.openings import WORD, Inclusion, RecordOpening
from flexbond.model.types import DeviceProof
from flexbond.trees import history_leaf

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flexbond.records import MeterRecord
    from flexbond.trees import BatchTree
    from tests.support.world import Home


@dataclass(frozen=True)
class Batch:
    """Records under one root, with what opens them."""

    homes: tuple[Home, ...]
    """Whose each record is."""
    records: tuple[MeterRecord, ...]
    tree: BatchTree
    histories: tuple[tuple[int, ...], ...] = ()
    """Anchored histories: the numbers of the records of each leaf; else every record is a leaf of its own."""
    signatures: tuple[bytes, ...] = ()
    """Of every record, if only the root is kept."""
    above: tuple[bytes, ...] = ()
    """Siblings from the tree's root up to the root that is kept."""
    kept_root: bytes = b""
    """That root, if it is another than the tree's."""

    def proof(self, home: Home, starts: Iterable[int]) -> DeviceProof:
        """The home's records, opened at the readings that start at these times."""
        return show([self], home, starts)

    def inclusion(self, number: int) -> tuple[Inclusion, int]:
        """What a record is under, and its place there."""
        leaf, place = number, 0
        history: tuple[bytes, ...] = ()
        if self.histories:
            leaf = next(at for at, numbers in enumerate(self.histories) if number in numbers)
            place = self.histories[leaf].index(number)
            history = tuple(self.records[one].struct_hash for one in self.histories[leaf])
        path = (*self.tree.path(leaf), *self.above)
        return Inclusion(batch_root=self.kept_root or self.tree.root, path=path, history=history), place


def leaves_of(records: Sequence[MeterRecord], histories: Sequence[Sequence[int]]) -> list[bytes]:
    """The leaves of a batch: its histories, or its records."""
    if histories:
        return [history_leaf([records[number].struct_hash for number in numbers]) for numbers in histories]
    return [record.struct_hash for record in records]


def show(batches: Sequence[Batch], home: Home, starts: Iterable[int]) -> DeviceProof:
    """The home's records of all batches, opened at the readings that start at these times."""
    wanted = list(starts)
    inclusions: list[Inclusion] = []
    openings: list[RecordOpening] = []
    for batch in batches:
        for number, (owner, record) in enumerate(zip(batch.homes, batch.records, strict=True)):
            places = [place for place in map(record.place_of, wanted) if place is not None]
            if owner.metering_point != home.metering_point or not places:
                continue
            inclusion, at = batch.inclusion(number)
            if inclusion not in inclusions:
                inclusions.append(inclusion)
            signature = batch.signatures[number] if batch.signatures else b""
            opening = record.opening(places, inclusion=inclusions.index(inclusion), place=at, signature=signature)
            openings.append(opening)
    ordered = tuple(sorted(openings, key=lambda item: item.head >> 40))
    return DeviceProof(inclusions=tuple(inclusions), records=ordered)


def signed_with(opening: RecordOpening, signature: bytes) -> RecordOpening:
    """The same with another signature, of as many words as it has."""
    words = len(signature) // WORD
    return replace(opening, head=opening.head & ~(0xFF << 16) | words << 16, signature=signature[: WORD * words])


def tampered(opening: RecordOpening, bit: int) -> RecordOpening:
    """The same with one bit of its first opened block changed."""
    blocks = list(opening.blocks)
    place = next(block for block in range(len(blocks)) if opening.is_opened(block))
    spoilt = int.from_bytes(blocks[place], "big") ^ 1 << bit % (8 * len(blocks[place]))
    blocks[place] = spoilt.to_bytes(len(blocks[place]), "big")
    return replace(opening, blocks=tuple(blocks))


def cut(opening: RecordOpening) -> RecordOpening:
    """The same without its last byte."""
    return replace(opening, blocks=(*opening.blocks[:-1], opening.blocks[-1][:-1]))


def with_hints(proof: DeviceProof, past_from: Sequence[int]) -> DeviceProof:
    """The same, with the windows from which to gather the calls of earlier portfolios."""
    return replace(proof, past_from=tuple(past_from))
