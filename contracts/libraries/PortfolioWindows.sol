// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Flex} from "../types/Flex.sol";
import {Errors} from "./Errors.sol";
import {Rounding} from "./Rounding.sol";

/// @title A portfolio's windows, a list by start: what its rights have in common, and how much of it was called
library PortfolioWindows {
    using Rounding for uint256;

    /// @dev One slot.
    struct Window {
        uint40 windowEnd;
        uint40 next; // start of the following window, 0: none
        uint32 promisedW; // issued and not released, fewer than 2^30
        uint32 ruleNumber;
        int40 referenceW;
        Flex.Direction direction;
        bool unavailable;
        uint16 calledBps; // most power called in a period, of the portfolio's capacity at that notice, rounded up; 0: never called
        int24 calledLead; // from the first notice to the window's start, seconds
    }

    /// @dev The place 0 stands before the first.
    struct List {
        mapping(uint40 windowStart => Window) at;
    }

    uint256 private constant BPS = 10_000;

    // ------------------------------------------------------------------ promising

    /// @notice Reverts unless an event's window, which is not in the list, fits in right behind the window before.
    /// @return next start of the window that follows
    function requireBetween(List storage list, Flex.EventKey memory key, uint40 previousStart) internal view returns (uint40 next) {
        Window storage previous = list.at[previousStart];
        uint40 previousEnd = previous.windowEnd;
        next = previous.next;
        bool exists = previousStart == 0 || previousEnd != 0;
        bool isLast = previousStart < key.windowStart && (next == 0 || next > key.windowStart);
        if (!exists || !isLast) {
            revert Errors.FlexibilityRights_BadPrevious(key.portfolioId, previousStart);
        }
        if (previousEnd > key.windowStart) {
            revert Errors.FlexibilityRights_WindowOverlaps(key.portfolioId, key.windowStart, previousStart);
        }
        if (next != 0 && next < key.windowEnd) {
            revert Errors.FlexibilityRights_WindowOverlaps(key.portfolioId, key.windowStart, next);
        }
    }

    /// @notice Reverts unless the event is that of the stored window.
    function requireSameEvent(Window memory stored, Flex.EventKey memory key, uint32 ruleNumber) internal pure {
        string memory field = "";
        if (stored.windowEnd != key.windowEnd) field = "windowEnd";
        else if (stored.ruleNumber != ruleNumber) field = "ruleId";
        else if (stored.direction != key.direction) field = "direction";
        else if (stored.referenceW != key.referenceW) field = "referenceW";
        else return;
        revert Errors.FlexibilityRights_WindowDiffers(key.portfolioId, key.windowStart, field);
    }

    // ------------------------------------------------------------------ calling

    /// @notice Keeps the first notice, and the most that was called.
    /// @param peakW most power ordered in a period, W, not zero
    /// @param capacityW of the portfolio at this notice, W
    function keepCall(Window storage stored, uint40 windowStart, uint256 peakW, uint256 capacityW) internal {
        uint256 most = type(uint16).max;
        uint256 calledBps = capacityW == 0 ? most : Math.min((peakW * BPS).divUp(capacityW), most);
        uint256 before = stored.calledBps;
        if (calledBps <= before) return;
        stored.calledBps = uint16(calledBps);
        // fits: a notice is at most a rule's gate, seven days, before the start, and before the end of a window, at most a day
        if (before == 0) stored.calledLead = int24(int256(uint256(windowStart)) - int256(block.timestamp));
    }

    // ------------------------------------------------------------------ reading

    /// @notice The called windows among those from `fromStart` on that start before `until`.
    function callsFrom(List storage list, uint40 fromStart, uint40 until) internal view returns (Flex.Call[] memory calls) {
        uint40 first = fromStart == 0 ? list.at[0].next : fromStart;
        uint256 count = 0;
        for (uint40 start = first; start != 0 && start < until; start = list.at[start].next) {
            if (list.at[start].calledBps != 0) ++count;
        }
        calls = new Flex.Call[](count);
        for (uint40 start = first; count != 0; start = list.at[start].next) {
            Window storage stored = list.at[start];
            uint16 calledBps = stored.calledBps;
            if (calledBps == 0) continue;
            calls[calls.length - count] = Flex.Call({
                windowStart: start,
                windowEnd: stored.windowEnd,
                firstNotice: uint40(uint256(int256(uint256(start)) - stored.calledLead)),
                calledBps: calledBps
            });
            --count;
        }
    }

    /// @notice Start of the last window before `windowStart`, 0 if none.
    function previousOf(List storage list, uint40 windowStart) internal view returns (uint40 previous) {
        uint40 next = list.at[0].next;
        while (next != 0 && next < windowStart) {
            previous = next;
            next = list.at[next].next;
        }
    }
}
