// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Errors} from "./Errors.sol";

/// @title Power ordered of an event per period, and how many dispatches are pending, packed
/// @dev Six periods of 40 bits a word, lowest first; the top 16 bits of the first word count the dispatches.
library EventOrders {
    struct Orders {
        uint256[16] words;
    }

    uint256 private constant ORDER_BITS = 40;
    uint256 private constant ORDERS_PER_WORD = 6;
    uint256 private constant PENDING_SHIFT = 240;
    /// @dev The highest bit of each of the six periods.
    uint256 private constant TOP_BITS = 0x0000800000000080000000008000000000800000000080000000008000000000;

    /// @notice Power ordered in a period, W.
    function at(Orders storage orders, uint256 period) internal view returns (uint256) {
        (uint256 place, uint256 shift) = _placeOf(period);
        return uint40(orders.words[place] >> shift);
    }

    function pending(Orders storage orders) internal view returns (uint256) {
        return orders.words[0] >> PENDING_SHIFT;
    }

    /// @notice Adds a dispatch with its orders; a word without an order is not touched.
    /// @return number of dispatches that were pending before
    function add(Orders storage orders, uint40[] memory ordersW) internal returns (uint16 number) {
        uint256 count = pending(orders);
        if (count == type(uint16).max) revert Errors.Flexbond_Overflow(count + 1, 16);
        number = uint16(count);
        uint256 added = 1 << PENDING_SHIFT;
        uint256 place = 0;
        uint256 shift = 0;
        for (uint256 p = 0; p < ordersW.length; ++p) {
            added |= uint256(ordersW[p]) << shift;
            shift += ORDER_BITS;
            if (shift < PENDING_SHIFT && p + 1 < ordersW.length) continue;
            if (added != 0) _addWord(orders, place, added);
            added = 0;
            shift = 0;
            ++place;
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

    /// @dev No period's sum may run into the next one's bits: where it does, the addition carries out of the period's top bit.
    function _addWord(Orders storage orders, uint256 place, uint256 added) private {
        uint256 word = orders.words[place];
        uint256 sum = word + added;
        if (((word & added) | ((word | added) & ~sum)) & TOP_BITS != 0) _revertOverflow(word, added);
        orders.words[place] = sum;
    }

    function _revertOverflow(uint256 word, uint256 added) private pure {
        for (uint256 shift = 0; shift < PENDING_SHIFT; shift += ORDER_BITS) {
            uint256 sum = uint256(uint40(word >> shift)) + uint40(added >> shift);
            if (sum > type(uint40).max) revert Errors.Flexbond_Overflow(sum, ORDER_BITS);
        }
    }

    function _placeOf(uint256 period) private pure returns (uint256 place, uint256 shift) {
        return (period / ORDERS_PER_WORD, ORDER_BITS * (period % ORDERS_PER_WORD));
    }
}
