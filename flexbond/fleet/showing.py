"""The records behind leaves of a built submission, as the verifier takes them: of drawn points, of demanded leaves, of any.

Each proof is measured by the one-device reference before it is given out: it gives the leaf's entries, or nothing is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from flexbond.fleet.building import rows_of, task_of
from flexbond.fleet.errors import FleetError
from flexbond.fleet.judging import STANDING, Judged, devices_of, judge
from flexbond.fleet.opening import open_history, open_records
from flexbond.fleet.roots import KeptRoot, load_roots
from flexbond.fleet.rows import ShownRows
from flexbond.fleet.tables import Devices, Share
from flexbond.model.delivery import measure_device
from flexbond.model.sampling import draw, points_of, weight_scale
from flexbond.model.shown import ShownRecord
from flexbond.model.types import Context, DeviceKind, DeviceProof, Entry, Leaf, MeteringPoint, Silence
from flexbond.operations.structs import to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from flexbond.fleet.built import Built, BuiltLeaf
    from flexbond.fleet.event import FleetEvent
    from flexbond.model.openings import Inclusion

_NOBODY: Final = "0x" + 40 * "0"
_WORD: Final = 32


@dataclass(frozen=True, kw_only=True)
class ShownLeaf:
    """A leaf and the records that it was made of."""

    leaf: Leaf
    proof: DeviceProof
    """Without records where the device counts as silent."""

    def as_json(self) -> dict[str, Any]:
        """Leaf and proof as contracts take them: what is packed there in hexadecimal."""
        inclusions, records, past_from = self.proof.as_tuple()
        proof = {"inclusions": "0x" + inclusions.hex(), "records": "0x" + records.hex(), "pastFrom": past_from}
        return {"leaf": to_json(self.leaf), "proof": proof}


def context_of(built: Built) -> Context:
    """What contracts need beside the leaves of a submission and their proofs."""
    return Context(
        key=built.event.question.key,
        claim=built.claim,
        lookback=built.event.question.lookback,
        calls_from=built.event.calls_from,
    )


def places_of_draws(built: Built, seed: int) -> tuple[int, ...]:
    """Places of the leaves that hold the drawn points, in order, each once for as many points in a row as it holds."""
    claim = built.claim
    rule = built.event.rule
    scale = weight_scale(rule, len(claim.columns))
    drawn = draw(claim, seed, points_of(claim, rule.spot_checks, scale), scale)
    places = [built.holder(column, at) for column, at in drawn]
    return tuple(place for number, place in enumerate(places) if not number or places[number - 1] != place)


def proofs_of_draws(built: Built, seed: int) -> tuple[ShownLeaf, ...]:
    """What proves all drawn points, in order. Raises as `proofs_of`."""
    return proofs_of(built, places_of_draws(built, seed))


def proofs_of(built: Built, places: Sequence[int]) -> tuple[ShownLeaf, ...]:
    """Leaves with their records, in the order of the places. Raises FleetError, DocumentError, TreeError.

    Needs the files that the submission was built from, with the columns and the roots that proofs take.
    """
    rows = {row.place: row for row in built.rows(sorted(set(places)))}
    heard = [row for row in rows.values() if row.silence is Silence.OK]
    proofs = dict.fromkeys(rows, DeviceProof(records=()))
    if heard:
        proofs |= _Evidence.of(built, heard).proofs(heard)
    return tuple(ShownLeaf(leaf=built.leaf_of(rows[place]), proof=proofs[place]) for place in places)


# ------------------------------------------------------------------ the records of some devices


@dataclass(frozen=True, kw_only=True)
class _Evidence:
    """The records of some devices, judged and looked into as when the submission was built."""

    event: FleetEvent
    devices: Devices
    judged: Judged
    rows: ShownRows
    verdicts: NDArray[np.uint8]
    roots: dict[bytes, KeptRoot]
    where: dict[tuple[bytes, bytes], tuple[int, int]]
    """Of each record under a root: its leaf and its place in it."""

    @classmethod
    def of(cls, built: Built, heard: Sequence[BuiltLeaf]) -> _Evidence:
        """From the files. Raises FleetError."""
        event, files = built.event, built.inputs
        devices = Devices.load(files.devices, joined_before=event.question.first_notice, groups=len(event.groups))
        devices = devices.only(np.array([row.place for row in heard]))
        rows = ShownRows.of(files, devices.points)
        owners = devices_of(rows.points, devices, np.ones(len(devices), dtype=bool))
        judged = judge(event, devices, owners, rows.numbers(STANDING), event.boundary)
        verdicts = _look_into(event, devices, judged, rows)
        good = judged.order[verdicts[judged.order] == Silence.OK]
        known = {(rows.root(row), rows.struct_hash(row)) for row in good.tolist()}
        roots = load_roots(files.roots, {root for root, _ in known})
        where = {}
        for root, kept in roots.items():
            for struct, at in kept.find([struct for under, struct in known if under == root]).items():
                where[root, struct] = at
        return cls(event=event, devices=devices, judged=judged, rows=rows, verdicts=verdicts, roots=roots, where=where)

    def proofs(self, heard: Sequence[BuiltLeaf]) -> dict[int, DeviceProof]:
        """The proof of every device, by its place, measured again. Raises FleetError."""
        found = {}
        for index, row in enumerate(heard):
            proof, shown = self._proof(index, row.place)
            group = int(self.devices["group"][index])
            entry, point = entry_at(self.devices, index)
            answer = measure_device(self.event.rule, self.event.asked_of(group), entry, point, shown)
            if answer.silence is not Silence.OK or (answer.columns, answer.weight) != row.entries:
                raise FleetError(
                    f"The records of leaf {row.place} do not give what was submitted of it ({answer.silence.name}).",
                    "Give the files that the submission was built from, or build it again if it was not submitted.",
                )
            found[row.place] = proof
        return found

    def _proof(self, index: int, place: int) -> tuple[DeviceProof, list[ShownRecord]]:
        """What is shown of a device, and how the reference takes it."""
        judged = self.judged
        mine = [
            row
            for row in judged.order[judged.device[judged.order] == index].tolist()
            if self.verdicts[row] == Silence.OK
        ]
        inclusions: list[Inclusion] = []
        openings = []
        group = int(self.devices["group"][index])
        needed = self.event.needed(group)
        for row in mine:
            inclusion, at = self._inclusion(row, place)
            if inclusion not in inclusions:
                inclusions.append(inclusion)
            home = inclusions.index(inclusion), at
            openings.append(
                self.rows.opening(
                    row, needed, self.event.rule.period_seconds, home=home, is_signed=bool(judged.needs_signature[row])
                )
            )
        shown = []
        for row, opening in zip(mine, openings, strict=True):
            latest, before = self.rows.revisions(row)
            kept_at = int(judged.time[row])
            shown.append(
                ShownRecord.of(
                    opening, inclusions, kept_at=kept_at, latest_revision=latest, latest_before_notice=before
                )
            )
        past_from = self.event.past_from[group] if self.event.past_from else ()
        return DeviceProof(inclusions=tuple(inclusions), records=tuple(openings), past_from=past_from), shown

    def _inclusion(self, row: int, place: int) -> tuple[Inclusion, int]:
        """What shows that a record is under its root, and its place in that leaf's history. Raises FleetError."""
        root, struct = self.rows.root(row), self.rows.struct_hash(row)
        if (root, struct) not in self.where:
            raise FleetError(
                f"No file of roots lists record 0x{struct.hex()} of leaf {place} under the root 0x{root.hex()}.",
                "Build with --roots, which list all leaves of every root that the records name.",
            )
        leaf, at = self.where[root, struct]
        return self.roots[root].inclusion(leaf), at


def entry_at(devices: Devices, index: int) -> tuple[Entry, MeteringPoint]:
    """What the registry knows of a device, as far as measuring needs it."""
    point, numbers = bytes(devices.points[index]), devices.numbers
    given = {name: int(numbers[name][index]) for name in ("joined_at", "left_at", "capacity_w", "connection_w")}
    kind = DeviceKind(int(numbers["kind"][index]))
    entry = Entry(metering_point=point, payee=_NOBODY, kind=kind, **given)
    known = MeteringPoint(
        customer=_NOBODY,
        kind=kind,
        suspended_at=int(numbers["suspended_at"][index]),
        sequence=0,
        capacity_w=given["capacity_w"],
        connection_w=given["connection_w"],
        entry_index=0,
        committed_until=0,
        portfolio_id=bytes(_WORD),
    )
    return entry, known


def _look_into(event: FleetEvent, devices: Devices, judged: Judged, rows: ShownRows) -> NDArray[np.uint8]:
    """What speaks against each row first."""
    verdicts, first = judged.standing.copy(), 0
    needed = np.array(sorted({start for group in range(len(event.groups)) for start in event.needed(group)}))
    for table in (rows.records, rows.history):
        is_history = table is rows.history
        share = Share(path=rows.place, groups=(), first=first, rows=table.num_rows, is_history=is_history)
        if table.num_rows:
            task = task_of(event, devices, judged, share, needed)
            opened = open_history(task, table, with_signatures=True) if is_history else open_records(task, table)
            verdicts[rows_of(judged, share)] = opened.verdicts
        first += table.num_rows
    return verdicts
