"""The fleet's day records: signed by every device, put under one root, and written as the Parquet that `flexbond submit build` reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flexbond.demo.homes import DAY_HOURS, HOUR
from flexbond.fleet.event import FleetEvent
from flexbond.fleet.hashing import commitments_of, struct_hashes
from flexbond.fleet.roots import KeptRoot
from flexbond.fleet.submission import FleetFiles
from flexbond.fleet.tables import DEVICES, ROOTS, SHOWN_RECORDS, fixed_array, list_array
from flexbond.operations.common import oracle_domain
from flexbond.operations.evidence import question_of
from flexbond.operations.history import grids_of
from flexbond.records import BLOCK, FLAG_BYTES, RecordHead, record_salt
from flexbond.signing.eip712 import digest_of
from flexbond.signing.signers import P256Signer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from flexbond.chain.suite import Suite
    from flexbond.demo.cast import Home
    from flexbond.demo.ground import Connection
    from flexbond.model.types import Entry
    from flexbond.operations.history import EventHistory
    from flexbond.signing.eip712 import Domain

_FLAGS: Final = FLAG_BYTES * -(-DAY_HOURS // BLOCK)


@dataclass(frozen=True, kw_only=True)
class DayRecords:
    """A record of one local day of every home, signed."""

    slot_start: int
    """UTC seconds."""
    points: NDArray[np.uint8]
    """`(n, 16)`."""
    readings: NDArray[np.int64]
    """`(n, 24)`, mWh, `+` import, `-` export."""
    salts: NDArray[np.uint8]
    commitments: NDArray[np.uint8]
    structs: NDArray[np.uint8]
    """What is signed of each record, and hangs under the root."""
    signatures: tuple[bytes, ...]
    root: bytes

    @property
    def slot_end(self) -> int:
        """UTC seconds, exclusive."""
        return self.slot_start + DAY_HOURS * HOUR


def sign_day(homes: Sequence[Home], readings: NDArray[np.int64], slot_start: int, oracle: Domain) -> DayRecords:
    """Every device salts and signs its day."""
    count = len(homes)
    points = np.frombuffer(b"".join(home.metering_point for home in homes), dtype=np.uint8).reshape(count, 16)
    heads = [head_of(home.metering_point, slot_start).pack() for home in homes]
    salted = b"".join(record_salt(home.secret, head) for home, head in zip(homes, heads, strict=True))
    salts = np.frombuffer(salted, dtype=np.uint8).reshape(count, 32)
    commitments = commitments_of(salts, readings, np.zeros((count, _FLAGS), dtype=np.uint8))
    numbers = [np.full(count, number, dtype=np.int64) for number in (slot_start, HOUR, DAY_HOURS, 0)]
    structs = struct_hashes(points, numbers, commitments)
    return DayRecords(
        slot_start=slot_start,
        points=points,
        readings=readings,
        salts=salts,
        commitments=commitments,
        structs=structs,
        signatures=tuple(_signature(home, bytes(struct), oracle) for home, struct in zip(homes, structs, strict=True)),
        root=KeptRoot.of(structs, np.arange(count + 1)).root,
    )


def head_of(point: bytes, slot_start: int) -> RecordHead:
    """Of the record of a local day."""
    return RecordHead(metering_point=point, slot_start=slot_start, period_seconds=HOUR, readings=DAY_HOURS, revision=0)


def _signature(home: Home, struct: bytes, oracle: Domain) -> bytes:
    """As an anchored record is shown with it: r and vs, or r, s, x and y."""
    digest = digest_of(oracle.separator, struct)
    if isinstance(home.device, P256Signer):
        return home.device.sign(digest)
    signed = home.device.sign_recoverable(digest)
    return signed.r + signed.vs


def write_files(
    suite: Suite,
    event: EventHistory,
    homes: Sequence[Home],
    entries: Sequence[Entry],
    stated: Connection,
    day: DayRecords,
    folder: Path,
) -> FleetFiles:
    """What the aggregator has of an event, as files: what it was asked, who is in, the records, and what they hang under."""
    folder.mkdir(parents=True, mode=0o700)
    files = FleetFiles(
        event=folder / "event.json",
        devices=folder / "devices.parquet",
        records=(folder / "records.parquet",),
        roots=(folder / "roots.parquet",),
    )
    asked = FleetEvent(oracle=oracle_domain(suite), rule=event.rule, question=question_of(event), grids=grids_of(suite))
    asked.save(files.event)
    pq.write_table(_devices(homes, entries, stated), files.devices)
    at = suite.oracle.read("standing", day.root).at
    pq.write_table(_records(day, at), files.records[0], compression="lz4")
    roots = pa.table([_same(day.root, len(homes)), fixed_array(day.structs).cast(pa.binary())], schema=ROOTS)
    pq.write_table(roots, files.roots[0])
    return files


def _devices(homes: Sequence[Home], entries: Sequence[Entry], stated: Connection) -> pa.Table:
    count = len(homes)
    signers = b"".join(bytes.fromhex(home.device.address[2:]) for home in homes)
    columns = {
        "metering_point": pa.array([entry.metering_point for entry in entries], DEVICES.field("metering_point").type),
        "joined_at": pa.array([entry.joined_at for entry in entries]),
        "signer": fixed_array(np.frombuffer(signers, dtype=np.uint8).reshape(count, 20)),
        "scheme": pa.array([int(home.device.scheme) for home in homes]),
        "kind": pa.array([int(entry.kind) for entry in entries]),
        **{
            name: _number(value, count)
            for name, value in {
                "capacity_w": stated.capacity_w,
                "connection_w": stated.connection_w,
                "valid_from": stated.valid_from,
                "valid_until": stated.valid_until,
                "grid_id": stated.grid_id,
                "left_at": 0,
                "suspended_at": 0,
                "group": 0,
            }.items()
        },
    }
    return pa.table({name: columns[name] for name in DEVICES.names}, schema=DEVICES)


def _records(day: DayRecords, at: int) -> pa.Table:
    """Anchored at a time, UTC seconds, and never attested."""
    count = len(day.points)
    numbers = {"slot_start": day.slot_start, "period_seconds": HOUR, "count": DAY_HOURS, "at": at}
    nothing = dict.fromkeys(("revision", "attested_at", "latest_revision", "latest_before_notice"), 0)
    columns = {
        "metering_point": fixed_array(day.points),
        **{name: _number(value, count) for name, value in (numbers | nothing).items()},
        "readings": list_array(day.readings),
        "flags": pa.array([bytes(_FLAGS)] * count, pa.binary()),
        "salt": fixed_array(day.salts),
        "commitment": fixed_array(day.commitments),
        "signature": pa.array(day.signatures, pa.binary()),
        "root": _same(day.root, count),
    }
    return pa.table({name: columns[name] for name in SHOWN_RECORDS.names}, schema=SHOWN_RECORDS)


def _number(value: int, count: int) -> pa.Array:
    return pa.array(np.full(count, value, dtype=np.int64))


def _same(value: bytes, count: int) -> pa.Array:
    return fixed_array(np.tile(np.frombuffer(value, dtype=np.uint8), (count, 1)))
