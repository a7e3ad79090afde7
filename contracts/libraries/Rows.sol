// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title The settlement periods whose energy is needed of a device, in rows, and their energy
/// @dev What is unchecked stays in range: times are below NEVER plus a day, a row has at most 96 periods.
library Rows {
    /// @dev Periods that are asked for together. Rows may share periods.
    struct Row {
        uint256 from; // UTC seconds; no period begins before it
        uint256 until; // and none ends after it
        uint256[] starts; // of each period, NEVER for one that does not exist; empty: they follow each other without a gap
        int256[] milliWh; // of each period; while records are added, the seconds covered times 2^128 on top
        uint256 present; // bit p: all readings of period p were shown
        int256 energy; // of the present ones together, mWh
    }

    /// @dev Later than every slot: no record reaches a period that begins then.
    uint256 internal constant NEVER = 1 << 64;

    /// @notice Rows of so many periods each, all at once and without a place yet: see `lay` and `layAt`.
    function rowsFor(uint256 count, uint256 periods) internal pure returns (Row[] memory rows) {
        // A tenth of what the compiler takes to make them one by one.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            rows := mload(0x40)
            mstore(rows, count)
            let row := add(rows, shl(5, add(count, 1)))
            // its six words, length and energies
            let size := add(224, shl(5, periods))
            let end := add(row, mul(count, size))
            mstore(0x40, end)
            // zeros
            calldatacopy(row, calldatasize(), sub(end, row))
            for {
                let to := add(rows, 32)
            } lt(row, end) {
                row := add(row, size)
                to := add(to, 32)
            } {
                mstore(to, row)
                // no starts: the empty list is at 96
                mstore(add(row, 64), 96)
                mstore(add(row, 96), add(row, 192))
                mstore(add(row, 192), periods)
            }
        }
    }

    /// @notice A row of periods that follow each other.
    function rowFrom(uint256 start, uint256 periods, uint256 periodSeconds) internal pure returns (Row memory row) {
        row = rowsFor(1, periods)[0];
        lay(row, start, periods * periodSeconds);
    }

    /// @notice A row of periods that begin at any times.
    function rowOf(uint256[] memory starts, uint256 periodSeconds) internal pure returns (Row memory row) {
        row = rowsFor(1, starts.length)[0];
        layAt(row, starts, periodSeconds);
    }

    /// @notice Two rows as one list.
    function pair(Row memory first, Row memory second) internal pure returns (Row[] memory rows) {
        // `new Row[]` would make two others before.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            rows := mload(0x40)
            mstore(rows, 2)
            mstore(add(rows, 32), first)
            mstore(add(rows, 64), second)
            mstore(0x40, add(rows, 96))
        }
    }

    /// @notice Lays a row's periods one after the other over `length` seconds.
    function lay(Row memory row, uint256 start, uint256 length) internal pure {
        row.from = start;
        unchecked {
            row.until = start + length;
        }
    }

    /// @notice Lays a row's periods at any times, NEVER for one that does not exist; if none does, from 0 to 0.
    function layAt(Row memory row, uint256[] memory starts, uint256 periodSeconds) internal pure {
        row.starts = starts;
        row.from = NEVER;
        unchecked {
            for (uint256 p = 0; p < starts.length; ++p) {
                uint256 start = starts[p];
                if (start == NEVER) continue;
                if (start < row.from) row.from = start;
                if (start >= row.until) row.until = start + periodSeconds;
            }
        }
        if (row.until == 0) row.from = 0;
    }

    /// @notice Whether all readings of all periods were shown.
    function isWhole(Row memory row) internal pure returns (bool) {
        unchecked {
            return row.present == (1 << row.milliWh.length) - 1;
        }
    }
}
