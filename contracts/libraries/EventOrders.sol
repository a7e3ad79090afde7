// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Errors} from "./Errors.sol";

/// @title Power ordered of an event per period, and how many dispatches are pending, packed
/// @dev Eight periods of 30 bits a word, lowest first; the top 16 bits of the first word count the dispatches. No period's sum runs into
/// the next one's bits: nobody orders more than the power of its units, and of a window fewer than 2^30 W are promised.
library EventOrders {
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

    /// @notice Adds a dispatch with its orders; a word without an order is not touched.
    /// @return number of dispatches that were pending before
    /// @return peakW most power that is now ordered of the event in a period of the dispatch, W
    function add(Orders storage orders, uint40[] memory ordersW) internal returns (uint16 number, uint256 peakW) {
        uint256 count = pending(orders);
        if (count == type(uint16).max) revert Errors.Flexbond_Overflow(count + 1, 16);
        number = uint16(count);
        orders.words[0] += 1 << PENDING_SHIFT;
        for (uint256 first = 0; first < ordersW.length; first += ORDERS_PER_WORD) {
            peakW = Math.max(peakW, _addWord(orders, ordersW, first));
        }
    }

    /// @notice Takes back what one dispatch ordered in a period.
    function takeBack(Orders storage orders, uint256 period, uint256 orderW) internal {
        (uint256 place, uint256 shift) = _placeOf(period);
        orders.words[place] -= orderW << shift;
    }

    /// @notice Counts one dispatch as settled; what it ordered stays.
    function settleOne(Orders storage orders) internal {
        orders.words[0] -= 1 << PENDING_SHIFT;
    }

    /// @dev Adds up to eight periods' orders; most power now ordered in one of them that has an order.
    function _addWord(Orders storage orders, uint40[] memory ordersW, uint256 first) private returns (uint256 peakW) {
        uint256 end = Math.min(first + ORDERS_PER_WORD, ordersW.length);
        uint256 added = 0;
        for (uint256 p = first; p < end; ++p) {
            added |= uint256(ordersW[p]) << (ORDER_BITS * (p - first));
        }
        if (added == 0) return 0;
        uint256 sum = orders.words[first / ORDERS_PER_WORD] + added;
        orders.words[first / ORDERS_PER_WORD] = sum;
        for (uint256 p = first; p < end; ++p) {
            if (ordersW[p] != 0) peakW = Math.max(peakW, (sum >> (ORDER_BITS * (p - first))) & ORDER_MASK);
        }
    }

    function _placeOf(uint256 period) private pure returns (uint256 place, uint256 shift) {
        return (period / ORDERS_PER_WORD, ORDER_BITS * (period % ORDERS_PER_WORD));
    }
}
