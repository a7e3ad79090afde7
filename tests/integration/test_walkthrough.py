"""docs/walkthrough.md, block by block, as its readers run it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flexbond.chain.node import clone_root, free_port


@pytest.mark.anvil
def test_walkthrough(tmp_path: Path) -> None:
    """Given an empty folder with the configuration, when all blocks of the page run, the homes hold their shares."""
    page = (clone_root() / "docs/walkthrough.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 7
    (tmp_path / "config").mkdir()
    shutil.copy(clone_root() / "config/anvil.json", tmp_path / "config")
    port = free_port()
    script = "\n".join(["set -euo pipefail", *blocks]).replace("chain up ", f"chain up --port {port} ")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "FLEXBOND_FOLDER": str(tmp_path),
        "FLEXBOND_RPC": f"http://127.0.0.1:{port}",
        "COLUMNS": "200",
    }
    bash = shutil.which("bash")
    assert bash is not None
    try:
        done = subprocess.run(
            [bash, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600
        )
    finally:
        down = [sys.executable, "-c", "from flexbond.cli import main; main()", "chain", "down"]
        subprocess.run(down, cwd=tmp_path, env=environment, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr

    lines = (tmp_path / "out/walkthrough/events.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    first, second = (event["args"]["settled"] for event in events if event["event"] == "DispatchSettled")
    # 3.5 + 2 of 6 kWh in each of two hours at 300 per MWh, and nothing for the tolerated half; so in both evenings.
    assert (int(first["pay"]), int(first["penalty"])) == (2 * 5_500 * 300, 0)
    assert first == second
    shares = [int(event["args"]["amount"]) for event in events if event["event"] == "Collected"]
    relayed = [list(map(int, event["args"]["amounts"])) for event in events if event["event"] == "CollectedMany"]
    pool = int(first["pool"])
    parts = [pool * 35 // 55, pool * 20 // 55]
    assert (shares, relayed) == (parts[:1], [parts[1:], parts])
    names = [event["event"] for event in events]
    assert [names.count(name) for name in ("LeafProven", "PointsDrawn", "PointsProven", "EventMeasured")] == [
        2,
        1,
        1,
        2,
    ]
