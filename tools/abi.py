"""Write the packaged ABIs, ``flexbond/chain/abi/*.json``, from ``build/``; with ``--check``, compare them.

A file holds the ABI and, for what the package deploys, the bytecode. The bytes are the same on every
machine: keys are sorted, and solc is told to leave the hash of the sources out of the bytecode.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ARTIFACTS = ROOT / "build" / "contracts"
PACKAGED = ROOT / "flexbond" / "chain" / "abi"

DEPLOYED = (
    "CollateralEscrow",
    "DeliveryVerifier",
    "DeviceRegistry",
    "FlexibilityMarket",
    "FlexibilityRights",
    "Governance",
    "Measurement",
    "MeterOracle",
    "MockStablecoin",
    "MockWallet",
    "ParticipantRegistry",
    "Payouts",
    "Rulebook",
    "Settlement",
    "SpotChecks",
)
# All errors of the suite, to decode those that one contract passes on from another.
ABI_ONLY = ("Errors",)


def packaged_bytes(artifact: dict[str, Any], *, deployed: bool) -> bytes:
    """Content of a packaged file."""
    name = artifact["contractName"]
    packaged: dict[str, Any] = {
        "abi": sorted(artifact["abi"], key=lambda entry: json.dumps(entry, sort_keys=True)),
        "contractName": name,
    }
    if deployed:
        bytecode = artifact["bytecode"]
        if "_" in bytecode:
            raise SystemExit(f"{name} calls a library that is deployed apart; make its functions internal.")
        packaged["bytecode"] = f"0x{bytecode}"
    return (json.dumps(packaged, sort_keys=True, separators=(",", ":")) + "\n").encode()


def wanted() -> dict[str, bytes]:
    """Every packaged file by its name, as it should be."""
    files = {}
    for name in (*DEPLOYED, *ABI_ONLY):
        artifact = ARTIFACTS / f"{name}.json"
        if not artifact.is_file():
            raise SystemExit(
                f"{artifact.relative_to(ROOT)} is missing; is there a contract {name}? Run `make compile`."
            )
        content = json.loads(artifact.read_text())
        # A library's contract of the same name takes the file's place where it is compiled after ours.
        if not content["sourcePath"].startswith("contracts/"):
            raise SystemExit(f"build/ has {content['sourcePath']} as {name}, not ours. Run `make compile`.")
        files[f"{name}.json"] = packaged_bytes(content, deployed=name in DEPLOYED)
    return files


def main() -> None:
    """Write or check."""
    files = wanted()
    present = {path.name: path.read_bytes() for path in PACKAGED.glob("*.json")}
    if "--check" in sys.argv[1:]:
        stale = sorted(name for name in files.keys() | present.keys() if files.get(name) != present.get(name))
        if stale:
            raise SystemExit(f"Packaged ABIs differ from the contracts: {', '.join(stale)}. Run `make abi`.")
        return
    PACKAGED.mkdir(parents=True, exist_ok=True)
    for name in present.keys() - files.keys():
        (PACKAGED / name).unlink()
    for name, content in files.items():
        (PACKAGED / name).write_bytes(content)


if __name__ == "__main__":
    main()
