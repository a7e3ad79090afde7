"""Generated fleets as files, and what the one-device reference says of them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from flexbond.fleet.event import FleetEvent
from flexbond.fleet.submission import FleetFiles
from flexbond.fleet.tables import DEVICES, ROOTS, SHOWN_HISTORY, SHOWN_RECORDS
from flexbond.model import delivery
from flexbond.model.delivery import MeasuredEvent, measure_event
from flexbond.model.shown import ShownRecord, Tally, read_records
from flexbond.model.types import (
    Grid,
    MeteringPoint,
    Silence,
)
from flexbond.records import BLOCK, FLAG_BYTES, MeterRecord, block_salt, opened_readings
from flexbond.signing.eip712 import Domain
from flexbond.trees import BatchTree, history_leaf
from tests.python.model.strategies import MIDNIGHT

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400
START = MIDNIGHT + 18 * 3600
NOTICE = START - 7200
AT = MIDNIGHT + DAY + 60
"""when the event's records came"""
GRIDS = {0: Grid(period_seconds=900, readings_per_slot=96, offset_seconds=0)}
GRIDS[1] = Grid(period_seconds=1800, readings_per_slot=48, offset_seconds=0)
ORACLE = Domain.of("MeterOracle", chain_id=31337, contract="0x" + 40 * "9")

DEFECTS = {
    "wrong key": Silence.WRONG_SIGNER,
    "high s": Silence.WRONG_SIGNER,
    "other scheme": Silence.BAD_OPENING,
    "changed reading": Silence.BAD_OPENING,
    "off grid": Silence.OFF_GRID,
    "unstated": Silence.UNSTATED,
    "too early": Silence.TOO_EARLY,
    "no root": Silence.NOT_ATTESTED,
    "anchored revision": Silence.NOT_ATTESTED,
    "late": Silence.LATE,
    "superseded": Silence.SUPERSEDED,
}
"""What may be wrong with a record, and what it is not counted for."""


@dataclass(kw_only=True)
class Given:
    """A record as it is in a file."""

    record: MeterRecord
    signature: bytes
    at: int = AT
    attested_at: int = 0
    latest_revision: int = 0
    latest_before_notice: int = 0
    is_history: bool = False
    is_shown: bool = True
    """Whether it is the one of its slot to be shown."""
    defect: str = ""
    changed: tuple[int, ...] = ()
    """Readings in place of those that were committed to."""
    boundary: int = 0
    """Of the event: where past days end."""
    deadline: int = START + 10 * DAY
    """Of the event's readings."""

    def shown(self) -> ShownRecord:
        """The record as the reference takes it."""
        refusal = DEFECTS.get(self.defect, Silence.OK)
        if refusal in (Silence.LATE, Silence.SUPERSEDED, Silence.NOT_ATTESTED) or self.defect == "changed reading":
            refusal = Silence.OK
        came = self.at if self.counts_as_anchored else self.attested_at
        time = 0 if DEFECTS.get(self.defect) is Silence.NOT_ATTESTED else came
        everything = opened_readings(self.record.opening(range(self.record.head.readings)))
        return ShownRecord(
            head=self.record.head,
            kept_at=time,
            refusal=refusal,
            latest_revision=self.latest_revision,
            latest_before_notice=self.latest_before_notice,
            opened=None if self.defect == "changed reading" else everything,
        )

    @property
    def counts_as_anchored(self) -> bool:
        """Whether it is shown with its signature: nothing was attested, or too late for what an anchor came in time for."""
        if not self.attested_at or self.attested_at == self.at or self.record.head.revision:
            return not self.attested_at
        is_past = self.record.head.slot_start < self.boundary
        return self.attested_at >= (NOTICE if is_past else self.deadline)

    def row(self, root: bytes) -> dict[str, Any]:
        """Its row in the file."""
        head = self.record.head
        common = {
            "metering_point": head.metering_point,
            "slot_start": head.slot_start,
            "period_seconds": head.period_seconds,
            "revision": head.revision,
            "count": head.readings,
            "at": self.at,
            "attested_at": self.attested_at,
            "latest_revision": self.latest_revision,
            "latest_before_notice": self.latest_before_notice,
            "root": root,
            "signature": self.signature,
        }
        if self.is_history:
            shown = range(3, 5) if head.readings == 96 else range(1, 3)
            opened = b"".join(
                bytes([block]) + block_salt(self.record.salt, block) + self.record.payload(block) for block in shown
            )
            if self.defect == "changed reading":
                opened = opened[:-1] + bytes([opened[-1] ^ 1])
            return common | {
                "blocks": b"".join(self.record.blocks),
                "opened": opened,
                "record": self.record.struct_hash,
            }
        blocks = range(-(-head.readings // BLOCK))
        return common | {
            "readings": list(self.changed or self.record.readings_milli_wh),
            "flags": b"".join(self.record.payload(block)[:FLAG_BYTES] for block in blocks),
            "salt": self.record.salt,
            "commitment": self.record.commitment,
        }


@dataclass(kw_only=True)
class Fleet:
    """A fleet in an event."""

    event: FleetEvent
    entries: list[Any] = field(default_factory=list)
    points: list[MeteringPoint] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    given: list[list[Given]] = field(default_factory=list)

    def save(self, folder: Path, *, rng: random.Random | None = None) -> FleetFiles:
        """Writes the files, the records in any order."""
        folder.mkdir(parents=True, exist_ok=True)
        self.event.save(folder / "event.json")
        pq.write_table(pa.Table.from_pylist(self.rows, schema=DEVICES), folder / "devices.parquet")
        records = [given for device in self.given for given in device]
        if rng is not None:
            rng.shuffle(records)
        roots = self.roots()
        under = {(given.at, given.attested_at): root for root, leaves in roots.items() for given in leaves[0]}
        for name, schema, is_history in (("records", SHOWN_RECORDS, False), ("history", SHOWN_HISTORY, True)):
            rows = [
                given.row(under.get((given.at, given.attested_at), bytes(32)))
                for given in records
                if given.is_history is is_history
            ]
            pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / f"{name}.parquet", row_group_size=3)
        listed = [
            {"root": root, "records": b"".join(given.record.struct_hash for given in leaf)}
            for root, leaves in roots.items()
            for leaf in leaves
        ]
        pq.write_table(pa.Table.from_pylist(listed, schema=ROOTS), folder / "roots.parquet", row_group_size=5)
        return FleetFiles(
            event=folder / "event.json",
            devices=folder / "devices.parquet",
            records=(folder / "records.parquet",),
            history=(folder / "history.parquet",),
            roots=(folder / "roots.parquet",),
        )

    def roots(self) -> dict[bytes, list[list[Given]]]:
        """Leaves of every root: all records that came at the same time, those of one device together in one leaf."""
        times: dict[tuple[int, int], list[list[Given]]] = {}
        for device in self.given:
            mine: dict[tuple[int, int], list[Given]] = {}
            for given in device:
                mine.setdefault((given.at, given.attested_at), []).append(given)
            for time, leaf in mine.items():
                if time[0]:
                    times.setdefault(time, []).append(leaf)
        found = {}
        for leaves in times.values():
            hashes = [[given.record.struct_hash for given in leaf] for leaf in leaves]
            tree = BatchTree.of([one[0] if len(one) == 1 else history_leaf(one) for one in hashes])
            found[tree.root] = leaves
        return found

    def expected(self) -> tuple[MeasuredEvent, list[Silence]]:
        """The submission over the records that count, and the reason of every leaf."""
        rule_, question = self.event.rule, self.event.question
        deadline = self.event.deadline
        boundary = self.event.boundary
        shown, reasons = [], []
        for records, row in zip(self.given[: self.joined], self.rows, strict=False):
            good, bad = [], Silence.OK
            needed = self._needed(row["group"])
            for given in sorted(records, key=lambda one: one.record.head.slot_start):
                head = given.record.head
                periods = {start - start % rule_.period_seconds for start in range(head.slot_start, head.slot_end, 900)}
                if not given.is_shown or not periods & needed:
                    continue
                tally = Tally(
                    needed=frozenset(), boundary=boundary, seconds=rule_.period_seconds, estimated_allowed=True
                )
                one = given.shown()
                said = read_records(
                    tally,
                    [one],
                    metering_point=one.head.metering_point,
                    first_notice=question.first_notice,
                    deadline=deadline,
                )
                good.extend([one] if said is Silence.OK else [])
                bad = bad or said
            shown.append(good)
            reasons.append(bad)
        calls = [self.event.groups[row["group"]] for row in self.rows[: self.joined]]
        measured = measure_event(
            rule=rule_,
            question=question,
            entries=self.entries,
            points={place.metering_point: known for place, known in zip(self.entries, self.points, strict=True)},
            shown=shown,
            schedule_milli_wh=self.event.schedule_milli_wh,
            calls=calls,
        )
        whatever = {Silence.OK, Silence.INACTIVE, Silence.SUSPENDED, Silence.LOW_ASSURANCE}
        final = [
            bad if bad and answer.silence not in whatever else answer.silence
            for bad, answer in zip(reasons, measured.answers, strict=True)
        ]
        return measured, final

    def _needed(self, group: int) -> frozenset[int]:
        """Starts of the settlement periods that the reference asks of a device."""
        rule_, question = self.event.rule, replace(self.event.question, calls=self.event.groups[group])
        ordered = [START + place * rule_.period_seconds for place in self.event.ordered]
        tally = delivery._tally(rule_, question, delivery.plan_of(rule_, question), ordered)
        return tally.needed | tally.past

    @property
    def joined(self) -> int:
        """How many entries there were before the first notice."""
        return sum(1 for place in self.entries if place.joined_at < NOTICE)
