// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../types/Flex.sol";
import {Errors} from "./Errors.sol";

/// @title What a rule, its look-back and a calendar may hold
/// @dev Every error names the field in Flex; the fields of a class as `classes.x`. Values are as given, of offsetSeconds the amount.
library RuleBounds {
    uint256 private constant SCHEMA = 1;
    uint256 private constant BPS = 10_000;
    uint256 private constant MAX_PERIODS = 96;
    uint256 private constant MAX_DAYS = 20;
    uint256 private constant MAX_LOOK_BACK = 120;
    uint256 private constant MAX_CHECKS = 2 ** 20;
    uint256 private constant EVERY_KIND = 255;
    uint256 private constant HOLIDAYS_ONLY = 128;

    /// @notice Checks a rule with the look-back it is published with.
    function check(Flex.Rule calldata rule, Flex.Lookback calldata lookback) internal pure {
        _checkPayment(rule);
        _checkBaseline(rule);
        _checkClocks(rule);
        _checkSampling(rule);
        bytes32 hash = keccak256(abi.encode(lookback));
        if (rule.baseline == Flex.BaselineMethod.XOfY) {
            if (rule.lookbackHash != hash) revert Errors.Rulebook_Inconsistent("lookbackHash", "lookback");
            _checkDays(lookback);
            _checkAdjustment(lookback, rule.periodSeconds);
            return;
        }
        Flex.Lookback memory none;
        if (rule.lookbackHash != 0) revert Errors.Rulebook_Inconsistent("lookbackHash", "baseline");
        if (hash != keccak256(abi.encode(none))) revert Errors.Rulebook_Inconsistent("lookback", "baseline");
    }

    /// @notice Checks a calendar. Its first day is checked where it is kept.
    function check(Flex.Calendar calldata calendar) internal pure {
        if (calendar.zone == 0) revert Errors.Rulebook_OutOfBounds("zone", 0);
        int256 offset = calendar.offsetSeconds;
        _withinMinutes("offsetSeconds", uint256(offset < 0 ? -offset : offset), 14 hours);
        uint256 added = calendar.summerSeconds;
        _withinMinutes("summerSeconds", added, 3 hours);
        // The hour that is skipped or repeated lies whole in the day. Without summer time there is one way to say so.
        uint256 latest = added == 0 ? 0 : 1 days - added;
        _withinMinutes("springAt", calendar.springAt, latest);
        _withinMinutes("autumnAt", calendar.autumnAt, latest);
    }

    /// @dev Both ends belong to the bounds.
    function within(string memory field, uint256 value, uint256 least, uint256 greatest) internal pure {
        if (value < least || value > greatest) revert Errors.Rulebook_OutOfBounds(field, value);
    }

    function _withinMinutes(string memory field, uint256 value, uint256 greatest) private pure {
        if (value > greatest || value % 1 minutes != 0) revert Errors.Rulebook_OutOfBounds(field, value);
    }

    function _checkPayment(Flex.Rule calldata rule) private pure {
        within("schema", rule.schema, SCHEMA, SCHEMA);
        within("overDeliveryCapBps", rule.overDeliveryCapBps, BPS, 2 * BPS);
        _checkCurve("payCurve", rule.payCurve);
        within("toleranceBps", rule.toleranceBps, 0, BPS);
        within("stopLossBps", rule.stopLossBps, 0, BPS);
        within("collateralBps", rule.collateralBps, 1, 10 * BPS);
        _checkCurve("availabilityCurve", rule.availabilityCurve);
        within("minDispatchBps", rule.minDispatchBps, 1, BPS);
        within("minCustomerShareBps", rule.minCustomerShareBps, 0, BPS);
        // What customers never collect must go to somebody who can withdraw it.
        if (rule.unclaimedTo == address(0)) revert Errors.Rulebook_OutOfBounds("unclaimedTo", 0);
    }

    function _checkCurve(string memory field, Flex.CurvePoint[] calldata curve) private pure {
        within(field, curve.length, 1, 16);
        for (uint256 i = 0; i < curve.length; i++) {
            within(field, curve[i].ratioBps, i == 0 ? 0 : uint256(curve[i - 1].ratioBps) + 1, BPS);
            within(field, curve[i].payBps, i == 0 ? 0 : curve[i - 1].payBps, BPS);
        }
    }

    function _checkBaseline(Flex.Rule calldata rule) private pure {
        if (rule.baseline == Flex.BaselineMethod.MeterBefore) {
            within("baselinePeriods", rule.baselinePeriods, 1, MAX_PERIODS);
            return;
        }
        // A baseline of the portfolio says nothing of a single device.
        if (rule.baseline != Flex.BaselineMethod.XOfY && rule.clampLevel != Flex.ClampLevel.Portfolio) {
            revert Errors.Rulebook_Inconsistent("clampLevel", "baseline");
        }
        if (rule.baselinePeriods != 0) revert Errors.Rulebook_Inconsistent("baselinePeriods", "baseline");
        // Without a gate a nomination could follow the notice.
        if (rule.baseline == Flex.BaselineMethod.Nominated && rule.gateSeconds == 0) {
            revert Errors.Rulebook_Inconsistent("gateSeconds", "baseline");
        }
    }

    function _checkClocks(Flex.Rule calldata rule) private pure {
        within("periodSeconds", rule.periodSeconds, 60, 1 days);
        if (1 days % rule.periodSeconds != 0) {
            revert Errors.Rulebook_OutOfBounds("periodSeconds", rule.periodSeconds);
        }
        within("gateSeconds", rule.gateSeconds, 0, 7 days);
        within("readingDeadline", rule.readingDeadline, 0, 60 days);
        within("submissionDeadline", rule.submissionDeadline, 0, 60 days);
        if (rule.submissionDeadline <= rule.readingDeadline) {
            revert Errors.Rulebook_Inconsistent("submissionDeadline", "readingDeadline");
        }
        within("proofWindow", rule.proofWindow, 1 hours, 60 days);
        within("collectPeriod", rule.collectPeriod, 30 days, 3650 days);
    }

    function _checkSampling(Flex.Rule calldata rule) private pure {
        if (rule.challengeWindow == 0) {
            // Every leaf has to be proven.
            within("spotChecks", rule.spotChecks, 1, MAX_CHECKS);
            within("drawDelay", rule.drawDelay, 0, 0);
            within("maxDemands", rule.maxDemands, 0, 0);
            within("demandFee", rule.demandFee, 0, 0);
            within("bondPerMW", rule.bondPerMW, 0, 0);
            within("challengerShareBps", rule.challengerShareBps, 0, 0);
            return;
        }
        within("spotChecks", rule.spotChecks, 0, MAX_CHECKS);
        // The hash of the submission's own block would be known to who builds it, and one of 256 blocks ago is forgotten.
        within("drawDelay", rule.drawDelay, 1, 200);
        within("challengeWindow", rule.challengeWindow, 1, 60 days);
        // A demand keeps its full time to be met.
        if (rule.challengeWindow <= rule.proofWindow) revert Errors.Rulebook_Inconsistent("challengeWindow", "proofWindow");
        within("demandFee", rule.demandFee, 1, type(uint96).max);
        within("bondPerMW", rule.bondPerMW, 1, type(uint96).max);
        // Half at least is the buyers', so that a liar who challenges itself loses that.
        within("challengerShareBps", rule.challengerShareBps, 0, BPS / 2);
    }

    function _checkDays(Flex.Lookback calldata lookback) private pure {
        uint256 length = lookback.lookBackDays;
        within("lookBackDays", length, 1, MAX_LOOK_BACK);
        within("maxExcludedDays", lookback.maxExcludedDays, 0, length);
        // From no share on, every notice would count, a test of one watt too.
        within("minEventBps", lookback.minEventBps, lookback.maxExcludedDays == 0 ? 0 : 1, BPS);
        within("classes", lookback.classes.length, 1, 8);
        uint256 seen;
        for (uint256 i = 0; i < lookback.classes.length; i++) {
            Flex.DayClass calldata class = lookback.classes[i];
            if (class.kinds == 0 || seen & class.kinds != 0) {
                revert Errors.Rulebook_OutOfBounds("classes.kinds", class.kinds);
            }
            seen |= class.kinds;
            // Every event on a holiday would lack days.
            if (class.kinds == HOLIDAYS_ONLY && !lookback.holidaysEligible) {
                revert Errors.Rulebook_Inconsistent("holidaysEligible", "classes.kinds");
            }
            within("classes.y", class.y, 1, MAX_DAYS);
            within("classes.x", class.x, 1, class.y);
            within("classes.minDays", class.minDays, 1, class.y);
            if (length < class.y) revert Errors.Rulebook_Inconsistent("lookBackDays", "classes.y");
        }
        within("classes.kinds", seen, EVERY_KIND, EVERY_KIND);
    }

    function _checkAdjustment(Flex.Lookback calldata lookback, uint256 periodSeconds) private pure {
        uint256 lead = lookback.adjustmentLead;
        if (lookback.adjustment == Flex.Adjustment.None) {
            if (lookback.adjustmentPeriods != 0) {
                revert Errors.Rulebook_Inconsistent("adjustmentPeriods", "adjustment");
            }
            if (lead != 0) revert Errors.Rulebook_Inconsistent("adjustmentLead", "adjustment");
            if (lookback.adjustmentCapBps != 0) revert Errors.Rulebook_Inconsistent("adjustmentCapBps", "adjustment");
            return;
        }
        // A window longer than a day lies whole in none, and would never be in force.
        uint256 inDay = 1 days / periodSeconds;
        within("adjustmentPeriods", lookback.adjustmentPeriods, 1, inDay < MAX_PERIODS ? inDay : MAX_PERIODS);
        if (lead > 1 days || lead % periodSeconds != 0) revert Errors.Rulebook_OutOfBounds("adjustmentLead", lead);
        within("adjustmentCapBps", lookback.adjustmentCapBps, 0, 10 * BPS);
    }
}
