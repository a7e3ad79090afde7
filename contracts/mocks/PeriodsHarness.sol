// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Periods} from "../libraries/Periods.sol";
import {Rounding} from "../libraries/Rounding.sol";

/// @title Periods and Rounding, callable from outside, for tests
contract PeriodsHarness {
    function count(uint256 windowStart, uint256 windowEnd, uint256 periodSeconds) external pure returns (uint256) {
        return Periods.count(windowStart, windowEnd, periodSeconds);
    }

    function indexOf(uint256 windowStart, uint256 time, uint256 periodSeconds) external pure returns (uint256) {
        return Periods.indexOf(windowStart, time, periodSeconds);
    }

    function startOf(uint256 windowStart, uint256 period, uint256 periodSeconds) external pure returns (uint256) {
        return Periods.startOf(windowStart, period, periodSeconds);
    }

    function has(uint96 mask, uint256 period) external pure returns (bool) {
        return Periods.has(mask, period);
    }

    function size(uint96 mask) external pure returns (uint256) {
        return Periods.size(mask);
    }

    function first(uint256 mask) external pure returns (uint256) {
        return Periods.first(mask);
    }

    function last(uint256 mask) external pure returns (uint256) {
        return Periods.last(mask);
    }

    function divDown(int256 a, int256 b) external pure returns (int256) {
        return Rounding.divDown(a, b);
    }

    function divUp(int256 a, int256 b) external pure returns (int256) {
        return Rounding.divUp(a, b);
    }

    function divDownUnsigned(uint256 a, uint256 b) external pure returns (uint256) {
        return Rounding.divDown(a, b);
    }

    function divUpUnsigned(uint256 a, uint256 b) external pure returns (uint256) {
        return Rounding.divUp(a, b);
    }
}
