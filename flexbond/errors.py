"""What every error of the library has in common."""

from __future__ import annotations


class FlexbondError(Exception):
    """An error a person can act upon: one sentence on what is wrong, one on what to do next.

    Subclasses say what kind of thing went wrong and may set their own ``exit_code``, the status
    the ``flexbond`` command ends with.
    """

    exit_code: int = 1

    def __init__(self, message: str, next_step: str = "", *, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        if exit_code is not None:
            self.exit_code = exit_code

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}".rstrip()
