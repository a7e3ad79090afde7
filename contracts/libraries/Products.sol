// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../types/Flex.sol";
import {Errors} from "./Errors.sol";
import {Periods} from "./Periods.sol";
import {SettlementMath} from "./SettlementMath.sol";

/// @title What a product must keep to under its rule; the error names the field
library Products {
    uint256 private constant SCHEMA = 1;
    uint256 private constant MAX_WINDOW = 1 days;

    function requireValid(Flex.Product calldata product, Flex.RuleTerms memory terms) internal pure {
        if (product.schema != SCHEMA) revert Errors.FlexibilityRights_ProductInvalid("schema");
        if (product.provider == terms.unclaimedTo) revert Errors.FlexibilityRights_ProductInvalid("provider");
        if (product.currency != terms.currency) revert Errors.FlexibilityRights_ProductInvalid("currency");
        if (product.referenceW != 0 && terms.baseline != Flex.BaselineMethod.ReferenceLevel) {
            revert Errors.FlexibilityRights_ProductInvalid("referenceW");
        }
        _requireTimes(product, terms.periodSeconds, terms.gateSeconds);
    }

    /// @notice Seconds before the first ordered period at which a notice must have been given.
    function leadSeconds(Flex.Product calldata product) internal pure returns (uint256) {
        return uint256(product.noticeSeconds) + product.rampSeconds;
    }

    function _requireTimes(Flex.Product calldata product, uint256 duration, uint256 gateSeconds) private pure {
        uint256 start = product.windowStart;
        uint256 end = product.windowEnd;
        if (start % duration != 0) revert Errors.FlexibilityRights_ProductInvalid("windowStart");
        uint256 periods = Periods.count(start, end, duration);
        if (end % duration != 0 || periods == 0 || periods > Periods.MAX || end - start > MAX_WINDOW) {
            revert Errors.FlexibilityRights_ProductInvalid("windowEnd");
        }
        if (product.lotW == 0 || !SettlementMath.isWholeMilliWh(product.lotW, duration)) {
            revert Errors.FlexibilityRights_ProductInvalid("lotW");
        }
        uint256 maxRun = product.maxRunSeconds;
        if (maxRun == 0 || maxRun % duration != 0 || maxRun > end - start) {
            revert Errors.FlexibilityRights_ProductInvalid("maxRunSeconds");
        }
        if (product.minRunSeconds % duration != 0 || product.minRunSeconds > maxRun) {
            revert Errors.FlexibilityRights_ProductInvalid("minRunSeconds");
        }
        if (leadSeconds(product) > gateSeconds) revert Errors.FlexibilityRights_ProductInvalid("noticeSeconds");
    }
}
