// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../types/Flex.sol";

/// @title The line of a submission, and the points drawn on it
/// @notice The columns of a claim, ordered periods first and the weight last, lie end to end. The line is cut into as many equal parts as
/// points are drawn, and each point lies somewhere in its own. The weight is stretched to the columns' unit, so that it takes as much of the
/// line as a column's share of it: else what divides the customers' money would hardly ever be drawn. Submissions are bounded so that nothing
/// here can overflow.
library Draws {
    /// @notice What is drawn with, once the block's hash is known.
    function seedOf(bytes32 blockHash, bytes32 eventId, bytes32 commitment) internal pure returns (uint96) {
        return uint96(uint256(keccak256(abi.encode(blockHash, eventId, commitment))));
    }

    /// @notice How much of the line a unit of weight takes. Weight is energy in mWh, as are columns that clamp each device by itself;
    /// shifted ones are 3 600 of it; against a baseline of the portfolio the weight is power in W, which a column turns over in every period.
    function weightScaleOf(Flex.MeasuringTerms memory terms, uint256 columns) internal pure returns (uint256) {
        if (terms.baseline != Flex.BaselineMethod.MeterBefore && terms.baseline != Flex.BaselineMethod.XOfY) {
            return 1000 * uint256(terms.periodSeconds) * columns;
        }
        return terms.clampLevel == Flex.ClampLevel.Device ? 1 : 3600;
    }

    /// @notice Length of the line.
    function lengthOf(uint128[] calldata columns, uint128 weight, uint256 weightScale) internal pure returns (uint256 length) {
        unchecked {
            length = weight * weightScale;
            for (uint256 c = 0; c < columns.length; ++c) {
                length += columns[c];
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
        uint256 length = ends[ends.length - 1];
        uint256 from = (number * length) / points;
        uint256 until = ((number + 1) * length) / points;
        at = from + (uint256(keccak256(abi.encode(seed, number))) % (until - from));
        while (ends[column] <= at) {
            ++column;
        }
        if (column != 0) at -= ends[column - 1];
        if (column == ends.length - 1) at /= weightScale;
    }
}
