// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {SettlementMath} from "../libraries/SettlementMath.sol";
import {Flex} from "../types/Flex.sol";

/// @title SettlementMath, callable from outside, for tests
contract SettlementMathHarness {
    function isWholeMilliWh(uint256 powerW, uint256 duration) external pure returns (bool) {
        return SettlementMath.isWholeMilliWh(powerW, duration);
    }

    function energyDown(uint256 powerW, uint256 duration) external pure returns (uint256) {
        return SettlementMath.energyDown(powerW, duration);
    }

    function responseShareDown(int256 responseMilliWh, uint256 orderW, uint256 totalW) external pure returns (int256) {
        return SettlementMath.responseShareDown(responseMilliWh, orderW, totalW);
    }

    function collateralPerUnitUp(Flex.Product calldata product, uint256 collateralBps) external pure returns (uint256) {
        return SettlementMath.collateralPerUnitUp(product, collateralBps);
    }

    function availabilityPerUnitDown(Flex.Product calldata product) external pure returns (uint256) {
        return SettlementMath.availabilityPerUnitDown(product);
    }

    function utilisationLimit(
        Flex.Rule calldata rule,
        Flex.Product calldata product,
        uint40[] calldata ordersW
    ) external pure returns (uint256) {
        return SettlementMath.utilisationLimit(rule, product, ordersW);
    }

    function curveDown(Flex.CurveKind kind, Flex.CurvePoint[] calldata points, uint256 ratioBps) external pure returns (uint256) {
        return SettlementMath.curveDown(kind, points, ratioBps);
    }

    function beyondTolerance(
        Flex.Rule calldata rule,
        Flex.Product calldata product,
        uint256 deficiency,
        uint256 ordered
    ) external pure returns (uint256) {
        return SettlementMath.beyondTolerance(SettlementMath.termsOf(rule, product), deficiency, ordered);
    }

    function period(
        Flex.Rule calldata rule,
        Flex.Product calldata product,
        uint256 ordered,
        int256 response
    ) external pure returns (uint256 delivered, uint256 counted, uint256 pay, uint256 penalty) {
        return SettlementMath.period(SettlementMath.termsOf(rule, product), rule.payCurve, ordered, response);
    }

    function settleMeasured(
        Flex.Rule calldata rule,
        Flex.Product calldata product,
        Flex.Dispatch calldata dispatch_,
        int128[] calldata responsesMilliWh,
        uint256[] calldata totalsW,
        uint256 customerShareBps
    ) external pure returns (Flex.Settled memory) {
        return SettlementMath.settleMeasured(rule, product, dispatch_, responsesMilliWh, totalsW, customerShareBps);
    }

    function settleUnmeasured(
        Flex.Rule calldata rule,
        Flex.Product calldata product,
        Flex.Dispatch calldata dispatch_,
        uint256 customerShareBps
    ) external pure returns (Flex.Settled memory) {
        return SettlementMath.settleUnmeasured(rule, product, dispatch_, customerShareBps);
    }
}
