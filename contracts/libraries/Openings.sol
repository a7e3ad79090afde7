// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IMeterOracle} from "../../interfaces/IMeterOracle.sol";
import {Flex} from "../types/Flex.sol";
import {MeterRecords} from "./MeterRecords.sol";

/// @title The packed proof of a device: what its records are under, and the records
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
        uint256[] begins; // where each begins
        bytes shown; // what the oracle is told, with room before it (see `ask`); of each: head, with what stands beyond the record's fields; struct hash; signature
    }

    // root, length of the path, length of the history
    uint256 private constant LEAST_INCLUSION = 34;
    // of a question to the oracle before its roots: selector, where the inquiry is, its five words, number of roots
    uint256 private constant ASKING = 228;
    // that, in whole words
    uint256 private constant BEFORE_SHOWN = 256;
    // head, one closed block
    uint256 private constant LEAST_RECORD = 64;

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
        bytes calldata inclusions = proof.inclusions;
        uint256 wanted = uint128(point);
        uint256[] memory begins = _room(records.length / LEAST_RECORD);
        // What is told of a record is never longer than the record.
        uint256 ahead = BEFORE_SHOWN + 32 * under.roots.length;
        uint256 shown = _roomFor(ahead + records.length) + ahead;
        uint256 to = shown + 32;
        uint256 count = 0;
        uint256 at = 0;
        Flex.Silence silence;
        unchecked {
            while (at < records.length) {
                (uint256 head, uint256 from) = lookAt(records, at);
                (uint256 end, bytes32 leaf) = _leafOf(head, records, from);
                if (head >> 128 != wanted) silence = Flex.Silence.WrongPoint;
                else if (leaf == 0 || end > records.length) silence = Flex.Silence.BadOpening;
                else if (!_isKept(head, leaf, inclusions, under)) silence = Flex.Silence.NotAttested;
                if (silence != Flex.Silence.Ok) break;
                ++count;
                // solhint-disable-next-line no-inline-assembly
                assembly ("memory-safe") {
                    mstore(add(begins, shl(5, count)), at)
                    mstore(to, head)
                    mstore(add(to, 32), leaf)
                    let signature := add(at, 32)
                    calldatacopy(add(to, 64), add(records.offset, signature), sub(from, signature))
                    to := add(to, add(64, sub(from, signature)))
                }
                at = end;
            }
        }
        bytes memory told;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(begins, count)
            mstore(shown, sub(sub(to, shown), 32))
            mstore(0x40, to)
            told := shown
        }
        found.silence = silence;
        found.begins = begins;
        found.shown = told;
    }

    /// @notice What the oracle says of the records, as `IMeterOracle.judge` gives it.
    function ask(
        IMeterOracle oracle,
        bytes16 point,
        uint40 firstNotice,
        uint40 deadline,
        Under memory under,
        Records memory found
    ) internal view returns (uint256[] memory verdicts) {
        bytes32[] memory roots = under.roots;
        bytes memory shown = found.shown;
        bytes4 selector = IMeterOracle.judge.selector;
        // The call as `abi.encodeCall` would make it, but around what lies in memory: five thousand gas less for eleven records.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let size := shl(5, mload(roots))
            let to := sub(shown, add(size, ASKING))
            mstore(to, selector)
            // where the inquiry is, its fields, where its roots and its records are, roots
            mstore(add(to, 4), 32)
            mstore(add(to, 36), point)
            mstore(add(to, 68), firstNotice)
            mstore(add(to, 100), deadline)
            mstore(add(to, 132), 160)
            mstore(add(to, 164), add(size, 192))
            mstore(add(to, 196), mload(roots))
            for {
                let at := 0
            } lt(at, size) {
                at := add(at, 32)
            } {
                mstore(add(add(to, 228), at), mload(add(add(roots, 32), at)))
            }
            if iszero(staticcall(gas(), oracle, to, add(add(size, 260), mload(shown)), 0, 0)) {
                returndatacopy(to, 0, returndatasize())
                revert(to, returndatasize())
            }
            // a list behind where it is
            verdicts := mload(0x40)
            returndatacopy(verdicts, 32, sub(returndatasize(), 32))
            mstore(0x40, add(verdicts, sub(returndatasize(), 32)))
        }
    }

    /// @notice The head of a record, and where its first block begins.
    /// @param at where it begins
    function lookAt(bytes calldata records, uint256 at) internal pure returns (uint256 head, uint256 blocks) {
        head = _word(records, at);
        unchecked {
            blocks = at + 32 + 32 * uint256(uint8(head >> 16));
        }
    }

    // ------------------------------------------------------------------ one record

    /// @dev Whether a record is under what it names.
    function _isKept(uint256 head, bytes32 leaf, bytes calldata inclusions, Under memory under) private pure returns (bool) {
        unchecked {
            uint256 number = uint8(head >> 8);
            bytes32[] memory roots = under.roots;
            if (number >= roots.length) return false;
            uint256 parts = pick(under.parts, number);
            uint256 path = uint8(parts >> 8);
            uint256 history = uint8(parts);
            if (history == 0) return _climb(inclusions, parts >> 16, path, leaf) == roots[number];
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
        uint256 exponents = MeterRecords.EXPONENTS;
        // Nine thousand gas less over eleven records than block by block.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            // behind all that is kept: the hashes, of which there are at most 7, then one opened block
            let hashes := mload(0x40)
            let block_ := add(hashes, 224)
            let to := hashes
            let from := add(records.offset, at)
            let next := 0
            for {} opened {} {
                let lowest := and(opened, sub(0, opened))
                let index := byte(mod(lowest, 19), exponents)
                opened := xor(opened, lowest)
                let closed := shl(5, sub(index, next))
                calldatacopy(to, from, closed)
                to := add(to, closed)
                from := add(from, closed)
                next := add(index, 1)
                // salt, flags, up to sixteen readings
                let size := 114
                if gt(shl(4, next), count) {
                    size := add(34, mul(5, sub(count, shl(4, index))))
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

    /// @notice A word of a list that is known to have it.
    function pick(uint256[] memory list, uint256 place) internal pure returns (uint256 value) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            value := mload(add(add(list, 32), shl(5, place)))
        }
    }

    /// @dev Room for as many words as there could be, each to be written before it is read.
    function _room(uint256 count) private pure returns (uint256[] memory list) {
        uint256 free = _roomFor(32 * count);
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            list := free
        }
    }

    /// @dev Room for a length and so many bytes.
    function _roomFor(uint256 length) private pure returns (uint256 free) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            free := mload(0x40)
            // whole words
            mstore(0x40, add(free, and(add(length, 63), not(31))))
        }
    }

    /// @dev Arrays were made as long as they could become.
    function _shorten(bytes32[] memory roots, uint256 count) private pure {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(roots, count)
        }
    }
}
