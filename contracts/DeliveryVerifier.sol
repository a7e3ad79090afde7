// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IDeliveryVerifier} from "../interfaces/IDeliveryVerifier.sol";
import {IDeviceRegistry} from "../interfaces/IDeviceRegistry.sol";
import {IMeterOracle} from "../interfaces/IMeterOracle.sol";
import {BaselineMath} from "./libraries/BaselineMath.sol";
import {Errors} from "./libraries/Errors.sol";
import {MeterRecords} from "./libraries/MeterRecords.sol";
import {Periods} from "./libraries/Periods.sol";
import {Rounding} from "./libraries/Rounding.sol";
import {Flex} from "./types/Flex.sol";

/// @title What one device did in an event, recomputed from its records under the rule
contract DeliveryVerifier is IDeliveryVerifier {
    using MeterRecords for uint256;

    /// @dev The periods whose readings are needed, and what was found of them. Places: the baseline's periods, then the window's. No ordered
    /// period begins before the first notice, so that the two never share one.
    struct Tally {
        uint256 periodSeconds;
        uint256 baselineStart;
        uint256 baselinePeriods;
        uint256 windowStart;
        uint256 windowPeriods;
        uint96 orderedMask;
        uint256 readUntil; // readings before it were read: none counts twice
        bool estimated; // whether a needed reading is
        int256[] milliWh;
        uint256[] covered; // seconds
    }

    /// @dev What one record shows.
    struct Shown {
        uint256 start; // of its slot
        uint256 end;
        uint256 step; // seconds of a reading
        uint256 places; // bit k: reading k
        uint256 estimated; // bit k: reading k
        int256[] milliWh;
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

        Tally memory tally = _tally(rule, question);
        if (answer.silence == Flex.Silence.Ok) answer.silence = _read(tally, rule, question, entry, proof);
        if (answer.silence == Flex.Silence.Ok) answer.silence = _judge(tally, rule, entry);

        if (rule.baseline == Flex.BaselineMethod.MeterBefore) {
            _answerByDevice(answer, tally, rule, question, entry);
        } else {
            _answerByPortfolio(answer, tally, question, entry);
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

        Flex.MeteringPoint memory point = devices.meteringPoint(entry.meteringPoint);
        // From then on it cannot change, so that nobody can spoil a submission by a suspension before or after it.
        uint256 deadline = uint256(question.key.windowEnd) + rule.readingDeadline;
        if (point.suspendedAt != 0 && point.suspendedAt < deadline) return Flex.Silence.Suspended;
        if (entry.kind < rule.minAssurance) return Flex.Silence.LowAssurance;
        return proof.records.length == 0 ? Flex.Silence.NoRecord : Flex.Silence.Ok;
    }

    /// @dev Checks each record and adds up what it opens.
    function _read(
        Tally memory tally,
        Flex.Rule calldata rule,
        Question calldata question,
        Flex.Entry calldata entry,
        Flex.DeviceProof calldata proof
    ) private view returns (Flex.Silence) {
        uint256 deadline = uint256(question.key.windowEnd) + rule.readingDeadline;
        for (uint256 i = 0; i < proof.records.length; ++i) {
            Flex.RecordOpening calldata record = proof.records[i];
            if (record.head.meteringPoint() != entry.meteringPoint) return Flex.Silence.WrongPoint;
            Flex.Silence silence = _provenance(record, deadline);
            if (silence != Flex.Silence.Ok) return silence;
            if (!_add(tally, record)) return Flex.Silence.BadOpening;
        }
        return Flex.Silence.Ok;
    }

    /// @dev Whether the record was attested, in time, and was not replaced in time.
    function _provenance(Flex.RecordOpening calldata record, uint256 deadline) private view returns (Flex.Silence) {
        bytes32 leaf = MeterRecords.structHash(record.head, MeterRecords.commitmentOf(record.blocks));
        if (!MerkleProof.verifyCalldata(record.batchPath, record.batchRoot, leaf)) return Flex.Silence.NotAttested;
        uint256 attestedAt = oracle.attestedAt(record.batchRoot);
        if (attestedAt == 0) return Flex.Silence.NotAttested;
        if (attestedAt >= deadline) return Flex.Silence.Late;

        uint256 head = record.head;
        uint256 latest = oracle.revisionBefore(head.meteringPoint(), head.slotStart(), uint40(deadline));
        return head.revision() < latest ? Flex.Silence.Superseded : Flex.Silence.Ok;
    }

    /// @dev Adds the needed readings that a record opens. False if it is malformed or its period does not divide the settlement period.
    function _add(Tally memory tally, Flex.RecordOpening calldata record) private pure returns (bool) {
        Shown memory shown;
        shown.step = record.head.periodSeconds();
        if (shown.step == 0 || tally.periodSeconds % shown.step != 0) return false;
        bool ok;
        (ok, shown.places, shown.estimated, shown.milliWh) = MeterRecords.open(record.head, record.blocks, record.opened);
        if (!ok) return false;
        if (shown.places == 0) return true;

        shown.start = record.head.slotStart();
        shown.end = shown.start + shown.milliWh.length * shown.step;
        _addPeriods(tally, shown, 0, tally.baselineStart, tally.baselinePeriods, type(uint96).max);
        _addPeriods(tally, shown, tally.baselinePeriods, tally.windowStart, tally.windowPeriods, tally.orderedMask);
        uint256 readUntil = shown.start + (Math.log2(shown.places) + 1) * shown.step;
        if (readUntil > tally.readUntil) tally.readUntil = readUntil;
        return true;
    }

    /// @dev Adds to those of a row of periods that are in the mask and that the record reaches into.
    function _addPeriods(
        Tally memory tally,
        Shown memory shown,
        uint256 firstPlace,
        uint256 rowStart,
        uint256 periods,
        uint96 mask
    ) private pure {
        uint256 duration = tally.periodSeconds;
        uint256 p = shown.start > rowStart ? Periods.indexOf(rowStart, shown.start, duration) : 0;
        for (uint256 start = Periods.startOf(rowStart, p, duration); p < periods && start < shown.end; start += duration) {
            if (Periods.has(mask, p)) _addPeriod(tally, shown, firstPlace + p, start);
            ++p;
        }
    }

    /// @dev Adds what the record shows of one period. Slots lie on multiples of their readings' length, and so do settlement periods.
    function _addPeriod(Tally memory tally, Shown memory shown, uint256 place, uint256 start) private pure {
        uint256 step = shown.step;
        uint256 end = start + tally.periodSeconds;
        if (end > shown.end) end = shown.end;
        if (start < shown.start) start = shown.start;
        if (start < tally.readUntil) start = tally.readUntil;
        int256 sum = 0;
        uint256 covered = 0;
        uint256 k = Rounding.divUp(start - shown.start, step);
        for (start = shown.start + k * step; start < end; start += step) {
            if ((shown.places >> k) & 1 == 1) {
                sum += shown.milliWh[k];
                covered += step;
                if ((shown.estimated >> k) & 1 == 1) tally.estimated = true;
            }
            ++k;
        }
        tally.milliWh[place] += sum;
        tally.covered[place] += covered;
    }

    /// @dev What the readings lack, once all are added up.
    function _judge(Tally memory tally, Flex.Rule calldata rule, Flex.Entry calldata entry) private pure returns (Flex.Silence) {
        uint256 limit = uint256(entry.connectionW) * tally.periodSeconds * 1000;
        bool beyond = false;
        for (uint256 place = 0; place < tally.covered.length; ++place) {
            if (!_isNeeded(tally, place)) continue;
            if (tally.covered[place] != tally.periodSeconds) return Flex.Silence.MissingReading;
            int256 milliWh = tally.milliWh[place];
            if (uint256(milliWh < 0 ? -milliWh : milliWh) * 3600 > limit) beyond = true;
        }
        if (tally.estimated && !rule.estimatedAllowed) return Flex.Silence.Estimated;
        return beyond ? Flex.Silence.OutOfRange : Flex.Silence.Ok;
    }

    // ------------------------------------------------------------------ which periods are needed

    function _tally(Flex.Rule calldata rule, Question calldata question) private pure returns (Tally memory tally) {
        uint256 duration = rule.periodSeconds;
        tally.periodSeconds = duration;
        tally.windowStart = question.key.windowStart;
        tally.orderedMask = question.orderedMask;
        if (rule.baseline == Flex.BaselineMethod.MeterBefore) {
            uint256 end = question.firstNotice - (question.firstNotice % duration);
            tally.baselinePeriods = rule.baselinePeriods;
            tally.baselineStart = end - duration * rule.baselinePeriods;
        }
        // up to the last ordered one: what comes after it is never needed
        if (question.orderedMask != 0) tally.windowPeriods = Periods.last(question.orderedMask) + 1;
        tally.milliWh = new int256[](tally.baselinePeriods + tally.windowPeriods);
        tally.covered = new uint256[](tally.baselinePeriods + tally.windowPeriods);
    }

    function _isNeeded(Tally memory tally, uint256 place) private pure returns (bool) {
        return place < tally.baselinePeriods || Periods.has(tally.orderedMask, place - tally.baselinePeriods);
    }

    // ------------------------------------------------------------------ the answer

    /// @dev Baseline of the device itself: its response, clamped.
    function _answerByDevice(
        Answer memory answer,
        Tally memory tally,
        Flex.Rule calldata rule,
        Question calldata question,
        Flex.Entry calldata entry
    ) private pure {
        bool silent = answer.silence != Flex.Silence.Ok;
        Flex.Direction direction = question.key.direction;
        uint256 clamp = BaselineMath.clampDown(entry.capacityW, tally.periodSeconds);
        int256 baseline = silent ? int256(0) : _baseline(tally, direction);
        uint256 column = 0;
        for (uint256 p = 0; p < tally.windowPeriods; ++p) {
            if (!Periods.has(tally.orderedMask, p)) continue;
            int256 response = -int256(clamp);
            if (!silent) {
                int256 metered = tally.milliWh[tally.baselinePeriods + p];
                response = BaselineMath.response(baseline, metered, direction, clamp);
                answer.baselineMilliWh[column] = int128(baseline);
                answer.meteredMilliWh[column] = int128(metered);
            }
            uint256 achieved = response > 0 ? uint256(response) : 0;
            answer.weight += uint128(achieved);
            answer.columns[column++] = uint128(
                rule.clampLevel == Flex.ClampLevel.Device
                    ? achieved
                    : uint256(response * 3600 + int256(uint256(entry.capacityW) * tally.periodSeconds * 1000))
            );
        }
    }

    function _baseline(Tally memory tally, Flex.Direction direction) private pure returns (int256) {
        int256 sum = 0;
        for (uint256 p = 0; p < tally.baselinePeriods; ++p) {
            sum += tally.milliWh[p];
        }
        return BaselineMath.mean(sum, tally.baselinePeriods, direction);
    }

    /// @dev Baseline of the portfolio: what the device metered, shifted so that it is never negative.
    function _answerByPortfolio(
        Answer memory answer,
        Tally memory tally,
        Question calldata question,
        Flex.Entry calldata entry
    ) private pure {
        if (answer.silence != Flex.Silence.Ok) return;
        int256 full = int256(uint256(entry.connectionW) * tally.periodSeconds * 1000);
        uint256 column = 0;
        for (uint256 p = 0; p < tally.windowPeriods; ++p) {
            if (!Periods.has(tally.orderedMask, p)) continue;
            int256 metered = tally.milliWh[p];
            answer.meteredMilliWh[column] = int128(metered);
            answer.columns[column++] = uint128(
                uint256(question.key.direction == Flex.Direction.Shed ? full - 3600 * metered : full + 3600 * metered)
            );
        }
        answer.weight = entry.capacityW;
    }
}
