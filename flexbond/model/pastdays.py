"""What the verifier is told about past days (X_OF_Y): the calendar's days, and the calls that each device was in; see `PastDays.sol`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexbond.model.calendar import DAY, PAGE, LocalCalendar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from flexbond.model.types import Calendar, CalendarDays, Call, Entry, EventKey, Lookback, Stay


def days_of(
    lookback: Lookback,
    key: EventKey,
    first_notice: int,
    *,
    read: Callable[[int, int], CalendarDays],
    next_day: Callable[[], int],
) -> CalendarDays:
    """From the first day looked at, or that of the notice, to the second after the window.

    `read` gives the pages that hold the days from one day until before another, `next_day` the first day not known yet.
    """
    start = key.window_start
    local = read(start // DAY, start // DAY + 1)
    calendar = local.calendar
    first = min(_standard_day(calendar, start) - lookback.look_back_days, _standard_day(calendar, first_notice))
    until = _standard_day(calendar, key.window_end - 1 + calendar.summer_seconds) + 2
    if local.first_day <= first and until <= local.first_day + PAGE * len(local.summer):
        return local
    return read(first, min(until, next_day()))


def horizon_of(lookback: Lookback, days: CalendarDays, window_start: int) -> int:
    """UTC start of the first day looked at."""
    calendar = LocalCalendar(days)
    return calendar.start_of(calendar.day_of(window_start) - lookback.look_back_days)


def calls_of_device(
    *,
    portfolio_id: bytes,
    index: int,
    entry: Entry,
    horizon: int,
    own: Sequence[Call],
    stays: Callable[[], Sequence[Stay]],
    place_of: Callable[[Stay], Entry],
    gather: Callable[[bytes], Sequence[Call]],
) -> tuple[Call, ...]:
    """The calls that the device of an entry was in, in this portfolio or an earlier one.

    `own` are the portfolio's calls; `stays` gives the places that the device closed, oldest first, and `gather` the calls of another
    portfolio, asked for the last left first.
    """
    gathered, earliest = own, _earliest(own)
    if entry.joined_at < horizon and entry.joined_at < earliest:
        return tuple(own)
    calls = _while_in(own, entry)
    closed = stays()
    before = next((at for at, stay in enumerate(closed) if stay.as_tuple() == (portfolio_id, index)), len(closed))
    joined_at = entry.joined_at
    for stay in reversed(closed[:before]):
        is_other = stay.portfolio_id != portfolio_id
        if joined_at <= horizon and (is_other or joined_at < earliest):
            break
        if is_other:
            portfolio_id, gathered = stay.portfolio_id, gather(stay.portfolio_id)
            earliest = _earliest(gathered)
        place = place_of(stay)
        calls += _while_in(gathered, place)
        joined_at = place.joined_at
    return tuple(calls)


def _earliest(calls: Iterable[Call]) -> int:
    """The first of all first notices; later than all times if there is none."""
    return min((call.first_notice for call in calls), default=2**40)


def _while_in(calls: Sequence[Call], place: Entry) -> list[Call]:
    return [call for call in calls if place.was_in_before(call.first_notice)]


def _standard_day(calendar: Calendar, time: int) -> int:
    return (time + calendar.offset_seconds) // DAY
