"""A submission that was built into a folder: any leaf of it opened, found or claimed, without building it again."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pyarrow as pa

from flexbond import trees
from flexbond.fleet.errors import FleetError
from flexbond.fleet.event import FleetEvent
from flexbond.fleet.submission import (
    EVENT,
    GROUP,
    INPUTS,
    INPUTS_SCHEMA,
    LEAVES,
    LEAVES_FILE,
    SCHEMA,
    SUMMARY,
    TREE,
    FleetFiles,
)
from flexbond.fleet.tables import Ragged, hashes, open_table
from flexbond.fleet.tree import FleetTree
from flexbond.ids import claim_of, commitment_of, responses_hash, totals_hash
from flexbond.model.types import Claim, Leaf, NeighboursClaim, Silence, Totals, WeightClaim
from flexbond.operations.files import read_document
from flexbond.operations.structs import from_json, integer, listed, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_WORD: Final = 32
_HALF: Final = 16
_PATH_CHARACTERS: Final = 4_096


@dataclass(frozen=True, kw_only=True)
class BuiltLeaf:
    """What is kept of a leaf beside its path."""

    place: int
    metering_point: bytes
    silence: Silence
    """What the verifier says of it where what does not count is not shown."""
    reason: Silence
    """What is wrong with its records, or else what is missing."""
    weight_word: int
    """Entry and running total, 128 bits each."""
    columns: bytes
    """The same of every ordered period, 32 bytes each."""
    columns_hash: bytes
    baseline_milli_wh: tuple[int, ...]
    """Of every ordered period, `+` import; zero where silent."""
    metered_milli_wh: tuple[int, ...]

    @property
    def entries(self) -> tuple[tuple[int, ...], int]:
        """Its entries of the ordered periods, and of the weight."""
        found = [self.columns[at : at + _HALF] for at in range(0, len(self.columns), _WORD)]
        return tuple(int.from_bytes(one, "big") for one in found), self.weight_word >> 128


@dataclass(frozen=True, kw_only=True)
class Built:
    """A built submission; leaves are read from its files when they are looked at."""

    folder: Path
    event: FleetEvent
    claim: Claim
    totals: Totals
    leaves: int
    """How many."""
    responses_milli_wh: tuple[int, ...]
    """The portfolio's, of every period of the window, mWh; 0 where nothing was ordered."""
    tree: FleetTree

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The submission of a folder. Raises DocumentError, FleetError, TreeError."""
        path = folder / SUMMARY
        given = read_document(path, schema=SCHEMA)
        count = integer(given.get("leaves"), place=f"{path}, leaves", high=1 << trees.MAX_DEPTH)
        claim = from_json(Claim, given.get("claim"), place=f"{path}, claim")
        totals = from_json(Totals, given.get("totals"), place=f"{path}, totals")
        tree = FleetTree.load(folder / TREE, count)
        if claim_of(tree.root, totals) != claim:
            raise FleetError(f"{path} does not claim its own root and totals.", "Build the submission again.")
        responses = listed(given.get("responsesMilliWh"), place=f"{path}, responsesMilliWh")
        return cls(
            folder=folder,
            event=FleetEvent.load(folder / EVENT),
            claim=claim,
            totals=totals,
            leaves=count,
            responses_milli_wh=tuple(
                integer(item, place=f"{path}, responsesMilliWh", low=-(1 << 127), high=(1 << 127) - 1)
                for item in responses
            ),
            tree=tree,
        )

    @property
    def commitment(self) -> bytes:
        """What Measurement keeps of it."""
        return commitment_of(self.claim)

    @cached_property
    def inputs(self) -> FleetFiles:
        """The files it was built from. Raises DocumentError."""
        path = self.folder / INPUTS
        given = read_document(path, schema=INPUTS_SCHEMA)

        def several(name: str) -> tuple[Path, ...]:
            place = f"{path}, {name}"
            return tuple(
                Path(text(item, place=place, limit=_PATH_CHARACTERS)) for item in listed(given.get(name), place=place)
            )

        return FleetFiles(
            event=self.folder / EVENT,
            devices=Path(text(given.get("devices"), place=f"{path}, devices", limit=_PATH_CHARACTERS)),
            records=several("records"),
            history=several("history"),
            roots=several("roots"),
        )

    # ------------------------------------------------------------------ leaves

    def rows(self, places: Sequence[int]) -> list[BuiltLeaf]:
        """What is kept of some leaves, in their order. Raises TreeError for one that is not there, FleetError for other files."""
        for place in places:
            if not 0 <= place < self.leaves:
                raise trees.TreeError(
                    f"The tree of {self.leaves} leaves has no leaf {place}.", next_step="Count leaves from 0."
                )
        found: dict[int, BuiltLeaf] = {}
        with open_table(self.folder / LEAVES_FILE, LEAVES) as file:
            if file.metadata.num_rows != self.leaves:
                raise FleetError(
                    f"{self.folder / LEAVES_FILE} has {file.metadata.num_rows} leaves of {self.leaves}.",
                    "Build the submission again.",
                )
            for group in sorted({place // GROUP for place in places}):
                mine = [place for place in dict.fromkeys(places) if place // GROUP == group]
                table = file.read_row_group(group).take(pa.array([place % GROUP for place in mine]))
                found |= {place: _leaf_of(place, row) for place, row in zip(mine, table.to_pylist(), strict=True)}
        return [found[place] for place in places]

    def leaf(self, place: int) -> Leaf:
        """One leaf as contracts take it. Raises TreeError, FleetError."""
        return self.leaf_of(self.rows([place])[0])

    def leaf_of(self, row: BuiltLeaf) -> Leaf:
        """The same from what is kept of it. Raises FleetError if it is not under the root."""
        path = self.tree.path(row.place)
        hashed = trees.leaf(row.place, row.weight_word, trees.columns_hash(_words(row.columns)))
        if not trees.verify(self.claim.root, self.leaves, hashed, row.place, path):
            raise FleetError(f"Leaf {row.place} of {self.folder} is not under its root.", "Build the submission again.")
        return Leaf(place=row.place, weight_word=row.weight_word, columns=row.columns, path=path)

    def place_of(self, metering_point: bytes) -> int:
        """The last place of a metering point in the portfolio. Raises FleetError."""
        with open_table(self.folder / LEAVES_FILE, LEAVES) as file:
            points = hashes(file.read(["metering_point"]), "metering_point", str(self.folder / LEAVES_FILE))
        found = np.flatnonzero((points == np.frombuffer(metering_point, dtype=np.uint8)).all(axis=1))
        if not len(found):
            raise FleetError(
                f"Metering point 0x{metering_point.hex()} has no leaf in {self.folder}.",
                "Check it, and the event: it may have joined the portfolio later.",
            )
        return int(found[-1])

    def counts(self) -> dict[Silence, int]:
        """How many leaves there are for each reason; OK: heard. Raises FleetError."""
        with open_table(self.folder / LEAVES_FILE, LEAVES) as file:
            found = file.read(["reason"]).column("reason").value_counts().to_pylist()
        return {Silence(one["values"]): one["counts"] for one in found}

    def weights(self) -> list[int]:
        """Entry of the weight of every leaf, in order. Raises FleetError."""
        place = str(self.folder / LEAVES_FILE)
        with open_table(self.folder / LEAVES_FILE, LEAVES) as file:
            words = hashes(file.read(["weight_word"]), "weight_word", place)
        return [int.from_bytes(word[:_HALF].tobytes(), "big") for word in words]

    @cached_property
    def _prefixes(self) -> NDArray[np.uint8]:
        """Running totals of every leaf, the weight last, `(n, columns + 1, 16)`."""
        place = str(self.folder / LEAVES_FILE)
        with open_table(self.folder / LEAVES_FILE, LEAVES) as file:
            table = file.read(["columns", "weight_word"])
        width = _WORD * len(self.claim.columns)
        words = Ragged.of(table, "columns", place).rows(np.arange(self.leaves), width)
        both = np.hstack((words, hashes(table, "weight_word", place)))
        return both.reshape(self.leaves, -1, _WORD)[:, :, _HALF:]

    def holder(self, column: int, at: int) -> int:
        """The place of the leaf that holds a point of a column, the weight the last one. Raises FleetError beyond its total."""
        wanted = at.to_bytes(_HALF, "big")
        place = bisect_right(range(self.leaves), wanted, key=lambda row: self._prefixes[row, column].tobytes())
        if place == self.leaves:
            raise FleetError(f"No leaf holds point {at} of column {column}.", "Draw from this submission's own claim.")
        return place

    # ------------------------------------------------------------------ what customers are due

    def weight_claim(self, place: int) -> WeightClaim:
        """One leaf's share of the event's pool, as `Payouts.collect` takes it. Raises TreeError, FleetError."""
        row = self.rows([place])[0]
        return WeightClaim(
            key=self.event.question.key,
            currency=self.event.rule.currency,
            index=place,
            weight_word=row.weight_word,
            columns_hash=row.columns_hash,
            path=self.leaf_of(row).path,
            total_weight=self.claim.weight,
            totals_hash=totals_hash(self.claim),
            responses_hash=responses_hash(self.responses_milli_wh),
        )

    def run_claim(self, first: int, count: int) -> NeighboursClaim:
        """The shares of neighbouring leaves, as `Payouts.collectMany` takes them. Raises TreeError, FleetError."""
        path = self.tree.run_path(first, count)
        rows = self.rows(range(first, first + count))
        hashed = [trees.leaf(row.place, row.weight_word, row.columns_hash) for row in rows]
        if trees.run_root(hashed, first, trees.depth_of(self.leaves), path) != self.claim.root:
            raise FleetError(
                f"Leaves {first} to {first + count - 1} of {self.folder} are not under its root.",
                "Build the submission again.",
            )
        return NeighboursClaim(
            key=self.event.question.key,
            currency=self.event.rule.currency,
            first=first,
            weight_words=tuple(row.weight_word for row in rows),
            columns_hashes=tuple(row.columns_hash for row in rows),
            path=path,
            total_weight=self.claim.weight,
            totals_hash=totals_hash(self.claim),
            responses_hash=responses_hash(self.responses_milli_wh),
        )


def _leaf_of(place: int, given: dict[str, Any]) -> BuiltLeaf:
    return BuiltLeaf(
        place=place,
        metering_point=given["metering_point"],
        silence=Silence(given["silence"]),
        reason=Silence(given["reason"]),
        weight_word=int.from_bytes(given["weight_word"], "big"),
        columns=given["columns"],
        columns_hash=given["columns_hash"],
        baseline_milli_wh=tuple(given["baseline_milli_wh"]),
        metered_milli_wh=tuple(given["metered_milli_wh"]),
    )


def _words(columns: bytes) -> list[int]:
    return [int.from_bytes(columns[at : at + _WORD], "big") for at in range(0, len(columns), _WORD)]
