// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../contracts/types/Flex.sol";

/// @title What one device did in an event, recomputed from its records under the rule
/// @notice Knows nothing and changes nothing. Draws, demands and challenges run this same check.
interface IDeliveryVerifier {
    /// @notice What is asked of the verifier. The last three are empty unless the rule's baseline is XOfY.
    struct Question {
        Flex.EventKey key;
        uint40 firstNotice;
        uint96 orderedMask;
        Flex.Lookback lookback; // the rule's
        Flex.CalendarDays calendar; // from the first day looked at to the second after the window
        Flex.Call[] calls; // that the metering point was in, all whose windows meet the days looked at
    }

    /// @notice The answer: per ordered period, ascending.
    struct Answer {
        Flex.Silence silence;
        uint128[] columns; // entries of the leaf's columns
        uint128 weight; // entry of the weight column
        int128[] baselineMilliWh; // zero where the baseline is the portfolio's, or silent
        int128[] meteredMilliWh; // zero if silent
    }

    /// @notice Measures one device. Never reverts for what a record holds; `silence` says why it does not count.
    /// @dev Baseline of MeterBefore: mean of the `baselinePeriods` whole settlement periods that end at or before the first notice,
    /// rounded against the provider (down for Shed, up for Absorb). Of XOfY: library Lookbacks; past days count as they stood before the
    /// first notice, everything else until the reading deadline.
    /// Device baseline: response `B - A` (Shed) or `A - B` (Absorb), clamped to `capacityW * T`; column `max(0, response)` (Device) or
    /// `3600 * response + 1000 * capacityW * T` (Portfolio), T in seconds, the clamp in whole mWh rounded down; weight the sum of
    /// `max(0, response)`; silent: response 0 (Device) or minus the clamp (Portfolio), weight 0. Not in the portfolio at the first notice:
    /// all zero.
    /// Portfolio baseline: column `1000 * connectionW * T - 3600 * A` (Shed) or `+` (Absorb), silent: 0, as if the connection had
    /// run at its full capacity against the provider; weight `capacityW` unless silent.
    /// A record opened twice, or readings beyond what is needed, change nothing.
    function measure(
        Flex.Rule calldata rule,
        Question calldata question,
        Flex.Entry calldata entry,
        Flex.DeviceProof calldata proof
    ) external view returns (Answer memory);
}
