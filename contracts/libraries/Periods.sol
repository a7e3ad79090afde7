// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title The settlement periods of a service window, and sets of them as bit masks
/// @dev Period `p` of a window is `[windowStart + p * T, windowStart + (p + 1) * T)`; bit `p` of a mask stands for it.
library Periods {
    uint256 internal constant MAX = 96;

    /// @notice Whole periods in the window; 0 for one that ends before it starts.
    function count(uint256 windowStart, uint256 windowEnd, uint256 periodSeconds) internal pure returns (uint256) {
        return windowEnd <= windowStart ? 0 : (windowEnd - windowStart) / periodSeconds;
    }

    /// @notice The period that a moment not before the window's start lies in.
    function indexOf(uint256 windowStart, uint256 time, uint256 periodSeconds) internal pure returns (uint256) {
        return (time - windowStart) / periodSeconds;
    }

    function startOf(uint256 windowStart, uint256 period, uint256 periodSeconds) internal pure returns (uint256) {
        return windowStart + period * periodSeconds;
    }

    function has(uint96 mask, uint256 period) internal pure returns (bool) {
        return (mask >> period) & 1 == 1;
    }

    /// @notice How many periods are in the set.
    function size(uint96 mask) internal pure returns (uint256 bits) {
        unchecked {
            for (uint256 rest = mask; rest != 0; rest &= rest - 1) {
                ++bits;
            }
        }
    }

    /// @notice The lowest period of a set that is not empty.
    function first(uint256 mask) internal pure returns (uint256) {
        return Math.log2(mask & (~mask + 1));
    }

    /// @notice The highest period of a set that is not empty.
    function last(uint256 mask) internal pure returns (uint256) {
        return Math.log2(mask);
    }

    /// @notice The first row of periods without a gap in a set that is not empty, and what remains of the set behind it.
    function run(uint256 mask) internal pure returns (uint256 start, uint256 length, uint256 rest) {
        start = first(mask);
        length = first(~(mask >> start));
        rest = (mask >> (start + length)) << (start + length);
    }
}
