// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../contracts/types/Flex.sol";

/// @title Rules: published once, never changed; and the calendars they look back on, to which days are only added
/// @notice A rule's id is the hash of its terms, so whoever holds an id holds the terms. Bounds are checked here, once, and
/// nowhere else: everything below may assume them. A rule binds its look-back by hash, and that its calendar by id; a day of a
/// calendar, once published, never changes.
interface IRulebook {
    /// @notice A rule was published. The whole rule and its look-back are in the log.
    event RulePublished(bytes32 indexed ruleId, uint32 indexed number, Flex.Rule rule, Flex.Lookback lookback);
    /// @notice A calendar was published, without days yet.
    event CalendarPublished(bytes32 indexed calendarId, Flex.Calendar calendar, uint24 firstDay);
    /// @notice Days were added to a calendar, 256 a word, from firstDay on.
    event CalendarExtended(bytes32 indexed calendarId, uint24 firstDay, uint256[] summer, uint256[] holidays);

    /// @notice Publishes a rule. Only MARKET_OPERATOR.
    /// @dev Errors: Rulebook_OutOfBounds and Rulebook_Inconsistent name the field; Rulebook_CurrencyNotListed;
    /// Rulebook_AlreadyPublished; Rulebook_CalendarUnknown (day 0: the calendar was never published).
    /// Bounds: schema = 1; period 60 s to 86 400 s dividing a day; curves of 1 to 16 points, ratios strictly ascending from 0 to
    /// 10 000, payments non-decreasing and at most 10 000; shares at most 10 000; overDeliveryCapBps 10 000 to 20 000; collateralBps 1
    /// to 100 000; minDispatchBps 1 to 10 000; gate at most 7 days; submissionDeadline above readingDeadline, both and proofWindow at
    /// most 60 days, proofWindow at least an hour; collectPeriod 30 days to 10 years; spotChecks at most 2^20, and at least 1 where every
    /// leaf has to be proven. challengeWindow 0: every leaf has to be proven, and drawDelay, maxDemands, demandFee, bondPerMW and
    /// challengerShareBps are 0; else it is longer than proofWindow and at most 60 days, drawDelay 1 to 200, bondPerMW at least 1,
    /// challengerShareBps at most 5 000, and demandFee at least 1. Nominated and ReferenceLevel measure the portfolio as a whole and so need ClampLevel.Portfolio. MeterBefore needs baselinePeriods 1 to 96, the
    /// others 0. Nominated needs gateSeconds > 0.
    /// XOfY needs lookbackHash = keccak256(abi.encode(lookback)); the others 0, and an empty look-back. Look-back: 1 to 8 classes, every
    /// kind of day in exactly one, none of holidays alone unless they are eligible; 1 <= x <= y <= 20; minDays 1 to y; lookBackDays 1
    /// to 120, at least every y; maxExcludedDays at most lookBackDays; minEventBps 1 to 10 000, or 0 if maxExcludedDays is 0;
    /// adjustmentPeriods 1 to 96 within a day, adjustmentLead whole periods up to a day, adjustmentCapBps at most 100 000, all three 0
    /// for Adjustment.None. Its calendar is published, has summerSeconds of whole periods, and begins lookBackDays ago or earlier.
    /// @return ruleId keccak256(abi.encode(rule))
    function publish(Flex.Rule calldata rule, Flex.Lookback calldata lookback) external returns (bytes32 ruleId);

    /// @notice Publishes a calendar, without days. Only MARKET_OPERATOR.
    /// @dev Errors: Rulebook_OutOfBounds names the field; Rulebook_CalendarExists. Bounds: zone not empty; offsetSeconds within 14
    /// hours, summerSeconds within 3 hours; springAt and autumnAt at least summerSeconds before midnight, 0 without summer time; all
    /// of them whole minutes. firstDay is a multiple of 256 from 256 to 65 536.
    /// @return calendarId keccak256(abi.encode(calendar))
    function publishCalendar(Flex.Calendar calldata calendar, uint24 firstDay) external returns (bytes32 calendarId);

    /// @notice Adds days to a calendar, 256 for each word. Only MARKET_OPERATOR.
    /// @dev firstDay is the first day added and has to be the calendar's next: what is sent twice is added once. Bit `d % 256` of
    /// `summer`: summer time at the start of day d; of `holidays`: day d is a holiday. At most 1 024 words in all.
    /// Errors: Rulebook_CalendarUnknown; Rulebook_NextDayDiffers; Rulebook_OutOfBounds; Rulebook_Inconsistent.
    function extendCalendar(bytes32 calendarId, uint24 firstDay, uint256[] calldata summer, uint256[] calldata holidays) external;

    /// @notice The terms that issuing needs. Reverts with Rulebook_Unknown.
    /// @dev knownUntil is the start of the last day that the rule's calendar holds, 0 while it holds none.
    function terms(bytes32 ruleId) external view returns (Flex.RuleTerms memory);

    /// @notice The terms that measuring needs; what the rule has no use for is zero. Reverts with Rulebook_Unknown.
    function measuringTerms(bytes32 ruleId) external view returns (Flex.MeasuringTerms memory);

    /// @notice The same as two words, see library PackedTerms: two thousand gas less to who reads them. Reverts with Rulebook_Unknown.
    function packedTerms(bytes32 ruleId) external view returns (uint256 fields, bytes32 extra);

    /// @notice What a submission under the rule stakes; zero where every leaf has to be proven, and for a rule that was never published.
    function stakes(bytes32 ruleId) external view returns (Flex.Stakes memory);

    /// @notice The bond alone, and the currency of both: half of what `stakes` reads.
    function bondTerms(bytes32 ruleId) external view returns (address currency, uint96 bondPerMW);

    /// @notice Whether the rule was published.
    function isPublished(bytes32 ruleId) external view returns (bool);

    /// @notice keccak256(abi.encode(rule)), published or not.
    function idOf(Flex.Rule calldata rule) external pure returns (bytes32);

    /// @notice The words of a calendar that hold the days from fromDay until before untilDay, and its numbers; its names, zero here, are in
    /// the log of its publication.
    /// @dev Errors: Rulebook_CalendarUnknown with the first or the last day asked for; Rulebook_OutOfBounds if none is asked for.
    function calendarDays(bytes32 calendarId, uint256 fromDay, uint256 untilDay) external view returns (Flex.CalendarDays memory);

    /// @notice The first day that a calendar does not hold yet; 0 for one that was never published.
    function nextDay(bytes32 calendarId) external view returns (uint256);
}
