// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {BaselineMath} from "./BaselineMath.sol";
import {Flex} from "../types/Flex.sol";

/// @title What a portfolio did in an event, from the totals of its submission
library Responses {
    /// @notice Fills in the portfolio's response for every ordered period of the window.
    /// @param responses for every period of the window, zeros
    /// @param columns total of every ordered period's column
    /// @param scheduleMilliWh Nominated: the schedule
    /// @param sums of the portfolio just before the first notice; not needed where each device is clamped by itself
    function fill(
        int128[] memory responses,
        Flex.EventKey calldata key,
        Flex.MeasuringTerms memory terms,
        uint128[] memory columns,
        int128[] calldata scheduleMilliWh,
        Flex.PortfolioSums memory sums,
        uint256 orderedMask
    ) internal pure {
        uint256 duration = terms.periodSeconds;
        bool isOwn = terms.baseline == Flex.BaselineMethod.MeterBefore || terms.baseline == Flex.BaselineMethod.XOfY;
        bool isSummed = terms.clampLevel == Flex.ClampLevel.Device;
        uint256 column = 0;
        for (uint256 p = 0; column < columns.length; ++p) {
            if ((orderedMask >> p) & 1 == 0) continue;
            uint256 total = columns[column++];
            if (isOwn) {
                responses[p] = int128(isSummed ? int256(total) : BaselineMath.responseFromColumn(total, sums.capacityW, duration));
                continue;
            }
            int256 baseline =
                terms.baseline == Flex.BaselineMethod.Nominated
                    ? scheduleMilliWh[p]
                    : BaselineMath.levelMilliWh(key.referenceW, duration, key.direction);
            responses[p] = int128(_byPortfolio(key.direction, duration, baseline, total, sums));
        }
    }

    /// @dev Baseline of the portfolio as a whole against what its connections metered together.
    function _byPortfolio(
        Flex.Direction direction,
        uint256 duration,
        int256 baseline,
        uint256 total,
        Flex.PortfolioSums memory sums
    ) private pure returns (int256) {
        int256 metered = BaselineMath.meteredFromColumn(total, sums.connectionW, duration, direction);
        return BaselineMath.response(baseline, metered, direction, BaselineMath.clampDown(sums.capacityW, duration));
    }
}
