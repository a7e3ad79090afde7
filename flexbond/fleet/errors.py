"""What is wrong with the files of a fleet."""

from __future__ import annotations

from flexbond.errors import FlexbondError


class FleetError(FlexbondError):
    """A fleet that cannot be submitted as it was given: the sentence names the file, the row or the column."""
