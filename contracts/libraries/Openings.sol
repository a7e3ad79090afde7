// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../types/Flex.sol";
import {MeterRecords} from "./MeterRecords.sol";

/// @title The packed proof of a device: what its records are under, and the records, opened in parts
/// @notice Encodings as in docs/encodings.md. Nothing here reverts on what a proof holds.
/// @dev Lengths in calldata are below 2^64 and the parts' lengths in bytes below 2^16, so that nothing unchecked overflows. Words are read
/// past the end of what is given, which calldata allows, where the end is checked before they are used.
library Openings {
    using MeterRecords for uint256;

    /// @dev What the records are under, in order.
    struct Under {
        bytes32[] roots; // zero for one whose history is not under it
        uint256[] parts; // where the path begins, length of the path (8 bits), length of the history (8 bits)
    }

    /// @dev The records before the first that is wrong by itself.
    struct Records {
        Flex.Silence silence; // what is wrong with that one; Ok: there is none
        uint256[] heads; // with what stands beyond the record's fields
        bytes32[] leaves; // struct hashes
        uint256[] blocks; // where the first block of each begins
        bytes signatures; // one after the other
        uint256 count; // of records so far
        uint256 signed; // bytes of signatures so far
    }

    // root, length of the path, length of the history
    uint256 private constant LEAST_INCLUSION = 34;
    // head, one closed block
    uint256 private constant LEAST_RECORD = 64;
    // Byte (2^k % 19) is k: 2 is a primitive root of 19, so that the powers of it that a record's blocks need differ.
    uint256 private constant EXPONENTS = 0x00000100020000060308000c0005070b040a0900000000000000000000000000;

    /// @notice What the records are under. One that is cut off is not there.
    function underOf(bytes calldata inclusions) internal pure returns (Under memory under) {
        uint256 most = inclusions.length / LEAST_INCLUSION;
        under.roots = new bytes32[](most);
        under.parts = new uint256[](most);
        uint256 count = 0;
        uint256 at = 0;
        unchecked {
            while (at + LEAST_INCLUSION <= inclusions.length) {
                uint256 root = _word(inclusions, at);
                uint256 lengths = _word(inclusions, at + 32) >> 240;
                uint256 path = lengths >> 8;
                uint256 history = lengths & 0xff;
                at += LEAST_INCLUSION;
                uint256 end = at + 32 * (path + history);
                if (end > inclusions.length) break;
                under.parts[count] = (at << 16) | lengths;
                if (history != 0 && !_isHistoryUnder(inclusions, at, path, history, root)) root = 0;
                under.roots[count++] = bytes32(root);
                at = end;
            }
        }
        _shorten(under.roots, count);
    }

    /// @notice The records of a metering point, each found under what it names.
    function recordsOf(Flex.DeviceProof calldata proof, Under memory under, bytes16 point) internal pure returns (Records memory found) {
        bytes calldata records = proof.records;
        uint256 most = records.length / LEAST_RECORD;
        found.heads = new uint256[](most);
        found.leaves = new bytes32[](most);
        found.blocks = new uint256[](most);
        found.signatures = new bytes(records.length);
        bytes calldata inclusions = proof.inclusions;
        uint256 at = 0;
        while (at < records.length) {
            at = _take(found, under, records, inclusions, point, at);
            if (found.silence != Flex.Silence.Ok) break;
        }
        _shorten(found);
    }

    /// @notice Which readings of a record that was found are shown.
    /// @param at where its first block begins
    /// @return shown bit k: reading k is shown
    /// @return estimated bit k: reading k is shown and estimated
    /// @return first place of the first that is shown; none: not before `end`
    /// @return end place after the last that is shown
    function shownOf(
        uint256 head,
        bytes calldata records,
        uint256 at
    ) internal pure returns (uint256 shown, uint256 estimated, uint256 first, uint256 end) {
        uint256 count = head.readings();
        uint256 opened = uint16(head >> 24);
        uint256 next = 0;
        // By words of calldata, at places that depend on what came before.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let from := add(records.offset, at)
            first := count
            for {} opened {} {
                let lowest := and(opened, sub(0, opened))
                let index := byte(mod(lowest, 19), EXPONENTS)
                opened := xor(opened, lowest)
                // closed blocks, then a salt
                from := add(from, add(shl(5, sub(index, next)), 32))
                next := add(index, 1)
                let place := shl(3, index)
                if lt(place, first) {
                    first := place
                }
                end := add(place, 8)
                if gt(end, count) {
                    end := count
                }
                let all := shl(place, sub(shl(sub(end, place), 1), 1))
                shown := or(shown, all)
                // Flags beyond the block's readings mean nothing.
                estimated := or(estimated, and(all, shl(place, byte(0, calldataload(from)))))
                from := add(from, add(1, mul(5, sub(end, place))))
            }
        }
    }

    /// @notice Readings of a record that was found, all of which are shown.
    /// @param at where its first block begins
    /// @param place of the first that is wanted
    /// @param milliWh as long as many are wanted; they are put there, mWh, `+` import
    /// @param limit greatest energy of one, mWh, either way; of 128 bits
    /// @return energy of all together, mWh
    /// @return beyond whether one is greater than the limit
    function readInto(
        int256[] memory milliWh,
        uint256 head,
        bytes calldata records,
        uint256 at,
        uint256 place,
        uint256 limit
    ) internal pure returns (int256 energy, bool beyond) {
        // Fifteen thousand gas less over eleven records than with the types' checks.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let index := shr(3, place)
            // closed blocks have 32 bytes, opened ones 41 more; then this one's salt and flags
            let from := add(add(records.offset, at), add(shl(5, index), 33))
            for {
                let before := and(shr(24, head), sub(shl(index, 1), 1))
            } before {
                before := and(before, sub(before, 1))
            } {
                from := add(from, 41)
            }
            place := and(place, 7)
            from := add(from, mul(5, place))
            let inBlock := sub(8, place)
            let most := shl(1, limit)
            let to := add(milliWh, 32)
            for {
                let left := mload(milliWh)
            } left {} {
                if gt(inBlock, left) {
                    inBlock := left
                }
                left := sub(left, inBlock)
                let last := add(to, shl(5, inBlock))
                // Below -limit a reading is beyond as well, being taken as unsigned. Two at a time.
                for {} gt(sub(last, to), 32) {} {
                    let reading := sar(216, calldataload(from))
                    let second := sar(216, calldataload(add(from, 5)))
                    mstore(to, reading)
                    mstore(add(to, 32), second)
                    energy := add(energy, add(reading, second))
                    beyond := or(beyond, or(gt(add(reading, limit), most), gt(add(second, limit), most)))
                    to := add(to, 64)
                    from := add(from, 10)
                }
                if lt(to, last) {
                    let reading := sar(216, calldataload(from))
                    mstore(to, reading)
                    energy := add(energy, reading)
                    beyond := or(beyond, gt(add(reading, limit), most))
                    to := add(to, 32)
                    from := add(from, 5)
                }
                from := add(from, 33)
                inBlock := 8
            }
        }
    }

    /// @notice One reading of a record that was found, which is shown, mWh, `+` import.
    /// @param at where its first block begins
    function readingAt(uint256 head, bytes calldata records, uint256 at, uint256 place) internal pure returns (int256) {
        unchecked {
            uint256 index = place >> 3;
            at += 32 * index + 33 + 5 * (place & 7);
            for (uint256 before = uint16(head >> 24) & ((1 << index) - 1); before != 0; before &= before - 1) {
                at += 41;
            }
        }
        return int256(_word(records, at)) >> 216;
    }

    // ------------------------------------------------------------------ one record

    /// @dev Adds the record that begins at `at`, if nothing is wrong with it.
    /// @return end where it ends
    function _take(
        Records memory found,
        Under memory under,
        bytes calldata records,
        bytes calldata inclusions,
        bytes16 point,
        uint256 at
    ) private pure returns (uint256 end) {
        uint256 head = _word(records, at);
        bytes32 leaf;
        unchecked {
            uint256 blocks = at + 32 + 32 * uint256(uint8(head >> 16));
            (end, leaf) = _leafOf(head, records, blocks);
            if (head.meteringPoint() != point) found.silence = Flex.Silence.WrongPoint;
            else if (leaf == 0 || end > records.length) found.silence = Flex.Silence.BadOpening;
            else if (!_isKept(head, leaf, inclusions, under)) found.silence = Flex.Silence.NotAttested;
            if (found.silence != Flex.Silence.Ok) return end;
            uint256 count = found.count++;
            found.heads[count] = head;
            found.leaves[count] = leaf;
            found.blocks[count] = blocks;
            if (uint8(head >> 16) != 0) _copySignature(found, records, at + 32, blocks);
        }
    }

    /// @dev Whether a record is under what it names.
    function _isKept(uint256 head, bytes32 leaf, bytes calldata inclusions, Under memory under) private pure returns (bool) {
        unchecked {
            uint256 number = uint8(head >> 8);
            if (number >= under.roots.length) return false;
            uint256 parts = under.parts[number];
            uint256 path = uint8(parts >> 8);
            uint256 history = uint8(parts);
            if (history == 0) return _climb(inclusions, parts >> 16, path, leaf) == under.roots[number];
            uint256 place = uint8(head);
            return place < history && _word(inclusions, (parts >> 16) + 32 * (path + place)) == uint256(leaf);
        }
    }

    /// @return end where the record ends
    /// @return leaf its struct hash; zero if its head says that it has no reading, too many, or opened blocks beyond them
    function _leafOf(uint256 head, bytes calldata records, uint256 at) private pure returns (uint256 end, bytes32 leaf) {
        uint256 count = head.readings();
        uint256 opened = uint16(head >> 24);
        uint256 blocks = MeterRecords.blocksFor(count);
        if (count == 0 || count > MeterRecords.MAX_READINGS || opened >> blocks != 0) return (at, 0);
        bytes32 commitment;
        // Nine thousand gas less over eleven records than block by block.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            // behind all that is kept: the hashes, of which there are at most 13, then one opened block
            let hashes := mload(0x40)
            let block_ := add(hashes, 416)
            let to := hashes
            let from := add(records.offset, at)
            let next := 0
            for {} opened {} {
                let lowest := and(opened, sub(0, opened))
                let index := byte(mod(lowest, 19), EXPONENTS)
                opened := xor(opened, lowest)
                let closed := shl(5, sub(index, next))
                calldatacopy(to, from, closed)
                to := add(to, closed)
                from := add(from, closed)
                next := add(index, 1)
                // salt, flags, up to eight readings
                let size := 73
                if gt(shl(3, next), count) {
                    size := add(33, mul(5, sub(count, shl(3, index))))
                }
                calldatacopy(block_, from, size)
                mstore(to, keccak256(block_, size))
                to := add(to, 32)
                from := add(from, size)
            }
            let closed := shl(5, sub(blocks, next))
            calldatacopy(to, from, closed)
            end := sub(add(from, closed), records.offset)
            commitment := keccak256(hashes, shl(5, blocks))
        }
        leaf = MeterRecords.structHash(head, commitment);
    }

    // ------------------------------------------------------------------ trees

    function _isHistoryUnder(
        bytes calldata inclusions,
        uint256 at,
        uint256 path,
        uint256 history,
        uint256 root
    ) private pure returns (bool) {
        if (history > MeterRecords.MAX_HISTORY) return false;
        uint256 from = at + 32 * path;
        bytes32 leaf = MeterRecords.historyLeaf(inclusions[from:from + 32 * history]);
        return uint256(_climb(inclusions, at, path, leaf)) == root;
    }

    /// @dev The root over a leaf by a path of sorted pairs.
    function _climb(bytes calldata inclusions, uint256 at, uint256 path, bytes32 leaf) private pure returns (bytes32 node) {
        node = leaf;
        // Twelve thousand gas less over eleven paths of twenty than MerkleProof, which copies none but checks every step.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let from := add(inclusions.offset, at)
            for {
                let end := add(from, shl(5, path))
            } lt(from, end) {
                from := add(from, 32)
            } {
                let sibling := calldataload(from)
                let higher := shl(5, gt(node, sibling))
                mstore(higher, node)
                mstore(xor(higher, 32), sibling)
                node := keccak256(0, 64)
            }
        }
    }

    // ------------------------------------------------------------------ words

    function _word(bytes calldata data, uint256 at) private pure returns (uint256 value) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            value := calldataload(add(data.offset, at))
        }
    }

    /// @dev Appends the signature that lies from `at` to `end`.
    function _copySignature(Records memory found, bytes calldata records, uint256 at, uint256 end) private pure {
        bytes memory signatures = found.signatures;
        uint256 signed = found.signed;
        unchecked {
            uint256 length = end - at;
            // solhint-disable-next-line no-inline-assembly
            assembly ("memory-safe") {
                calldatacopy(add(add(signatures, 32), signed), add(records.offset, at), length)
            }
            found.signed = signed + length;
        }
    }

    /// @dev Arrays were made as long as they could become.
    function _shorten(bytes32[] memory roots, uint256 count) private pure {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(roots, count)
        }
    }

    function _shorten(Records memory found) private pure {
        uint256[] memory heads = found.heads;
        bytes32[] memory leaves = found.leaves;
        bytes memory signatures = found.signatures;
        uint256 count = found.count;
        uint256 signed = found.signed;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(heads, count)
            mstore(leaves, count)
            mstore(signatures, signed)
        }
    }
}
