"""The demonstration: `brownie run demo --network anvil` (or ganache). It runs on chains of its own, not on Brownie's."""

from pathlib import Path

from brownie.network.main import show_active

from flexbond.demo import narrate, run


def main() -> None:
    """Settle the service windows of both chapters and write the report to out/demo."""
    out = Path("out/demo")
    chosen = "ganache" if "ganache" in str(show_active()) else "anvil"
    result = run(network=chosen, out=out, progress=print)
    print(*narrate(result, out), sep="\n")
