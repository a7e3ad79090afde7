// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IMeasurement} from "../../interfaces/IMeasurement.sol";
import {Flex} from "../types/Flex.sol";

/// @title What a submission commits to
/// @dev Hashed where it lies: encoded by types, eight periods cost three thousand gas more. Of a column with bits beyond its type nothing is
/// ever committed: Measurement reads the totals of each submission by their types.
library Claims {
    /// @notice A claim's commitment, see Flex.Claim.
    function commitmentOf(Flex.Claim calldata claim) internal pure returns (bytes32) {
        return _commitmentOf(claim.root, claim.weight, _hashOf(claim.columns, claim.energiesHash));
    }

    /// @notice That of the claim that a submission makes.
    function commitmentOf(bytes32 root, Flex.Totals calldata totals) internal pure returns (bytes32) {
        bytes32 energiesHash = _hashOf(totals.baselineMilliWh, totals.meteredMilliWh);
        return _commitmentOf(root, totals.weight, _hashOf(totals.columns, energiesHash));
    }

    /// @notice The same in memory.
    function commitmentOfComputed(bytes32 root, Flex.Totals memory totals) internal pure returns (bytes32) {
        bytes32 energiesHash = keccak256(abi.encode(totals.baselineMilliWh, totals.meteredMilliWh));
        return _commitmentOf(root, totals.weight, keccak256(abi.encode(totals.columns, energiesHash)));
    }

    /// @notice A column's total as it lies: within its type only if it is checked to be.
    /// @param column below the list's length
    function totalAt(uint128[] calldata columns, uint256 column) internal pure returns (uint256 total) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            total := calldataload(add(columns.offset, shl(5, column)))
        }
    }

    /// @notice The same in memory.
    function totalIn(uint128[] memory columns, uint256 column) internal pure returns (uint256 total) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            total := mload(add(columns, add(0x20, shl(5, column))))
        }
    }

    /// @notice The columns of a claim that was submitted, copied as they lie: they were read by their type then.
    function columnsOf(Flex.Claim calldata claim) internal pure returns (uint128[] memory columns) {
        uint128[] calldata given = claim.columns;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            columns := mload(0x40)
            let size := shl(5, given.length)
            mstore(columns, given.length)
            calldatacopy(add(columns, 0x20), given.offset, size)
            mstore(0x40, add(columns, add(size, 0x20)))
        }
    }

    /// @notice Logs IMeasurement.EventSubmitted, of totals whose three lists are equally long: they are copied as they lie, and what the
    /// first does not show of the types of the other two is checked here. Encoded by types, eight periods cost four thousand gas more.
    function logSubmitted(bytes32 eventId, address sender, bytes32 root, uint256 leaves, Flex.Totals calldata totals) internal {
        uint128[] calldata columns = totals.columns;
        int128[] calldata baselineMilliWh = totals.baselineMilliWh;
        int128[] calldata meteredMilliWh = totals.meteredMilliWh;
        uint256 weight = totals.weight;
        bytes32 topic = IMeasurement.EventSubmitted.selector;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let size := shl(5, columns.length)
            let half := shl(127, 1)
            let all := 0
            for {
                let at := 0
            } lt(at, size) {
                at := add(at, 0x20)
            } {
                all := or(all, add(calldataload(add(baselineMilliWh.offset, at)), half))
                all := or(all, add(calldataload(add(meteredMilliWh.offset, at)), half))
            }
            // Moved up by half their range, values within 128 bits have none above.
            if shr(128, all) {
                revert(0, 0)
            }

            let free := mload(0x40)
            mstore(free, root)
            mstore(add(free, 0x20), leaves)
            mstore(add(free, 0x40), 0x60)
            let at := add(free, 0x60)
            let list := add(size, 0x20)
            mstore(at, 0x80)
            mstore(add(at, 0x20), weight)
            mstore(add(at, 0x40), add(0x80, list))
            mstore(add(at, 0x60), add(0x80, shl(1, list)))
            at := add(at, 0x80)
            // The length of a list lies before its values.
            calldatacopy(at, sub(columns.offset, 0x20), list)
            at := add(at, list)
            calldatacopy(at, sub(baselineMilliWh.offset, 0x20), list)
            at := add(at, list)
            calldatacopy(at, sub(meteredMilliWh.offset, 0x20), list)
            log3(free, sub(add(at, list), free), topic, eventId, sender)
        }
    }

    function _commitmentOf(bytes32 root, uint128 weight, bytes32 totalsHash) private pure returns (bytes32) {
        return keccak256(abi.encode(root, weight, totalsHash));
    }

    /// @dev keccak256(abi.encode(columns, energiesHash)).
    function _hashOf(uint128[] calldata columns, bytes32 energiesHash) private pure returns (bytes32 hash) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let free := mload(0x40)
            let size := shl(5, columns.length)
            mstore(free, 0x40)
            mstore(add(free, 0x20), energiesHash)
            mstore(add(free, 0x40), columns.length)
            calldatacopy(add(free, 0x60), columns.offset, size)
            hash := keccak256(free, add(0x60, size))
        }
    }

    /// @dev keccak256(abi.encode(baselineMilliWh, meteredMilliWh)).
    function _hashOf(int128[] calldata baselineMilliWh, int128[] calldata meteredMilliWh) private pure returns (bytes32 hash) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let free := mload(0x40)
            let size := shl(5, baselineMilliWh.length)
            let second := add(0x60, size)
            mstore(free, 0x40)
            mstore(add(free, 0x20), second)
            mstore(add(free, 0x40), baselineMilliWh.length)
            calldatacopy(add(free, 0x60), baselineMilliWh.offset, size)
            size := shl(5, meteredMilliWh.length)
            mstore(add(free, second), meteredMilliWh.length)
            calldatacopy(add(free, add(second, 0x20)), meteredMilliWh.offset, size)
            hash := keccak256(free, add(second, add(size, 0x20)))
        }
    }
}
