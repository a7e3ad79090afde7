// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {DeliveryTree} from "../libraries/DeliveryTree.sol";

/// @title DeliveryTree, callable from outside, for tests
contract DeliveryTreeHarness {
    function word(uint128 entry, uint128 prefix) external pure returns (uint256) {
        return DeliveryTree.word(entry, prefix);
    }

    function leaf(uint256 index, uint256 weightWord, bytes32 columnsHash) external pure returns (bytes32) {
        return DeliveryTree.leaf(index, weightWord, columnsHash);
    }

    function node(bytes32 left, bytes32 right) external pure returns (bytes32) {
        return DeliveryTree.node(left, right);
    }

    function depth(uint256 leaves) external pure returns (uint256) {
        return DeliveryTree.depth(leaves);
    }

    /// @notice The frontier after one more leaf.
    function append(bytes32[] calldata frontier, uint256 next, bytes32 leafHash) external pure returns (bytes32[] memory grown) {
        grown = frontier;
        DeliveryTree.append(grown, next, leafHash);
    }

    function root(bytes32[] calldata frontier, uint256 leaves) external pure returns (bytes32) {
        return DeliveryTree.root(frontier, leaves);
    }

    function rootOf(bytes32 leafHash, uint256 index, bytes32[] calldata path) external pure returns (bytes32) {
        return DeliveryTree.rootOf(leafHash, index, path);
    }

    function runSiblings(uint256 first, uint256 last, uint256 levels) external pure returns (uint256) {
        return DeliveryTree.runSiblings(first, last, levels);
    }

    function runRoot(bytes32[] calldata hashes, uint256 first, uint256 levels, bytes32[] calldata path) external pure returns (bytes32) {
        bytes32[] memory used = hashes;
        return DeliveryTree.runRoot(used, first, levels, path);
    }

    /// @notice Frontier and root of leaves appended one by one.
    function grow(bytes32[] calldata leaves) external pure returns (bytes32[] memory frontier, bytes32 root_) {
        frontier = new bytes32[](DeliveryTree.depth(leaves.length) + 1);
        for (uint256 i = 0; i < leaves.length; ++i) {
            DeliveryTree.append(frontier, i, leaves[i]);
        }
        root_ = DeliveryTree.root(frontier, leaves.length);
    }
}
