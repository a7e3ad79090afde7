"""Looks into records: recomputes commitments from salted readings, checks who signed, and adds up the readings that are needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numba import njit

from flexbond.fleet.hashing import commitments_of, struct_hashes
from flexbond.fleet.keccak import HASH, keccak_rows
from flexbond.fleet.signatures import P256_BYTES, SECP256K1_BYTES, signers_of
from flexbond.fleet.tables import HISTORY, RECORDS, SHOWN_HISTORY, Ragged, hashes, integers
from flexbond.model.types import SignerScheme, Silence
from flexbond.records import BLOCK, FLAG_BYTES, MAX_READINGS, READING_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from flexbond.fleet.tables import Share

_SIZE_BITS: Final = 40
_PERIOD_BITS: Final = 24
_READINGS_AT: Final = HASH + FLAG_BYTES
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
    checks_history: bool = False
    """Whether signatures of past days are checked too: where the files are somebody else's."""


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
    if share.is_history:
        schema = SHOWN_HISTORY if task.checks_history else HISTORY
        opened = open_history(task, share.read(schema.names), with_signatures=task.checks_history)
    else:
        opened = open_records(task, share.read(RECORDS.names))
    opened.save(target)


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
            & (flags.lengths[task.rows] == FLAG_BYTES * blocks)
            & heads.divides
        )
        if not 1 <= count <= MAX_READINGS or not len(at):
            continue
        values, flagged = readings.rows(task.rows[at], count), flags.rows(task.rows[at], FLAG_BYTES * blocks)
        fits = (commitments_of(salts[at], values, flagged) == stated[at]).all(axis=1)
        fits &= ((values >= -_READING_LIMIT) & (values < _READING_LIMIT)).all(axis=1)
        given.good[at[fits]] = True
        given.add(at[fits], 0, values[fits], _bits(flagged[fits], count))
    signature = Ragged.of(table, "signature", task.place)
    signed = _judge_signatures(task, heads.struct_hashes(slice(None), stated), signature)
    return given.result(signed)


def open_history(task: Task, table: pa.Table, *, with_signatures: bool = False) -> Opened:
    """Records of past days, opened in parts. Raises FleetError.

    Their signatures were checked when their hashes were kept, and are checked again only where they are to be shown.
    """
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
    signed = np.zeros(len(task.rows), dtype=np.uint8)
    if with_signatures:
        signed = _judge_signatures(task, kept, Ragged.of(table, "signature", task.place))
    return given.result(signed)


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


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Readings of some rows, from one place of their records on."""

    rows: NDArray[np.int64]
    slots: NDArray[np.int64]
    """Of each row: which of the slots below is its own."""
    starts: NDArray[np.int64]
    """When each reading begins, by slot and place, UTC seconds."""
    periods: NDArray[np.int64]
    """Which settlement period it belongs to, by slot and place; -1: none that is needed."""
    values: NDArray[np.int64]
    """By row and place, mWh."""
    flags: NDArray[np.bool_]


@dataclass(kw_only=True)
class _GivenOut:
    """Readings of records on their way out."""

    task: Task
    heads: _Heads
    good: NDArray[np.bool_]
    """Whether each row's readings are what was committed to."""
    parts: list[_Part] = field(default_factory=list)

    def add(self, at: NDArray[np.int64], first: int, values: NDArray[np.int64], flags: NDArray[np.bool_]) -> None:
        """Readings of some rows `(n, places)`, from the place `first` of their record on."""
        task, heads = self.task, self.heads
        places = first + np.arange(values.shape[1])
        # Most records are of few slots: what each reading belongs to is looked up once a slot.
        known, of = np.unique(heads.slot_start[at] << _PERIOD_BITS | heads.period_seconds[at], return_inverse=True)
        starts = (known >> _PERIOD_BITS)[:, None] + places * (known & (1 << _PERIOD_BITS) - 1)[:, None]
        begins = starts - starts % task.period_seconds
        periods = np.minimum(np.searchsorted(task.needed, begins), len(task.needed) - 1)
        periods[task.needed[periods] != begins] = -1
        self.parts.append(_Part(rows=at, slots=of, starts=starts, periods=periods, values=values, flags=flags))

    def result(self, signed: NDArray[np.uint8]) -> Opened:
        """All of it, from what the oracle says of the signatures; rows that something speaks against give nothing."""
        task = self.task
        verdicts = np.where(self.good, np.uint8(Silence.OK), np.uint8(Silence.BAD_OPENING))
        for earlier in (task.timing, signed, task.standing):
            verdicts = np.where(earlier != Silence.OK, earlier, verdicts)
        sound = verdicts == Silence.OK
        devices, met = np.unique(task.device[sound]), np.zeros(len(task.needed), dtype=bool)
        for part in self.parts:
            met[part.periods[part.periods >= 0]] = True
        column = np.where(met, np.cumsum(met) - 1, -1)
        target = np.where(sound, np.searchsorted(devices, task.device), -1)
        shape = (len(devices), int(met.sum()))
        energy, covered, estimated = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
        for part in self.parts:
            columns = np.where(part.periods >= 0, column[part.periods], -1)
            readings = (part.rows, part.slots, part.starts, columns, part.values, part.flags)
            _add_up(readings, task.low, task.high, self.heads.period_seconds, target, energy, covered, estimated)
        return Opened(
            verdicts=verdicts,
            devices=devices,
            periods=np.flatnonzero(met),
            milli_wh=energy,
            covered=covered,
            estimated=estimated,
        )


@njit(cache=True, nogil=True)
def _add_up(
    part: tuple[NDArray[Any], ...],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    seconds: NDArray[np.int64],
    target: NDArray[np.int64],
    energy: NDArray[np.int64],
    covered: NDArray[np.int64],
    estimated: NDArray[np.bool_],
) -> None:
    """Adds what counts of a part's readings to the device of their row; a target of -1: the row gives nothing."""
    rows, slots, starts, columns, values, flags = part
    for at in range(len(rows)):
        row, slot = rows[at], slots[at]
        device = target[row]
        if device < 0:
            continue
        for place in range(values.shape[1]):
            column, start = columns[slot, place], starts[slot, place]
            if column < 0 or start < low[row] or start >= high[row]:
                continue
            energy[device, column] += values[at, place]
            covered[device, column] += seconds[row]
            estimated[device, column] |= flags[at, place]


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
            end = offset + 1 + _READINGS_AT + READING_BYTES * held
            if not last < block < total or end > opened.shape[1]:
                given.good[at[mine]] = False
                continue
            payload = opened[mine, offset + 1 : end]
            fits = (keccak_rows(payload, threads=1) == listed[mine, block * HASH : (block + 1) * HASH]).all(axis=1)
            given.good[at[mine[~fits]]] = False
            mine, payload = mine[fits], payload[fits]
            given.add(
                at[mine],
                block * BLOCK,
                _unpacked(payload[:, _READINGS_AT:]),
                _bits(payload[:, HASH:_READINGS_AT], held),
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
    bytes_ = flags.reshape(len(flags), flags.shape[1] // FLAG_BYTES, FLAG_BYTES)
    lowest_first = bytes_[:, :, ::-1].reshape(flags.shape)
    return np.unpackbits(lowest_first, axis=1, bitorder="little")[:, :count].astype(bool)


def _unpacked(packed: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Readings `(n, places)` from their bytes, the sign in the highest bit."""
    values = np.empty((len(packed), packed.shape[1] // READING_BYTES), dtype=np.int64)
    _unpack(packed, values)
    return values


@njit(cache=True, nogil=True)
def _unpack(packed: NDArray[np.uint8], values: NDArray[np.int64]) -> None:
    for row in range(values.shape[0]):
        for place in range(values.shape[1]):
            value = np.int64(0)
            for at in range(READING_BYTES * place, READING_BYTES * (place + 1)):
                value = value << 8 | packed[row, at]
            values[row, place] = value - ((value & _READING_LIMIT) << 1)
