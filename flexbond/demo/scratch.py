"""A folder for the length of a chapter: keys, records and settings that nobody wants afterwards."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"\.run-([0-9]+)-.*", re.ASCII)


@contextmanager
def scratch(out: Path) -> Iterator[Path]:
    """An empty folder within `out`, removed at the end; those of runs that were killed go first."""
    for left in out.glob(".run-*"):
        named = _NAME.fullmatch(left.name)
        if named and not _lives(int(named[1])):
            shutil.rmtree(left, ignore_errors=True)
    with TemporaryDirectory(dir=out, prefix=f".run-{os.getpid()}-") as folder:
        yield Path(folder)


def _lives(process: int) -> bool:
    """Whether there is a process with this number, whatever it is."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
