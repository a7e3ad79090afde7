"""The Parquet files of a fleet: their columns, read as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flexbond.fleet.errors import FleetError
from flexbond.model.types import DeviceKind, SignerScheme

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

POINT: Final = pa.binary(16)
HASH: Final = pa.binary(32)
DEVICES: Final = pa.schema(
    {
        "metering_point": POINT,
        "joined_at": pa.int64(),
        "left_at": pa.int64(),
        "capacity_w": pa.int64(),
        "connection_w": pa.int64(),
        "kind": pa.int64(),
        "suspended_at": pa.int64(),
        "signer": pa.binary(20),
        "valid_from": pa.int64(),
        "valid_until": pa.int64(),
        "grid_id": pa.int64(),
        "scheme": pa.int64(),
        "group": pa.int64(),
    }
)
"""Row i is entry i of the portfolio; the signer is the one in force when the records came."""
_STANDING: Final = {
    "metering_point": POINT,
    "slot_start": pa.int64(),
    "period_seconds": pa.int64(),
    "revision": pa.int64(),
    "count": pa.int64(),
    "at": pa.int64(),
    "attested_at": pa.int64(),
    "latest_revision": pa.int64(),
    "latest_before_notice": pa.int64(),
}
RECORDS: Final = pa.schema(
    {
        **_STANDING,
        "readings": pa.list_(pa.int64()),
        "flags": pa.binary(),
        "salt": HASH,
        "commitment": HASH,
        "signature": pa.binary(),
    }
)
"""A row a signed record: mWh, `+` import; two bytes of estimated flags a block."""
HISTORY: Final = pa.schema({**_STANDING, "blocks": pa.binary(), "opened": pa.binary(), "record": HASH})
"""A row a record of past days, opened in parts; `record` is its struct hash as it was kept when its signature was checked."""
SHOWN_RECORDS: Final = RECORDS.append(pa.field("root", HASH))
SHOWN_HISTORY: Final = HISTORY.append(pa.field("root", HASH)).append(pa.field("signature", pa.binary()))
"""What proofs need beside: the root that a row's times are of, and the signature, empty where the root was attested."""
ROOTS: Final = pa.schema({"root": HASH, "records": pa.binary()})
"""A row a leaf of a root, those of a root one after the other, in its tree's order; `records` are the struct hashes of its record, or
of all records of its history leaf, in order."""

_BITS: Final = {
    "capacity_w": 48,
    "connection_w": 48,
    "revision": 16,
    "period_seconds": 24,
    "slot_start": 40,
    "count": 8,
}


@dataclass(frozen=True, kw_only=True)
class Share:
    """Some row groups of a file: what is worked on at a time."""

    path: Path
    groups: tuple[int, ...]
    first: int
    """Its first row, counted over all files."""
    rows: int
    is_history: bool

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Its rows."""
        with pq.ParquetFile(self.path) as file:
            return file.read_row_groups(list(self.groups), columns=columns, use_threads=False)


def shares(records: Iterable[Path], history: Iterable[Path], most: int) -> list[Share]:
    """All rows of these files in shares of about `most` rows. Raises FleetError for a file without the columns."""
    found: list[Share] = []
    first = 0
    for path, schema in (*((path, RECORDS) for path in records), *((path, HISTORY) for path in history)):
        with open_table(path, schema) as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        held: list[int] = []
        for group in range(len(sizes)):
            held.append(group)
            rows = sum(sizes[at] for at in held)
            if rows and (group + 1 == len(sizes) or rows + sizes[group + 1] > most):
                share = Share(path=path, groups=tuple(held), first=first, rows=rows, is_history=schema is HISTORY)
                found.append(share)
                first, held = first + rows, []
    return found


def open_table(path: Path, schema: pa.Schema) -> pq.ParquetFile:
    """A Parquet file with the columns of a schema. Raises FleetError."""
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        said = str(error).partition("\n")[0].rstrip(".")
        raise FleetError(f"{path} cannot be read as Parquet: {said}.", "Check the path and the file.") from error
    found = file.schema_arrow
    for field in schema:
        at = found.get_field_index(field.name)
        if at < 0 or not _fits(found.field(at).type, field.type):
            file.close()
            kind = "none" if at < 0 else f"one of {found.field(at).type}"
            raise FleetError(
                f"{path} needs a column {field.name} of {field.type}, and has {kind}.",
                "Write it with the columns of docs/fleets.md.",
            )
    return file


def _fits(found: pa.DataType, wanted: pa.DataType) -> bool:
    if pa.types.is_list(wanted):
        return bool(
            (pa.types.is_list(found) or pa.types.is_large_list(found)) and found.value_type == wanted.value_type
        )
    return bool(found == wanted)


def integers(table: pa.Table, name: str, place: str) -> NDArray[np.int64]:
    """A column of whole numbers. Raises FleetError for a null, or a value that its field cannot hold."""
    column = table.column(name)
    if column.null_count:
        raise FleetError(f"{place}: column {name} has empty rows.", "Fill them.")
    values: NDArray[np.int64] = column.combine_chunks().to_numpy(zero_copy_only=False).astype(np.int64)
    limit = 1 << _BITS.get(name, 40)
    wrong = np.flatnonzero((values < 0) | (values >= limit))
    if len(wrong):
        raise FleetError(
            f"{place}: {name} of row {wrong[0]} is {values[wrong[0]]}.", f"Give integers from 0 to {limit - 1}."
        )
    return values


def hashes(table: pa.Table, name: str, place: str) -> NDArray[np.uint8]:
    """A column of values of one length, `(n, length)`. Raises FleetError for a null."""
    column = table.column(name)
    if column.null_count:
        raise FleetError(f"{place}: column {name} has empty rows.", "Fill them.")
    array = column.combine_chunks()
    array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
    width = array.type.byte_width
    data = np.frombuffer(array.buffers()[1], dtype=np.uint8) if len(array) else np.zeros(0, dtype=np.uint8)
    return data[array.offset * width : (array.offset + len(array)) * width].reshape(-1, width)


def fixed_array(rows: NDArray[np.uint8]) -> pa.Array:
    """A column of values of one length from `(n, length)`."""
    data = pa.py_buffer(np.ascontiguousarray(rows))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(rows.shape[1]), len(rows), [None, data])


def list_array(rows: NDArray[np.int64]) -> pa.Array:
    """A column of lists of one length from `(n, length)`."""
    count, width = rows.shape
    starts = np.arange(0, count * width + 1, max(width, 1), dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(starts), pa.array(np.ascontiguousarray(rows).reshape(-1)))


@dataclass(frozen=True, kw_only=True)
class Ragged:
    """A column of values of many lengths: one after the other, and where each begins."""

    values: NDArray[Any]
    starts: NDArray[np.int64]
    """One more than rows."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Of every row."""
        return np.diff(self.starts)

    def rows(self, rows: NDArray[np.int64], length: int) -> NDArray[Any]:
        """Some rows of this length, `(n, length)`."""
        chosen: NDArray[Any]
        if len(self.values) and (self.lengths == length).all():
            # The common case: all rows are alike, and need not be gathered byte by byte.
            chosen = self.values[self.starts[0] : self.starts[-1]].reshape(-1, length)[rows]
        else:
            chosen = self.values[self.starts[rows][:, None] + np.arange(length)]
        return chosen

    @classmethod
    def of(cls, table: pa.Table, name: str, place: str) -> Ragged:
        """A column of bytes or of lists. Raises FleetError for a null."""
        column = table.column(name)
        if column.null_count:
            raise FleetError(f"{place}: column {name} has empty rows.", "Fill them.")
        if not pa.types.is_list(column.type) and not pa.types.is_large_list(column.type):
            array = column.cast(pa.large_binary()).combine_chunks()
            array = pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
            _, offsets, data = array.buffers()
            values = np.frombuffer(data, dtype=np.uint8) if data else np.zeros(0, dtype=np.uint8)
            starts = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
            return cls(values=values, starts=starts)
        array = column.combine_chunks()
        array = pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
        if array.values.null_count:
            raise FleetError(f"{place}: a list of column {name} has an empty place.", "Fill it.")
        return cls(values=array.values.to_numpy(), starts=array.offsets.to_numpy().astype(np.int64))


@dataclass(frozen=True, kw_only=True)
class Devices:
    """The portfolio's entries, in order, with what the registry knows of their metering points."""

    points: NDArray[np.uint8]
    """`(n, 16)`."""
    signers: NDArray[np.uint8]
    """`(n, 20)`."""
    numbers: dict[str, NDArray[np.int64]]
    """All other columns of DEVICES."""

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, name: str) -> NDArray[np.int64]:
        return self.numbers[name]

    def only(self, rows: NDArray[np.int64]) -> Devices:
        """Some of the entries."""
        numbers = {name: values[rows] for name, values in self.numbers.items()}
        return Devices(points=self.points[rows], signers=self.signers[rows], numbers=numbers)

    @classmethod
    def load(cls, path: Path, *, joined_before: int, groups: int) -> Devices:
        """The entries of a file that were made before a time, UTC seconds. Raises FleetError."""
        with open_table(path, DEVICES) as file:
            table = file.read()
        place = str(path)
        numbers = {
            name: integers(table, name, place) for name in DEVICES.names if name not in ("metering_point", "signer")
        }
        joined = numbers["joined_at"]
        if np.any(np.diff(joined) < 0):
            raise FleetError(
                f"{place}: the entries are not in the order in which they joined.", "Keep the list's order."
            )
        for name, most in (("scheme", max(SignerScheme)), ("group", groups - 1), ("kind", max(DeviceKind))):
            wrong = np.flatnonzero(numbers[name] > most)
            if len(wrong):
                raise FleetError(
                    f"{place}: {name} of row {wrong[0]} is {numbers[name][wrong[0]]}.", f"The greatest is {most}."
                )
        count = int(np.searchsorted(joined, joined_before, side="left"))
        return cls(
            points=hashes(table, "metering_point", place)[:count],
            signers=hashes(table, "signer", place)[:count],
            numbers={name: values[:count] for name, values in numbers.items()},
        )
