"""Folders of the demonstration's chapters, in a folder of results."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from flexbond.demo.scratch import scratch


def test_is_there_for_the_length_of_the_block(tmp_path: Path) -> None:
    """given results, when a chapter runs, then it has a folder of its own among them until it ends"""
    with scratch(tmp_path) as folder:
        (folder / "key").write_text("0x")
        assert list(tmp_path.iterdir()) == [folder]
    assert not list(tmp_path.iterdir())


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    """given a run that was killed, when the next one starts, then nothing is left of the first"""
    program = (
        "import sys, time; from pathlib import Path; from flexbond.demo.scratch import scratch\n"
        f"with scratch(Path({str(tmp_path)!r})) as folder:\n"
        "    (folder / 'key').write_text('0x'); print(folder, flush=True); time.sleep(99)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        left = process.stdout.readline().strip()
        process.kill()
        process.wait()
    assert Path(left).is_dir()
    with scratch(tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_what_a_run_under_way_has_stays(tmp_path: Path) -> None:
    """given a chapter under way, when another one starts beside it, then both keep their folders; and what is named otherwise stays too"""
    (tmp_path / ".run-of-mine").mkdir()
    with scratch(tmp_path) as first, scratch(tmp_path) as second:
        assert first.is_dir()
        assert second.is_dir()
    assert [path.name for path in tmp_path.iterdir()] == [".run-of-mine"]
