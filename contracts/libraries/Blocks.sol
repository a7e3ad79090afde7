// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {MeterRecords} from "./MeterRecords.sol";

/// @title What the opened blocks of a record hold
/// @notice Encodings as in docs/encodings.md. The records were found by library Openings: no length is checked again.
library Blocks {
    using MeterRecords for uint256;

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
        uint256 exponents = MeterRecords.EXPONENTS;
        // By words of calldata, at places that depend on what came before.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let from := add(records.offset, at)
            first := count
            for {} opened {} {
                let lowest := and(opened, sub(0, opened))
                let index := byte(mod(lowest, 19), exponents)
                opened := xor(opened, lowest)
                // closed blocks, then a salt
                from := add(from, add(shl(5, sub(index, next)), 32))
                next := add(index, 1)
                let place := shl(4, index)
                if lt(place, first) {
                    first := place
                }
                end := add(place, 16)
                if gt(end, count) {
                    end := count
                }
                let all := shl(place, sub(shl(sub(end, place), 1), 1))
                shown := or(shown, all)
                // Flags beyond the block's readings mean nothing.
                estimated := or(estimated, and(all, shl(place, shr(240, calldataload(from)))))
                from := add(from, add(2, mul(5, sub(end, place))))
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
    /// @return estimated not zero if one is
    function readInto(
        int256[] memory milliWh,
        uint256 head,
        bytes calldata records,
        uint256 at,
        uint256 place,
        uint256 limit
    ) internal pure returns (int256 energy, bool beyond, uint256 estimated) {
        // Fifteen thousand gas less over eleven records than with the types' checks.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let index := shr(4, place)
            // closed blocks have 32 bytes, opened ones 82 more
            let from := add(add(records.offset, at), shl(5, index))
            for {
                let before := and(shr(24, head), sub(shl(index, 1), 1))
            } before {
                before := and(before, sub(before, 1))
            } {
                from := add(from, 82)
            }
            place := and(place, 15)
            let bits := 0
            let to := add(milliWh, 32)
            for {
                let left := mload(milliWh)
            } left {} {
                let count := sub(16, place)
                if gt(count, left) {
                    count := left
                }
                left := sub(left, count)
                // behind the salt the flags, then the readings
                let flags := shr(place, shr(240, calldataload(add(from, 32))))
                estimated := or(estimated, and(flags, sub(shl(count, 1), 1)))
                let reading := add(add(from, 34), mul(5, place))
                let last := add(to, shl(5, count))
                // As long as no reading has a bit above the limit's, or that of its sign, none is beyond. Two at a time.
                for {} gt(sub(last, to), 32) {} {
                    let one := sar(216, calldataload(reading))
                    let two := sar(216, calldataload(add(reading, 5)))
                    mstore(to, one)
                    mstore(add(to, 32), two)
                    energy := add(energy, add(one, two))
                    bits := or(bits, or(xor(one, sar(255, one)), xor(two, sar(255, two))))
                    to := add(to, 64)
                    reading := add(reading, 10)
                }
                if lt(to, last) {
                    let one := sar(216, calldataload(reading))
                    mstore(to, one)
                    energy := add(energy, one)
                    bits := or(bits, xor(one, sar(255, one)))
                    to := add(to, 32)
                }
                from := add(from, 114)
                place := 0
            }
            // Else they are compared one by one; below -limit one is beyond as well, being taken as unsigned.
            if iszero(lt(bits, limit)) {
                let most := shl(1, limit)
                for {
                    to := sub(to, 32)
                } gt(to, milliWh) {
                    to := sub(to, 32)
                } {
                    beyond := or(beyond, gt(add(mload(to), limit), most))
                }
            }
        }
    }

    /// @notice One reading of a record that was found, which is shown, mWh, `+` import.
    /// @param at where its first block begins
    function readingAt(uint256 head, bytes calldata records, uint256 at, uint256 place) internal pure returns (int256) {
        unchecked {
            uint256 index = place >> 4;
            at += 32 * index + 34 + 5 * (place & 15);
            for (uint256 before = uint16(head >> 24) & ((1 << index) - 1); before != 0; before &= before - 1) {
                at += 82;
            }
        }
        int256 reading;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            reading := sar(216, calldataload(add(records.offset, at)))
        }
        return reading;
    }
}
