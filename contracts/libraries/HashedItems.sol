// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../types/Flex.sol";

/// @title Items of arrays in calldata whose hash was compared with one that is kept
/// @dev Read where they lie, at least 50 gas less each: there are no bits beyond the type, since the hash is of an array that had none, and
/// every caller counts within the array or within another that is as long.
library HashedItems {
    function at(uint40[] calldata items, uint256 i) internal pure returns (uint256 item) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            item := calldataload(add(items.offset, shl(5, i)))
        }
    }

    function at(int128[] calldata items, uint256 i) internal pure returns (int256 item) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            item := calldataload(add(items.offset, shl(5, i)))
        }
    }

    function at(Flex.CurvePoint[] calldata points, uint256 i) internal pure returns (uint256 ratioBps, uint256 payBps) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let point := add(points.offset, shl(6, i))
            ratioBps := calldataload(point)
            payBps := calldataload(add(point, 0x20))
        }
    }
}
