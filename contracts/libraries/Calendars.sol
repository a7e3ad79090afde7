// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../types/Flex.sol";
import {Errors} from "./Errors.sol";

/// @title Local days and times of a calendar
/// @notice Day `d` is the d-th local day after 1970-01-01. A wall time is what a local clock shows, seconds after midnight. On the day
/// on which summer time begins some wall times do not exist; on the day on which it ends some occur twice and mean their first
/// occurrence.
/// @dev Whatever needs a day that is not given reverts with Rulebook_CalendarUnknown. Bounds are the Rulebook's: the first day is a
/// multiple of 256 and not 0, both words of a page are given.
library Calendars {
    uint256 internal constant PAGE = 256;
    /// @dev Kind of a holiday; the others are 0 Monday to 6 Sunday.
    uint256 internal constant HOLIDAY = 7;

    uint256 private constant DAY = 1 days;
    /// @dev Weekday of 1970-01-01.
    uint256 private constant THURSDAY = 3;

    /// @notice A day as far as its times need it: cheap to ask for many of them.
    struct LocalDay {
        uint256 start; // when it begins
        uint256 turn; // wall time at which the clock is moved; beyond the day: it is not
        uint256 moved; // by so much, seconds
        bool forward; // in spring; back in autumn
    }

    function idOf(Flex.Calendar memory calendar) internal pure returns (bytes32) {
        return keccak256(abi.encode(calendar));
    }

    function isKnown(Flex.CalendarDays memory local, uint256 day) internal pure returns (bool) {
        unchecked {
            return day >= local.firstDay && day - local.firstDay < PAGE * local.summer.length;
        }
    }

    /// @notice When the day begins. Needs the day.
    function startOf(Flex.CalendarDays memory local, uint256 day) internal pure returns (uint256) {
        uint256 start = _standardStart(local, day);
        unchecked {
            return _bit(local, local.summer, day) ? start - local.calendar.summerSeconds : start;
        }
    }

    /// @notice Whether no clock changes from the start of a day to that of a later one: told of days within one page only.
    function isSteady(Flex.CalendarDays memory local, uint256 from, uint256 until) internal pure returns (bool) {
        if (from / PAGE != until / PAGE || !isKnown(local, from)) return false;
        unchecked {
            uint256 bits = local.summer[(from - local.firstDay) / PAGE] >> (from % PAGE);
            // `until` included
            uint256 all = type(uint256).max >> (PAGE - 1 - (until - from));
            bits &= all;
            return bits == 0 || bits == all;
        }
    }

    /// @notice The day that a moment lies in. Needs the day, and the next one where summer time could begin it before midnight.
    function dayOf(Flex.CalendarDays memory local, uint256 time) internal pure returns (uint256 day) {
        day = standardDayOf(local.calendar, time);
        uint256 earliest = _standardStart(local, day + 1) - local.calendar.summerSeconds;
        if (time >= earliest && time >= startOf(local, day + 1)) ++day;
        _requireKnown(local, day);
    }

    /// @notice The day, ready for its times. Needs the day and the next one.
    function at(Flex.CalendarDays memory local, uint256 day) internal pure returns (LocalDay memory found) {
        bool before = _bit(local, local.summer, day);
        bool forward = _bit(local, local.summer, day + 1);
        uint256 moved = local.calendar.summerSeconds;
        found.start = _standardStart(local, day) - (before ? moved : 0);
        if (before == forward) {
            found.turn = DAY;
            return found;
        }
        found.moved = moved;
        found.forward = forward;
        found.turn = forward ? local.calendar.springAt : local.calendar.autumnAt + moved;
    }

    /// @notice Wall time of a moment of the day.
    function wallOf(LocalDay memory day, uint256 time) internal pure returns (uint256 wall) {
        unchecked {
            wall = time - day.start;
            if (wall >= day.turn) wall = day.forward ? wall + day.moved : wall - day.moved;
        }
    }

    /// @notice The moment of a wall time of the day, unless it does not exist.
    function timeOf(LocalDay memory day, uint256 wall) internal pure returns (bool exists, uint256 time) {
        unchecked {
            time = day.start + wall;
            if (wall < day.turn) return (true, time);
            if (!day.forward) return (true, time + day.moved);
            if (wall < day.turn + day.moved) return (false, 0);
            return (true, time - day.moved);
        }
    }

    /// @notice Day and wall time of a moment. Needs the day and the next one.
    function wallOf(Flex.CalendarDays memory local, uint256 time) internal pure returns (uint256 day, uint256 wall) {
        day = dayOf(local, time);
        wall = wallOf(at(local, day), time);
    }

    /// @notice The moment of a wall time, unless it does not exist on that day. Needs the day and the next one.
    function timeOf(Flex.CalendarDays memory local, uint256 day, uint256 wall) internal pure returns (bool exists, uint256 time) {
        return timeOf(at(local, day), wall);
    }

    /// @notice HOLIDAY, or 0 Monday to 6 Sunday. Needs the day.
    function kindOf(Flex.CalendarDays memory local, uint256 day) internal pure returns (uint256) {
        return kindOf(day, holidaysAround(local, day));
    }

    /// @notice Which days of the page around a day are holidays. Needs the day.
    function holidaysAround(Flex.CalendarDays memory local, uint256 day) internal pure returns (uint256) {
        _requireKnown(local, day);
        unchecked {
            return local.holidays[(day - local.firstDay) / PAGE];
        }
    }

    /// @notice HOLIDAY, or 0 Monday to 6 Sunday, from the holidays of the day's page.
    function kindOf(uint256 day, uint256 holidays) internal pure returns (uint256) {
        unchecked {
            return (holidays >> (day % PAGE)) & 1 == 1 ? HOLIDAY : (day + THURSDAY) % 7;
        }
    }

    /// @notice The day in standard time, which needs no day: never after the local day, at most one before it.
    function standardDayOf(Flex.Calendar memory calendar, uint256 time) internal pure returns (uint256) {
        int256 shifted = int256(time) + calendar.offsetSeconds;
        if (shifted < 0) revert Errors.Rulebook_CalendarUnknown(idOf(calendar), 0);
        return uint256(shifted) / DAY;
    }

    /// @dev Not before 1970 for a known day: the first is beyond every offset.
    function _standardStart(Flex.CalendarDays memory local, uint256 day) private pure returns (uint256) {
        unchecked {
            return uint256(int256(day * DAY) - local.calendar.offsetSeconds);
        }
    }

    function _bit(Flex.CalendarDays memory local, uint256[] memory words, uint256 day) private pure returns (bool) {
        unchecked {
            // An earlier day than the first wraps around and is beyond the last.
            uint256 place = day - local.firstDay;
            if (place >= PAGE * words.length) revert Errors.Rulebook_CalendarUnknown(idOf(local.calendar), day);
            return (words[place / PAGE] >> (place % PAGE)) & 1 == 1;
        }
    }

    function _requireKnown(Flex.CalendarDays memory local, uint256 day) private pure {
        if (!isKnown(local, day)) revert Errors.Rulebook_CalendarUnknown(idOf(local.calendar), day);
    }
}
