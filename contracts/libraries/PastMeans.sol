// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../types/Flex.sol";
import {BaselineMath} from "./BaselineMath.sol";
import {Rows} from "./Rows.sol";

/// @title What the past days of an XOfY baseline give: those that count, their mean, the baselines
library PastMeans {
    using Rows for Rows.Row;

    /// @dev What past days give: `sums[p] / count` is the mean of period p.
    struct Mean {
        uint256 count; // days in the mean; 0: too few complete ones
        bool isComplete; // no day found lacked energy
        int256[] sums; // by period of the window
        int256 adjusting; // in the adjustment windows of those days
    }

    /// @dev How the sums become baselines.
    struct Line {
        int256 factor;
        int256 offset;
        uint256 divisor;
        uint256 capBps; // 0: uncapped
    }

    /// @notice Chooses among the days found and adds them up. Absent energy takes the value of the complete days that is worst for the
    /// provider: in the window that which gives the least response, in the adjustment window, which is deducted, the opposite.
    /// @param window by day found, the periods of the window
    /// @param adjusting by day found, those of the adjustment window
    /// @param areWhole whether all are known to be whole
    function meanOf(
        Flex.DayClass memory class,
        Flex.Direction direction,
        Rows.Row[] memory window,
        Rows.Row[] memory adjusting,
        bool areWhole
    ) internal pure returns (Mean memory mean) {
        uint256 complete = 0; // bit i: day i
        uint256 size = window.length;
        if (!areWhole) (size, complete) = _complete(window, adjusting);
        if (size < class.minDays) return mean;
        mean.isComplete = size == window.length;
        if (!mean.isComplete) {
            bool takesLeast = direction == Flex.Direction.Shed;
            _fill(window, complete, takesLeast);
            _fill(adjusting, complete, !takesLeast);
        }
        _addUp(mean, _choose(class, direction, window), window, adjusting);
    }

    /// @dev How many days have all their values, and which, as bits.
    function _complete(Rows.Row[] memory window, Rows.Row[] memory adjusting) private pure returns (uint256 size, uint256 complete) {
        bool adjusts = adjusting.length != 0;
        unchecked {
            for (uint256 i = 0; i < window.length; ++i) {
                if (!window[i].isWhole() || (adjusts && !adjusting[i].isWhole())) continue;
                complete |= 1 << i;
                ++size;
            }
        }
    }

    /// @dev Gives every absent period the least, or the greatest, value that it has on a complete day.
    function _fill(Rows.Row[] memory rows, uint256 complete, bool takesLeast) private pure {
        uint256 count = rows.length;
        if (count == 0) return;
        unchecked {
            uint256 periods = rows[0].milliWh.length;
            for (uint256 p = 0; p < periods; ++p) {
                int256 fill = takesLeast ? type(int256).max : type(int256).min;
                for (uint256 i = 0; i < count; ++i) {
                    if ((complete >> i) & 1 == 0) continue;
                    int256 value = rows[i].milliWh[p];
                    if (takesLeast ? value < fill : value > fill) fill = value;
                }
                for (uint256 i = 0; i < count; ++i) {
                    Rows.Row memory row = rows[i];
                    if ((row.present >> p) & 1 == 1) continue;
                    row.milliWh[p] = fill;
                    row.energy += fill;
                }
            }
        }
    }

    /// @dev The days in the mean, as bits; ranked by energy, of equal ones the later first.
    function _choose(Flex.DayClass memory class, Flex.Direction direction, Rows.Row[] memory window) private pure returns (uint256 chosen) {
        uint256 count = window.length;
        uint256 kept = class.x < count ? class.x : count;
        if (kept == count) return (1 << count) - 1;
        uint256 top = 0; // dropped from the top
        if (class.selection == Flex.DaySelection.Low) top = count - kept;
        else if (class.selection == Flex.DaySelection.Mid) {
            top = (count - kept + (direction == Flex.Direction.Shed ? 1 : 0)) / 2;
        }
        // Sorted as they come, in place: six thousand gas less for ten days than comparing every one with every other.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            // No two keys alike: energy, which has fewer than 64 bits, and how old the day is, at most 255. Greatest first.
            let keys := mload(0x40)
            let end := keys
            let row := add(window, 32)
            for {
                let place := 255
            } lt(sub(255, place), count) {
                place := sub(place, 1)
                row := add(row, 32)
                end := add(end, 32)
            } {
                // sixth word of a row
                let key := or(shl(8, mload(add(mload(row), 160))), place)
                let to := end
                for {} gt(to, keys) {} {
                    let before := mload(sub(to, 32))
                    if sgt(before, key) {
                        break
                    }
                    mstore(to, before)
                    to := sub(to, 32)
                }
                mstore(to, key)
            }
            let at := add(keys, shl(5, top))
            for {
                let last := add(at, shl(5, kept))
            } lt(at, last) {
                at := add(at, 32)
            } {
                chosen := or(chosen, shl(sub(255, and(mload(at), 0xff)), 1))
            }
        }
    }

    function _addUp(Mean memory mean, uint256 chosen, Rows.Row[] memory window, Rows.Row[] memory adjusting) private pure {
        int256[] memory sums = new int256[](window[0].milliWh.length);
        bool adjusts = adjusting.length != 0;
        unchecked {
            for (uint256 i = 0; chosen != 0; ++i) {
                if (chosen & 1 == 1) {
                    ++mean.count;
                    _addAll(sums, window[i].milliWh);
                    if (adjusts) mean.adjusting += adjusting[i].energy;
                }
                chosen >>= 1;
            }
        }
        mean.sums = sums;
    }

    /// @dev Adds one list of energies to another, which is as long.
    function _addAll(int256[] memory sums, int256[] memory milliWh) private pure {
        // Over the days of a mean, period by period: a third of the gas of the arrays' checks. Two at a time.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let to := add(sums, 32)
            let last := add(sums, shl(5, mload(sums)))
            let across := sub(milliWh, sums)
            for {} lt(to, last) {
                to := add(to, 64)
            } {
                mstore(to, add(mload(to), mload(add(to, across))))
                let next := add(to, 32)
                mstore(next, add(mload(next), mload(add(next, across))))
            }
            if eq(to, last) {
                mstore(to, add(mload(to), mload(add(to, across))))
            }
        }
    }

    /// @notice How sums become baselines: `(factor * sum + offset) / divisor`, mWh.
    /// @param present energy of the adjustment window on the event's own day, mWh
    /// @param periods how many it has; 0: no adjustment
    function lineOf(
        Flex.Lookback memory lookback,
        Mean memory mean,
        int256 present,
        uint256 periods
    ) internal pure returns (Line memory line) {
        line.factor = 1;
        line.divisor = mean.count;
        line.capBps = lookback.adjustmentCapBps;
        if (periods == 0) return line;
        if (lookback.adjustment == Flex.Adjustment.Additive) {
            line.factor = int256(periods);
            unchecked {
                line.offset = int256(mean.count) * present - mean.adjusting;
                line.divisor = mean.count * periods;
            }
        } else if (mean.adjusting > 0 && present >= 0) {
            line.factor = present;
            line.divisor = uint256(mean.adjusting);
        }
    }

    /// @notice The baselines of some periods of the window, mWh: down for Shed, up for Absorb, rounded once.
    /// @param baselines as long as `mask` has bits, to be filled in
    /// @param mask bit p: period p of the window is one of them
    function fillBaselines(
        int128[] memory baselines,
        uint256 mask,
        Line memory line,
        Mean memory mean,
        Flex.Direction direction
    ) internal pure {
        int256 factor = line.factor;
        int256 offset = line.offset;
        uint256 divisor = line.divisor;
        int256[] memory sums = mean.sums;
        uint256 column = 0;
        // A sum has fewer than 64 bits, factor and offset fewer than 128.
        unchecked {
            for (uint256 p = 0; mask != 0; ++p) {
                if (mask & 1 == 1) {
                    int256 sum = sums[p];
                    int256 baseline = BaselineMath.mean(factor * sum + offset, divisor, direction);
                    if (line.capBps != 0) baseline = BaselineMath.capped(baseline, sum, mean.count, line.capBps, direction);
                    baselines[column++] = int128(baseline);
                }
                mask >>= 1;
            }
        }
    }
}
