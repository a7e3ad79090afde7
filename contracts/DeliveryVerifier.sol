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
import {Periods} from "./libraries/Periods.sol";
import {Readings} from "./libraries/Readings.sol";
import {Flex} from "./types/Flex.sol";

/// @title What one device did in an event, recomputed from its records under the rule
contract DeliveryVerifier is IDeliveryVerifier {
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

    /// @inheritdoc IDeliveryVerifier
    function measure(
        Flex.Rule calldata rule,
        Question calldata question,
        Flex.Entry calldata entry,
        Flex.DeviceProof calldata proof
    ) external view returns (Answer memory answer) {
        uint256 columns = Periods.size(question.orderedMask);
        answer.columns = new uint128[](columns);
        answer.baselineMilliWh = new int128[](columns);
        answer.meteredMilliWh = new int128[](columns);

        answer.silence = _standing(rule, question, entry, proof);
        if (answer.silence == Flex.Silence.Inactive) return answer;
        if (answer.silence == Flex.Silence.Ok) answer.silence = _measure(answer, rule, question, entry, proof);

        if (_isOwnBaseline(rule)) {
            _answerByDevice(answer, rule, question, entry);
        } else if (answer.silence == Flex.Silence.Ok) {
            _answerByPortfolio(answer, rule, question, entry);
        }
    }

    // ------------------------------------------------------------------ why a device is silent

    /// @dev What makes a device silent whatever its records say.
    function _standing(
        Flex.Rule calldata rule,
        Question calldata question,
        Flex.Entry calldata entry,
        Flex.DeviceProof calldata proof
    ) private view returns (Flex.Silence) {
        bool joined = entry.joinedAt < question.firstNotice;
        bool left = entry.leftAt != 0 && entry.leftAt < question.firstNotice;
        if (!joined || left) return Flex.Silence.Inactive;

        uint256 suspendedAt = devices.suspendedAt(entry.meteringPoint);
        // From then on it cannot change, so that nobody can spoil a submission by a suspension before or after it.
        uint256 deadline = uint256(question.key.windowEnd) + rule.readingDeadline;
        if (suspendedAt != 0 && suspendedAt < deadline) return Flex.Silence.Suspended;
        if (entry.kind < rule.minAssurance) return Flex.Silence.LowAssurance;
        return proof.records.length == 0 ? Flex.Silence.NoRecord : Flex.Silence.Ok;
    }

    /// @dev Reads the records and fills in baseline and metered energy, if nothing makes the device silent.
    function _measure(
        Answer memory answer,
        Flex.Rule calldata rule,
        Question calldata question,
        Flex.Entry calldata entry,
        Flex.DeviceProof calldata proof
    ) private view returns (Flex.Silence silence) {
        Need memory need = _needOf(rule, question, answer.columns.length);
        need.tally.limit = BaselineMath.clampDown(entry.connectionW, rule.periodSeconds);
        silence = _read(need, question, entry, proof);
        if (silence == Flex.Silence.Ok) silence = _judge(need.tally);
        if (silence == Flex.Silence.Ok) silence = _baseline(answer, need, rule, question);
        if (silence != Flex.Silence.Ok) return silence;
        int256[] memory metered = need.tally.events[0].milliWh;
        int128[] memory told = answer.meteredMilliWh;
        for (uint256 column = 0; column < told.length; ++column) {
            told[column] = int128(metered[column]);
        }
    }

    /// @dev Checks each record and adds up what it opens, until one does not count.
    function _read(
        Need memory need,
        Question calldata question,
        Flex.Entry calldata entry,
        Flex.DeviceProof calldata proof
    ) private view returns (Flex.Silence) {
        Openings.Under memory under = Openings.underOf(proof.inclusions);
        Openings.Records memory found = Openings.recordsOf(proof, under, entry.meteringPoint);
        uint256[] memory verdicts = _verdicts(need, question, entry, under, found);
        bytes calldata records = proof.records;
        uint256 firstNotice = question.firstNotice;
        for (uint256 i = 0; i < verdicts.length; ++i) {
            uint256 verdict = verdicts[i];
            Flex.Silence silence = Flex.Silence(uint8(verdict));
            if (silence != Flex.Silence.Ok) return silence;
            uint256 head = found.heads[i];
            uint256 from;
            uint256 until;
            (silence, from, until) = _span(head, verdict, need, firstNotice);
            if (silence != Flex.Silence.Ok) return silence;
            if (!need.tally.add(head, records, found.blocks[i], from, until)) return Flex.Silence.BadOpening;
        }
        return found.silence;
    }

    /// @dev What the oracle says of the records, as `IMeterOracle.judge` gives it.
    function _verdicts(
        Need memory need,
        Question calldata question,
        Flex.Entry calldata entry,
        Openings.Under memory under,
        Openings.Records memory found
    ) private view returns (uint256[] memory) {
        IMeterOracle.Inquiry memory inquiry = IMeterOracle.Inquiry({
            meteringPoint: entry.meteringPoint,
            firstNotice: question.firstNotice,
            deadline: uint40(need.deadline),
            roots: under.roots,
            heads: found.heads,
            leaves: found.leaves,
            signatures: found.signatures
        });
        return oracle.judge(inquiry);
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

    function _isOwnBaseline(Flex.Rule calldata rule) private pure returns (bool) {
        return rule.baseline == Flex.BaselineMethod.MeterBefore || rule.baseline == Flex.BaselineMethod.XOfY;
    }

    function _needOf(Flex.Rule calldata rule, Question calldata question, uint256 columns) private pure returns (Need memory need) {
        uint256 duration = rule.periodSeconds;
        need.deadline = uint256(question.key.windowEnd) + rule.readingDeadline;
        need.tally.periodSeconds = duration;
        need.tally.estimatedAllowed = rule.estimatedAllowed;
        need.tally.events = Readings.room(2);
        need.tally.events[0] = _orderedRow(question, columns, duration);
        if (rule.baseline == Flex.BaselineMethod.XOfY) {
            Lookbacks.Plan memory plan = Lookbacks.planOf(duration, question);
            need.plan = plan;
            // Records of past days only are the most.
            need.tally.eventsFrom = plan.boundary;
            need.tally.events[1] = Readings.rowFrom(plan.adjustingFrom, plan.adjusting.length, duration);
            need.tally.past = Lookbacks.rowsOf(plan, plan.places, plan.isPlain, duration);
            need.tally.pastLeft = need.tally.past.length;
            if (plan.adjusting.length == 0) return need;
            need.tally.pastAdjusting = Lookbacks.rowsOf(plan, plan.adjusting, plan.isAdjustingPlain, duration);
            need.tally.adjustingLeft = need.tally.pastAdjusting.length;
            return need;
        }
        uint256 periods = rule.baseline == Flex.BaselineMethod.MeterBefore ? rule.baselinePeriods : 0;
        uint256 end = question.firstNotice - (question.firstNotice % duration);
        need.tally.events[1] = Readings.rowFrom(end - duration * periods, periods, duration);
    }

    /// @dev The ordered periods, one for each column.
    function _orderedRow(Question calldata question, uint256 columns, uint256 duration) private pure returns (Readings.Row memory) {
        uint256 start = question.key.windowStart;
        uint256 mask = question.orderedMask;
        uint256 first = columns == 0 ? 0 : Periods.first(mask);
        if (mask >> first == (1 << columns) - 1) return Readings.rowFrom(start + first * duration, columns, duration);
        uint256[] memory starts = new uint256[](columns);
        uint256 column = 0;
        for (uint256 p = first; column < columns; ++p) {
            if ((mask >> p) & 1 == 1) starts[column++] = start + p * duration;
        }
        return Readings.rowOf(starts, duration);
    }

    // ------------------------------------------------------------------ the answer

    /// @dev Fills in the device's own baseline, if it has one under the rule.
    function _baseline(
        Answer memory answer,
        Need memory need,
        Flex.Rule calldata rule,
        Question calldata question
    ) private pure returns (Flex.Silence) {
        Flex.Direction direction = question.key.direction;
        int256 before = need.tally.events[1].energy;
        if (rule.baseline == Flex.BaselineMethod.MeterBefore) {
            int128 level = int128(BaselineMath.mean(before, rule.baselinePeriods, direction));
            int128[] memory levels = answer.baselineMilliWh;
            for (uint256 column = 0; column < levels.length; ++column) {
                levels[column] = level;
            }
        } else if (rule.baseline == Flex.BaselineMethod.XOfY) {
            Lookbacks.Mean memory mean = Lookbacks.meanOf(need.plan.class, direction, need.tally.past, need.tally.pastAdjusting);
            if (mean.count == 0) return Flex.Silence.TooFewDays;
            _fillBaseline(answer.baselineMilliWh, question, mean, before, need.plan.adjusting.length);
        }
        return Flex.Silence.Ok;
    }

    /// @dev The baseline of every ordered period.
    function _fillBaseline(
        int128[] memory baselines,
        Question calldata question,
        Lookbacks.Mean memory mean,
        int256 present,
        uint256 periods
    ) private pure {
        Flex.Direction direction = question.key.direction;
        Lookbacks.Line memory line = Lookbacks.lineOf(question.lookback, mean, present, periods);
        uint256 rest = question.orderedMask;
        uint256 column = 0;
        for (uint256 p = 0; column < baselines.length; ++p) {
            if (rest & 1 == 1) baselines[column++] = int128(Lookbacks.baselineOf(line, mean, p, direction));
            rest >>= 1;
        }
    }

    /// @dev Baseline of the device itself: its response, clamped.
    function _answerByDevice(
        Answer memory answer,
        Flex.Rule calldata rule,
        Question calldata question,
        Flex.Entry calldata entry
    ) private pure {
        bool silent = answer.silence != Flex.Silence.Ok;
        bool isPerDevice = rule.clampLevel == Flex.ClampLevel.Device;
        Flex.Direction direction = question.key.direction;
        uint256 clamp = BaselineMath.clampDown(entry.capacityW, rule.periodSeconds);
        int256 shift = int256(uint256(entry.capacityW) * rule.periodSeconds * 1000);
        uint128[] memory columns = answer.columns;
        int128[] memory baselines = answer.baselineMilliWh;
        int128[] memory metered = answer.meteredMilliWh;
        uint256 weight = 0;
        for (uint256 column = 0; column < columns.length; ++column) {
            int256 response = silent ? -int256(clamp) : BaselineMath.response(baselines[column], metered[column], direction, clamp);
            // A response stays within the clamp, and the shift outweighs it.
            unchecked {
                uint256 achieved = response > 0 ? uint256(response) : 0;
                weight += achieved;
                columns[column] = uint128(isPerDevice ? achieved : uint256(response * 3600 + shift));
            }
        }
        answer.weight = uint128(weight);
    }

    /// @dev Baseline of the portfolio: what the device metered, shifted so that it is never negative.
    function _answerByPortfolio(
        Answer memory answer,
        Flex.Rule calldata rule,
        Question calldata question,
        Flex.Entry calldata entry
    ) private pure {
        int256 full = int256(uint256(entry.connectionW) * rule.periodSeconds * 1000);
        for (uint256 column = 0; column < answer.columns.length; ++column) {
            int256 metered = answer.meteredMilliWh[column];
            answer.columns[column] = uint128(
                uint256(question.key.direction == Flex.Direction.Shed ? full - 3600 * metered : full + 3600 * metered)
            );
        }
        answer.weight = entry.capacityW;
    }
}
