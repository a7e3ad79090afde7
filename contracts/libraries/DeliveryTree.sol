// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @title The tree of a submission: leaf `i` is device `i`, left and right follow from the index, padding is zero
/// @dev A leaf hashes 96 bytes and a node 64, so neither passes for the other. The frontier holds the roots of the full subtrees of the leaves
/// so far: place `k` that of `2^k` leaves if bit `k` of their number is set, else zero.
library DeliveryTree {
    /// @notice A column's word in a leaf: its entry and the running total with it.
    function word(uint128 entry, uint128 prefix) internal pure returns (uint256) {
        return (uint256(entry) << 128) | prefix;
    }

    /// @notice A leaf, built so that collecting opens only its weight.
    function leaf(uint256 index, uint256 weightWord, bytes32 columnsHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(index, weightWord, columnsHash));
    }

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return Hashes.efficientKeccak256(left, right);
    }

    /// @notice ceil(log2(leaves)); 0 for one leaf or none.
    function depth(uint256 leaves) internal pure returns (uint256 levels) {
        while (uint256(1) << levels < leaves) {
            ++levels;
        }
    }

    /// @notice Appends leaf number `next` to a frontier of `depth + 1` places, in place.
    function append(bytes32[] memory frontier, uint256 next, bytes32 leafHash) internal pure {
        uint256 level = 0;
        bytes32 hash = leafHash;
        while ((next >> level) & 1 == 1) {
            hash = node(frontier[level], hash);
            frontier[level] = 0;
            ++level;
        }
        frontier[level] = hash;
    }

    /// @notice Root of a frontier of `leaves` leaves, what is missing padded with zero.
    function root(bytes32[] memory frontier, uint256 leaves) internal pure returns (bytes32 hash) {
        uint256 levels = frontier.length - 1;
        if (leaves >> levels == 1) return frontier[levels];
        bytes32 empty = 0;
        for (uint256 level = 0; level < levels; ++level) {
            // `hash` is the subtree of this height that begins where the last full one ended
            hash = (leaves >> level) & 1 == 1 ? node(frontier[level], hash) : node(hash, empty);
            empty = node(empty, empty);
        }
    }

    /// @notice Root that a leaf and its path, lowest sibling first, lead to.
    function rootOf(bytes32 leafHash, uint256 index, bytes32[] calldata path) internal pure returns (bytes32 hash) {
        hash = leafHash;
        for (uint256 level = 0; level < path.length; ++level) {
            hash = (index >> level) & 1 == 1 ? node(path[level], hash) : node(hash, path[level]);
        }
    }
}
