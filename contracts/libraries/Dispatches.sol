// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ISettlement} from "../../interfaces/ISettlement.sol";
import {Flex} from "../types/Flex.sol";

/// @title A dispatch's hash, `keccak256(abi.encode(dispatch))`
library Dispatches {
    /// @dev Place of the orders in a dispatch's encoding: 9 words come before.
    uint256 private constant ORDERS_AT = 288;

    /// @dev Hashes the dispatch where it lies, with the offset that its encoding begins with. That is the same unless the orders lie
    /// elsewhere or bits beyond a field are set; no dispatch is kept under such a hash.
    function hashOf(Flex.Dispatch calldata dispatch_) internal pure returns (bytes32 hash) {
        uint256 size = ORDERS_AT + 32 + dispatch_.ordersW.length * 32;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, 0x20)
            calldatacopy(add(free, 0x20), dispatch_, size)
            hash := keccak256(free, add(size, 0x20))
        }
    }

    /// @notice Tells of a new dispatch, noticed now: `Dispatched`.
    /// @dev The dispatch is encoded once for its hash and its log, which differ in what comes before it. Every order must have been read as
    /// what it is, with no bits beyond its type.
    /// @return hash of it
    function tell(
        bytes32 dispatchId,
        bytes32 eventId,
        bytes32 rightId,
        address holder,
        uint64 units,
        uint16 number,
        Flex.DispatchKind kind,
        uint40[] calldata ordersW,
        uint256 utilisationLocked
    ) internal returns (bytes32 hash) {
        uint40 noticeAt = uint40(block.timestamp);
        bytes memory encoded = abi.encode(
            uint256(0x20),
            rightId,
            holder,
            units,
            number,
            kind,
            noticeAt,
            ORDERS_AT,
            uint96(0), // excusedMask
            false, // accepted
            ordersW.length
        );
        bytes32 topic = ISettlement.Dispatched.selector;
        // Safe because what was allocated last has nothing behind it, and is not used again.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let start := add(encoded, 0x20)
            let length := mload(encoded)
            let size := shl(5, ordersW.length)
            calldatacopy(add(start, length), ordersW.offset, size)
            length := add(length, size)
            hash := keccak256(start, length)
            // in the log two words come before the dispatch: its offset and what is locked
            mstore(encoded, 0x40)
            mstore(start, utilisationLocked)
            log4(encoded, add(length, 0x20), topic, dispatchId, eventId, rightId)
        }
    }
}
