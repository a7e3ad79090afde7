// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {BaselineMath} from "../libraries/BaselineMath.sol";
import {Flex} from "../types/Flex.sol";

/// @title BaselineMath, callable from outside, for tests
contract BaselineMathHarness {
    function mean(int256 sumMilliWh, uint256 periods, Flex.Direction direction) external pure returns (int256) {
        return BaselineMath.mean(sumMilliWh, periods, direction);
    }

    function capped(
        int256 baselineMilliWh,
        int256 sumMilliWh,
        uint256 days_,
        uint256 capBps,
        Flex.Direction direction
    ) external pure returns (int256) {
        return BaselineMath.capped(baselineMilliWh, sumMilliWh, days_, capBps, direction);
    }

    function levelMilliWh(int256 levelW, uint256 periodSeconds, Flex.Direction direction) external pure returns (int256) {
        return BaselineMath.levelMilliWh(levelW, periodSeconds, direction);
    }

    function clampDown(uint256 capacityW, uint256 periodSeconds) external pure returns (uint256) {
        return BaselineMath.clampDown(capacityW, periodSeconds);
    }

    function response(
        int256 baselineMilliWh,
        int256 meteredMilliWh,
        Flex.Direction direction,
        uint256 clampMilliWh
    ) external pure returns (int256) {
        return BaselineMath.response(baselineMilliWh, meteredMilliWh, direction, clampMilliWh);
    }

    function responseFromColumn(uint256 column, uint256 capacityW, uint256 periodSeconds) external pure returns (int256) {
        return BaselineMath.responseFromColumn(column, capacityW, periodSeconds);
    }

    function meteredFromColumn(
        uint256 column,
        uint256 connectionW,
        uint256 periodSeconds,
        Flex.Direction direction
    ) external pure returns (int256) {
        return BaselineMath.meteredFromColumn(column, connectionW, periodSeconds, direction);
    }
}
