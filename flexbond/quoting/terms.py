"""A rule with its look-back and the local days that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.model.types import BaselineMethod
from flexbond.quoting.errors import BaselineUnsuitableError, CalendarMissingError

if TYPE_CHECKING:
    from flexbond.model.calendar import LocalCalendar
    from flexbond.model.types import Lookback, Rule


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What measures and pays."""

    name: str
    """As it was asked for."""
    rule: Rule
    lookback: Lookback
    """Empty unless the baseline is X_OF_Y."""
    calendar: LocalCalendar | None
    """Local days; X_OF_Y needs them."""

    def __post_init__(self) -> None:
        if self.rule.baseline is BaselineMethod.X_OF_Y and self.calendar is None:
            raise CalendarMissingError(
                f"The rule {self.name} looks back over local days, and no calendar is given.",
                "Name the zone and the holidays in the rule's calendar.",
            )

    @property
    def is_of_device(self) -> bool:
        """Whether each device has a baseline of its own."""
        return self.rule.baseline in (BaselineMethod.METER_BEFORE, BaselineMethod.X_OF_Y)

    def require_of_device(self) -> None:
        """Raises BaselineUnsuitableError where the baseline is the portfolio's."""
        if not self.is_of_device:
            raise BaselineUnsuitableError(
                f"Under {self.name} the baseline is the portfolio's ({self.rule.baseline.name.lower()}), not a device's.",
                "Ask for a quote with the schedule or reference of the event, or take another rule.",
            )
