// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Errors} from "./Errors.sol";
import {HashedItems} from "./HashedItems.sol";

/// @title Power ordered of an event per period, and how many dispatches are pending, packed
/// @dev Eight periods of 30 bits a word, lowest first; the top 16 bits of the first word count the dispatches. No period's sum runs into
/// the next one's bits: nobody orders more than the power of its units, and of a window fewer than 2^30 W are promised.
library EventOrders {
    using HashedItems for uint40[];

    struct Orders {
        uint256[12] words;
    }

    uint256 internal constant ORDER_BITS = 30;
    uint256 private constant ORDERS_PER_WORD = 8;
    uint256 private constant ORDER_MASK = (1 << ORDER_BITS) - 1;
    uint256 private constant PENDING_SHIFT = ORDER_BITS * ORDERS_PER_WORD;

    /// @notice Power ordered in a period, W.
    function at(Orders storage orders, uint256 period) internal view returns (uint256) {
        (uint256 place, uint256 shift) = _placeOf(period);
        return (orders.words[place] >> shift) & ORDER_MASK;
    }

    function pending(Orders storage orders) internal view returns (uint256) {
        return orders.words[0] >> PENDING_SHIFT;
    }

    /// @notice Power ordered in the first `periods` periods together, W.
    function totalW(Orders storage orders, uint256 periods) internal view returns (uint256 orderedW) {
        for (uint256 first = 0; first < periods; first += ORDERS_PER_WORD) {
            uint256 packed = orders.words[first / ORDERS_PER_WORD];
            uint256 end = Math.min(first + ORDERS_PER_WORD, periods);
            for (uint256 p = first; p < end; ++p) {
                orderedW += packed & ORDER_MASK;
                packed >>= ORDER_BITS;
            }
        }
    }

    /// @notice Power ordered of the event in the periods that a dispatch ordered, W; 0 in all others.
    /// @param ordersW the dispatch's, as it is kept
    function totalsOf(Orders storage orders, uint40[] calldata ordersW) internal view returns (uint256[] memory totalsW) {
        unchecked {
            totalsW = new uint256[](ordersW.length);
            for (uint256 first = 0; first < ordersW.length; first += ORDERS_PER_WORD) {
                uint256 packed = 0;
                uint256 end = Math.min(first + ORDERS_PER_WORD, ordersW.length);
                for (uint256 p = first; p < end; ++p) {
                    if (ordersW.at(p) == 0) continue;
                    // not zero: it holds this order
                    if (packed == 0) packed = orders.words[first / ORDERS_PER_WORD];
                    totalsW[p] = (packed >> (ORDER_BITS * (p - first))) & ORDER_MASK;
                }
            }
        }
    }

    /// @notice Adds a dispatch with its orders; a word without an order is not touched.
    /// @return number of dispatches that were pending before
    /// @return peakW most power that is now ordered of the event in a period of the dispatch, W
    function add(Orders storage orders, uint40[] calldata ordersW) internal returns (uint16 number, uint256 peakW) {
        uint256 sum = orders.words[0];
        uint256 count = sum >> PENDING_SHIFT;
        if (count == type(uint16).max) revert Errors.Flexbond_Overflow(count + 1, 16);
        number = uint16(count);
        // a sum that left its bits is of units that nobody holds: taking them reverts
        unchecked {
            uint256 added = _pack(ordersW, 0);
            sum += (1 << PENDING_SHIFT) + added;
            orders.words[0] = sum;
            peakW = _peak(sum, added, 0);
            for (uint256 first = ORDERS_PER_WORD; first < ordersW.length; first += ORDERS_PER_WORD) {
                added = _pack(ordersW, first);
                if (added == 0) continue;
                sum = orders.words[first / ORDERS_PER_WORD] + added;
                orders.words[first / ORDERS_PER_WORD] = sum;
                peakW = _peak(sum, added, peakW);
            }
        }
    }

    /// @notice Takes back what one dispatch ordered in a period.
    function takeBack(Orders storage orders, uint256 period, uint256 orderW) internal {
        (uint256 place, uint256 shift) = _placeOf(period);
        orders.words[place] -= orderW << shift;
    }

    /// @notice Counts one dispatch as settled; what it ordered stays until the last, which also clears the words that it ordered in: nobody
    /// reads orders of which no dispatch is pending.
    /// @return isLast whether none is pending now
    function settleOne(Orders storage orders, uint40[] calldata ordersW) internal returns (bool isLast) {
        uint256 packed = orders.words[0] - (1 << PENDING_SHIFT);
        isLast = packed >> PENDING_SHIFT == 0;
        orders.words[0] = isLast ? 0 : packed;
        if (!isLast) return false;
        for (uint256 p = ORDERS_PER_WORD; p < ordersW.length;) {
            uint256 place = p / ORDERS_PER_WORD;
            if (ordersW.at(p) != 0) {
                orders.words[place] = 0;
                p = (place + 1) * ORDERS_PER_WORD;
            } else ++p;
        }
    }

    /// @dev Up to eight periods' orders as they lie in a word.
    function _pack(uint40[] calldata ordersW, uint256 first) private pure returns (uint256 packed) {
        unchecked {
            uint256 end = Math.min(first + ORDERS_PER_WORD, ordersW.length);
            for (uint256 p = end; p > first; --p) {
                packed = (packed << ORDER_BITS) | ordersW[p - 1];
            }
        }
    }

    /// @dev The greatest of `atLeast` and of the sums of the periods in which something was added.
    function _peak(uint256 sums, uint256 added, uint256 atLeast) private pure returns (uint256 peakW) {
        peakW = atLeast;
        for (; added != 0; added >>= ORDER_BITS) {
            if (added & ORDER_MASK != 0) peakW = Math.max(peakW, sums & ORDER_MASK);
            sums >>= ORDER_BITS;
        }
    }

    function _placeOf(uint256 period) private pure returns (uint256 place, uint256 shift) {
        return (period / ORDERS_PER_WORD, ORDER_BITS * (period % ORDERS_PER_WORD));
    }
}
