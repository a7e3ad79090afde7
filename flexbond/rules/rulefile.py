"""A rule as people hand it around: the terms, the calendar's name, and why each value is what it is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from flexbond.errors import FlexbondError
from flexbond.hashing import ZERO_ADDRESS, checksum_address
from flexbond.ids import calendar_id, lookback_hash
from flexbond.model.rules import RuleError, check_rule
from flexbond.model.types import NO_LOOKBACK, BaselineMethod

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flexbond.model.types import Calendar, Lookback, Rule

STAND_IN: Final = "0x" + 39 * "0" + "1"
"""Whoever gets what customers never collect, while a rule that names nobody yet is checked."""
NO_VALUES: Final[Mapping[str, str]] = MappingProxyType({})


class Confidence(StrEnum):
    """How well a value is founded."""

    PUBLIC_TEXT = "public text"
    """Read in the public document that `source` names."""
    SECONDARY = "secondary"
    """Known from what others say of the document that `source` names; its own text was not read."""
    ASSUMED = "assumed"
    """Chosen here: the scheme says nothing, or something that this rule cannot say."""


class RuleIncompleteError(FlexbondError):
    """A rule that lacks what it needs to be published."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Why a value is what it is."""

    confidence: Confidence | None = None
    source: str = ""
    """Key of the file's `sources`; empty: none."""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Within which a baseline counts as good, basis points; None: no threshold."""

    max_bias_bps: int | None = None
    """Greatest mean error to either side, of the mean load."""
    max_relative_error_bps: int | None = None
    """Greatest root mean square error, of the mean load."""


@dataclass(frozen=True, kw_only=True)
class RuleFile:
    """What a rule file says."""

    name: str
    title: str
    about: str = ""
    sources: Mapping[str, str] = field(default_factory=lambda: NO_VALUES)
    """Key -> document, section, year, address."""
    rule: Rule
    """`currency` and `unclaimed_to` are the zero address where the file has none."""
    lookback: Lookback = NO_LOOKBACK
    calendar: Calendar | None = None
    """X_OF_Y only."""
    accuracy: Accuracy | None = None
    provenance: Mapping[str, Provenance] = field(default_factory=lambda: MappingProxyType({}))
    """Path of a parameter (`rule.pay_curve`, `lookback.classes.0.x`) -> why."""

    @property
    def zone(self) -> str:
        """Name of the calendar's zone; empty without a calendar."""
        return "" if self.calendar is None else text_of(self.calendar.zone)

    @property
    def holidays(self) -> str:
        """Whose holidays the calendar has; empty without a calendar."""
        return "" if self.calendar is None else text_of(self.calendar.holidays)

    def filled(self, *, currency: str | None = None, unclaimed_to: str | None = None) -> RuleFile:
        """The file with the addresses that only a chain has.

        Raises RuleIncompleteError for an address that the file gives otherwise, or that is missing still.
        """
        rule = replace(
            self.rule,
            currency=_chosen("currency", self.rule.currency, currency),
            unclaimed_to=_chosen("unclaimed_to", self.rule.unclaimed_to, unclaimed_to),
        )
        return replace(self, rule=rule)


def rule_file_of(
    rule: Rule, lookback: Lookback = NO_LOOKBACK, calendar: Calendar | None = None, *, name: str, title: str = ""
) -> RuleFile:
    """The file of a published rule, from what the event log holds of it. Raises RuleIncompleteError."""
    wanted = rule.baseline is BaselineMethod.X_OF_Y
    if wanted and rule.lookback_hash != lookback_hash(lookback):
        raise RuleIncompleteError("The look-back is not that of the rule.", "Take both from one RulePublished event.")
    if wanted and (calendar is None or calendar_id(calendar) != lookback.calendar_id):
        raise RuleIncompleteError("The calendar is not that of the look-back.", "Take the one with the look-back's id.")
    for shown in () if calendar is None else (calendar.zone, calendar.holidays):
        if not shown.rstrip(b"\0").isascii() or not text_of(shown).isprintable():
            raise RuleIncompleteError(
                "The calendar's names are no ASCII text.", "Such a rule has no file; see its JSON."
            )
    return RuleFile(name=name, title=title or name, rule=rule, lookback=lookback, calendar=calendar)


def check(rule: Rule, lookback: Lookback) -> None:
    """Checks a rule as the Rulebook does, whoever gets what is never collected. Raises RuleError."""
    named = rule if rule.unclaimed_to != ZERO_ADDRESS else replace(rule, unclaimed_to=STAND_IN)
    check_rule(named, lookback)


def text_of(name: bytes) -> str:
    """The ASCII text of 32 bytes, left-aligned."""
    return name.rstrip(b"\0").decode("ascii", "backslashreplace")


def _chosen(field_name: str, in_file: str, given: str | None) -> str:
    if given is None:
        if in_file == ZERO_ADDRESS:
            raise RuleIncompleteError(f"The rule has no {field_name}.", "Give it in the file or as an option.")
        return in_file
    spelled = checksum_address(given)
    if in_file not in (ZERO_ADDRESS, spelled):
        raise RuleIncompleteError(
            f"The file has the {field_name} {in_file}, not {spelled}.", "Leave out one of the two."
        )
    return spelled


__all__ = [
    "Accuracy",
    "Confidence",
    "Provenance",
    "RuleError",
    "RuleFile",
    "RuleIncompleteError",
    "check",
    "rule_file_of",
    "text_of",
]
