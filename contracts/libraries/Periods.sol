// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title The settlement periods of a service window, and sets of them as bit masks
/// @dev Period `p` of a window is `[windowStart + p * T, windowStart + (p + 1) * T)`; bit `p` of a mask stands for it.
library Periods {
    uint256 internal constant MAX = 96;
    /// @dev One in each of a mask's bytes.
    uint256 private constant EACH_BYTE = 0x010101010101010101010101;

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
    function size(uint96 mask) internal pure returns (uint256) {
        // Neighbours are added up, two bits, four and eight wide, then all bytes at once into the highest: the same for any set, and less
        // than to go through the bits of three. No byte exceeds 96.
        unchecked {
            uint256 bits = mask;
            bits -= (bits >> 1) & (EACH_BYTE * 0x55);
            bits = (bits & (EACH_BYTE * 0x33)) + ((bits >> 2) & (EACH_BYTE * 0x33));
            bits = (bits + (bits >> 4)) & (EACH_BYTE * 0x0f);
            return uint8((bits * EACH_BYTE) >> 88);
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
