"""What can stand in the way of an operation, named by what the caller does next."""

from __future__ import annotations

from flexbond.errors import FlexbondError


class OperationError(FlexbondError):
    """An operation that cannot be done as things stand."""


class UnknownError(OperationError):
    """Something that the event log of this suite does not know."""


class TooEarlyError(OperationError):
    """Something that can be done later. `at` says from when, UTC seconds."""

    exit_code = 3

    def __init__(self, message: str, next_step: str = "", *, at: int) -> None:
        super().__init__(message, next_step)
        self.at = at


class TooLateError(OperationError):
    """Something whose deadline has passed."""


class NotYoursError(OperationError):
    """Something that only another account, or its operator, may do."""


class CalendarDiffersError(OperationError):
    """Days that are not those that a published calendar holds, or that do not join them. `day` is the first of them."""

    def __init__(self, message: str, next_step: str = "", *, day: int) -> None:
        self.day = day
        super().__init__(message, next_step)


class RecordsDifferError(OperationError):
    """Records that are not those with which an event was submitted, or that contradict each other."""


class EquivocationError(RecordsDifferError):
    """Two different records of one slot and revision, signed by one device."""

    def __init__(
        self, message: str, next_step: str = "", *, metering_point: bytes, slot_start: int, revision: int
    ) -> None:
        super().__init__(message, next_step)
        self.metering_point = metering_point
        self.slot_start = slot_start
        self.revision = revision


class LeavesUnknownError(OperationError):
    """A sampled submission of which nobody can tell the leaves from the chain."""


class SilentEventError(OperationError):
    """A submission in which no device would count: most likely the wrong record book."""


class DocumentError(FlexbondError):
    """A file that cannot be used. `place` says where in it."""

    def __init__(self, message: str, next_step: str = "", *, place: str = "") -> None:
        self.place = place
        super().__init__(f"{place}: {message}" if place else message, next_step)


class DocumentUnreadableError(DocumentError):
    """A file that is missing, cannot be read or is no UTF-8."""


class DocumentTooLargeError(DocumentError):
    """A file, a line, a list or a nesting larger than anything this could be."""


class DocumentSyntaxError(DocumentError):
    """Text that is not JSON, or JSON with floats, NaN or infinities."""


class DocumentDuplicateError(DocumentError):
    """The same key twice in an object, or the same record twice in a book."""


class DocumentSchemaError(DocumentError):
    """A file of another kind, or of a version that is not known here."""


class DocumentFieldError(DocumentError):
    """A field that is missing, unknown, of the wrong type or out of range."""


class DocumentDomainError(DocumentError):
    """A file signed for another chain or another deployment."""
