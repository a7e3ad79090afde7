"""Kills builds: `python killing.py IN OUT` builds what IN holds into copies of the folder OUT, killed before each step of writing in turn.

Prints, as a JSON list, what each copy holds then: "old", "none" or "new", or "broken"; and what it holds when it is built again.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from flexbond.errors import FlexbondError
from flexbond.fleet import building
from flexbond.fleet.building import build
from flexbond.fleet.built import Built
from flexbond.fleet.keccak import keccak_rows
from flexbond.fleet.submission import FleetFiles

KINDS = ("old", "none", "new", "broken")


def main() -> None:
    given, out = Path(sys.argv[1]), Path(sys.argv[2])
    files = FleetFiles(
        event=given / "event.json",
        devices=given / "devices.parquet",
        records=(given / "records.parquet",),
        history=(given / "history.parquet",),
    )
    building.SHARE_ROWS = 9
    warm_up()
    seen = []
    for step in range(100):
        copy = out.with_name(f"{out.name}{step}")
        shutil.copytree(out, copy)
        killed = in_child(lambda at=step, folder=copy: killed_build(files, folder, at)) != 0
        held = KINDS[in_child(lambda folder=copy: kind_of(folder, out))]
        seen.append((held, KINDS[in_child(lambda folder=copy: whole_build(files, folder) or kind_of(folder, out))]))
        if not killed:
            break
    sys.stdout.write(json.dumps(seen))


def warm_up() -> None:
    """Loads here, once, what every child would load anew: compiled code, and what pyarrow looks for in a list."""
    keccak_rows(np.zeros((1, 1), dtype=np.uint8), threads=1)
    pa.array([1])


def in_child(work: Any) -> int:
    """Does something in a process of its own, so that this one never has threads; its exit code, or its signal as a negative one."""
    process = os.fork()
    if process == 0:
        code = 99
        try:
            code = work()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def killed_build(files: FleetFiles, folder: Path, step: int) -> int:
    """Builds; before its `step`-th change of files the process ends at once."""
    left = [step]

    def deadly(function: Any) -> Any:
        def instead(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return instead

    Path.replace = deadly(Path.replace)  # type: ignore[method-assign]
    Path.unlink = deadly(Path.unlink)  # type: ignore[method-assign]
    Path.mkdir = deadly(Path.mkdir)  # type: ignore[method-assign]
    os.fsync = deadly(os.fsync)
    return whole_build(files, folder)


def whole_build(files: FleetFiles, folder: Path) -> int:
    """Builds."""
    build(files, folder, processes=1)
    return 0


def kind_of(folder: Path, old: Path) -> int:
    """What a folder holds, as a place in KINDS."""
    try:
        built = Built.load(folder)
    except FlexbondError:
        return KINDS.index("none" if not (folder / "submission.json").exists() else "broken")
    try:
        for place in range(built.leaves):
            built.leaf(place)
    except FlexbondError:
        return KINDS.index("broken")
    return KINDS.index("old" if built.claim == Built.load(old).claim else "new")


if __name__ == "__main__":
    main()
