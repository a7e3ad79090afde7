"""Rules between files and the chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexbond.model.types import BaselineMethod
from flexbond.operations import governing
from flexbond.operations.errors import OperationError
from flexbond.operations.history import calendar_of, lookback_of, rule_of
from flexbond.operations.progress import Progress, silent
from flexbond.rules import RuleFile, rule_file_of

if TYPE_CHECKING:
    from flexbond.chain.send import Sender
    from flexbond.chain.suite import Suite


class CalendarUnpublishedError(OperationError):
    """A rule over past days whose calendar is not on the chain yet."""


def publish_file(suite: Suite, sender: Sender, file: RuleFile, *, progress: Progress = silent) -> bytes:
    """Publishes the rule of a file unless it stands; its id.

    Raises CalendarUnpublishedError, RuleIncompleteError, NotYoursError, TooEarlyError.
    """
    whole = file.filled()
    if whole.calendar is not None and not suite.rulebook.read("nextDay", whole.lookback.calendar_id):
        named = f"--zone {whole.zone}" + (f" --holidays {whole.holidays}" if whole.holidays else "")
        raise CalendarUnpublishedError(
            f"The rule's calendar ({whole.zone}, holidays {whole.holidays or 'none'}) is not published.",
            f"Run `flexbond calendar publish {named} --from YEAR --until YEAR` first.",
        )
    return governing.publish_rule(suite, sender, whole.rule, whole.lookback, progress=progress)


def published_file(suite: Suite, rule_id: bytes) -> RuleFile:
    """A published rule as a file, from the event log. Raises UnknownError."""
    rule, lookback = rule_of(suite, rule_id), lookback_of(suite, rule_id)
    needs_days = rule.baseline is BaselineMethod.X_OF_Y
    calendar = calendar_of(suite, lookback.calendar_id).calendar if needs_days else None
    title = f"Published on chain {suite.chain_id}"
    return rule_file_of(rule, lookback, calendar, name=f"0x{rule_id.hex()}", title=title)
