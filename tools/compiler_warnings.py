"""Print what the compiler warns of in this project's own sources, and fail if there is anything.

Brownie shows warnings only beside errors, so they would go unread.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOLC = ROOT / "tools" / "solc" / "solc-v0.8.37"
# Names that a coming version of Solidity reserves; the pragma and the pinned compiler keep to this one.
PASSED_OVER = {"6335"}


def main() -> None:
    """Check all contracts and interfaces, without generating code."""
    paths = sorted(
        path.relative_to(ROOT) for folder in ("contracts", "interfaces") for path in (ROOT / folder).rglob("*.sol")
    )
    request = {
        "language": "Solidity",
        "sources": {str(path): {"content": (ROOT / path).read_text()} for path in paths},
        "settings": {
            "remappings": ["@openzeppelin/=node_modules/@openzeppelin/"],
            "outputSelection": {"*": {"": ["ast"]}},
        },
    }
    answer = subprocess.run(
        [SOLC, "--standard-json"], input=json.dumps(request), capture_output=True, text=True, check=True, cwd=ROOT
    )
    own = [
        error
        for error in json.loads(answer.stdout).get("errors", [])
        if error.get("errorCode") not in PASSED_OVER
        and not error.get("sourceLocation", {}).get("file", "").startswith("node_modules/")
    ]
    for error in own:
        print(error["formattedMessage"])
    if own:
        sys.exit(f"The compiler has {len(own)} warnings or errors on this project's sources.")


if __name__ == "__main__":
    main()
