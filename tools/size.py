"""Print the size of every contract that is deployed, and fail if one is too large for a chain to take (EIP-170)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

LIMIT = 24_576
ARTIFACTS = Path(__file__).resolve().parents[1] / "build" / "contracts"


def main() -> None:
    """Check all artifacts of this project's own contracts."""
    sizes = {}
    for path in sorted(ARTIFACTS.glob("*.json")):
        artifact = json.loads(path.read_text())
        if artifact["type"] == "contract":
            sizes[artifact["contractName"]] = len(artifact["deployedBytecode"]) // 2
    if not sizes:
        sys.exit("There are no contracts in build/. Run `make compile`.")
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        print(f"{size:>6} bytes  {size / LIMIT:>4.0%}  {name}")
    too_large = [name for name, size in sizes.items() if size > LIMIT]
    if too_large:
        sys.exit(f"More than {LIMIT} bytes, so no chain takes them: {', '.join(too_large)}.")


if __name__ == "__main__":
    main()
