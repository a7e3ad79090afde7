"""The `flexbond` command."""

from __future__ import annotations

from flexbond.cli.command import run


def main() -> None:
    """Entry point of the command; ends the process with the command's exit code."""
    from flexbond.cli.app import app

    raise SystemExit(run(app))


__all__ = ["main"]
