// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {Flex} from "../types/Flex.sol";
import {BaselineMath} from "./BaselineMath.sol";
import {DeliveryTree} from "./DeliveryTree.sol";

/// @title One leaf of a submission, as it is shown
/// @notice Nothing here reverts for what a leaf holds. Entries and prefixes are halves of words, and are compared as integers of 256 bits.
library Leaves {
    /// @dev Body of a leaf: place, word of the weight, hash of the columns.
    uint256 private constant BODY_BYTES = 96;
    /// @dev A column is energy in mWh and its clamp in W times seconds: 3 600 of the one are 1 000 of the other.
    int256 private constant PER_MILLIWH = 3600;

    // ------------------------------------------------------------------ where it stands

    /// @notice Whether the leaf is in the tree of a claim, with a word for every column.
    function isIn(Flex.Leaf calldata leaf, Flex.Claim calldata claim, uint256 leaves) internal pure returns (bool) {
        bytes calldata columns = leaf.columns;
        if (columns.length != 32 * claim.columns.length) return false;
        bytes32 columnsHash;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, columns.offset, columns.length)
            columnsHash := keccak256(free, columns.length)
        }
        bytes32 hash = DeliveryTree.leaf(leaf.place, leaf.weightWord, columnsHash);
        return isIn(hash, leaf.place, leaf.path, claim.root, leaves);
    }

    /// @notice Whether a hash stands in a leaf's place.
    function isIn(bytes32 hash, uint256 place, bytes32[] calldata path, bytes32 root, uint256 leaves) internal pure returns (bool) {
        return place < leaves && path.length == DeliveryTree.depth(leaves) && DeliveryTree.rootOf(hash, place, path) == root;
    }

    /// @notice Whether what a hash is over is no leaf of a place: of another length, or of another place, or over columns of another length.
    /// @param columns what the hash within the body is over; empty unless their length is what is wrong
    function isMalformed(bytes calldata body, uint256 place, bytes calldata columns, uint256 columnsBytes) internal pure returns (bool) {
        if (body.length != BODY_BYTES || uint256(bytes32(body[:32])) != place) return true;
        return columns.length != columnsBytes && keccak256(columns) == bytes32(body[64:]);
    }

    // ------------------------------------------------------------------ what it holds

    /// @notice Whether a point of a column, the weight's last, lies in the leaf's part of it.
    function holds(Flex.Leaf calldata leaf, uint256 column, uint256 at) internal pure returns (bool) {
        bytes calldata columns = leaf.columns;
        uint256 word = 32 * column == columns.length ? leaf.weightWord : _wordOf(columns, column);
        uint256 prefix = _prefix(word);
        unchecked {
            return at < prefix && prefix <= at + _entry(word);
        }
    }

    /// @notice Hash of the leaf's entries: of the columns' words, and of that hash with the weight.
    function entriesHash(Flex.Leaf calldata leaf) internal pure returns (bytes32) {
        bytes calldata words = leaf.columns;
        bytes32 columnsHash;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let free := mload(0x40)
            let across := sub(words.offset, free)
            for {
                let to := free
                let end := add(free, words.length)
            } lt(to, end) {
                to := add(to, 32)
            } {
                // the upper half of a word
                mstore(to, shr(128, calldataload(add(to, across))))
            }
            columnsHash := keccak256(free, words.length)
        }
        return Hashes.efficientKeccak256(columnsHash, bytes32(_entry(leaf.weightWord)));
    }

    /// @notice The same of an answer.
    function entriesHash(uint128[] memory columns, uint128 weight) internal pure returns (bytes32) {
        bytes32 columnsHash;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            columnsHash := keccak256(add(columns, 32), shl(5, mload(columns)))
        }
        return Hashes.efficientKeccak256(columnsHash, bytes32(uint256(weight)));
    }

    // ------------------------------------------------------------------ what it says of its neighbours

    /// @notice Whether some prefix of a first leaf is not its entry.
    function startsWrong(Flex.Leaf calldata leaf) internal pure returns (bool) {
        bytes calldata words = leaf.columns;
        uint256 count = words.length / 32;
        for (uint256 c = 0; c < count; ++c) {
            uint256 word = _wordOf(words, c);
            if (_prefix(word) != _entry(word)) return true;
        }
        return _prefix(leaf.weightWord) != _entry(leaf.weightWord);
    }

    /// @notice Whether some prefix of a last leaf is not the total.
    function endsWrong(Flex.Leaf calldata leaf, Flex.Claim calldata claim) internal pure returns (bool) {
        bytes calldata words = leaf.columns;
        uint128[] calldata totals = claim.columns;
        for (uint256 c = 0; c < totals.length; ++c) {
            if (_prefix(_wordOf(words, c)) != totals[c]) return true;
        }
        return _prefix(leaf.weightWord) != claim.weight;
    }

    /// @notice Whether some prefix of the right neighbour does not follow that of the left one.
    function jumps(Flex.Leaf calldata left, Flex.Leaf calldata right) internal pure returns (bool) {
        bytes calldata before = left.columns;
        bytes calldata words = right.columns;
        uint256 count = words.length / 32;
        for (uint256 c = 0; c < count; ++c) {
            if (!_follows(_wordOf(before, c), _wordOf(words, c))) return true;
        }
        return !_follows(left.weightWord, right.weightWord);
    }

    // ------------------------------------------------------------------ what a device can have

    /// @notice Whether the leaf claims what a silent device has, as IDeliveryVerifier.measureAll gives it.
    function isSilent(Flex.Leaf calldata leaf, Flex.MeasuringTerms memory terms, Flex.Entry memory entry) internal pure returns (bool) {
        uint256 silent = 0;
        if (_isOwnBaseline(terms) && terms.clampLevel == Flex.ClampLevel.Portfolio) {
            uint256 shift = uint256(entry.capacityW) * terms.periodSeconds * 1000;
            silent = shift - uint256(PER_MILLIWH) * BaselineMath.clampDown(entry.capacityW, terms.periodSeconds);
        }
        return _isEvery(leaf, silent);
    }

    /// @notice Whether all entries are zero, as those of a device that is not in the portfolio.
    function isZero(Flex.Leaf calldata leaf) internal pure returns (bool) {
        return _isEvery(leaf, 0);
    }

    /// @notice Whether some records, or none, could give the leaf's entries, as IDeliveryVerifier.measureAll does.
    function isPossible(Flex.Leaf calldata leaf, Flex.MeasuringTerms memory terms, Flex.Entry memory entry) internal pure returns (bool) {
        bool isOwn = _isOwnBaseline(terms);
        if (!isOwn && isZero(leaf)) return true;
        uint256 powerW = isOwn ? entry.capacityW : entry.connectionW;
        int256 limit = int256(BaselineMath.clampDown(powerW, terms.periodSeconds));
        bool isShifted = !isOwn || terms.clampLevel == Flex.ClampLevel.Portfolio;
        int256 shift = isShifted ? int256(powerW * terms.periodSeconds * 1000) : int256(0);
        bytes calldata words = leaf.columns;
        uint256 count = words.length / 32;
        uint256 achieved = 0;
        for (uint256 c = 0; c < count; ++c) {
            // Entries have 128 bits and powers 48.
            unchecked {
                int256 energy = int256(_entry(_wordOf(words, c))) - shift;
                if (isShifted) {
                    if (energy % PER_MILLIWH != 0) return false;
                    energy /= PER_MILLIWH;
                }
                if (energy > limit || energy < -limit) return false;
                if (energy > 0) achieved += uint256(energy);
            }
        }
        return _entry(leaf.weightWord) == (isOwn ? achieved : entry.capacityW);
    }

    // ------------------------------------------------------------------ within

    function _isOwnBaseline(Flex.MeasuringTerms memory terms) private pure returns (bool) {
        return terms.baseline == Flex.BaselineMethod.MeterBefore || terms.baseline == Flex.BaselineMethod.XOfY;
    }

    /// @dev Whether every column has this entry, and the weight none.
    function _isEvery(Flex.Leaf calldata leaf, uint256 entry) private pure returns (bool) {
        bytes calldata words = leaf.columns;
        uint256 count = words.length / 32;
        for (uint256 c = 0; c < count; ++c) {
            if (_entry(_wordOf(words, c)) != entry) return false;
        }
        return _entry(leaf.weightWord) == 0;
    }

    function _follows(uint256 left, uint256 right) private pure returns (bool) {
        unchecked {
            return _prefix(right) == _prefix(left) + _entry(right);
        }
    }

    function _entry(uint256 word) private pure returns (uint256) {
        return word >> 128;
    }

    /// @dev Its own entry included.
    function _prefix(uint256 word) private pure returns (uint256) {
        return uint128(word);
    }

    /// @dev The word of a period's column, of a leaf that has one. A slice of bytes costs three hundred gas more.
    function _wordOf(bytes calldata columns, uint256 column) private pure returns (uint256 word) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            word := calldataload(add(columns.offset, shl(5, column)))
        }
    }
}
