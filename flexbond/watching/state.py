"""All that a watchtower remembers, in one SQLite file: what it has seen, judged and sent.

Every change is one transaction of the file, so that a tower may be killed at any moment. What stood on blocks that the chain has dropped
is forgotten with them; only of what was sent a trace stays.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, Self

from flexbond.chain.events import from_line, to_line
from flexbond.watching.errors import StateError
from flexbond.watching.findings import Judgement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from flexbond.chain.events import EventRecord

KEPT_BLOCKS: Final = 4_096
"""Hashes of blocks that are remembered; a reorganisation deeper than what they span makes the tower begin anew."""
_SCHEMA: Final = """
CREATE TABLE meta (deployment TEXT NOT NULL);
CREATE TABLE blocks (number INTEGER PRIMARY KEY, hash TEXT NOT NULL);
CREATE TABLE logs (
    block INTEGER NOT NULL, place INTEGER NOT NULL, name TEXT NOT NULL, event BLOB NOT NULL, line TEXT NOT NULL,
    PRIMARY KEY (block, place)
);
CREATE INDEX logs_of_event ON logs (event, name);
CREATE TABLE judged (
    event BLOB PRIMARY KEY, block INTEGER NOT NULL, mark TEXT NOT NULL, content TEXT NOT NULL
);
CREATE TABLE sent (
    hash TEXT PRIMARY KEY, nonce INTEGER NOT NULL, event BLOB NOT NULL, what TEXT NOT NULL, place INTEGER NOT NULL,
    most_wei TEXT NOT NULL, fee_wei TEXT, block INTEGER, fate TEXT NOT NULL
);
"""
_VERSION: Final = 1


class Fate(Enum):
    """What became of a transaction."""

    OPEN = "open"
    """Signed, and perhaps sent."""
    MINED = "mined"
    UNDONE = "undone"
    """Mined, and refused by the contract."""
    LOST = "lost"
    """Another one took its number: it can never happen."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A transaction of the tower."""

    hash: str
    nonce: int
    event_id: bytes
    """Zero: of none."""
    what: str
    place: int
    most_wei: int
    """The most it can cost."""
    fee_wei: int | None
    """What it cost; None: not known yet."""
    block: int | None
    fate: Fate


class State:
    """A state file, for one tower at a time."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file

    @classmethod
    def open(cls, path: Path, *, deployment: str) -> Self:
        """The state of a deployment, begun if there is no file. Raises StateError."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = sqlite3.connect(path, isolation_level=None, timeout=1.0)
            path.chmod(0o600)
            file.execute("PRAGMA locking_mode = EXCLUSIVE")
            file.execute("PRAGMA synchronous = FULL")
            file.execute("BEGIN EXCLUSIVE")
            if file.execute("PRAGMA user_version").fetchone()[0] == 0:
                for statement in _SCHEMA.split(";")[:-1]:
                    file.execute(statement)
                file.execute("INSERT INTO meta VALUES (?)", (deployment,))
                file.execute(f"PRAGMA user_version = {_VERSION}")
            file.execute("COMMIT")
            version, known = (
                file.execute(query).fetchone()[0] for query in ("PRAGMA user_version", "SELECT deployment FROM meta")
            )
        except (sqlite3.Error, OSError) as error:
            raise StateError(
                f"{path} cannot be used as the state of a watchtower ({error}).",
                "Stop the other watchtower that uses it, or name another file with --state.",
            ) from error
        if (version, known) != (_VERSION, deployment):
            file.close()
            raise StateError(
                f"{path} is the state of another deployment, chain or account.", "Name another file with --state."
            )
        return cls(file)

    def close(self) -> None:
        """Lets others use the file."""
        self._file.close()

    # ------------------------------------------------------------------ what it has seen

    def blocks(self) -> Iterator[tuple[int, str]]:
        """Number and hash of the blocks that are remembered, the latest first."""
        yield from self._file.execute("SELECT number, hash FROM blocks ORDER BY number DESC").fetchall()

    def advance(self, number: int, hash_: str, records: Iterable[EventRecord]) -> None:
        """Remembers a block, and what the log says up to it."""
        self._file.execute("BEGIN")
        self._file.executemany(
            "INSERT OR REPLACE INTO logs VALUES (?, ?, ?, ?, ?)",
            [(item.block, item.log_index, item.name, bytes(item.event_id), to_line(item)) for item in records],
        )
        self._file.execute("INSERT OR REPLACE INTO blocks VALUES (?, ?)", (number, hash_))
        self._file.execute(
            "DELETE FROM blocks WHERE number NOT IN (SELECT number FROM blocks ORDER BY number DESC LIMIT ?)",
            (KEPT_BLOCKS,),
        )
        self._file.execute("COMMIT")

    def rewind(self, number: int) -> None:
        """Forgets all that stood on blocks after this one; what was sent there is open again."""
        self._file.execute("BEGIN")
        for table in ("blocks", "logs", "judged"):
            column = "number" if table == "blocks" else "block"
            self._file.execute(f"DELETE FROM {table} WHERE {column} > ?", (number,))  # noqa: S608  names above
        self._file.execute(
            "UPDATE sent SET fate = ?, block = NULL, fee_wei = NULL WHERE block > ? OR fate = ?",
            (Fate.OPEN.value, number, Fate.LOST.value),
        )
        self._file.execute("COMMIT")

    def logs(self, *names: str, event_id: bytes | None = None) -> list[EventRecord]:
        """What the log said under these names, of one event or of all, in order."""
        marks = ", ".join("?" * len(names))
        query, given = f"SELECT line FROM logs WHERE name IN ({marks})", [*names]  # noqa: S608  question marks only
        parameters: list[str | bytes] = list(given)
        if event_id is not None:
            query, parameters = f"{query} AND event = ?", [*parameters, event_id]
        rows = self._file.execute(f"{query} ORDER BY block, place", parameters)
        return [from_line(line) for (line,) in rows.fetchall()]

    def open_events(self) -> list[bytes]:
        """Events with a sampled submission that is neither final nor rejected, in the order in which they were submitted."""
        rows = self._file.execute(
            "SELECT event FROM logs WHERE name = 'Bonded' AND event NOT IN "
            "(SELECT event FROM logs WHERE name IN ('EventMeasured', 'EventUnmeasured')) ORDER BY block, place"
        )
        return [event for (event,) in rows.fetchall()]

    # ------------------------------------------------------------------ what it has judged

    def judgement(self, event_id: bytes, mark: str) -> Judgement | None:
        """What was found of an event's submission with the same data; None: nothing was, or the data are others."""
        found = self._file.execute("SELECT mark, content FROM judged WHERE event = ?", (event_id,)).fetchone()
        return Judgement.from_json(json.loads(found[1])) if found and found[0] == mark else None

    def last_judgement(self, event_id: bytes) -> Judgement | None:
        """What was found last, whatever the data."""
        found = self._file.execute("SELECT content FROM judged WHERE event = ?", (event_id,)).fetchone()
        return Judgement.from_json(json.loads(found[0])) if found else None

    def keep(self, event_id: bytes, block: int, mark: str, judgement: Judgement) -> None:
        """Remembers what was found of a submission that stands in a block."""
        content = json.dumps(judgement.as_json())
        self._file.execute("INSERT OR REPLACE INTO judged VALUES (?, ?, ?, ?)", (event_id, block, mark, content))

    # ------------------------------------------------------------------ what it has sent

    def announce(self, sent: Sent) -> None:
        """Remembers a transaction before anybody else has it."""
        row = (
            sent.hash,
            sent.nonce,
            sent.event_id,
            sent.what,
            sent.place,
            str(sent.most_wei),
            None,
            None,
            sent.fate.value,
        )
        self._file.execute("INSERT OR REPLACE INTO sent VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def settle(self, digest: str, fate: Fate, *, block: int | None = None, fee_wei: int | None = None) -> None:
        """Remembers what became of it."""
        fee = None if fee_wei is None else str(fee_wei)
        self._file.execute(
            "UPDATE sent SET fate = ?, block = ?, fee_wei = ? WHERE hash = ?", (fate.value, block, fee, digest)
        )

    def sent(self, *fates: Fate, event_id: bytes | None = None) -> list[Sent]:
        """Transactions with one of these fates, or all; of one event or of all."""
        rows = self._file.execute("SELECT * FROM sent ORDER BY nonce, rowid").fetchall()
        found = [
            Sent(
                hash=row[0],
                nonce=row[1],
                event_id=row[2],
                what=row[3],
                place=row[4],
                most_wei=int(row[5]),
                fee_wei=None if row[6] is None else int(row[6]),
                block=row[7],
                fate=Fate(row[8]),
            )
            for row in rows
        ]
        return [one for one in found if (not fates or one.fate in fates) and event_id in (None, one.event_id)]

    def spent_wei(self, *, without_nonce: int | None = None) -> int:
        """What all transactions cost, or may still cost: of those of one number only one can happen."""
        return spent_of([one for one in self.sent() if one.nonce != without_nonce])


def spent_of(sent: Sequence[Sent]) -> int:
    """What these transactions cost, or may still cost, wei."""
    certain = sum(one.fee_wei or 0 for one in sent if one.fate in (Fate.MINED, Fate.UNDONE))
    possible: dict[int, int] = {}
    for one in sent:
        if one.fate is Fate.OPEN:
            possible[one.nonce] = max(possible.get(one.nonce, 0), one.most_wei)
    return certain + sum(possible.values())
