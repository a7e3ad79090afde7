// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IDeliveryVerifier} from "../interfaces/IDeliveryVerifier.sol";
import {IDeviceRegistry} from "../interfaces/IDeviceRegistry.sol";
import {IMeterOracle} from "../interfaces/IMeterOracle.sol";
import {BaselineMath} from "./libraries/BaselineMath.sol";
import {Errors} from "./libraries/Errors.sol";
import {Lookbacks} from "./libraries/Lookbacks.sol";
import {MeterRecords} from "./libraries/MeterRecords.sol";
import {Openings} from "./libraries/Openings.sol";
import {PastMeans} from "./libraries/PastMeans.sol";
import {Periods} from "./libraries/Periods.sol";
import {Readings} from "./libraries/Readings.sol";
import {Rows} from "./libraries/Rows.sol";
import {Flex} from "./types/Flex.sol";

/// @title What one device did in an event, recomputed from its records under the rule
abstract contract Measuring {
    using MeterRecords for uint256;
    using Readings for Readings.Tally;

    /// @dev What is needed of a device. The tally's rows of the event are the ordered periods, then those before the notice that are not of
    /// past days.
    struct Need {
        Readings.Tally tally;
        Lookbacks.Plan plan; // XOfY; else empty
        uint256 deadline; // of readings that are not of past days
    }

    IMeterOracle public immutable oracle;
    IDeviceRegistry public immutable devices;

    constructor(address oracle_, address devices_) {
        if (oracle_ == address(0)) revert Errors.Flexbond_ZeroAddress("oracle");
        if (devices_ == address(0)) revert Errors.Flexbond_ZeroAddress("devices");
        oracle = IMeterOracle(oracle_);
        devices = IDeviceRegistry(devices_);
    }

    // ------------------------------------------------------------------ the device

    function _answer(
        Flex.MeasuringTerms calldata terms,
        IDeliveryVerifier.Question memory question,
        Flex.Entry memory entry,
        Flex.DeviceProof calldata proof
    ) internal view returns (IDeliveryVerifier.Answer memory answer) {
        answer.meteringPoint = entry.meteringPoint;
        uint256 columns = Periods.size(question.orderedMask);
        answer.columns = new uint128[](columns);
        answer.baselineMilliWh = new int128[](columns);
        answer.meteredMilliWh = new int128[](columns);

        answer.silence = _standing(terms, question, entry, proof);
        if (answer.silence == Flex.Silence.Inactive) return answer;
        if (answer.silence == Flex.Silence.Ok) answer.silence = _measure(answer, terms, question, entry, proof);

        if (_isOwnBaseline(terms)) {
            _answerByDevice(answer, terms, question, entry);
        } else if (answer.silence == Flex.Silence.Ok) {
            _answerByPortfolio(answer, terms, question, entry);
        }
    }

    // ------------------------------------------------------------------ why a device is silent

    /// @dev What makes a device silent whatever its records say.
    function _standing(
        Flex.MeasuringTerms calldata terms,
        IDeliveryVerifier.Question memory question,
        Flex.Entry memory entry,
        Flex.DeviceProof calldata proof
    ) private view returns (Flex.Silence) {
        bool joined = entry.joinedAt < question.firstNotice;
        bool left = entry.leftAt != 0 && entry.leftAt < question.firstNotice;
        if (!joined || left) return Flex.Silence.Inactive;

        uint256 suspendedAt = devices.suspendedAt(entry.meteringPoint);
        // None that comes later counts, so that nobody can spoil a submission by one. Only the meter operator ends one, by a new statement.
        uint256 deadline = uint256(question.key.windowEnd) + terms.readingDeadline;
        if (suspendedAt != 0 && suspendedAt < deadline) return Flex.Silence.Suspended;
        if (entry.kind < terms.minAssurance) return Flex.Silence.LowAssurance;
        return proof.records.length == 0 ? Flex.Silence.NoRecord : Flex.Silence.Ok;
    }

    /// @dev Reads the records and fills in baseline and metered energy, if nothing makes the device silent.
    function _measure(
        IDeliveryVerifier.Answer memory answer,
        Flex.MeasuringTerms calldata terms,
        IDeliveryVerifier.Question memory question,
        Flex.Entry memory entry,
        Flex.DeviceProof calldata proof
    ) private view returns (Flex.Silence silence) {
        Need memory need = _needOf(terms, question, answer.columns.length);
        need.tally.limit = BaselineMath.clampDown(entry.connectionW, terms.periodSeconds);
        silence = _read(need, question, entry, proof);
        if (silence == Flex.Silence.Ok) silence = _judge(need.tally);
        if (silence == Flex.Silence.Ok) silence = _baseline(answer, need, terms, question);
        if (silence != Flex.Silence.Ok) return silence;
        int256[] memory metered = need.tally.events[0].milliWh;
        int128[] memory told;
        // As long, and no sum of 100 readings leaves 128 bits.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            told := metered
        }
        answer.meteredMilliWh = told;
    }

    /// @dev Checks each record and adds up what it opens, until one does not count.
    function _read(
        Need memory need,
        IDeliveryVerifier.Question memory question,
        Flex.Entry memory entry,
        Flex.DeviceProof calldata proof
    ) private view returns (Flex.Silence) {
        Openings.Under memory under = Openings.underOf(proof.inclusions);
        Openings.Records memory found = Openings.recordsOf(proof, under, entry.meteringPoint);
        uint256[] memory verdicts = Openings.ask(oracle, entry.meteringPoint, question.firstNotice, uint40(need.deadline), under, found);
        bytes calldata records = proof.records;
        uint256 firstNotice = question.firstNotice;
        uint256 count = found.begins.length;
        for (uint256 i = 0; i < count; ++i) {
            uint256 verdict = Openings.pick(verdicts, i);
            if (uint8(verdict) != uint8(Flex.Silence.Ok)) return Flex.Silence(uint8(verdict));
            (uint256 head, uint256 blocks) = Openings.lookAt(records, Openings.pick(found.begins, i));
            (Flex.Silence silence, uint256 from, uint256 until) = _span(head, verdict, need, firstNotice);
            if (silence != Flex.Silence.Ok) return silence;
            if (!need.tally.add(head, records, blocks, from, until)) return Flex.Silence.BadOpening;
        }
        return found.silence;
    }

    /// @dev What part of a record counts: past days as they stood before the notice, the rest until the reading deadline.
    function _span(
        uint256 head,
        uint256 verdict,
        Need memory need,
        uint256 firstNotice
    ) private pure returns (Flex.Silence silence, uint256 from, uint256 until) {
        from = head.slotStart();
        until = head.slotEnd();
        uint256 boundary = need.plan.boundary;
        Flex.Silence forPast = _timely(head, verdict, firstNotice, uint16(verdict >> 48));
        if (until <= boundary) return (forPast, from, until);
        silence = _timely(head, verdict, need.deadline, uint16(verdict >> 64));
        if (from >= boundary) return (silence, from, until);
        if (forPast != Flex.Silence.Ok) return (silence, boundary, until);
        return silence == Flex.Silence.Ok ? (silence, from, until) : (Flex.Silence.Ok, from, boundary);
    }

    /// @dev Whether the record came in time, and was not replaced in time.
    /// @param latest revision of its slot before the deadline
    function _timely(uint256 head, uint256 verdict, uint256 deadline, uint256 latest) private pure returns (Flex.Silence) {
        if (uint40(verdict >> 8) >= deadline) return Flex.Silence.Late;
        return head.revision() < latest ? Flex.Silence.Superseded : Flex.Silence.Ok;
    }

    /// @dev What the readings lack, once all are added up.
    function _judge(Readings.Tally memory tally) private pure returns (Flex.Silence) {
        if (tally.close()) return Flex.Silence.MissingReading;
        if (tally.estimated && !tally.estimatedAllowed) return Flex.Silence.Estimated;
        return tally.beyond ? Flex.Silence.OutOfRange : Flex.Silence.Ok;
    }

    // ------------------------------------------------------------------ what is needed

    function _isOwnBaseline(Flex.MeasuringTerms calldata terms) private pure returns (bool) {
        return terms.baseline == Flex.BaselineMethod.MeterBefore || terms.baseline == Flex.BaselineMethod.XOfY;
    }

    function _needOf(
        Flex.MeasuringTerms calldata terms,
        IDeliveryVerifier.Question memory question,
        uint256 columns
    ) private pure returns (Need memory need) {
        uint256 duration = terms.periodSeconds;
        need.deadline = uint256(question.key.windowEnd) + terms.readingDeadline;
        need.tally.periodSeconds = duration;
        need.tally.estimatedAllowed = terms.estimatedAllowed;
        Rows.Row memory ordered = _orderedRow(question, columns, duration);
        if (terms.baseline == Flex.BaselineMethod.XOfY) {
            Lookbacks.Plan memory plan = need.plan;
            Lookbacks.planFor(plan, duration, question);
            // Records of past days only are the most.
            need.tally.eventsFrom = plan.boundary;
            need.tally.events = Rows.pair(ordered, Rows.rowFrom(plan.adjustingFrom, plan.adjusting.count, duration));
            need.tally.past = Lookbacks.rowsOf(plan, plan.places, duration);
            need.tally.pastLeft = need.tally.past.length;
            if (plan.adjusting.count == 0) return need;
            need.tally.pastAdjusting = Lookbacks.rowsOf(plan, plan.adjusting, duration);
            need.tally.adjustingLeft = need.tally.pastAdjusting.length;
            return need;
        }
        uint256 periods = terms.baseline == Flex.BaselineMethod.MeterBefore ? terms.baselinePeriods : 0;
        uint256 end = question.firstNotice - (question.firstNotice % duration);
        need.tally.events = Rows.pair(ordered, Rows.rowFrom(end - duration * periods, periods, duration));
    }

    /// @dev The ordered periods, one for each column.
    function _orderedRow(
        IDeliveryVerifier.Question memory question,
        uint256 columns,
        uint256 duration
    ) private pure returns (Rows.Row memory) {
        uint256 start = question.key.windowStart;
        uint256 mask = question.orderedMask;
        uint256 first = columns == 0 ? 0 : Periods.first(mask);
        if (mask >> first == (1 << columns) - 1) return Rows.rowFrom(start + first * duration, columns, duration);
        uint256[] memory starts = new uint256[](columns);
        uint256 column = 0;
        for (uint256 p = first; column < columns; ++p) {
            if ((mask >> p) & 1 == 1) starts[column++] = start + p * duration;
        }
        return Rows.rowOf(starts, duration);
    }

    // ------------------------------------------------------------------ the answer

    /// @dev Fills in the device's own baseline, if it has one under the terms.
    function _baseline(
        IDeliveryVerifier.Answer memory answer,
        Need memory need,
        Flex.MeasuringTerms calldata terms,
        IDeliveryVerifier.Question memory question
    ) private pure returns (Flex.Silence) {
        Flex.Direction direction = question.key.direction;
        int256 before = need.tally.events[1].energy;
        bool isComplete = true;
        if (terms.baseline == Flex.BaselineMethod.MeterBefore) {
            int128 level = int128(BaselineMath.mean(before, terms.baselinePeriods, direction));
            int128[] memory levels = answer.baselineMilliWh;
            // A third of what it takes with checks, eight columns long.
            // solhint-disable-next-line no-inline-assembly
            assembly ("memory-safe") {
                let at := add(levels, 32)
                for {
                    let end := add(at, shl(5, mload(levels)))
                } lt(at, end) {
                    at := add(at, 32)
                } {
                    mstore(at, level)
                }
            }
        } else if (terms.baseline == Flex.BaselineMethod.XOfY) {
            Readings.Tally memory tally = need.tally;
            bool areWhole = tally.pastAdjusting.length == 0 && tally.wholeDays == tally.past.length;
            PastMeans.Mean memory mean = PastMeans.meanOf(need.plan.class, direction, tally.past, tally.pastAdjusting, areWhole);
            if (mean.count == 0) return Flex.Silence.TooFewDays;
            isComplete = mean.isComplete;
            PastMeans.Line memory line = PastMeans.lineOf(question.lookback, mean, before, need.plan.adjusting.count);
            PastMeans.fillBaselines(answer.baselineMilliWh, question.orderedMask, line, mean, direction);
        }
        answer.isComplete = isComplete;
        return Flex.Silence.Ok;
    }

    /// @dev Baseline of the device itself: its response, clamped.
    function _answerByDevice(
        IDeliveryVerifier.Answer memory answer,
        Flex.MeasuringTerms calldata terms,
        IDeliveryVerifier.Question memory question,
        Flex.Entry memory entry
    ) private pure {
        bool silent = answer.silence != Flex.Silence.Ok;
        bool isPerDevice = terms.clampLevel == Flex.ClampLevel.Device;
        Flex.Direction direction = question.key.direction;
        uint256 clamp = BaselineMath.clampDown(entry.capacityW, terms.periodSeconds);
        int256 shift = int256(uint256(entry.capacityW) * terms.periodSeconds * 1000);
        uint128[] memory columns = answer.columns;
        int128[] memory baselines = answer.baselineMilliWh;
        int128[] memory metered = answer.meteredMilliWh;
        uint256 weight = 0;
        uint256 last = 32 * columns.length;
        // A response stays within the clamp, and the shift outweighs it.
        unchecked {
            for (uint256 at = 32; at <= last; at += 32) {
                int256 baseline;
                int256 used;
                // The lists are as long as each other: two thousand gas less than by their checks.
                // solhint-disable-next-line no-inline-assembly
                assembly ("memory-safe") {
                    baseline := mload(add(baselines, at))
                    used := mload(add(metered, at))
                }
                int256 response = silent ? -int256(clamp) : BaselineMath.response(baseline, used, direction, clamp);
                uint256 achieved = response > 0 ? uint256(response) : 0;
                weight += achieved;
                uint256 entered = isPerDevice ? achieved : uint256(response * 3600 + shift);
                // solhint-disable-next-line no-inline-assembly
                assembly ("memory-safe") {
                    mstore(add(columns, at), entered)
                }
            }
        }
        answer.weight = uint128(weight);
    }

    /// @dev Baseline of the portfolio: what the device metered, shifted so that it is never negative.
    function _answerByPortfolio(
        IDeliveryVerifier.Answer memory answer,
        Flex.MeasuringTerms calldata terms,
        IDeliveryVerifier.Question memory question,
        Flex.Entry memory entry
    ) private pure {
        int256 full = int256(uint256(entry.connectionW) * terms.periodSeconds * 1000);
        for (uint256 column = 0; column < answer.columns.length; ++column) {
            int256 metered = answer.meteredMilliWh[column];
            answer.columns[column] = uint128(
                uint256(question.key.direction == Flex.Direction.Shed ? full - 3600 * metered : full + 3600 * metered)
            );
        }
        answer.weight = entry.capacityW;
    }
}
