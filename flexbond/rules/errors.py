"""What can be wrong with a rule file, each with its place and a next step."""

from __future__ import annotations

from flexbond.errors import FlexbondError


class RuleFileError(FlexbondError):
    """A rule file that cannot be used. `file`, `line` (the first is 1) and `field` say where, as far as it is known."""

    def __init__(self, detail: str, next_step: str, *, file: str, line: int | None = None, field: str = "") -> None:
        self.file = file
        self.line = line
        self.field = field
        place = file if line is None else f"{file}, line {line}"
        super().__init__(f"{place}: {f'{field} ' if field else ''}{detail}", next_step)


class RuleFileUnreadableError(RuleFileError):
    """A file that is missing, cannot be read or written, is no UTF-8, or is larger than any rule."""


class RuleFileSyntaxError(RuleFileError):
    """Text that is not YAML, or YAML that two readers could read in two ways."""


class RuleFileFieldError(RuleFileError):
    """A field that is missing, unknown, given twice, or does not hold what it should."""


class RuleFileBoundsError(RuleFileError):
    """A rule whose fields are well formed, but which the Rulebook would refuse."""


class UnknownPresetError(FlexbondError):
    """A name that is neither a preset nor a file."""


class SamplingError(FlexbondError):
    """What is asked of sampling has no answer."""
