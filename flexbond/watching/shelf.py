"""What data directories hold, by what the files are, whatever their names: published leaves, record books, Parquet of records."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from flexbond.fleet.submission import LEAVES_FILE, SUMMARY
from flexbond.fleet.submission import SCHEMA as SUBMISSION
from flexbond.fleet.tables import ROOTS, SHOWN_HISTORY, SHOWN_RECORDS
from flexbond.operations.errors import DocumentError
from flexbond.operations.files import read_document
from flexbond.operations.recordbook import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEPTH: Final = 3
"""Folders below a data directory that are looked into."""
_HEAD: Final = 400
_SKIPPED: Final = frozenset(("unfinished",))


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """All data there is. Of records that stand in several files the first counts: the order of the directories is that of trust."""

    builds: tuple[tuple[Path, str], ...] = ()
    """Folders with published leaves, and the event that each says it is of."""
    books: tuple[Path, ...] = ()
    records: tuple[Path, ...] = ()
    history: tuple[Path, ...] = ()
    roots: tuple[Path, ...] = ()
    stamps: tuple[tuple[Path, str], ...] = ()
    """Size and time of every file."""

    @classmethod
    def of(cls, folders: tuple[Path, ...]) -> Shelf:
        """What stands in the folders now."""
        builds: list[tuple[Path, str]] = []
        kinds: dict[str, list[Path]] = {"books": [], "records": [], "history": [], "roots": []}
        stamps: list[tuple[Path, str]] = []
        for path in (path for folder in folders for path in _files(folder, DEPTH)):
            try:
                known = path.stat()
            except OSError:
                continue
            stamp = f"{known.st_size}:{known.st_mtime_ns}"
            stamps.append((path, stamp))
            if path.name == LEAVES_FILE:
                builds.append((path.parent, _event_of(path.parent)))
            else:
                kinds.get(_kind_of(path, stamp), []).append(path)
        several = {name: tuple(paths) for name, paths in kinds.items()}
        return cls(builds=tuple(builds), stamps=tuple(stamps), **several)

    def mark_of(self, event_id: bytes) -> str:
        """Changes when a file does that says something of an event."""
        builds, whole = set(self.builds_of(event_id)), sha256()
        shared = {*self.books, *self.records, *self.history, *self.roots}
        for path, stamp in self.stamps:
            if path in shared or path.parent in builds:
                whole.update(f"{path}:{stamp}\n".encode())
        return whole.hexdigest()

    def builds_of(self, event_id: bytes) -> list[Path]:
        """Folders with leaves of an event, as they say themselves."""
        return [folder for folder, event in self.builds if event == f"0x{event_id.hex()}"]


def _files(folder: Path, depth: int) -> Iterator[Path]:
    """All files of a folder and of those below it, in order; what is hidden or unfinished is passed over."""
    try:
        found = sorted(folder.iterdir())
    except OSError:
        return
    for path in found:
        if path.name.startswith(".") or path.name in _SKIPPED or path.is_symlink():
            continue
        if path.is_file():
            yield path
        elif depth:
            yield from _files(path, depth - 1)


def _event_of(folder: Path) -> str:
    try:
        return str(read_document(folder / SUMMARY, schema=SUBMISSION).get("eventId", ""))
    except DocumentError:
        return ""


def _is_book(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = json.loads(file.readline(_HEAD))
    except (OSError, ValueError):
        return False
    return isinstance(head, dict) and head.get("schema") == SCHEMA


@lru_cache(maxsize=10_000)
def _kind_of(path: Path, stamp: str) -> str:  # noqa: ARG001  of the cache
    """What a file is by its head or its columns; empty: nothing that is needed. `stamp`: looked at again when that changes."""
    if path.suffix == ".jsonl":
        return "books" if _is_book(path) else ""
    if path.suffix != ".parquet":
        return ""
    try:
        names = set(pq.read_schema(path).names)
    except (OSError, pa.ArrowException):
        return ""
    for kind, schema in (("records", SHOWN_RECORDS), ("history", SHOWN_HISTORY), ("roots", ROOTS)):
        if names >= set(schema.names):
            return kind
    return ""
