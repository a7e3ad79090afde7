// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @title Meter records: the head word, the signed struct, and leaves over several of them
/// @notice Encodings as in docs/encodings.md. Nothing here reverts on what a record holds.
library MeterRecords {
    bytes32 internal constant TYPEHASH = keccak256(
        "MeterRecord(bytes16 meteringPoint,uint40 slotStart,uint24 periodSeconds,uint8 readings,uint16 revision,bytes32 commitment)"
    );

    /// @dev Most readings a record may hold.
    uint256 internal constant MAX_READINGS = 100;

    /// @dev Begins what a history leaf hashes, as TYPEHASH begins a record.
    bytes32 internal constant HISTORY_TAG = keccak256("Flexbond history of meter records");
    /// @dev Most records a history leaf may hold.
    uint256 internal constant MAX_HISTORY = 100;

    /// @dev Least that the oracle is told of a record: head, struct hash.
    uint256 internal constant LEAST_TOLD = 64;

    /// @dev Byte (2^k % 19) is k: 2 is a primitive root of 19, so that the powers of it that a record's blocks need differ.
    uint256 internal constant EXPONENTS = 0x00000100020000060308000c0005070b040a0900000000000000000000000000;

    uint256 private constant READINGS_PER_BLOCK = 16;

    /// @notice The head word of a record.
    function pack(
        bytes16 meteringPoint_,
        uint40 slotStart_,
        uint24 periodSeconds_,
        uint8 readings_,
        uint16 revision_
    ) internal pure returns (uint256) {
        return
            (uint256(uint128(meteringPoint_)) << 128) |
            (uint256(slotStart_) << 88) |
            (uint256(periodSeconds_) << 64) |
            (uint256(readings_) << 56) |
            (uint256(revision_) << 40);
    }

    function meteringPoint(uint256 head) internal pure returns (bytes16) {
        return bytes16(uint128(head >> 128));
    }

    /// @notice Start of the record's slot, UTC seconds.
    function slotStart(uint256 head) internal pure returns (uint40) {
        return uint40(head >> 88);
    }

    /// @notice End of the record's slot, UTC seconds; the greatest head stays below 2^41.
    function slotEnd(uint256 head) internal pure returns (uint256) {
        unchecked {
            return uint256(slotStart(head)) + uint256(periodSeconds(head)) * readings(head);
        }
    }

    function periodSeconds(uint256 head) internal pure returns (uint24) {
        return uint24(head >> 64);
    }

    /// @notice Number of readings.
    function readings(uint256 head) internal pure returns (uint8) {
        return uint8(head >> 56);
    }

    function revision(uint256 head) internal pure returns (uint16) {
        return uint16(head >> 40);
    }

    /// @notice Period and number of readings, to be compared at once.
    function shape(uint256 head) internal pure returns (uint256) {
        return uint32(head >> 56);
    }

    /// @notice Whether no bit is set beyond the head's fields.
    function isWellFormed(uint256 head) internal pure returns (bool) {
        return uint40(head) == 0;
    }

    /// @notice The head without what may stand beyond its fields.
    function bare(uint256 head) internal pure returns (uint256) {
        return (head >> 40) << 40;
    }

    /// @notice EIP-712 struct hash of the record: the leaf of a batch.
    function structHash(uint256 head, bytes32 commitment) internal pure returns (bytes32) {
        bytes32 typehash = TYPEHASH;
        bytes32 hash;
        // A third of what `abi.encode` takes, for every record that is attested or shown.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let to := mload(0x40)
            mstore(to, typehash)
            mstore(add(to, 32), shl(128, shr(128, head)))
            mstore(add(to, 64), and(shr(88, head), 0xffffffffff))
            mstore(add(to, 96), and(shr(64, head), 0xffffff))
            mstore(add(to, 128), and(shr(56, head), 0xff))
            mstore(add(to, 160), and(shr(40, head), 0xffff))
            mstore(add(to, 192), commitment)
            hash := keccak256(to, 224)
        }
        return hash;
    }

    /// @notice One leaf over several records, from their struct hashes. It covers at least 128 bytes and begins with its tag, so that it
    /// passes neither for a node of a tree (64 bytes) nor for a record.
    /// @param hashes 32 bytes each
    function historyLeaf(bytes calldata hashes) internal pure returns (bytes32) {
        // as `abi.encode(HISTORY_TAG, hashes)` of a `bytes32[]`
        return keccak256(abi.encodePacked(HISTORY_TAG, uint256(64), hashes.length / 32, hashes));
    }

    /// @notice What `IMeterOracle.judge` is told of the record at `at`; a signature that is cut off is as long as what is left.
    function toldAt(bytes calldata records, uint256 at) internal pure returns (uint256 head, bytes32 leaf, bytes calldata signature) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let from := add(records.offset, at)
            head := calldataload(from)
            leaf := calldataload(add(from, 32))
            signature.offset := add(from, LEAST_TOLD)
            signature.length := shl(5, and(shr(16, head), 0xff))
            let left := sub(add(records.offset, records.length), signature.offset)
            if gt(signature.length, left) {
                signature.length := left
            }
        }
    }

    /// @notice The root of a batch's tree, computed in place of its leaves, level by level.
    function rootOf(bytes32[] memory nodes) internal pure returns (bytes32) {
        uint256 length = nodes.length;
        while (length > 1) {
            uint256 pairs = length >> 1;
            for (uint256 i = 0; i < pairs; i++) {
                unchecked {
                    // 2 * i + 1 < length
                    nodes[i] = Hashes.commutativeKeccak256(nodes[2 * i], nodes[2 * i + 1]);
                }
            }
            if (length & 1 == 1) nodes[pairs] = nodes[length - 1];
            length = (length + 1) >> 1;
        }
        return nodes[0];
    }

    /// @notice How many blocks a record of so many readings has.
    function blocksFor(uint256 count) internal pure returns (uint256) {
        unchecked {
            return (count + READINGS_PER_BLOCK - 1) / READINGS_PER_BLOCK;
        }
    }
}
