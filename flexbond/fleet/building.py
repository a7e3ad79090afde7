"""From a fleet's files to its submission: judge, open, measure, add up, hash.

What is expensive is written to the folder as soon as it is done, share by share, and found again by a later run over the same files.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

import flexbond
from flexbond.fleet.columns import Column, check_powers, exact_sum, own_columns, portfolio_columns
from flexbond.fleet.errors import FleetError
from flexbond.fleet.event import FleetEvent
from flexbond.fleet.judging import NOT_SHOWN, STANDING, Judged, devices_of, judge, standing_of_devices
from flexbond.fleet.keccak import keccak_rows
from flexbond.fleet.measuring import Energies, Measured, measure
from flexbond.fleet.opening import Opened, Task, look_into
from flexbond.fleet.submission import FleetFiles, Submission
from flexbond.fleet.tables import Devices, Share, hashes, integers, shares
from flexbond.model.delivery import responses_of
from flexbond.model.types import PortfolioSums, SignerScheme, Silence, Totals
from flexbond.operations.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

SHARE_ROWS: Final = 50_000
"""Records looked into at a time."""
WORK: Final = "unfinished"
"""Folder of what a later run may use again; it holds readings in clear, and goes when the submission is written."""
_EXTRA_SHARES: Final = 2
"""Shares that wait, ready, for a process that becomes free."""


def build(
    files: FleetFiles,
    folder: Path,
    *,
    processes: int = 0,
    checks_history: bool = False,
    progress: Progress = silent,
) -> Submission:
    """Builds the submission of a fleet into a folder; `processes` 0: one a core. Raises FleetError, DocumentError, BulkError.

    `checks_history`: the files of past days are somebody else's, and their signatures are checked too.
    """
    event = FleetEvent.load(files.event)
    devices = Devices.load(files.devices, joined_before=event.question.first_notice, groups=len(event.groups))
    for power in ("capacity_w", "connection_w"):
        check_powers(devices[power], event.rule.period_seconds, power.removesuffix("_w"))
    work = _work_folder(files, folder)
    parts = shares(files.records, files.history, SHARE_ROWS)
    standing = standing_of_devices(event, devices)
    judged = _judge_all(event, devices, standing, parts)
    progress(f"{len(devices)} places, {len(judged.device)} records, of which {len(judged.order)} are shown.")
    looking = _Looking(event=event, devices=devices, judged=judged, work=work, checks_history=checks_history)
    verdicts, energies = looking.open_all(parts, processes, progress)
    heard, first_bad = _heard(judged, verdicts, standing)
    progress(f"Measuring {len(heard)} devices.")
    measured = measure(event, devices, heard, energies)
    reasons = np.where(standing != Silence.OK, standing, measured.silence)
    reasons = np.where((reasons != Silence.OK) & (standing == Silence.OK) & (first_bad != 0), first_bad, reasons)
    submission = _assemble(event, devices, measured, standing, reasons)
    submission.save(folder, files, aside=work / "written")
    shutil.rmtree(work)
    progress(f"The root of {len(devices)} leaves is 0x{submission.tree.root.hex()}.")
    return submission


def _work_folder(files: FleetFiles, folder: Path) -> Path:
    """Where unfinished work is kept; emptied if it is of other files."""
    work, mark = folder / WORK, _fingerprint(files)
    known = work / "inputs"
    if not known.exists() or known.read_text(encoding="ascii") != mark:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True, mode=0o700)
        known.write_text(mark, encoding="ascii")
    return work


def _fingerprint(files: FleetFiles) -> str:
    """Hash of all that is read, and of the version of this code. Raises FleetError."""
    whole = sha256(flexbond.__version__.encode())
    for path in (files.event, files.devices, *files.records, *files.history):
        try:
            with path.open("rb") as file:
                whole.update(file_digest(file, "sha256").digest())
        except OSError as error:
            raise FleetError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from error
    return whole.hexdigest()


# ------------------------------------------------------------------ the records


def _judge_all(event: FleetEvent, devices: Devices, standing: NDArray[np.uint8], parts: Sequence[Share]) -> Judged:
    """Judges every record by what stands beside its readings."""
    names = ["metering_point", *STANDING]
    points = [np.zeros((0, 16), dtype=np.uint8)]
    columns = {name: [np.zeros(0, dtype=np.int64)] for name in STANDING}
    for share in parts:
        table = share.read(names)
        points.append(hashes(table, "metering_point", str(share.path)))
        for name in STANDING:
            columns[name].append(integers(table, name, str(share.path)))
    owners = devices_of(np.concatenate(points), devices, standing == Silence.OK)
    rows = {name: np.concatenate(columns.pop(name)) for name in STANDING}
    return judge(event, devices, owners, rows, event.boundary)


@dataclass(frozen=True, kw_only=True)
class _Looking:
    """What looking into records needs to know."""

    event: FleetEvent
    devices: Devices
    judged: Judged
    work: Path
    checks_history: bool

    def open_all(
        self, parts: Sequence[Share], processes: int, progress: Progress
    ) -> tuple[NDArray[np.uint8], Energies]:
        """Looks into every record that is shown: what speaks against each first, by row, and the energies of those that count."""
        event, judged, work = self.event, self.judged, self.work
        needed = np.array(sorted({start for group in range(len(event.groups)) for start in event.needed(group)}))
        waiting = [at for at in range(len(parts)) if not _result(work, at).exists()]
        jobs = ((parts[at], self._task(parts[at], needed), _result(work, at)) for at in waiting)
        for done, _ in enumerate(
            _in_processes(jobs, sum(parts[at].rows for at in waiting), processes), start=1 + len(parts) - len(waiting)
        ):
            if done % 10 == 0 or done == len(parts):
                progress(f"{done} of {len(parts)} shares of records are checked.")
        verdicts, shape = judged.standing.copy(), (len(self.devices), len(needed))
        energy, covered, estimated = np.zeros(shape, np.int64), np.zeros(shape, np.int32), np.zeros(shape, np.bool_)
        for at, share in enumerate(parts):
            opened = Opened.load(_result(work, at))
            verdicts[rows_of(judged, share)] = opened.verdicts
            place = np.ix_(opened.devices, opened.periods)
            energy[place] += opened.milli_wh
            covered[place] += opened.covered.astype(np.int32)
            estimated[place] |= opened.estimated
        whole = covered == event.rule.period_seconds
        return verdicts, Energies(starts=needed, milli_wh=energy, whole=whole, estimated=estimated)

    def _task(self, share: Share, needed: NDArray[np.int64]) -> Task:
        task = task_of(self.event, self.devices, self.judged, share, needed)
        return replace(task, checks_history=self.checks_history)


def rows_of(judged: Judged, share: Share) -> NDArray[np.int64]:
    """The rows of a share that are shown, counted over all files."""
    part = slice(share.first, share.first + share.rows)
    return share.first + np.flatnonzero((judged.device[part] >= 0) & (judged.standing[part] != NOT_SHOWN))


def task_of(event: FleetEvent, devices: Devices, judged: Judged, share: Share, needed: NDArray[np.int64]) -> Task:
    """What is to be looked into of a share; `needed` are starts of settlement periods, ascending, UTC seconds."""
    rows = rows_of(judged, share)
    device = judged.device[rows]
    return Task(
        place=str(share.path),
        rows=rows - share.first,
        device=device,
        low=judged.low[rows],
        high=judged.high[rows],
        signers=devices.signers[device],
        schemes=np.where(judged.needs_signature[rows], devices["scheme"][device], SignerScheme.NONE),
        needed=needed,
        period_seconds=event.rule.period_seconds,
        separator=event.oracle.separator,
        standing=judged.standing[rows],
        timing=judged.timing[rows],
    )


def _result(work: Path, share: int) -> Path:
    return work / f"{share}.npz"


def _in_processes(jobs: Iterator[tuple[Share, Task, Path]], rows: int, processes: int) -> Iterator[None]:
    """Does all jobs; says so after each. Only as many are prepared as are soon needed; few rows are no process's worth."""
    processes = min(processes or os.cpu_count() or 1, -(-rows // SHARE_ROWS))
    if processes < 2:
        for job in jobs:
            look_into(*job)
            yield
        return
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        running: set[Future[None]] = set()
        for job in jobs:
            running.add(pool.submit(look_into, *job))
            if len(running) < processes + _EXTRA_SHARES:
                continue
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
                yield
        for future in running:
            future.result()
            yield


def _heard(
    judged: Judged, verdicts: NDArray[np.uint8], standing: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """The entries of which some record counts, and of every entry the first reason why one does not.

    A device whose slots overlap is silent if one of them turns out wrong: what the others were added up to is not what they show.
    """
    device, verdict = judged.device[judged.order], verdicts[judged.order]
    first_bad = np.zeros(len(standing), dtype=np.uint8)
    bad = verdict != Silence.OK
    # Written from the last to the first: the first stays.
    first_bad[device[bad][::-1]] = verdict[bad][::-1]
    counts = np.zeros(len(standing), dtype=bool)
    counts[device[~bad]] = True
    unsound = judged.device[(verdicts != Silence.OK) & (judged.standing == Silence.OK) & (judged.timing == Silence.OK)]
    counts[unsound[judged.tangled[unsound]]] = False
    return np.flatnonzero(counts), first_bad


# ------------------------------------------------------------------ the submission


def _assemble(
    event: FleetEvent, devices: Devices, measured: Measured, standing: NDArray[np.uint8], reasons: NDArray[np.uint8]
) -> Submission:
    """Columns, totals and tree of what was measured."""
    key, rule = event.question.key, event.rule
    is_in = standing != Silence.INACTIVE
    if event.has_own_baselines:
        entries, weights = own_columns(rule, measured.responses, devices["capacity_w"], is_in)
    else:
        is_heard = (standing == Silence.OK) & (measured.silence == Silence.OK)
        power = devices["capacity_w"], devices["connection_w"]
        entries, weights = portfolio_columns(rule, key.direction, measured.metered, *power, is_heard)
    weight = Column.of(weights)
    columns = [Column.of(np.ascontiguousarray(entries[:, at])) for at in range(len(event.ordered))]
    words = np.hstack([column.words for column in columns])
    totals = Totals(
        columns=tuple(column.total for column in columns),
        weight=weight.total,
        baseline_milli_wh=tuple(map(exact_sum, measured.baseline.T)),
        metered_milli_wh=tuple(map(exact_sum, measured.metered.T)),
    )
    sums = PortfolioSums(
        entries=len(devices),
        capacity_w=exact_sum(devices["capacity_w"][is_in]),
        connection_w=exact_sum(devices["connection_w"][is_in]),
    )
    return Submission(
        event=event,
        points=devices.points,
        silences=np.where((standing == Silence.OK) & (reasons != Silence.OK), np.uint8(Silence.NO_RECORD), standing),
        reasons=reasons,
        baseline=measured.baseline,
        metered=measured.metered,
        weight_words=weight.words,
        column_words=words,
        columns_hashes=keccak_rows(words),
        totals=totals,
        responses_milli_wh=responses_of(
            rule, key, event.question.ordered_mask, totals.columns, sums, event.schedule_milli_wh
        ),
    )
