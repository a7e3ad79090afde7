// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../types/Flex.sol";

/// @title Flex.MeasuringTerms in the two words in which the Rulebook keeps them and contracts read them
/// @notice From bit 0: periodSeconds (24 bits), baseline, baselinePeriods, clampLevel, estimatedAllowed, minAssurance (8 each),
/// readingDeadline, submissionDeadline, proofWindow, challengeWindow (32 each), drawDelay (16), maxDemands (8), spotChecks (32). Only two
/// baselines need the second word: it is lookbackHash for XOfY, and gateSeconds for Nominated.
library PackedTerms {
    uint256 private constant NOMINATED = uint256(Flex.BaselineMethod.Nominated);
    uint256 private constant METER_BEFORE = uint256(Flex.BaselineMethod.MeterBefore);
    uint256 private constant XOFY = uint256(Flex.BaselineMethod.XOfY);

    function pack(Flex.Rule calldata rule) internal pure returns (uint256 fields, bytes32 extra) {
        fields = uint256(rule.periodSeconds) | (uint256(rule.baseline) << 24) | (uint256(rule.baselinePeriods) << 32);
        fields |= (uint256(rule.clampLevel) << 40) | (rule.estimatedAllowed ? 1 << 48 : 0) | (uint256(rule.minAssurance) << 56);
        fields |= (uint256(rule.readingDeadline) << 64) | (uint256(rule.submissionDeadline) << 96) | (uint256(rule.proofWindow) << 128);
        fields |= (uint256(rule.challengeWindow) << 160) | (uint256(rule.drawDelay) << 192) | (uint256(rule.maxDemands) << 208);
        fields |= uint256(rule.spotChecks) << 216;
        extra = rule.baseline == Flex.BaselineMethod.Nominated ? bytes32(uint256(rule.gateSeconds)) : rule.lookbackHash;
    }

    /// @notice Whether the rule needs the second word.
    function hasExtra(uint256 fields) internal pure returns (bool) {
        return _baselineOf(fields) == XOFY || isNominated(fields);
    }

    // ------------------------------------------------------------------ one by one: a struct of all costs two thousand gas

    function periodSeconds(uint256 fields) internal pure returns (uint256) {
        return uint24(fields);
    }

    function isNominated(uint256 fields) internal pure returns (bool) {
        return _baselineOf(fields) == NOMINATED;
    }

    /// @notice Whether each device has a baseline of its own.
    function isOwnBaseline(uint256 fields) internal pure returns (bool) {
        return _baselineOf(fields) == METER_BEFORE || _baselineOf(fields) == XOFY;
    }

    /// @notice Whether each device is clamped by itself.
    function isClampedByDevice(uint256 fields) internal pure returns (bool) {
        return uint8(fields >> 40) == uint256(Flex.ClampLevel.Device);
    }

    function readingDeadline(uint256 fields) internal pure returns (uint256) {
        return uint32(fields >> 64);
    }

    function submissionDeadline(uint256 fields) internal pure returns (uint256) {
        return uint32(fields >> 96);
    }

    function proofWindow(uint256 fields) internal pure returns (uint256) {
        return uint32(fields >> 128);
    }

    function challengeWindow(uint256 fields) internal pure returns (uint256) {
        return uint32(fields >> 160);
    }

    function drawDelay(uint256 fields) internal pure returns (uint256) {
        return uint16(fields >> 192);
    }

    function spotChecks(uint256 fields) internal pure returns (uint256) {
        return uint32(fields >> 216);
    }

    // ------------------------------------------------------------------ all

    function unpack(uint256 fields, bytes32 extra) internal pure returns (Flex.MeasuringTerms memory terms) {
        terms.periodSeconds = uint24(fields);
        terms.baseline = Flex.BaselineMethod(_baselineOf(fields));
        terms.baselinePeriods = uint8(fields >> 32);
        terms.clampLevel = Flex.ClampLevel(uint8(fields >> 40));
        terms.estimatedAllowed = uint8(fields >> 48) != 0;
        terms.minAssurance = Flex.DeviceKind(uint8(fields >> 56));
        terms.readingDeadline = uint32(fields >> 64);
        terms.submissionDeadline = uint32(fields >> 96);
        terms.proofWindow = uint32(fields >> 128);
        terms.challengeWindow = uint32(fields >> 160);
        terms.drawDelay = uint16(fields >> 192);
        terms.maxDemands = uint8(fields >> 208);
        terms.spotChecks = uint32(fields >> 216);
        if (isNominated(fields)) terms.gateSeconds = uint32(uint256(extra));
        if (_baselineOf(fields) == XOFY) terms.lookbackHash = extra;
    }

    function _baselineOf(uint256 fields) private pure returns (uint256) {
        return uint8(fields >> 24);
    }
}
