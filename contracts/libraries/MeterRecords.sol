// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Rounding} from "./Rounding.sol";

/// @title Meter records: the head word, the signed struct, and the opening of single blocks
/// @notice Encodings as in docs/encodings.md. Nothing here reverts on what a record or an opening holds.
library MeterRecords {
    bytes32 internal constant TYPEHASH = keccak256(
        "MeterRecord(bytes16 meteringPoint,uint40 slotStart,uint24 periodSeconds,uint8 readings,uint16 revision,bytes32 commitment)"
    );

    /// @dev Most readings a record may hold.
    uint256 internal constant MAX_READINGS = 100;

    uint256 private constant READINGS_PER_BLOCK = 8;
    uint256 private constant READING_BYTES = 5;
    // index (1), salt (32), flags (1)
    uint256 private constant FLAGS_AT = 33;
    uint256 private constant READINGS_AT = 34;

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

    /// @notice EIP-712 struct hash of the record: the leaf of a batch.
    function structHash(uint256 head, bytes32 commitment) internal pure returns (bytes32) {
        // Whole words spare the encoder its cleaning.
        uint256 point = (head >> 128) << 128;
        uint256 start = slotStart(head);
        uint256 period = periodSeconds(head);
        uint256 count = readings(head);
        uint256 revised = revision(head);
        return keccak256(abi.encode(TYPEHASH, point, start, period, count, revised, commitment));
    }

    /// @notice The commitment to a record's readings, from the hashes of all its blocks.
    function commitmentOf(bytes32[] calldata blocks) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(blocks));
    }

    /// @notice Opens parts of a record. `ok` is false, and the rest meaningless, if `blocks` are not as many as the head's readings need,
    /// or `opened` is no ascending row of whole blocks that hash to theirs.
    /// @param blocks hash of every block of the record, in order
    /// @param opened per opened block: index (1 byte), salt (32), flags (1), readings (5 each)
    /// @return ok whether the opening is well formed and fits the hashes
    /// @return shown bit k: reading k is opened
    /// @return estimated bit k: reading k is opened and estimated
    /// @return milliWh one place for each reading of the record, mWh, `+` import; zero where not opened
    function open(
        uint256 head,
        bytes32[] calldata blocks,
        bytes calldata opened
    ) internal pure returns (bool ok, uint256 shown, uint256 estimated, int256[] memory milliWh) {
        uint256 count = readings(head);
        if (count == 0 || count > MAX_READINGS || blocks.length != _blocksFor(count)) {
            return (false, 0, 0, milliWh);
        }
        milliWh = new int256[](count);
        uint256 offset = 0;
        uint256 least = 0; // least index that the next block may have
        while (offset < opened.length) {
            uint256 index = uint8(opened[offset]);
            if (index < least || index >= blocks.length) return (false, 0, 0, milliWh);
            least = index + 1;

            uint256 first = index * READINGS_PER_BLOCK;
            uint256 size = count - first < READINGS_PER_BLOCK ? count - first : READINGS_PER_BLOCK;
            uint256 end = offset + READINGS_AT + size * READING_BYTES;
            if (end > opened.length || keccak256(opened[offset + 1:end]) != blocks[index]) return (false, 0, 0, milliWh);

            uint256 all = (1 << size) - 1;
            shown |= all << first;
            // Flags beyond the block's readings mean nothing.
            estimated |= (uint8(opened[offset + FLAGS_AT]) & all) << first;
            _readInto(milliWh, first, opened[offset + READINGS_AT:end]);
            offset = end;
        }
        ok = true;
    }

    /// @dev Writes the readings of one block to their places; `packed` is a whole number of them.
    function _readInto(int256[] memory milliWh, uint256 first, bytes calldata packed) private pure {
        uint256 place = first;
        for (uint256 offset = 0; offset < packed.length; offset += READING_BYTES) {
            milliWh[place++] = int40(uint40(bytes5(packed[offset:offset + READING_BYTES])));
        }
    }

    function _blocksFor(uint256 count) private pure returns (uint256) {
        return Rounding.divUp(count, READINGS_PER_BLOCK);
    }
}
