// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IDeliveryVerifier} from "../../interfaces/IDeliveryVerifier.sol";
import {DeliveryTree} from "./DeliveryTree.sol";
import {Flex} from "../types/Flex.sol";

/// @title Where proving a submission leaf by leaf stands: the tree so far, and the running totals of its columns
library Cursors {
    /// @notice Before the first of so many leaves.
    function start(uint256 leaves, uint256 columns) internal pure returns (Flex.Cursor memory cursor) {
        cursor.frontier = new bytes32[](DeliveryTree.depth(leaves) + 1);
        cursor.totals.columns = new uint128[](columns);
        cursor.totals.baselineMilliWh = new int128[](columns);
        cursor.totals.meteredMilliWh = new int128[](columns);
    }

    /// @notice Appends the next leaf, which an answer gives, in place.
    function append(Flex.Cursor memory cursor, IDeliveryVerifier.Answer memory answer) internal pure {
        uint40 index = cursor.next;
        DeliveryTree.append(cursor.frontier, index, _leaf(index, cursor.totals, answer));
        cursor.next = index + 1;
    }

    /// @dev Adds an answer to the running totals; the leaf with both.
    function _leaf(uint256 index, Flex.Totals memory totals, IDeliveryVerifier.Answer memory answer) private pure returns (bytes32) {
        bytes32 columnsHash = _addColumns(totals.columns, answer.columns);
        _addTo(totals.baselineMilliWh, answer.baselineMilliWh);
        _addTo(totals.meteredMilliWh, answer.meteredMilliWh);
        totals.weight += answer.weight;
        return DeliveryTree.leaf(index, DeliveryTree.word(answer.weight, totals.weight), columnsHash);
    }

    /// @dev Adds entries to the prefixes before them; the hash of the words of both, as DeliveryTree packs them. An entry has fewer than 80
    /// bits, and there are at most 2^20 leaves: no sum overflows. Plain loops over checked arrays cost ten times as much.
    function _addColumns(uint128[] memory prefixes, uint128[] memory entries) private pure returns (bytes32 columnsHash) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            // the words lie where memory is free, until they are hashed
            let words := mload(0x40)
            let size := shl(5, mload(entries))
            for {
                let at := 0
            } lt(at, size) {
                at := add(at, 32)
            } {
                let entry := mload(add(add(entries, 32), at))
                let place := add(add(prefixes, 32), at)
                let prefix := add(mload(place), entry)
                mstore(place, prefix)
                mstore(add(words, at), or(shl(128, entry), prefix))
            }
            columnsHash := keccak256(words, size)
        }
    }

    /// @dev Adds energies. More than 107 bits would take more readings than a transaction holds, so that no sum overflows; nothing is paid by
    /// them.
    function _addTo(int128[] memory totals, int128[] memory entries) private pure {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let distance := sub(entries, totals)
            let end := add(totals, shl(5, mload(totals)))
            for {
                let place := totals
            } lt(place, end) {} {
                place := add(place, 32)
                mstore(place, add(mload(place), mload(add(place, distance))))
            }
        }
    }
}
