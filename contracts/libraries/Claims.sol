// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

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
