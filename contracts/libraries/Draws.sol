// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {Flex} from "../types/Flex.sol";

/// @title The line of a submission, and the points drawn on it
/// @notice The columns of a claim, ordered periods first and the weight last, lie end to end. The line is cut into as many equal parts as
/// points are drawn, and each point lies somewhere in its own. The weight is stretched to the columns' unit, so that it takes as much of the
/// line as a column's share of it: else what divides the customers' money would hardly ever be drawn. Submissions are bounded so that nothing
/// here can overflow.
library Draws {
    /// @notice What is drawn with, once the block's hash is known: an event is submitted once, before that block.
    function seedOf(bytes32 blockHash, bytes32 eventId) internal pure returns (uint96) {
        return uint96(uint256(keccak256(abi.encode(blockHash, eventId))));
    }

    /// @notice How much of the line a unit of weight takes. Weight is energy in mWh, as are columns that clamp each device by itself;
    /// shifted ones are 3 600 of it; against a baseline of the portfolio the weight is power in W, which a column turns over in every period.
    function weightScaleOf(Flex.MeasuringTerms memory terms, uint256 columns) internal pure returns (uint256) {
        bool isOwn = terms.baseline == Flex.BaselineMethod.MeterBefore || terms.baseline == Flex.BaselineMethod.XOfY;
        return weightScaleOf(isOwn, terms.clampLevel == Flex.ClampLevel.Device, terms.periodSeconds, columns);
    }

    /// @notice The same.
    /// @param isOwn whether each device has a baseline of its own
    /// @param isByDevice whether each device is clamped by itself
    function weightScaleOf(bool isOwn, bool isByDevice, uint256 periodSeconds, uint256 columns) internal pure returns (uint256) {
        // A period has at most 24 bits, and there are at most 96 columns.
        unchecked {
            if (!isOwn) return 1000 * periodSeconds * columns;
        }
        return isByDevice ? 1 : 3600;
    }

    /// @notice Length of the line.
    /// @param sum of the columns
    function lengthOf(uint256 sum, uint128 weight, uint256 weightScale) internal pure returns (uint256) {
        unchecked {
            return sum + weight * weightScale;
        }
    }

    function sumOf(uint128[] memory columns) internal pure returns (uint256 sum) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let end := add(columns, shl(5, mload(columns)))
            for {
                let at := columns
            } lt(at, end) {} {
                at := add(at, 0x20)
                sum := add(sum, mload(at))
            }
        }
    }

    /// @notice Where each column ends on the line, the weight's last: the length of the line.
    function endsOf(Flex.Claim calldata claim, uint256 weightScale) internal pure returns (uint256[] memory ends) {
        uint128[] calldata columns = claim.columns;
        uint256 count = columns.length;
        ends = new uint256[](count + 1);
        uint256 end = 0;
        unchecked {
            for (uint256 c = 0; c < count; ++c) {
                end += columns[c];
                ends[c] = end;
            }
            ends[count] = end + claim.weight * weightScale;
        }
    }

    /// @notice How many points are drawn.
    function pointsOf(uint256 length, uint256 spotChecks) internal pure returns (uint256) {
        return spotChecks < length ? spotChecks : length;
    }

    /// @notice Where a point lies.
    /// @param number of the point, below `points`
    /// @param points how many are drawn, at most the length of the line
    /// @return column it lies in
    /// @return at where within the column, in its own unit
    function pointAt(
        uint256[] memory ends,
        uint96 seed,
        uint256 number,
        uint256 points,
        uint256 weightScale
    ) internal pure returns (uint256 column, uint256 at) {
        uint256 last = ends.length - 1;
        unchecked {
            uint256 length = ends[last];
            uint256 from = (number * length) / points;
            uint256 until = ((number + 1) * length) / points;
            at = from + (uint256(Hashes.efficientKeccak256(bytes32(uint256(seed)), bytes32(number))) % (until - from));
        }
        uint256 before;
        // An end is read by its place, which is not beyond the last: half of what it costs with the check, for each column before the point's.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            for {
                let end := mload(add(ends, 32))
            } and(iszero(gt(end, at)), lt(column, last)) {} {
                before := end
                column := add(column, 1)
                end := mload(add(add(ends, 32), shl(5, column)))
            }
        }
        unchecked {
            at -= before;
        }
        if (column == last) at /= weightScale;
    }
}
