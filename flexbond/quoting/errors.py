"""What can be wrong with the files of a quote, each with its place and a next step."""

from __future__ import annotations

from flexbond.errors import FlexbondError


class QuoteError(FlexbondError):
    """A quote that cannot be made."""


class QuoteFileError(QuoteError):
    """A file of a quote that is not what it should be. `place` says where in it."""

    def __init__(self, detail: str, next_step: str = "", *, place: str) -> None:
        super().__init__(f"{place}: {detail}", next_step)
        self.place = place


class DevicesFileError(QuoteFileError):
    """A file of devices with a wrong column, row or value."""


class OrdersFileError(QuoteFileError):
    """A file of orders with a wrong, missing or unknown field."""


class OrderRefusedError(QuoteFileError):
    """An order that the contracts would refuse."""


class CallsFileError(QuoteFileError):
    """A file of earlier calls with a wrong column, row or value."""


class BaselineUnsuitableError(QuoteError):
    """A question that the rule's baseline has no answer to."""


class CalendarMissingError(QuoteError):
    """A rule that looks back over days without the calendar of these days."""


class NoDataError(QuoteError):
    """Data without what the question needs."""
