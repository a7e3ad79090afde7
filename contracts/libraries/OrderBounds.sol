// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Errors} from "./Errors.sol";
import {Ids} from "./Ids.sol";
import {Periods} from "./Periods.sol";
import {Products} from "./Products.sol";
import {SettlementMath} from "./SettlementMath.sol";
import {Flex} from "../types/Flex.sol";

/// @title What may be ordered, when, and for how long
library OrderBounds {
    /// @notice Power ordered in all periods together, W.
    function sum(uint40[] calldata ordersW) internal pure returns (uint256 totalW) {
        for (uint256 p = 0; p < ordersW.length; ++p) {
            totalW += ordersW[p];
        }
    }

    /// @notice That a period has not begun.
    function requireNotBegun(Flex.Product calldata product, Flex.Rule calldata rule, uint256 period) internal view {
        uint256 start = Periods.startOf(product.windowStart, period, rule.periodSeconds);
        if (block.timestamp >= start) revert Errors.Settlement_TooLate(start, block.timestamp);
    }

    /// @notice Checks an order period by period; what is ordered, and what is locked for it at most.
    function survey(
        Flex.Product calldata product,
        Flex.Rule calldata rule,
        uint256 units,
        uint40[] calldata ordersW
    ) internal pure returns (uint96 orderedMask, uint256 locked) {
        uint256 duration = rule.periodSeconds;
        uint256 periods = Periods.count(product.windowStart, product.windowEnd, duration);
        if (ordersW.length != periods) revert Errors.Settlement_OrdersLength(ordersW.length, periods);
        uint256 maxW = units * product.lotW;
        uint256 mostBps = SettlementMath.mostPaidBps(rule);
        uint256 price = product.utilisationPerMWh;
        uint256 mask = 0;
        uint256 last = 0;
        uint256 limit = 0;
        for (uint256 p = 0; p < periods; ++p) {
            uint256 orderW = ordersW[p];
            if (orderW == 0) continue;
            // rows of one order are the rule: what was checked need not be again
            if (orderW != last) {
                if (orderW > maxW) revert Errors.Settlement_OrderTooLarge(p, orderW, maxW);
                if (!SettlementMath.isWholeMilliWh(orderW, duration)) revert Errors.Settlement_OrderInexact(p, orderW);
                limit = SettlementMath.utilisationLimitOf(SettlementMath.energyDown(orderW, duration), mostBps, price);
                last = orderW;
            }
            mask |= 1 << p;
            locked += limit;
        }
        if (rule.funding == Flex.Funding.Statement) locked = 0;
        // a window of more than 96 periods was never issued
        orderedMask = uint96(mask);
    }

    /// @notice From the gate's closing until the notification period and the ramp before the first ordered period. Sums instead of
    /// differences, so that nothing underflows.
    function requireNotice(Flex.Product calldata product, Flex.Rule calldata rule, uint96 orderedMask) internal view {
        if (block.timestamp + rule.gateSeconds < product.windowStart) {
            revert Errors.Settlement_TooEarly(product.windowStart - rule.gateSeconds, block.timestamp);
        }
        if (orderedMask == 0) revert Errors.Settlement_NothingOrdered(Ids.rightId(product));
        uint256 start = Periods.startOf(product.windowStart, Periods.first(orderedMask), rule.periodSeconds);
        uint256 lead = Products.leadSeconds(product);
        if (block.timestamp + lead > start) {
            revert Errors.Settlement_TooLate(start > lead ? start - lead : 0, block.timestamp);
        }
    }

    /// @notice Every row of ordered periods is within the product's minimum and maximum run.
    function requireRuns(Flex.Product calldata product, uint256 periodSeconds, uint256 orderedMask) internal pure {
        while (orderedMask != 0) {
            (uint256 start, uint256 length, uint256 rest) = Periods.run(orderedMask);
            requireRun(product, start, length * periodSeconds);
            orderedMask = rest;
        }
    }

    function requireRun(Flex.Product calldata product, uint256 firstPeriod, uint256 duration) internal pure {
        if (duration < product.minRunSeconds) {
            revert Errors.Settlement_RunTooShort(firstPeriod, duration, product.minRunSeconds);
        }
        if (duration > product.maxRunSeconds) {
            revert Errors.Settlement_RunTooLong(firstPeriod, duration, product.maxRunSeconds);
        }
    }
}
