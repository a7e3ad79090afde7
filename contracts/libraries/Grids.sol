// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../types/Flex.sol";
import {Errors} from "./Errors.sol";

/// @title Grids of record slots, numbered from 1 as they are published
library Grids {
    struct List {
        uint8 count;
        mapping(uint256 gridId => Flex.Grid) grids;
    }

    uint256 private constant MAX_READINGS = 100;

    /// @notice Appends a grid.
    function publish(List storage list, Flex.Grid calldata grid) internal returns (uint8 gridId) {
        uint256 length = uint256(grid.periodSeconds) * grid.readingsPerSlot;
        if (
            length == 0 ||
            grid.periodSeconds > 1 days ||
            grid.readingsPerSlot > MAX_READINGS ||
            grid.offsetSeconds >= length ||
            grid.offsetSeconds % grid.periodSeconds != 0
        ) {
            revert Errors.DeviceRegistry_GridInvalid(grid.periodSeconds, grid.readingsPerSlot, grid.offsetSeconds);
        }
        uint8 count = list.count;
        if (count == type(uint8).max) revert Errors.DeviceRegistry_GridsFull(count);
        gridId = count + 1;
        list.count = gridId;
        list.grids[gridId] = grid;
    }

    /// @notice The grid of a number.
    function at(List storage list, uint8 gridId) internal view returns (Flex.Grid memory grid) {
        grid = list.grids[gridId];
        // A published one has a period.
        if (grid.periodSeconds == 0) revert Errors.DeviceRegistry_GridUnknown(gridId);
    }
}
