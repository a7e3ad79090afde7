// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IDeliveryVerifier} from "../../interfaces/IDeliveryVerifier.sol";
import {Flex} from "../types/Flex.sol";
import {Calendars} from "./Calendars.sol";
import {Rows} from "./Rows.sol";

/// @title The past days of an XOfY baseline: which ones, and where in them
/// @dev A place is where a settlement period lies in local time, as seconds: one local day of 86 400 s for every day after the event day,
/// and the wall time. Every period of the service window has one, ordered or not; two periods of a repeated hour have the same one, and
/// both count.
library Lookbacks {
    using Calendars for Calendars.LocalDay;
    using Calendars for Flex.CalendarDays;
    using Rows for Rows.Row;

    /// @dev Where periods lie that follow each other.
    struct Places {
        uint256 count; // of periods
        uint256 first; // place of the first of them
        uint256 last; // of the last of them
        uint256[] each; // of every one; empty: the places follow each other without a gap
    }

    /// @dev Which readings are needed of a device.
    struct Plan {
        Flex.CalendarDays local;
        Flex.DayClass class; // of the event day
        uint256 eventDay; // local day of the window's start
        uint256 boundary; // UTC: readings of past days end by then, those of the event's own day begin there
        uint256[] days_; // found, newest first
        Places places; // of the window's periods
        uint256 adjustingFrom; // UTC, start of the adjustment window
        Places adjusting; // of its periods; none: the baseline is not adjusted
    }

    uint256 private constant DAY = 1 days;

    /// @notice Fills in the days found for a device, and the places that are needed of them.
    function planFor(Plan memory plan, uint256 periodSeconds, IDeliveryVerifier.Question memory question) internal pure {
        Flex.CalendarDays memory local = question.calendar;
        plan.local = local;
        uint256 start = question.key.windowStart;
        plan.eventDay = local.dayOf(start);
        plan.class = _classOf(question.lookback, local.kindOf(plan.eventDay));
        _place(plan.places, plan, start, (question.key.windowEnd - start) / periodSeconds, periodSeconds);
        _planAdjustment(plan, periodSeconds, question);

        uint256 before = local.dayOf(question.firstNotice);
        if (before > plan.eventDay) before = plan.eventDay;
        plan.boundary = local.startOf(before);
        _find(plan, question, before);
    }

    /// @notice The periods at these places, of which there is one at least, on every day found.
    function rowsOf(Plan memory plan, Places memory places, uint256 periodSeconds) internal pure returns (Rows.Row[] memory rows) {
        uint256[] memory days_ = plan.days_;
        uint256 count = days_.length;
        rows = Rows.rowsFor(count, places.count);
        if (count == 0) return rows;
        Flex.CalendarDays memory local = plan.local;
        unchecked {
            uint256 ahead = places.last / DAY + 1;
            bool isPlain = places.each.length == 0;
            uint256 length = places.count * periodSeconds;
            if (isPlain && local.isSteady(days_[count - 1], days_[0] + ahead)) {
                // Where no clock changes, a place is the time since midnight.
                uint256 start = local.startOf(days_[0]) - days_[0] * DAY + places.first;
                for (uint256 i = 0; i < count; ++i) {
                    rows[i].lay(start + days_[i] * DAY, length);
                }
                return rows;
            }
            for (uint256 i = 0; i < count; ++i) {
                uint256 day = days_[i];
                uint256 midnight = local.startOf(day);
                if (isPlain && local.startOf(day + ahead) == midnight + ahead * DAY) {
                    rows[i].lay(midnight + places.first, length);
                } else {
                    rows[i].layAt(_startsOn(local, day, places, periodSeconds), periodSeconds);
                }
            }
        }
    }

    /// @dev When the periods at these places lie on a past day; Rows.NEVER where that wall time does not exist.
    function _startsOn(
        Flex.CalendarDays memory local,
        uint256 day,
        Places memory places,
        uint256 duration
    ) private pure returns (uint256[] memory starts) {
        starts = new uint256[](places.count);
        unchecked {
            for (uint256 p = 0; p < starts.length; ++p) {
                uint256 place = places.each.length == 0 ? places.first + p * duration : places.each[p];
                (bool exists, uint256 time) = local.timeOf(day + place / DAY, place % DAY);
                starts[p] = exists ? time : Rows.NEVER;
            }
        }
    }

    /// @dev Places of periods that follow each other, of which there is one at least.
    function _place(Places memory places, Plan memory plan, uint256 start, uint256 periods, uint256 duration) private pure {
        places.count = periods;
        uint256 length = (periods - 1) * duration;
        unchecked {
            uint256 at = plan.local.dayOf(start);
            Calendars.LocalDay memory day = plan.local.at(at);
            places.first = (at - plan.eventDay) * DAY + day.wallOf(start);
            places.last = places.first + length;
            // Most lie on one day of 24 hours.
            if (day.turn == DAY && start + length < day.start + DAY) return;
            uint256[] memory each = _placesEach(plan, start, periods, duration);
            places.last = each[periods - 1];
            for (uint256 p = 1; p < periods; ++p) {
                if (each[p] != each[p - 1] + duration) places.each = each;
            }
        }
    }

    /// @dev One by one, whatever the clock does.
    function _placesEach(Plan memory plan, uint256 start, uint256 periods, uint256 duration) private pure returns (uint256[] memory each) {
        each = new uint256[](periods);
        uint256 p = 0;
        unchecked {
            for (uint256 at = plan.local.dayOf(start); p < periods; ++at) {
                Calendars.LocalDay memory day = plan.local.at(at);
                uint256 end = plan.local.startOf(at + 1);
                uint256 ahead = (at - plan.eventDay) * DAY;
                for (; p < periods && start < end; ++p) {
                    each[p] = ahead + day.wallOf(start);
                    start += duration;
                }
            }
        }
    }

    /// @dev The adjustment window ends before the first notice, and lies whole on the event day or is none.
    function _planAdjustment(Plan memory plan, uint256 duration, IDeliveryVerifier.Question memory question) private pure {
        if (question.lookback.adjustment == Flex.Adjustment.None) return;
        uint256 end = uint256(question.key.windowStart) - question.lookback.adjustmentLead;
        uint256 noticed = question.firstNotice - (question.firstNotice % duration);
        if (noticed < end) end = noticed;
        uint256 periods = question.lookback.adjustmentPeriods;
        if (end < plan.local.startOf(plan.eventDay) + periods * duration) return;
        plan.adjustingFrom = end - periods * duration;
        _place(plan.adjusting, plan, plan.adjustingFrom, periods, duration);
    }

    /// @dev Walks back over the days whose windows end before the day `before`.
    function _find(Plan memory plan, IDeliveryVerifier.Question memory question, uint256 before) private pure {
        Flex.Lookback memory lookback = question.lookback;
        uint256 length = plan.places.last / DAY + 1;
        uint256 oldest = plan.eventDay - lookback.lookBackDays;
        // exclusions left
        uint256 left = lookback.maxExcludedDays;
        uint256 called = left == 0 ? 0 : _calledDays(plan.local, oldest, length, question);
        uint256 kinds = plan.class.kinds;
        if (!lookback.holidaysEligible) kinds &= (1 << Calendars.HOLIDAY) - 1;
        uint256[] memory found = new uint256[](plan.class.y);
        uint256 count = 0;
        uint256 most = found.length;
        Flex.CalendarDays memory local = plan.local;
        unchecked {
            // No day before the calendar's first is asked for, which is later than day 255.
            uint256 page = type(uint256).max;
            uint256 holidays;
            for (uint256 day = before - length; day >= oldest && count < most; --day) {
                if (day / Calendars.PAGE != page) {
                    page = day / Calendars.PAGE;
                    holidays = local.holidaysAround(day);
                }
                if ((kinds >> Calendars.kindOf(day, holidays)) & 1 == 0) continue;
                if (left != 0 && (called >> (day - oldest)) & 1 == 1) {
                    --left;
                    continue;
                }
                ++count;
                // solhint-disable-next-line no-inline-assembly
                assembly ("memory-safe") {
                    mstore(add(found, shl(5, count)), day)
                }
            }
        }
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(found, count)
        }
        plan.days_ = found;
    }

    /// @dev The days on which a window like the event's would meet a call that counts: bit i is day `oldest + i`. A call counts if its window
    /// had ended at the event's first notice: nothing can change it any more.
    function _calledDays(
        Flex.CalendarDays memory local,
        uint256 oldest,
        uint256 length,
        IDeliveryVerifier.Question memory question
    ) private pure returns (uint256 days_) {
        for (uint256 i = 0; i < question.calls.length; ++i) {
            Flex.Call memory called = question.calls[i];
            if (called.calledBps < question.lookback.minEventBps || called.windowEnd > question.firstNotice) continue;
            days_ |= _daysMet(local, oldest, length, called);
        }
    }

    function _daysMet(
        Flex.CalendarDays memory local,
        uint256 oldest,
        uint256 length,
        Flex.Call memory called
    ) private pure returns (uint256) {
        uint256 start = local.startOf(oldest);
        if (called.windowEnd <= start) return 0;
        if (called.windowStart > start) start = called.windowStart;
        uint256 first = local.dayOf(start) + 1 - length;
        if (first < oldest) first = oldest;
        unchecked {
            // at most 256 days: all bits
            return ((1 << (local.dayOf(called.windowEnd - 1) + 1 - first)) - 1) << (first - oldest);
        }
    }

    /// @dev The rule has every kind of day in exactly one class.
    function _classOf(Flex.Lookback memory lookback, uint256 kind) private pure returns (Flex.DayClass memory) {
        uint256 i = 0;
        while ((lookback.classes[i].kinds >> kind) & 1 == 0) {
            ++i;
        }
        return lookback.classes[i];
    }
}
