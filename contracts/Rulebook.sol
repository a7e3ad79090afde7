// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ICollateralEscrow} from "../interfaces/ICollateralEscrow.sol";
import {IRulebook} from "../interfaces/IRulebook.sol";
import {Errors} from "./libraries/Errors.sol";
import {Flex} from "./types/Flex.sol";

/// @title Rules: published once, never changed
contract Rulebook is IRulebook, AccessManaged {
    uint256 private constant SCHEMA = 1;
    uint256 private constant BPS = 10_000;

    ICollateralEscrow public immutable escrow;

    /// @notice Number of rules published so far.
    uint32 public count;

    mapping(bytes32 ruleId => Flex.RuleTerms) private _terms;

    constructor(address governance, address escrow_) AccessManaged(governance) {
        if (governance == address(0)) revert Errors.Flexbond_ZeroAddress("governance");
        if (escrow_ == address(0)) revert Errors.Flexbond_ZeroAddress("escrow");
        escrow = ICollateralEscrow(escrow_);
    }

    /// @inheritdoc IRulebook
    function publish(Flex.Rule calldata rule) external restricted returns (bytes32 ruleId) {
        _checkPayment(rule);
        _checkBaseline(rule);
        _checkClocks(rule);
        if (!escrow.isListed(rule.currency)) revert Errors.Rulebook_CurrencyNotListed(rule.currency);
        ruleId = idOf(rule);
        if (isPublished(ruleId)) revert Errors.Rulebook_AlreadyPublished(ruleId);

        uint32 number = ++count;
        _terms[ruleId] = Flex.RuleTerms({
            periodSeconds: rule.periodSeconds,
            collateralBps: rule.collateralBps,
            minCustomerShareBps: rule.minCustomerShareBps,
            number: number,
            currency: rule.currency,
            gateSeconds: rule.gateSeconds,
            funding: rule.funding,
            baseline: rule.baseline,
            unclaimedTo: rule.unclaimedTo
        });
        emit RulePublished(ruleId, number, rule);
    }

    /// @inheritdoc IRulebook
    function terms(bytes32 ruleId) external view returns (Flex.RuleTerms memory) {
        if (!isPublished(ruleId)) revert Errors.Rulebook_Unknown(ruleId);
        return _terms[ruleId];
    }

    /// @inheritdoc IRulebook
    function isPublished(bytes32 ruleId) public view returns (bool) {
        return _terms[ruleId].number != 0;
    }

    /// @inheritdoc IRulebook
    function idOf(Flex.Rule calldata rule) public pure returns (bytes32) {
        return keccak256(abi.encode(rule));
    }

    function _checkPayment(Flex.Rule calldata rule) private pure {
        _within("schema", rule.schema, SCHEMA, SCHEMA);
        _within("overDeliveryCapBps", rule.overDeliveryCapBps, BPS, 2 * BPS);
        _checkCurve("payCurve", rule.payCurve);
        _within("toleranceBps", rule.toleranceBps, 0, BPS);
        _within("stopLossBps", rule.stopLossBps, 0, BPS);
        _within("collateralBps", rule.collateralBps, 1, 10 * BPS);
        _checkCurve("availabilityCurve", rule.availabilityCurve);
        _within("minDispatchBps", rule.minDispatchBps, 1, BPS);
        _within("minCustomerShareBps", rule.minCustomerShareBps, 0, BPS);
        // What customers never collect must go to somebody who can withdraw it.
        if (rule.unclaimedTo == address(0)) revert Errors.Rulebook_OutOfBounds("unclaimedTo", 0);
    }

    function _checkCurve(string memory field, Flex.CurvePoint[] calldata curve) private pure {
        _within(field, curve.length, 1, 16);
        for (uint256 i = 0; i < curve.length; i++) {
            _within(field, curve[i].ratioBps, i == 0 ? 0 : uint256(curve[i - 1].ratioBps) + 1, BPS);
            _within(field, curve[i].payBps, i == 0 ? 0 : curve[i - 1].payBps, BPS);
        }
    }

    function _checkBaseline(Flex.Rule calldata rule) private pure {
        if (rule.baseline == Flex.BaselineMethod.MeterBefore) {
            _within("baselinePeriods", rule.baselinePeriods, 1, 96);
            return;
        }
        // A baseline of the portfolio says nothing of a single device.
        if (rule.clampLevel != Flex.ClampLevel.Portfolio) revert Errors.Rulebook_Inconsistent("clampLevel", "baseline");
        if (rule.baselinePeriods != 0) revert Errors.Rulebook_Inconsistent("baselinePeriods", "baseline");
        // Without a gate a nomination could follow the notice.
        if (rule.baseline == Flex.BaselineMethod.Nominated && rule.gateSeconds == 0) {
            revert Errors.Rulebook_Inconsistent("gateSeconds", "baseline");
        }
    }

    function _checkClocks(Flex.Rule calldata rule) private pure {
        _within("periodSeconds", rule.periodSeconds, 60, 1 days);
        if (1 days % rule.periodSeconds != 0) {
            revert Errors.Rulebook_OutOfBounds("periodSeconds", rule.periodSeconds);
        }
        _within("gateSeconds", rule.gateSeconds, 0, 7 days);
        _within("readingDeadline", rule.readingDeadline, 0, 60 days);
        _within("submissionDeadline", rule.submissionDeadline, 0, 60 days);
        if (rule.submissionDeadline <= rule.readingDeadline) {
            revert Errors.Rulebook_Inconsistent("submissionDeadline", "readingDeadline");
        }
        _within("proofWindow", rule.proofWindow, 1 hours, 60 days);
        _within("collectPeriod", rule.collectPeriod, 30 days, 3650 days);
        _within("spotChecks", rule.spotChecks, 1, 2 ** 20);
    }

    /// @dev Both ends belong to the bounds.
    function _within(string memory field, uint256 value, uint256 least, uint256 greatest) private pure {
        if (value < least || value > greatest) revert Errors.Rulebook_OutOfBounds(field, value);
    }
}
