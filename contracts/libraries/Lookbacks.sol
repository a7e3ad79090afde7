// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IDeliveryVerifier} from "../../interfaces/IDeliveryVerifier.sol";
import {Flex} from "../types/Flex.sol";
import {BaselineMath} from "./BaselineMath.sol";
import {Calendars} from "./Calendars.sol";
import {Readings} from "./Readings.sol";

/// @title The past days of an XOfY baseline: which ones, where in them, and what they give
/// @dev A place is where a settlement period lies in local time, as seconds: one local day of 86 400 s for every day after the event day,
/// and the wall time. Every period of the service window has one, ordered or not; two periods of a repeated hour have the same one, and
/// both count.
library Lookbacks {
    using Calendars for Calendars.LocalDay;
    using Calendars for Flex.CalendarDays;

    /// @dev Which readings are needed of a device.
    struct Plan {
        Flex.CalendarDays local;
        Flex.DayClass class; // of the event day
        uint256 eventDay; // local day of the window's start
        uint256 boundary; // UTC: readings of past days end by then, those of the event's own day begin there
        uint256[] days_; // found, newest first
        uint256[] places; // of the window's periods
        bool isPlain; // whether they follow each other without a gap
        uint256 adjustingFrom; // UTC, start of the adjustment window
        uint256[] adjusting; // places of its periods; empty: the baseline is not adjusted
        bool isAdjustingPlain; // whether they follow each other without a gap
    }

    /// @dev What past days give: `sums[p] / count` is the mean of period p.
    struct Mean {
        uint256 count; // days in the mean; 0: too few complete ones
        int256[] sums; // by period of the window
        int256 adjusting; // in the adjustment windows of those days
    }

    /// @dev How the sums become baselines.
    struct Line {
        int256 factor;
        int256 offset;
        uint256 divisor;
        uint256 capBps; // 0: uncapped
    }

    uint256 private constant DAY = 1 days;

    // ------------------------------------------------------------------ which days, and where in them

    /// @notice The days found for a device, and the places that are needed of them.
    function planOf(uint256 periodSeconds, IDeliveryVerifier.Question calldata question) internal pure returns (Plan memory plan) {
        Flex.CalendarDays memory local = question.calendar;
        plan.local = local;
        uint256 start = question.key.windowStart;
        plan.eventDay = local.dayOf(start);
        plan.class = _classOf(question.lookback, local.kindOf(plan.eventDay));
        (plan.places, plan.isPlain) = _placesOf(plan, start, (question.key.windowEnd - start) / periodSeconds, periodSeconds);
        _planAdjustment(plan, periodSeconds, question);

        uint256 before = local.dayOf(question.firstNotice);
        if (before > plan.eventDay) before = plan.eventDay;
        plan.boundary = local.startOf(before);
        _find(plan, question, before);
    }

    /// @notice The periods at these places, of which there is one at least, on every day found.
    /// @param isPlain whether the places follow each other without a gap
    function rowsOf(
        Plan memory plan,
        uint256[] memory places,
        bool isPlain,
        uint256 periodSeconds
    ) internal pure returns (Readings.Row[] memory rows) {
        uint256 count = plan.days_.length;
        rows = Readings.room(count);
        if (count == 0) return rows;
        Flex.CalendarDays memory local = plan.local;
        unchecked {
            uint256 ahead = places[places.length - 1] / DAY + 1;
            uint256 oldest = plan.days_[count - 1];
            bool isSteady = local.isSteady(oldest, plan.days_[0] + ahead);
            uint256 first = local.startOf(oldest);
            for (uint256 i = 0; i < count; ++i) {
                uint256 day = plan.days_[i];
                uint256 midnight = isSteady ? first + (day - oldest) * DAY : local.startOf(day);
                // Where no clock changes, a place is the time since midnight.
                rows[i] =
                    isPlain && (isSteady || local.startOf(day + ahead) == midnight + ahead * DAY)
                        ? Readings.rowFrom(midnight + places[0], places.length, periodSeconds)
                        : Readings.rowOf(_startsOn(plan, day, places), periodSeconds);
            }
        }
    }

    /// @dev When the periods at these places lie on a past day; Readings.NEVER where that wall time does not exist.
    function _startsOn(Plan memory plan, uint256 day, uint256[] memory places) private pure returns (uint256[] memory starts) {
        starts = new uint256[](places.length);
        for (uint256 p = 0; p < places.length; ++p) {
            (bool exists, uint256 time) = plan.local.timeOf(day + places[p] / DAY, places[p] % DAY);
            starts[p] = exists ? time : Readings.NEVER;
        }
    }

    /// @dev Places of periods that follow each other, and whether the places do too.
    function _placesOf(
        Plan memory plan,
        uint256 start,
        uint256 periods,
        uint256 duration
    ) private pure returns (uint256[] memory places, bool isPlain) {
        places = new uint256[](periods);
        isPlain = true;
        uint256 p = 0;
        unchecked {
            for (uint256 at = plan.local.dayOf(start); p < periods; ++at) {
                Calendars.LocalDay memory day = plan.local.at(at);
                uint256 end = plan.local.startOf(at + 1);
                uint256 ahead = (at - plan.eventDay) * DAY;
                for (; p < periods && start < end; ++p) {
                    places[p] = ahead + day.wallOf(start);
                    if (p != 0 && places[p] != places[p - 1] + duration) isPlain = false;
                    start += duration;
                }
            }
        }
    }

    /// @dev The adjustment window ends before the first notice, and lies whole on the event day or is none.
    function _planAdjustment(Plan memory plan, uint256 duration, IDeliveryVerifier.Question calldata question) private pure {
        if (question.lookback.adjustment == Flex.Adjustment.None) return;
        uint256 end = uint256(question.key.windowStart) - question.lookback.adjustmentLead;
        uint256 noticed = question.firstNotice - (question.firstNotice % duration);
        if (noticed < end) end = noticed;
        uint256 periods = question.lookback.adjustmentPeriods;
        if (end < plan.local.startOf(plan.eventDay) + periods * duration) return;
        plan.adjustingFrom = end - periods * duration;
        (plan.adjusting, plan.isAdjustingPlain) = _placesOf(plan, plan.adjustingFrom, periods, duration);
    }

    /// @dev Walks back over the days whose windows end before the day `before`.
    function _find(Plan memory plan, IDeliveryVerifier.Question calldata question, uint256 before) private pure {
        Flex.Lookback calldata lookback = question.lookback;
        uint256 length = plan.places[plan.places.length - 1] / DAY + 1;
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
            for (uint256 day = before - length; day >= oldest && count < most; --day) {
                if ((kinds >> local.kindOf(day)) & 1 == 0) continue;
                if (left != 0 && (called >> (day - oldest)) & 1 == 1) --left;
                else found[count++] = day;
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
        IDeliveryVerifier.Question calldata question
    ) private pure returns (uint256 days_) {
        for (uint256 i = 0; i < question.calls.length; ++i) {
            Flex.Call calldata called = question.calls[i];
            if (called.calledBps < question.lookback.minEventBps || called.windowEnd > question.firstNotice) continue;
            days_ |= _daysMet(local, oldest, length, called);
        }
    }

    function _daysMet(
        Flex.CalendarDays memory local,
        uint256 oldest,
        uint256 length,
        Flex.Call calldata called
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
    function _classOf(Flex.Lookback calldata lookback, uint256 kind) private pure returns (Flex.DayClass memory) {
        uint256 i = 0;
        while ((lookback.classes[i].kinds >> kind) & 1 == 0) {
            ++i;
        }
        return lookback.classes[i];
    }

    // ------------------------------------------------------------------ what they give

    /// @notice Chooses among the days found and adds them up. Absent energy takes the value of the complete days that is worst for the
    /// provider: in the window that which gives the least response, in the adjustment window, which is deducted, the opposite.
    /// @param window by day found, the periods of the window
    /// @param adjusting by day found, those of the adjustment window
    function meanOf(
        Flex.DayClass memory class,
        Flex.Direction direction,
        Readings.Row[] memory window,
        Readings.Row[] memory adjusting
    ) internal pure returns (Mean memory mean) {
        uint256 size = 0;
        uint256 complete = 0; // bit i: day i
        uint256 count = window.length;
        bool adjusts = adjusting.length != 0;
        unchecked {
            for (uint256 i = 0; i < count; ++i) {
                if (!Readings.isWhole(window[i]) || (adjusts && !Readings.isWhole(adjusting[i]))) continue;
                complete |= 1 << i;
                ++size;
            }
        }
        if (size < class.minDays) return mean;
        if (size < count) {
            bool takesLeast = direction == Flex.Direction.Shed;
            _fill(window, complete, takesLeast);
            _fill(adjusting, complete, !takesLeast);
        }
        _addUp(mean, _choose(class, direction, window), window, adjusting);
    }

    /// @dev Gives every absent period the least, or the greatest, value that it has on a complete day.
    function _fill(Readings.Row[] memory rows, uint256 complete, bool takesLeast) private pure {
        if (rows.length == 0) return;
        for (uint256 p = 0; p < rows[0].milliWh.length; ++p) {
            int256 fill = takesLeast ? type(int256).max : type(int256).min;
            for (uint256 i = 0; i < rows.length; ++i) {
                if ((complete >> i) & 1 == 0) continue;
                int256 value = rows[i].milliWh[p];
                if (takesLeast ? value < fill : value > fill) fill = value;
            }
            for (uint256 i = 0; i < rows.length; ++i) {
                Readings.Row memory row = rows[i];
                if ((row.present >> p) & 1 == 1) continue;
                row.milliWh[p] = fill;
                row.energy += fill;
            }
        }
    }

    /// @dev The days in the mean, as bits; ranked by energy, of equal ones the later first.
    function _choose(
        Flex.DayClass memory class,
        Flex.Direction direction,
        Readings.Row[] memory window
    ) private pure returns (uint256 chosen) {
        uint256 count = window.length;
        uint256 kept = class.x < count ? class.x : count;
        if (kept == count) return (1 << count) - 1;
        uint256 top = 0; // dropped from the top
        if (class.selection == Flex.DaySelection.Low) top = count - kept;
        else if (class.selection == Flex.DaySelection.Mid) {
            top = (count - kept + (direction == Flex.Direction.Shed ? 1 : 0)) / 2;
        }
        // No two alike; energy has fewer than 64 bits, and there are at most 255 days. Behind them up to three that are below all.
        int256[] memory keys = new int256[](4 * ((count + 3) / 4));
        unchecked {
            for (uint256 i = 0; i < keys.length; ++i) {
                keys[i] = i < count ? window[i].energy * 256 + int256(255 - i) : type(int256).min;
            }
            for (uint256 i = 0; i < count; ++i) {
                uint256 rank = _above(keys, keys[i]);
                if (rank >= top && rank < top + kept) chosen |= 1 << i;
            }
        }
    }

    /// @dev How many keys, of which there are four or a multiple, are above one.
    function _above(int256[] memory keys, int256 key) private pure returns (uint256 rank) {
        // Every day is compared with every other: five thousand gas less for ten of them.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let at := add(keys, 32)
            for {
                let end := add(at, shl(5, mload(keys)))
            } lt(at, end) {
                at := add(at, 128)
            } {
                let two := add(sgt(mload(at), key), sgt(mload(add(at, 32)), key))
                rank := add(rank, add(two, add(sgt(mload(add(at, 64)), key), sgt(mload(add(at, 96)), key))))
            }
        }
    }

    function _addUp(Mean memory mean, uint256 chosen, Readings.Row[] memory window, Readings.Row[] memory adjusting) private pure {
        int256[] memory sums = new int256[](window[0].milliWh.length);
        bool adjusts = adjusting.length != 0;
        unchecked {
            for (uint256 i = 0; chosen != 0; ++i) {
                if (chosen & 1 == 1) {
                    ++mean.count;
                    Readings.addAll(sums, window[i].milliWh);
                    if (adjusts) mean.adjusting += adjusting[i].energy;
                }
                chosen >>= 1;
            }
        }
        mean.sums = sums;
    }

    /// @notice How sums become baselines: `(factor * sum + offset) / divisor`, mWh.
    /// @param present energy of the adjustment window on the event's own day, mWh
    /// @param periods how many it has; 0: no adjustment
    function lineOf(
        Flex.Lookback calldata lookback,
        Mean memory mean,
        int256 present,
        uint256 periods
    ) internal pure returns (Line memory line) {
        line.factor = 1;
        line.divisor = mean.count;
        line.capBps = lookback.adjustmentCapBps;
        if (periods == 0) return line;
        if (lookback.adjustment == Flex.Adjustment.Additive) {
            line.factor = int256(periods);
            line.offset = int256(mean.count) * present - mean.adjusting;
            line.divisor = mean.count * periods;
        } else if (mean.adjusting > 0 && present >= 0) {
            line.factor = present;
            line.divisor = uint256(mean.adjusting);
        }
    }

    /// @notice The baseline of a period of the window, mWh: down for Shed, up for Absorb, rounded once.
    function baselineOf(Line memory line, Mean memory mean, uint256 period, Flex.Direction direction) internal pure returns (int256) {
        int256 sum = mean.sums[period];
        int256 baseline = BaselineMath.mean(line.factor * sum + line.offset, line.divisor, direction);
        return line.capBps == 0 ? baseline : BaselineMath.capped(baseline, sum, mean.count, line.capBps, direction);
    }
}
