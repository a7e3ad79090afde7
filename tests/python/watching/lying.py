"""What a lying provider submits and publishes in place of an honest build: leaves, tree, totals, as files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flexbond.fleet.submission import LEAVES, LEAVES_FILE, SUMMARY, TREE
from flexbond.fleet.tree import FleetTree
from flexbond.hashing import keccak
from flexbond.ids import claim_of, event_id
from flexbond.model.sampling import words_of
from flexbond.operations.files import write_document

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flexbond.fleet.built import Built
    from flexbond.model.types import Claim, Totals

_LOW = (1 << 128) - 1


@dataclass(kw_only=True)
class Told:
    """A submission as it is told."""

    built: Built
    words: list[list[int]]
    """Of every leaf, the weight last: entry and prefix."""
    totals: Totals
    stated: dict[int, int] = field(default_factory=dict)
    """Places that leaves state in place of their own."""
    columns: dict[int, bytes] = field(default_factory=dict)
    """Columns of another length."""
    hashes: dict[int, bytes] = field(default_factory=dict)
    """What stands in places where no leaf is."""

    @classmethod
    def honestly(cls, built: Built) -> Told:
        """As it was built."""
        return cls(
            built=built, words=[list(words_of(built.leaf(at))) for at in range(built.leaves)], totals=built.totals
        )

    def claims(self, changes: dict[tuple[int, int], int]) -> Told:
        """Other entries by place and column, with the prefixes and totals that follow; the weight as the columns' sum."""
        rows = [[item >> 128 for item in row] for row in self.words]
        for (place, column), entry in changes.items():
            rows[place][column] = entry
        sums = np.zeros(len(rows[0]), dtype=object)
        for place, row in enumerate(rows):
            row[-1] = sum(row[:-1]) if any(at == place for at, _ in changes) else row[-1]
            sums = sums + np.array(row, dtype=object)
            self.words[place] = [entry << 128 | int(prefix) for entry, prefix in zip(row, sums, strict=True)]
        self.totals = replace(self.totals, columns=tuple(map(int, sums[:-1])), weight=int(sums[-1]))
        return self

    def entry(self, place: int, column: int) -> int:
        """Of a leaf."""
        return self.words[place][column] >> 128

    def tree(self) -> FleetTree:
        """Over what stands in the leaves' places."""
        hashed = [self.hashes.get(place) or keccak(self._body(place)) for place in range(len(self.words))]
        return FleetTree.of(np.frombuffer(b"".join(hashed), dtype=np.uint8).reshape(-1, 32))

    def _columns(self, place: int) -> bytes:
        words = b"".join(item.to_bytes(32, "big") for item in self.words[place][:-1])
        return self.columns.get(place, words)

    def _body(self, place: int) -> bytes:
        stated, weight = self.stated.get(place, place), self.words[place][-1]
        return stated.to_bytes(32, "big") + weight.to_bytes(32, "big") + keccak(self._columns(place))

    @property
    def claim(self) -> Claim:
        """As it is submitted."""
        return claim_of(self.tree().root, self.totals)

    def publish(self, folder: Path) -> Path:
        """Writes what a provider publishes."""
        folder.mkdir(parents=True, exist_ok=True)
        rows = []
        for row in self.built.rows(range(len(self.words))):
            body = self._body(row.place)
            rows.append(
                {
                    **{
                        name: getattr(row, name) for name in ("metering_point", "baseline_milli_wh", "metered_milli_wh")
                    },
                    "place": self.stated.get(row.place, row.place),
                    "silence": int(row.silence),
                    "reason": int(row.reason),
                    "weight_word": body[32:64],
                    "columns": self._columns(row.place),
                    "columns_hash": body[64:],
                }
            )
        pq.write_table(pa.Table.from_pylist(rows, schema=LEAVES), folder / LEAVES_FILE)
        self.tree().save(folder / TREE)
        told = {"eventId": "0x" + event_id(self.built.event.question.key).hex()}
        write_document(folder / SUMMARY, told, schema="flexbond/fleet-submission")
        return folder


def heard_place(built: Built) -> int:
    """A place in the middle whose device claims something in its first period."""
    places = [row.place for row in built.rows(range(built.leaves)) if row.entries[0][0] and row.entries[1]]
    return places[len(places) // 2]


def jump(told: Told) -> Told:
    """From a leaf on all prefixes of the first period are 1 000 mWh ahead."""
    for row in told.words[1:]:
        row[0] += 1000
        row[-1] += 1000
    columns = (told.totals.columns[0] + 1000, *told.totals.columns[1:])
    told.totals = replace(told.totals, columns=columns, weight=told.totals.weight + 1000)
    return told


def overstated(told: Told) -> Told:
    """A leaf claims 7 200 mWh more, and all that follows fits."""
    place = heard_place(told.built)
    return told.claims({(place, 0): told.entry(place, 0) + 7200})


def beyond(told: Told) -> Told:
    """A leaf claims more than its device could ever give."""
    place = heard_place(told.built)
    return told.claims({(place, 0): told.entry(place, 0) + 10**8})


def moved(told: Told) -> Told:
    """A leaf says of a part of one period's energy that it was the next one's."""
    place = heard_place(told.built)
    part = told.entry(place, 0) // 7200 * 3600 or 1
    return told.claims({(place, 0): told.entry(place, 0) - part, (place, 1): told.entry(place, 1) + part})


def silenced(told: Told) -> Told:
    """A device that was heard is said to be silent."""
    place = heard_place(told.built)
    return told.claims({(place, column): 0 for column in range(len(told.words[0]) - 1)})


def false_total(told: Told) -> Told:
    """Leaves as measured, under totals that are larger."""
    columns = (told.totals.columns[0] + 3600, *told.totals.columns[1:])
    told.totals = replace(told.totals, columns=columns, weight=told.totals.weight + 3600)
    return told


def false_start(told: Told) -> Told:
    """All prefixes, from the first leaf's on, are 3 600 mWh ahead."""
    told.words[0][0] += 3600
    told.words[0][-1] += 3600
    for row in told.words[1:]:
        row[0] += 3600
        row[-1] += 3600
    return false_total(told)


def zero_leaf(told: Told) -> Told:
    """Nothing stands in a place."""
    told.hashes[1] = bytes(32)
    return told


def other_place(told: Told) -> Told:
    """A leaf states another place."""
    told.stated[1] = 0
    return told


def short_columns(told: Told) -> Told:
    """A leaf is over no columns."""
    told.columns[1] = b""
    return told


LIES: dict[str, Callable[[Told], Told]] = {
    one.__name__: one
    for one in (
        *(jump, overstated, beyond, moved, silenced),
        *(false_total, false_start, zero_leaf, other_place, short_columns),
    )
}
