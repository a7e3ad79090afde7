"""Looks into records: recomputes commitments from salted readings, checks who signed, and adds up the readings that are needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from flexbond.fleet.hashing import commitments_of, struct_hashes
from flexbond.fleet.keccak import HASH, keccak_rows
from flexbond.fleet.signatures import P256_BYTES, SECP256K1_BYTES, signers_of
from flexbond.fleet.tables import Ragged, hashes, integers
from flexbond.model.types import SignerScheme, Silence
from flexbond.records import BLOCK, MAX_READINGS, READING_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from flexbond.fleet.tables import Share

_NONE: Final = np.zeros(0, dtype=np.int64)
_SIZE_BITS: Final = 40
_PERIOD_BITS: Final = 24
_READING_LIMIT: Final = 1 << (8 * READING_BYTES - 1)


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be looked into: rows of a share of a file, with what is known of them."""

    place: str
    """Names the file."""
    rows: NDArray[np.int64]
    """Of the share."""
    device: NDArray[np.int64]
    low: NDArray[np.int64]
    """From when on readings count, UTC seconds."""
    high: NDArray[np.int64]
    """Until when."""
    signers: NDArray[np.uint8]
    """Who must have signed, `(n, 20)`."""
    schemes: NDArray[np.int64]
    """How; 0: it was verified already."""
    needed: NDArray[np.int64]
    """Starts of the settlement periods whose readings are needed, ascending, UTC seconds."""
    period_seconds: int
    """The rule's."""
    separator: bytes
    """Of the oracle's domain."""
    standing: NDArray[np.uint8]
    """What the oracle would not count each row for, its signature apart."""
    timing: NDArray[np.uint8]
    """Why it does not come in time."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What came out."""

    verdicts: NDArray[np.uint8]
    """What speaks against each of the task's rows first, as `flexbond.model.types.Silence`."""
    devices: NDArray[np.int64]
    """Entries of which a record counts, ascending."""
    periods: NDArray[np.int64]
    """Places of the settlement periods in `Task.needed` of which something counts, ascending."""
    milli_wh: NDArray[np.int64]
    """What counts of each device in each period together, `(devices, periods)`."""
    covered: NDArray[np.int64]
    """How long that is, s."""
    estimated: NDArray[np.bool_]
    """Whether any of it is estimated."""

    def save(self, path: Path) -> None:
        """Writes it to a file, whole or not at all."""
        with path.with_suffix(".part").open("wb") as file:
            np.savez(file, **vars(self))
        path.with_suffix(".part").replace(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """From a file that `save` wrote."""
        with np.load(path) as kept:
            return cls(**kept)


def look_into(share: Share, task: Task, target: Path) -> None:
    """Does one share, into a file. Raises FleetError for empty places."""
    (open_history if share.is_history else open_records)(task, share.read()).save(target)


def open_records(task: Task, table: pa.Table) -> Opened:
    """Signed records with all their readings. Raises FleetError for empty places."""
    heads = _Heads.of(task, table)
    readings, flags = Ragged.of(table, "readings", task.place), Ragged.of(table, "flags", task.place)
    salts, stated = hashes(table, "salt", task.place)[task.rows], hashes(table, "commitment", task.place)[task.rows]
    given = _GivenOut(task=task, heads=heads, good=np.zeros(len(task.rows), dtype=bool))
    for count in np.unique(heads.counts):
        blocks = -(-count // BLOCK)
        at = np.flatnonzero(
            (heads.counts == count)
            & (readings.lengths[task.rows] == count)
            & (flags.lengths[task.rows] == blocks)
            & heads.divides
        )
        if not 1 <= count <= MAX_READINGS or not len(at):
            continue
        values, flagged = readings.rows(task.rows[at], count), flags.rows(task.rows[at], blocks)
        fits = (commitments_of(salts[at], values, flagged) == stated[at]).all(axis=1)
        fits &= ((values >= -_READING_LIMIT) & (values < _READING_LIMIT)).all(axis=1)
        given.good[at[fits]] = True
        given.add(at[fits], 0, values[fits], _bits(flagged[fits], count))
    signature = Ragged.of(table, "signature", task.place)
    signed = _judge_signatures(task, heads.struct_hashes(slice(None), stated), signature)
    return given.result(signed)


def open_history(task: Task, table: pa.Table) -> Opened:
    """Records of past days, opened in parts; their signatures were checked when their hashes were kept. Raises FleetError."""
    heads = _Heads.of(task, table)
    blocks, openings = Ragged.of(table, "blocks", task.place), Ragged.of(table, "opened", task.place)
    kept = hashes(table, "record", task.place)[task.rows]
    given = _GivenOut(task=task, heads=heads, good=np.zeros(len(task.rows), dtype=bool))
    sizes = openings.lengths[task.rows]
    # Rows of one shape together.
    shapes = heads.counts << _SIZE_BITS | sizes
    for shape in np.unique(shapes).tolist():
        count, size = shape >> _SIZE_BITS, shape & (1 << _SIZE_BITS) - 1
        listed = HASH * -(-count // BLOCK)
        at = np.flatnonzero((shapes == shape) & (blocks.lengths[task.rows] == listed) & heads.divides)
        if not 1 <= count <= MAX_READINGS or not len(at):
            continue
        listed_hashes = blocks.rows(task.rows[at], listed)
        fits = (heads.struct_hashes(at, keccak_rows(listed_hashes, threads=1)) == kept[at]).all(axis=1)
        given.good[at[fits]] = True
        _open_blocks(given, at[fits], listed_hashes[fits], openings.rows(task.rows[at[fits]], size), count)
    return given.result(np.zeros(len(task.rows), dtype=np.uint8))


@dataclass(kw_only=True)
class _Heads:
    """The heads of a task's records."""

    points: NDArray[np.uint8]
    slot_start: NDArray[np.int64]
    period_seconds: NDArray[np.int64]
    revision: NDArray[np.int64]
    counts: NDArray[np.int64]
    """Readings of each."""
    divides: NDArray[np.bool_]
    """Whether their period divides the rule's."""

    @classmethod
    def of(cls, task: Task, table: pa.Table) -> _Heads:
        rows = task.rows
        period = integers(table, "period_seconds", task.place)[rows]
        return cls(
            points=hashes(table, "metering_point", task.place)[rows],
            slot_start=integers(table, "slot_start", task.place)[rows],
            period_seconds=period,
            revision=integers(table, "revision", task.place)[rows],
            counts=integers(table, "count", task.place)[rows],
            divides=(period > 0) & (task.period_seconds % np.maximum(period, 1) == 0),
        )

    def struct_hashes(self, at: NDArray[np.int64] | slice, commitments: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """EIP-712 struct hashes of some of the records."""
        numbers = (self.slot_start, self.period_seconds, self.counts, self.revision)
        return struct_hashes(self.points[at], [values[at] for values in numbers], commitments)


@dataclass(kw_only=True)
class _GivenOut:
    """Readings of records on their way out."""

    task: Task
    heads: _Heads
    good: NDArray[np.bool_]
    """Whether each row's readings are what was committed to."""
    parts: list[tuple[NDArray[Any], ...]] = field(default_factory=list)
    """Row, settlement period, reading and flag of every reading that is needed."""

    def add(self, at: NDArray[np.int64], first: int, values: NDArray[np.int64], flags: NDArray[np.bool_]) -> None:
        """Readings of some rows `(n, places)`, from the place `first` of their record on."""
        task, heads = self.task, self.heads
        places = first + np.arange(values.shape[1])
        # Most records are of few slots: what each reading belongs to is looked up once a slot.
        slots, of = np.unique(heads.slot_start[at] << _PERIOD_BITS | heads.period_seconds[at], return_inverse=True)
        starts = (slots >> _PERIOD_BITS)[:, None] + places * (slots & (1 << _PERIOD_BITS) - 1)[:, None]
        periods = starts - starts % task.period_seconds
        column = np.minimum(np.searchsorted(task.needed, periods), len(task.needed) - 1)
        column[task.needed[column] != periods] = -1
        counted = (starts[of] >= task.low[at][:, None]) & (starts[of] < task.high[at][:, None]) & (column[of] >= 0)
        row, place = np.nonzero(counted)
        self.parts.append((at[row], column[of[row], place], values[row, place], flags[row, place]))

    def result(self, signed: NDArray[np.uint8]) -> Opened:
        """All of it, from what the oracle says of the signatures; rows that something speaks against give nothing."""
        verdicts = np.where(self.good, np.uint8(Silence.OK), np.uint8(Silence.BAD_OPENING))
        for earlier in (self.task.timing, signed, self.task.standing):
            verdicts = np.where(earlier != Silence.OK, earlier, verdicts)
        columns = [np.concatenate(column) for column in zip(*self.parts, strict=True)] if self.parts else [_NONE] * 4
        keep = verdicts[columns[0]] == Silence.OK
        row, column, value, flag = (part[keep] for part in columns)
        sound = verdicts == Silence.OK
        devices, met = np.unique(self.task.device[sound]), np.zeros(len(self.task.needed), dtype=bool)
        met[column] = True
        periods = np.flatnonzero(met)
        device, period = np.searchsorted(devices, self.task.device)[row], (np.cumsum(met) - 1)[column]
        shape = (len(devices), len(periods))
        energy, covered, estimated = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
        np.add.at(energy, (device, period), value)
        np.add.at(covered, (device, period), self.heads.period_seconds[row])
        estimated[device[flag == 1], period[flag == 1]] = True
        return Opened(
            verdicts=verdicts, devices=devices, periods=periods, milli_wh=energy, covered=covered, estimated=estimated
        )


def _open_blocks(
    given: _GivenOut, at: NDArray[np.int64], listed: NDArray[np.uint8], opened: NDArray[np.uint8], count: int
) -> None:
    """Opens the blocks of rows of one shape, one after the other; rows that open the same ones stay together."""
    total = -(-count // BLOCK)
    waiting = [(0, -1, np.arange(len(at)))]
    while waiting:
        offset, last, rows = waiting.pop()
        if offset == opened.shape[1]:
            continue
        for block in np.unique(opened[rows, offset]).tolist():
            mine = rows[opened[rows, offset] == block]
            held = min(BLOCK, count - block * BLOCK)
            end = offset + 34 + READING_BYTES * held
            if not last < block < total or end > opened.shape[1]:
                given.good[at[mine]] = False
                continue
            payload = opened[mine, offset + 1 : end]
            fits = (keccak_rows(payload, threads=1) == listed[mine, block * HASH : (block + 1) * HASH]).all(axis=1)
            given.good[at[mine[~fits]]] = False
            mine, payload = mine[fits], payload[fits]
            given.add(
                at[mine], block * BLOCK, _unpacked(payload[:, HASH + 1 :]), _bits(payload[:, HASH : HASH + 1], held)
            )
            waiting.append((end, block, mine))


def _judge_signatures(task: Task, structs: NDArray[np.uint8], signature: Ragged) -> NDArray[np.uint8]:
    """What the oracle says of the signatures of records that were anchored only."""
    result = np.where(task.schemes == SignerScheme.NONE, np.uint8(Silence.OK), np.uint8(Silence.BAD_OPENING))
    begun = np.frombuffer(b"\x19\x01" + task.separator, dtype=np.uint8)
    lengths = signature.lengths[task.rows]
    for scheme, length in ((SignerScheme.SECP256K1, SECP256K1_BYTES), (SignerScheme.P256, P256_BYTES)):
        at = np.flatnonzero((task.schemes == scheme) & (lengths == length))
        message = np.hstack((np.broadcast_to(begun, (len(at), len(begun))), structs[at]))
        signers = signers_of(keccak_rows(message, threads=1), signature.rows(task.rows[at], length))
        right = (signers == task.signers[at]).all(axis=1) & signers.any(axis=1)
        result[at] = np.where(right, np.uint8(Silence.OK), np.uint8(Silence.WRONG_SIGNER))
    return result


def _bits(flags: NDArray[np.uint8], count: int) -> NDArray[np.bool_]:
    """Estimated flags by place: what is beyond a record's readings means nothing."""
    return np.unpackbits(flags, axis=1, bitorder="little")[:, :count].astype(bool)


def _unpacked(packed: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Readings `(n, places)` from their bytes, the sign in the highest bit."""
    parts = packed.reshape(len(packed), -1, READING_BYTES)
    wide = np.zeros((*parts.shape[:2], 8), dtype=np.uint8)
    wide[:, :, 8 - READING_BYTES :] = parts
    values = wide.view(">i8")[:, :, 0].astype(np.int64)
    signed: NDArray[np.int64] = values - ((values & _READING_LIMIT) << 1)
    return signed
