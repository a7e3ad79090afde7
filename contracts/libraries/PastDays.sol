// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IDeliveryVerifier} from "../../interfaces/IDeliveryVerifier.sol";
import {IDeviceRegistry} from "../../interfaces/IDeviceRegistry.sol";
import {IFlexibilityRights} from "../../interfaces/IFlexibilityRights.sol";
import {IRulebook} from "../../interfaces/IRulebook.sol";
import {Flex} from "../types/Flex.sol";
import {Calendars} from "./Calendars.sol";
import {Errors} from "./Errors.sol";

/// @title What the verifier is told about past days (XOfY): the calendar's days, and the calls that each device was in
/// @dev A portfolio's windows never overlap, so a window that starts by the horizon is the last that can reach beyond it.
library PastDays {
    using Calendars for Flex.Calendar;
    using Calendars for Flex.CalendarDays;

    /// @dev Calls of one portfolio, from before the horizon on.
    struct Gathered {
        bytes32 portfolioId;
        Flex.Call[] calls;
        uint256 earliest; // first of their first notices
    }

    /// @dev What is the same for all devices of an event.
    struct Common {
        IDeviceRegistry devices;
        IFlexibilityRights rights;
        uint256 horizon; // UTC start of the first day looked at
        uint40 until; // start of the event's window
        uint40 firstNotice; // the event's
        uint256 minEventBps;
        Gathered own; // calls of the event's portfolio
    }

    /// @notice Completes a question with the rule's look-back and its days, and gathers the calls of the event's portfolio.
    /// @param callsFrom the window to gather from: one that starts by the horizon; 0: the portfolio's first
    function gather(
        IDeliveryVerifier.Question memory question,
        Flex.Lookback calldata lookback,
        uint40 callsFrom,
        IRulebook rulebook,
        IDeviceRegistry devices,
        IFlexibilityRights rights
    ) internal view returns (Common memory common) {
        question.lookback = lookback;
        question.calendar = _daysOf(question, rulebook);
        uint256 eventDay = question.calendar.dayOf(question.key.windowStart);
        common.devices = devices;
        common.rights = rights;
        common.horizon = question.calendar.startOf(eventDay - lookback.lookBackDays);
        common.until = question.key.windowStart;
        common.firstNotice = question.firstNotice;
        common.minEventBps = lookback.minEventBps;
        common.own = _callsOf(common, question.key.portfolioId, callsFrom);
    }

    /// @notice The calls that the device of an entry was in, in this portfolio or an earlier one.
    /// @param pastFrom the window to gather from for each other portfolio, the last left first; 0 for those missing
    function callsOf(
        Common memory common,
        uint40 index,
        Flex.Entry memory entry,
        uint40[] calldata pastFrom
    ) internal view returns (Flex.Call[] memory calls) {
        Gathered memory gathered = common.own;
        if (entry.joinedAt < common.horizon && entry.joinedAt < gathered.earliest) return gathered.calls;
        calls = _append(calls, gathered.calls, entry);
        Flex.Stay[] memory stays = common.devices.pastStays(entry.meteringPoint);
        uint256 hint = 0;
        uint40 joinedAt = entry.joinedAt; // of the stay after
        for (uint256 i = _before(stays, gathered.portfolioId, index); i > 0; --i) {
            Flex.Stay memory stay = stays[i - 1];
            bool isOther = stay.portfolioId != gathered.portfolioId;
            // It joined another portfolio only when the last window it was counted in had ended.
            if (joinedAt <= common.horizon && (isOther || joinedAt < gathered.earliest)) break;
            if (isOther) gathered = _callsOf(common, stay.portfolioId, hint < pastFrom.length ? pastFrom[hint++] : 0);
            Flex.Entry memory place = common.devices.entry(stay.portfolioId, stay.index);
            calls = _append(calls, gathered.calls, place);
            joinedAt = place.joinedAt;
        }
    }

    /// @dev From the first day looked at, or that of the notice, to the second after the window; of these the Rulebook makes sure. Standard
    /// time is never ahead of local time, and at most summerSeconds behind it.
    function _daysOf(IDeliveryVerifier.Question memory question, IRulebook rulebook) private view returns (Flex.CalendarDays memory local) {
        bytes32 calendarId = question.lookback.calendarId;
        uint256 start = question.key.windowStart;
        local = rulebook.calendarDays(calendarId, start / 1 days, start / 1 days + 1);
        uint256 first = local.calendar.standardDayOf(start) - question.lookback.lookBackDays;
        uint256 noticed = local.calendar.standardDayOf(question.firstNotice);
        if (noticed < first) first = noticed;
        uint256 until = local.calendar.standardDayOf(uint256(question.key.windowEnd) - 1 + local.calendar.summerSeconds) + 2;
        if (local.isKnown(first) && local.isKnown(until - 1)) return local;
        uint256 next = rulebook.nextDay(calendarId);
        return rulebook.calendarDays(calendarId, first, until < next ? until : next);
    }

    function _callsOf(Common memory common, bytes32 portfolioId, uint40 from) private view returns (Gathered memory gathered) {
        if (from > common.horizon) revert Errors.Measurement_CallsFromTooLate(from, common.horizon);
        gathered.portfolioId = portfolioId;
        gathered.earliest = type(uint256).max;
        Flex.Call[] memory calls = common.rights.callsFrom(portfolioId, from, common.until);
        uint256 count = 0;
        for (uint256 i = 0; i < calls.length; ++i) {
            Flex.Call memory called = calls[i];
            // The rest can take no past day out: a look-back ends before its event's first notice.
            if (called.calledBps < common.minEventBps || called.windowEnd > common.firstNotice) continue;
            calls[count++] = called;
            if (called.firstNotice < gathered.earliest) gathered.earliest = called.firstNotice;
        }
        gathered.calls = new Flex.Call[](count);
        for (uint256 i = 0; i < count; ++i) {
            gathered.calls[i] = calls[i];
        }
    }

    /// @dev How many stays came before the one at `index` of the portfolio, which may have ended since.
    function _before(Flex.Stay[] memory stays, bytes32 portfolioId, uint40 index) private pure returns (uint256) {
        for (uint256 i = 0; i < stays.length; ++i) {
            if (stays[i].portfolioId == portfolioId && stays[i].index == index) return i;
        }
        return stays.length;
    }

    /// @dev The calls so far, and those of further ones at whose first notice the place was taken.
    function _append(
        Flex.Call[] memory sofar,
        Flex.Call[] memory further,
        Flex.Entry memory place
    ) private pure returns (Flex.Call[] memory calls) {
        uint256 count = sofar.length;
        for (uint256 i = 0; i < further.length; ++i) {
            if (_wasIn(place, further[i])) ++count;
        }
        calls = new Flex.Call[](count);
        for (count = 0; count < sofar.length; ++count) {
            calls[count] = sofar[count];
        }
        for (uint256 i = 0; i < further.length; ++i) {
            if (_wasIn(place, further[i])) calls[count++] = further[i];
        }
    }

    function _wasIn(Flex.Entry memory place, Flex.Call memory called) private pure returns (bool) {
        return place.joinedAt < called.firstNotice && (place.leftAt == 0 || place.leftAt >= called.firstNotice);
    }
}
