"""How long `flexbond submit build` takes: makes a signed fleet of any size and builds its submission.

    python tools/bench_fleet.py --devices 10000 --baseline x-of-y --folder /tmp/fleet

Making the fleet does not count. Its keys are public development keys, a few for the whole fleet: recovering a signer costs the same.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from coincurve import PrivateKey

from flexbond.calendars import build
from flexbond.fleet.built import Built
from flexbond.fleet.event import FleetEvent
from flexbond.fleet.hashing import big_endian, commitments_of, struct_hashes
from flexbond.fleet.keccak import keccak_rows
from flexbond.fleet.tables import DEVICES, HISTORY, RECORDS, fixed_array
from flexbond.ids import calendar_id, lookback_hash, rule_id
from flexbond.model.types import BaselineMethod, Direction, EventKey, Grid, Question, SignerScheme
from flexbond.records import BLOCK, FLAG_BYTES
from flexbond.rules import find
from flexbond.signing.eip712 import Domain
from flexbond.signing.keys import development_device

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

SIZES: Final = (10_000, 100_000, 1_000_000)
DAY: Final = 86_400
MIDNIGHT: Final = 1_789_344_000
"""Monday, 14 September 2026; London is an hour ahead."""
START: Final = MIDNIGHT + 17 * 3600
NOTICE: Final = START - 2 * 3600
WINDOW: Final = 2 * 3600
GRID: Final = Grid(period_seconds=1800, readings_per_slot=48, offset_seconds=0)
KEYS: Final = 64
SHARE: Final = 20_000
"""Devices made at a time."""
PRESETS: Final = {"meter-before": "ssen-trial", "x-of-y": "aemo-10-of-10"}
OPENED: Final = (1, 2)
"""Blocks of a past day's record that are opened."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """What building a submission took."""

    devices: int
    baseline: str
    seconds: float
    cpu_seconds: float
    """Of all processes together."""
    peak_mb: int
    """Of all processes together, shared pages counted once."""
    files_mb: int
    opened_ms: int
    """To load the submission and open one leaf with its path, milliseconds."""
    root: str


def event_of(preset: str) -> FleetEvent:
    """An evening of two hours in half-hours, all ordered."""
    file, days = find(preset), build("Europe/London", "GB-ENG", 2026, 2027)
    rule, past = file.rule, file.lookback
    looks_back = rule.baseline is BaselineMethod.X_OF_Y
    if looks_back:
        past = replace(past, calendar_id=calendar_id(days.calendar))
        rule = replace(rule, lookback_hash=lookback_hash(past))
    key = EventKey(
        portfolio_id=bytes(32),
        window_start=START,
        window_end=START + WINDOW,
        rule_id=rule_id(rule),
        direction=Direction.SHED,
        reference_w=0,
    )
    question = Question(key=key, first_notice=NOTICE, ordered_mask=(1 << WINDOW // 1800) - 1)
    if looks_back:
        question = replace(question, lookback=past, calendar=days)
    oracle = Domain.of("MeterOracle", chain_id=31337, contract="0x" + 40 * "9")
    return FleetEvent(oracle=oracle, rule=rule, question=question, grids={0: GRID})


def write_fleet(folder: Path, event: FleetEvent, devices: int) -> None:
    """All files of the fleet: a record of 48 half-hours each, and of every past day two opened blocks."""
    event.save(folder / "event.json")
    keys = [development_device(b"benchmark", index).secret() for index in range(KEYS)]
    addresses = np.array(
        [list(bytes.fromhex(development_device(b"benchmark", index).address[2:])) for index in range(KEYS)]
    )
    past = sorted({start - start % DAY for start in event.needed(0) if start < event.boundary})
    shares = range(0, devices, SHARE)
    with (
        pq.ParquetWriter(folder / "devices.parquet", DEVICES) as devices_file,
        pq.ParquetWriter(folder / "records.parquet", RECORDS, compression="lz4", use_dictionary=False) as records_file,
        pq.ParquetWriter(folder / "history.parquet", HISTORY, compression="lz4", use_dictionary=False) as history_file,
        ProcessPoolExecutor() as pool,
    ):
        for first in shares:
            index = np.arange(first, min(devices, first + SHARE))
            rng = np.random.default_rng(first)
            points = _points(index)
            devices_file.write_table(_devices(points, index, addresses.astype(np.uint8)))
            columns, digests = _records(event, points, rng)
            parts = np.array_split(np.arange(len(index)), os.cpu_count() or 1)
            jobs = [([keys[index[at] % KEYS] for at in part], digests[part].tobytes()) for part in parts]
            columns["signature"] = pa.array([raw for signed in pool.map(_sign, jobs) for raw in signed], pa.binary())
            records_file.write_table(pa.table(columns, schema=RECORDS))
            if past:
                history_file.write_table(_history(points, np.array(past), rng))


def _points(index: NDArray[np.int64]) -> NDArray[np.uint8]:
    return keccak_rows(big_endian(index))[:, :16]


def _bytes(rows: NDArray[np.uint8]) -> pa.Array:
    return fixed_array(rows).cast(pa.binary())


def _constant(value: int, count: int) -> pa.Array:
    return pa.array(np.full(count, value, dtype=np.int64))


def _devices(points: NDArray[np.uint8], index: NDArray[np.int64], addresses: NDArray[np.uint8]) -> pa.Table:
    given = {
        **dict.fromkeys(("left_at", "suspended_at", "valid_from", "grid_id", "group"), 0),
        "joined_at": 1,
        "capacity_w": 5_000,
        "connection_w": 15_000,
        "kind": 2,
        "valid_until": 1 << 39,
        "scheme": int(SignerScheme.SECP256K1),
    }
    columns = {name: _constant(value, len(points)) for name, value in given.items()}
    columns |= {"metering_point": fixed_array(points), "signer": fixed_array(addresses[index % KEYS])}
    return pa.table({name: columns[name] for name in DEVICES.names}, schema=DEVICES)


def _standing(points: NDArray[np.uint8], slots: NDArray[np.int64], at: NDArray[np.int64]) -> dict[str, Any]:
    count = len(points)
    return {
        "metering_point": fixed_array(points),
        "slot_start": pa.array(slots),
        "period_seconds": _constant(GRID.period_seconds, count),
        "revision": _constant(0, count),
        "count": _constant(GRID.readings_per_slot, count),
        "at": pa.array(at),
        **{name: _constant(0, count) for name in ("attested_at", "latest_revision", "latest_before_notice")},
    }


def _structs(points: NDArray[np.uint8], slots: NDArray[np.int64], commitments: NDArray[np.uint8]) -> NDArray[np.uint8]:
    ones = np.ones(len(points), dtype=np.int64)
    numbers = [slots, GRID.period_seconds * ones, GRID.readings_per_slot * ones, 0 * ones]
    return struct_hashes(points, numbers, commitments)


def _records(
    event: FleetEvent, points: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """The event's records without signatures, and what is to be signed."""
    count, readings = len(points), GRID.readings_per_slot
    values = rng.integers(10_000, 1_500_000, (count, readings))
    flags = np.zeros((count, FLAG_BYTES * (readings // BLOCK)), dtype=np.uint8)
    salts = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    commitments = commitments_of(salts, values, flags)
    slots = np.full(count, MIDNIGHT)
    begun = np.frombuffer(b"\x19\x01" + event.oracle.separator, dtype=np.uint8)
    structs = _structs(points, slots, commitments)
    digests = keccak_rows(np.hstack((np.broadcast_to(begun, (count, len(begun))), structs)))
    starts = pa.array(np.arange(0, count * readings + 1, readings, dtype=np.int32))
    columns = {
        **_standing(points, slots, slots + DAY + 60),
        "readings": pa.ListArray.from_arrays(starts, pa.array(values.reshape(-1))),
        "flags": _bytes(flags),
        "salt": fixed_array(salts),
        "commitment": fixed_array(commitments),
    }
    return columns, digests


def _sign(job: tuple[list[bytes], bytes]) -> list[bytes]:
    keys, digests = job
    known = {secret: PrivateKey(secret) for secret in set(keys)}
    signed = []
    for at, secret in enumerate(keys):
        raw = known[secret].sign_recoverable(digests[32 * at : 32 * at + 32], hasher=None)
        signed.append(raw[:32] + bytes([raw[32] | raw[64] << 7]) + raw[33:64])
    return signed


def _history(points: NDArray[np.uint8], days: NDArray[np.int64], rng: np.random.Generator) -> pa.Table:
    """Two blocks of every past day in clear; of the others the hashes, of which nobody can tell what they hide."""
    owners = np.repeat(points, len(days), axis=0)
    slots = np.tile(days, len(points))
    count, blocks = len(owners), GRID.readings_per_slot // BLOCK
    listed = rng.integers(0, 256, (count, 32 * blocks), dtype=np.uint8)
    opened = []
    for block in OPENED:
        packed = big_endian(rng.integers(10_000, 1_500_000, BLOCK * count))[:, 3:].reshape(count, -1)
        salts = rng.integers(0, 256, (count, 32), dtype=np.uint8)
        payload = np.hstack((salts, np.zeros((count, FLAG_BYTES), dtype=np.uint8), packed))
        listed[:, 32 * block : 32 * block + 32] = keccak_rows(payload)
        opened += [np.full((count, 1), block, dtype=np.uint8), payload]
    columns = {
        **_standing(owners, slots, slots + DAY + 60),
        "blocks": _bytes(listed),
        "opened": _bytes(np.hstack(opened)),
        "record": fixed_array(_structs(owners, slots, keccak_rows(listed))),
    }
    return pa.table(columns, schema=HISTORY)


# ------------------------------------------------------------------ measuring


def measure_all(sizes: Sequence[int]) -> Iterator[Timing]:
    """Fleets of these sizes under every baseline, each in a temporary folder: 3 GB for the greatest."""
    for devices in sizes:
        for baseline in PRESETS:
            sys.stderr.write(f"Making and measuring the submission of {devices} devices: {baseline}\n")
            with TemporaryDirectory(prefix="flexbond-fleet-") as folder:
                yield measure(Path(folder), devices=devices, baseline=baseline)


def section(timings: Sequence[Timing]) -> list[str]:
    """The page's lines on submissions."""
    return [
        "## The submission of a fleet",
        "`flexbond submit build`, from the command's start to its end: signatures of the event's records recovered, commitments",
        "computed again, past days from opened blocks, baselines, columns, tree, all files written. One record of 48 half-hours a",
        "device; `x-of-y` (`aemo-10-of-10`) beside it ten past days of two opened blocks. Memory is that of all processes together.",
        "The last column: loading the built submission and opening one of its leaves with its path. What dominates: recovering",
        "signers, a third to a half of the processor's time, then keccak256 of blocks and records, then reading Parquet.",
        "",
        "| devices | baseline | seconds | CPU seconds | peak, MB | files, MB | a leaf, ms |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: |",
        *map(_line, timings),
    ]


def _line(one: Timing) -> str:
    figures = (one.seconds, one.cpu_seconds, one.peak_mb, one.files_mb, one.opened_ms)
    shown = [f"{one.devices:,}", one.baseline, *(f"{figure:,}" for figure in figures)]
    return f"| {' | '.join(shown)} |".replace(",", " ")


def measure(folder: Path, *, devices: int, baseline: str) -> Timing:
    """Makes a fleet in a folder that is there, and builds its submission in a process of its own."""
    preset = PRESETS[baseline]
    write_fleet(folder, event_of(preset), devices)
    names = ("event.json", "devices.parquet", "records.parquet", "history.parquet")
    files = [folder / name for name in names]
    command = [
        *(
            sys.executable,
            "-c",
            "from flexbond.cli import main; main()",
            "submit",
            "build",
            str(folder / "out"),
            "--json",
        ),
        *(part for file in files for part in (f"--{file.stem}", str(file))),
    ]
    before, start = _cpu_seconds(), time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    peak = _Peak(process.pid)
    peak.start()
    said, _ = process.communicate()
    seconds = time.monotonic() - start
    peak.join()
    if process.returncode:
        raise SystemExit(process.returncode)
    built = json.loads(said)
    start = time.monotonic()
    Built.load(folder / "out").leaf(devices // 2)
    opened = time.monotonic() - start
    return Timing(
        devices=devices,
        baseline=baseline,
        seconds=round(seconds, 1),
        cpu_seconds=round(_cpu_seconds() - before, 1),
        peak_mb=peak.mb,
        files_mb=sum(file.stat().st_size for file in files) // 1_000_000,
        opened_ms=round(opened * 1000),
        root=built["claim"]["root"],
    )


def _cpu_seconds() -> float:
    """What processes that have ended took."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


class _Peak(threading.Thread):
    """Watches how much memory a process and its children hold."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self.mb = 0

    def run(self) -> None:
        while Path(f"/proc/{self._pid}/exe").exists():
            held = sum(map(_held_kb, self._family()))
            self.mb = max(self.mb, held // 1000)
            time.sleep(0.5)

    def _family(self) -> list[int]:
        found = [self._pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found += map(int, _text(children).split())
        return found


def _held_kb(pid: int) -> int:
    lines = _text(Path(f"/proc/{pid}/smaps_rollup")).splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:  # the process has ended
        return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--baseline", choices=tuple(PRESETS), default="meter-before")
    parser.add_argument("--folder", type=Path, required=True, help="For the fleet; up to 6 GB for a million devices.")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    timing = measure(given.folder, devices=given.devices, baseline=given.baseline)
    sys.stdout.write(json.dumps(asdict(timing)) + "\n")


if __name__ == "__main__":
    main()
