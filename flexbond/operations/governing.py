"""What the market operator does: grids, calendars, rules, participants. Each is done once, however often it is asked for.

Where the configuration gives the operator a delay, the first run announces the operation and says when it is due, and a later run
does it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flexbond.ids import calendar_id, rule_id
from flexbond.model.calendar import PAGE, date_of
from flexbond.model.types import NO_LOOKBACK, BaselineMethod
from flexbond.operations.common import time_of, titled
from flexbond.operations.errors import CalendarDiffersError, NotYoursError, TooEarlyError
from flexbond.operations.history import calendar_of, grids_of
from flexbond.operations.progress import Progress, silent
from flexbond.units import format_time

if TYPE_CHECKING:
    from flexbond.chain.send import Sender
    from flexbond.chain.suite import Contract, Suite
    from flexbond.model.types import CalendarDays, Grid, Lookback, Rule

PAGES_AT_ONCE: Final = 32
"""Pages of a calendar in one transaction: 22 years, a tenth of what a block may use."""


def publish_grid(suite: Suite, sender: Sender, grid: Grid, *, progress: Progress = silent) -> int:
    """Publishes a grid of record slots unless it stands; its id, from 1. Raises NotYoursError, TooEarlyError."""
    known = grids_of(suite)
    for number, published in known.items():
        if published == grid:
            progress(f"The grid stands already as number {number}.")
            return number
    _act(
        suite, sender, suite.devices, "publishGrid", (grid,), title="Publish a grid of record slots", progress=progress
    )
    return next(number for number, published in grids_of(suite).items() if published == grid)


def publish_calendar(suite: Suite, sender: Sender, days: CalendarDays, *, progress: Progress = silent) -> bytes:
    """Publishes a calendar with these days, or those of them that it lacks; its id.

    Raises CalendarDiffersError if it stands with other days, or ends before these begin; NotYoursError, TooEarlyError.
    """
    identity = calendar_id(days.calendar)
    if suite.rulebook.read("nextDay", identity) == 0:
        arguments = (days.calendar, days.first_day)
        _act(suite, sender, suite.rulebook, "publishCalendar", arguments, title="Publish a calendar", progress=progress)
    missing = _missing(calendar_of(suite, identity), days)
    if not missing:
        progress(f"The calendar 0x{identity.hex()} holds these days already.")
    for begin in range(0, missing, PAGES_AT_ONCE):
        first = len(days.summer) - missing + begin
        until = min(first + PAGES_AT_ONCE, len(days.summer))
        first_day, until_day = days.first_day + PAGE * first, days.first_day + PAGE * until
        _act(
            *(suite, sender, suite.rulebook, "extendCalendar"),
            (identity, first_day, days.summer[first:until], days.holidays[first:until]),
            title=f"Add the days from {date_of(first_day)} until {date_of(until_day)} to a calendar",
            progress=progress,
        )
    return identity


def _missing(kept: CalendarDays, days: CalendarDays) -> int:
    """How many of the last pages a published calendar lacks. Raises CalendarDiffersError."""
    following = kept.first_day + PAGE * len(kept.summer)
    for begins, ends in ((days.first_day, kept.first_day), (following, days.first_day)):
        if begins < ends:
            raise CalendarDiffersError(
                f"The calendar is published from {date_of(kept.first_day)} until {date_of(following)}, "
                f"and these days begin on {date_of(days.first_day)}.",
                "Days are only added at its end: begin on a day that it holds, or on the next.",
                day=begins,
            )
    ahead = (days.first_day - kept.first_day) // PAGE
    common = min(len(kept.summer) - ahead, len(days.summer))
    for page in range(common):
        before, now = ahead + page, page
        differs = kept.summer[before] ^ days.summer[now] | kept.holidays[before] ^ days.holidays[now]
        if differs:
            day = days.first_day + PAGE * page + (differs & -differs).bit_length() - 1
            raise CalendarDiffersError(
                f"The published calendar holds {date_of(day)} otherwise, and what is published never changes.",
                "Keep it; `flexbond calendar extend` adds the days after those that it holds.",
                day=day,
            )
    return len(days.summer) - common


def publish_rule(
    suite: Suite, sender: Sender, rule: Rule, lookback: Lookback = NO_LOOKBACK, *, progress: Progress = silent
) -> bytes:
    """Publishes a rule with its look-back unless it stands; its id.

    Raises UnknownError if its calendar was never published; NotYoursError, TooEarlyError.
    """
    identity = rule_id(rule)
    if suite.rulebook.read("isPublished", identity):
        progress(f"The rule 0x{identity.hex()} stands already.")
        return identity
    if rule.baseline is BaselineMethod.X_OF_Y:
        calendar_of(suite, lookback.calendar_id)
    _act(suite, sender, suite.rulebook, "publish", (rule, lookback), title="Publish a rule", progress=progress)
    return identity


def qualify(
    suite: Suite,
    sender: Sender,
    account: str,
    *,
    buyer: bool,
    provider: bool,
    expiry: int,
    credential_hash: bytes = bytes(32),
    progress: Progress = silent,
) -> None:
    """Sets an account's qualification until `expiry` (UTC seconds) unless it is set so. Raises NotYoursError, TooEarlyError."""
    stored = suite.participants.read("participant", account)
    if (stored.buyer, stored.provider, stored.expiry, stored.credential_hash) == (
        buyer,
        provider,
        expiry,
        credential_hash,
    ):
        progress(f"{account} is qualified so already.")
        return
    arguments = (account, buyer, provider, credential_hash, expiry)
    _act(suite, sender, suite.participants, "qualify", arguments, title=f"Qualify {account}", progress=progress)


def _act(
    suite: Suite,
    sender: Sender,
    contract: Contract,
    function: str,
    arguments: tuple[object, ...],
    *,
    title: str,
    progress: Progress,
) -> None:
    """Calls what a role guards: at once, or announced first where the role has a delay."""
    transaction = titled(contract.transaction(function, *arguments), title)
    governance, actor = suite.governance, sender.address
    allowed = governance.read("canCall", actor, contract.address, transaction.data[:4])
    at_once, delay = allowed[0], allowed[1]
    if not at_once and not delay:
        raise NotYoursError(f"{actor} has no role for {contract.name}.{function}.", "Use the market operator's key.")
    if not at_once:
        operation = governance.read("hashOperation", actor, contract.address, transaction.data)
        due = governance.read("getSchedule", operation)
        if due == 0:
            announced = governance.transaction("schedule", contract.address, transaction.data, 0)
            sender.send(titled(announced, f"Announce: {title[0].lower()}{title[1:]}"))
            due = governance.read("getSchedule", operation)
        if time_of(suite) < due:
            raise TooEarlyError(
                f"The operation is announced and can be done from {format_time(due)} on.",
                "Run the same command again then.",
                at=due,
            )
    sender.send(transaction)
    progress(f"{title}: done.")
