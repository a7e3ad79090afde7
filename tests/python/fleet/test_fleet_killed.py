"""A build that is killed leaves the submission that was there, or none; never half of one."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

from flexbond.fleet.building import build
from flexbond.model.types import BaselineMethod
from tests.python.fleet import killing
from tests.python.fleet.making import a_fleet


def test_a_kill_leaves_no_half_submission(tmp_path: Path) -> None:
    build(a_fleet(random.Random(1), BaselineMethod.X_OF_Y, 4).save(tmp_path / "old"), tmp_path / "out", processes=1)
    a_fleet(random.Random(2), BaselineMethod.X_OF_Y, 5).save(tmp_path / "in")
    command = [sys.executable, killing.__file__, str(tmp_path / "in"), str(tmp_path / "out")]
    ran = subprocess.run(
        command, capture_output=True, text=True, timeout=600, check=False, cwd=Path(__file__).parents[3]
    )
    assert ran.returncode == 0, ran.stderr
    held = [kind for kind, _ in json.loads(ran.stdout)]
    assert set(held) == {"old", "none", "new"}
    assert held == sorted(held, key=killing.KINDS.index)
    assert held[-1] == "new"
    assert len(held) > 20
    assert {again for _, again in json.loads(ran.stdout)} == {"new"}
