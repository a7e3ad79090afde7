// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../contracts/types/Flex.sol";

/// @title What one device did in an event, recomputed from its records under the rule
/// @notice Keeps nothing and changes nothing; what it needs to know of devices, days and calls it reads from the suite. Proofs of every
/// leaf, draws, demands and challenges run this same check.
interface IDeliveryVerifier {
    /// @notice An event, as far as its devices are measured.
    struct Occasion {
        Flex.MeasuringTerms terms; // of the event's rule
        Flex.EventKey key;
        uint40 firstNotice;
        uint96 orderedMask;
        Flex.Lookback lookback; // XOfY: the rule's; empty otherwise
        uint40 callsFrom; // XOfY: the window to gather the portfolio's calls from, one that starts by the first day looked at; 0: the first
    }

    /// @notice What is asked of one device. The last three are empty unless the rule's baseline is XOfY.
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
        bytes16 meteringPoint;
        bool isComplete; // not silent, and no absent energy was filled in: other records can give nothing else
    }

    /// @notice What a spot check has to know of an answer.
    struct Verdict {
        Flex.Silence silence;
        bool hasRecords; // whether any were shown
        bool isComplete; // as of the answer
        bytes32 entriesHash; // of the answer's columns and weight, as library Leaves hashes those of a leaf
    }

    /// @notice Measures devices of an event, with what the suite knows of each. Never reverts for what a record holds; `silence` says why it
    /// does not count.
    /// @dev Errors: Measurement_LookbackDiffers (XOfY), _CallsFromTooLate (as for `pastFrom` of a proof), FlexibilityRights_BadPrevious
    /// (calls gathered from where no window starts), DeviceRegistry_EntryUnknown.
    /// Baseline of MeterBefore: mean of the `baselinePeriods` whole settlement periods that end at or before the first notice,
    /// rounded against the provider (down for Shed, up for Absorb). Of XOfY: libraries Lookbacks and PastMeans; past days count as they stood before the
    /// first notice, everything else until the reading deadline.
    /// Device baseline: response `B - A` (Shed) or `A - B` (Absorb), clamped to `capacityW * T`; column `max(0, response)` (Device) or
    /// `3600 * response + 1000 * capacityW * T` (Portfolio), T in seconds, the clamp in whole mWh rounded down; weight the sum of
    /// `max(0, response)`; silent: response 0 (Device) or minus the clamp (Portfolio), weight 0. Not in the portfolio at the first notice:
    /// all zero.
    /// Portfolio baseline: column `1000 * connectionW * T - 3600 * A` (Shed) or `+` (Absorb), silent: 0, as if the connection had
    /// run at its full capacity against the provider; weight `capacityW` unless silent.
    /// A record opened twice, or readings beyond what is needed, change nothing.
    /// @param places of the devices in the portfolio
    /// @param proofs of each
    function measureAll(
        Occasion calldata occasion,
        uint40[] calldata places,
        Flex.DeviceProof[] calldata proofs
    ) external view returns (Answer[] memory);

    /// @notice As `measureAll`, for who knows what the answers should be.
    function check(
        Occasion calldata occasion,
        uint40[] calldata places,
        Flex.DeviceProof[] calldata proofs
    ) external view returns (Verdict[] memory);
}
