// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../contracts/types/Flex.sol";

/// @title Rules: published once, never changed
/// @notice A rule's id is the hash of its terms, so whoever holds an id holds the terms. Bounds are checked here, once, and
/// nowhere else: everything below may assume them.
interface IRulebook {
    /// @notice A rule was published. The whole rule is in the log.
    event RulePublished(bytes32 indexed ruleId, uint32 indexed number, Flex.Rule rule);

    /// @notice Publishes a rule. Only MARKET_OPERATOR.
    /// @dev Errors: Rulebook_OutOfBounds and Rulebook_Inconsistent name the field; Rulebook_CurrencyNotListed;
    /// Rulebook_AlreadyPublished.
    /// Bounds: schema = 1; period 60 s to 86 400 s dividing a day; curves of 1 to 16 points, ratios strictly ascending from 0 to
    /// 10 000, payments non-decreasing and at most 10 000; shares at most 10 000; overDeliveryCapBps 10 000 to 20 000; collateralBps 1
    /// to 100 000; minDispatchBps 1 to 10 000; gate at most 7 days; submissionDeadline above readingDeadline, both and proofWindow at
    /// most 60 days, proofWindow at least an hour; collectPeriod 30 days to 10 years; spotChecks 1 to 2^20. Nominated and
    /// ReferenceLevel measure the portfolio as a whole and so need ClampLevel.Portfolio and baselinePeriods = 0; MeterBefore needs
    /// baselinePeriods 1 to 96. Nominated needs gateSeconds > 0.
    /// @return ruleId keccak256(abi.encode(rule))
    function publish(Flex.Rule calldata rule) external returns (bytes32 ruleId);

    /// @notice The terms that issuing needs. Reverts with Rulebook_Unknown.
    function terms(bytes32 ruleId) external view returns (Flex.RuleTerms memory);

    /// @notice Whether the rule was published.
    function isPublished(bytes32 ruleId) external view returns (bool);

    /// @notice keccak256(abi.encode(rule)), published or not.
    function idOf(Flex.Rule calldata rule) external pure returns (bytes32);
}
