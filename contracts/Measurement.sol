// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IDeliveryVerifier} from "../interfaces/IDeliveryVerifier.sol";
import {IDeviceRegistry} from "../interfaces/IDeviceRegistry.sol";
import {IFlexibilityRights} from "../interfaces/IFlexibilityRights.sol";
import {IMeasurement} from "../interfaces/IMeasurement.sol";
import {IParticipantRegistry} from "../interfaces/IParticipantRegistry.sol";
import {IRulebook} from "../interfaces/IRulebook.sol";
import {BaselineMath} from "./libraries/BaselineMath.sol";
import {DeliveryTree} from "./libraries/DeliveryTree.sol";
import {Errors} from "./libraries/Errors.sol";
import {Ids} from "./libraries/Ids.sol";
import {PastDays} from "./libraries/PastDays.sol";
import {Periods} from "./libraries/Periods.sol";
import {Flex} from "./types/Flex.sol";

/// @title Events: called, submitted, measured once
contract Measurement is IMeasurement {
    IParticipantRegistry public immutable participants;
    IDeviceRegistry public immutable devices;
    IDeliveryVerifier public immutable verifier;
    IRulebook public immutable rulebook;
    IFlexibilityRights public immutable rights;
    address public immutable settlement;

    mapping(bytes32 eventId => Flex.EventState) private _events;

    /// @inheritdoc IMeasurement
    mapping(bytes32 eventId => bytes32) public scheduleHash;
    /// @inheritdoc IMeasurement
    mapping(bytes32 eventId => bytes32) public commitment;
    /// @inheritdoc IMeasurement
    mapping(bytes32 eventId => bytes32) public cursorHash;
    /// @inheritdoc IMeasurement
    mapping(bytes32 eventId => bytes32) public resultHash;

    constructor(address participants_, address devices_, address verifier_, address rulebook_, address rights_, address settlement_) {
        if (participants_ == address(0)) revert Errors.Flexbond_ZeroAddress("participants");
        if (devices_ == address(0)) revert Errors.Flexbond_ZeroAddress("devices");
        if (verifier_ == address(0)) revert Errors.Flexbond_ZeroAddress("verifier");
        if (rulebook_ == address(0)) revert Errors.Flexbond_ZeroAddress("rulebook");
        if (rights_ == address(0)) revert Errors.Flexbond_ZeroAddress("rights");
        if (settlement_ == address(0)) revert Errors.Flexbond_ZeroAddress("settlement");
        participants = IParticipantRegistry(participants_);
        devices = IDeviceRegistry(devices_);
        verifier = IDeliveryVerifier(verifier_);
        rulebook = IRulebook(rulebook_);
        rights = IFlexibilityRights(rights_);
        settlement = settlement_;
    }

    // ------------------------------------------------------------------ calling and nominating

    /// @inheritdoc IMeasurement
    function call(Flex.EventKey calldata key, uint96 orderedMask) external {
        if (msg.sender != settlement) revert Errors.Flexbond_NotAllowed(msg.sender, settlement);
        bytes32 eventId = Ids.eventIdOf(key);
        Flex.EventState memory state = _events[eventId];
        if (state.status == Flex.EventStatus.Open) {
            state.status = Flex.EventStatus.Called;
            state.firstNotice = uint40(block.timestamp);
            emit EventCalled(eventId, key.portfolioId, key, state.firstNotice);
        } else if (state.status != Flex.EventStatus.Called) {
            revert Errors.Measurement_WrongStatus(eventId, uint8(state.status));
        }
        state.orderedMask |= orderedMask;
        _events[eventId] = state;
        emit PeriodsOrdered(eventId, state.orderedMask);

        devices.commit(key.portfolioId, key.windowEnd);
    }

    /// @inheritdoc IMeasurement
    function nominate(Flex.EventKey calldata key, Flex.Rule calldata rule, int128[] calldata scheduleMilliWh) external {
        bytes32 eventId = Ids.eventIdOf(key);
        _requireRule(eventId, key, rule);
        _requireProvider(eventId, key.portfolioId);
        if (rule.baseline != Flex.BaselineMethod.Nominated) revert Errors.Measurement_ScheduleNotUsed(key.ruleId);
        uint256 periods = Periods.count(key.windowStart, key.windowEnd, rule.periodSeconds);
        if (scheduleMilliWh.length != periods) {
            revert Errors.Measurement_ScheduleLength(scheduleMilliWh.length, periods);
        }
        // sums, so that no window however early can underflow
        if (block.timestamp + rule.gateSeconds >= key.windowStart) {
            uint256 gate = key.windowStart > rule.gateSeconds ? key.windowStart - rule.gateSeconds : 0;
            revert Errors.Measurement_GateClosed(gate, block.timestamp);
        }

        scheduleHash[eventId] = keccak256(abi.encode(scheduleMilliWh));
        emit Nominated(eventId, key.portfolioId, key, scheduleMilliWh);
    }

    // ------------------------------------------------------------------ submitting and proving

    /// @inheritdoc IMeasurement
    function submit(Flex.EventKey calldata key, Flex.Rule calldata rule, bytes32 root, Flex.Totals calldata totals) external {
        bytes32 eventId = Ids.eventIdOf(key);
        Flex.EventState memory state = _requireStatus(eventId, Flex.EventStatus.Called);
        _requireRule(eventId, key, rule);
        _requireProvider(eventId, key.portfolioId);
        uint256 earliest = uint256(key.windowEnd) + rule.readingDeadline;
        if (block.timestamp < earliest) revert Errors.Measurement_TooEarly(earliest, block.timestamp);
        uint256 deadline = uint256(key.windowEnd) + rule.submissionDeadline;
        if (block.timestamp >= deadline) revert Errors.Measurement_TooLate(deadline, block.timestamp);
        uint40 leaves = devices.sumsBefore(key.portfolioId, state.firstNotice).entries;
        if (leaves > rule.spotChecks) revert Errors.Measurement_TooManyLeaves(leaves, rule.spotChecks);
        _requireLengths(totals, Periods.size(state.orderedMask));

        state.status = Flex.EventStatus.Submitted;
        state.submittedAt = uint40(block.timestamp);
        _events[eventId] = state;
        commitment[eventId] = _commitmentOf(root, totals);
        emit EventSubmitted(eventId, msg.sender, root, leaves, totals);
    }

    /// @inheritdoc IMeasurement
    function prove(ProofContext calldata context, Flex.DeviceProof[] calldata proofs) external {
        bytes32 eventId = Ids.eventIdOf(context.key);
        Flex.EventState memory state = _requireStatus(eventId, Flex.EventStatus.Submitted);
        _requireRule(eventId, context.key, context.rule);
        _requireProvider(eventId, context.key.portfolioId);
        uint256 deadline = uint256(state.submittedAt) + context.rule.proofWindow;
        if (block.timestamp >= deadline) revert Errors.Measurement_TooLate(deadline, block.timestamp);
        if (_commitmentOf(context.root, context.totals) != commitment[eventId]) {
            revert Errors.Measurement_CommitmentDiffers(eventId);
        }

        Flex.PortfolioSums memory sums = devices.sumsBefore(context.key.portfolioId, state.firstNotice);
        Flex.Cursor memory cursor = _resume(eventId, context.cursor, sums.entries, state);
        if (cursor.next + proofs.length > sums.entries) {
            revert Errors.Measurement_TooManyProofs(cursor.next, proofs.length, sums.entries);
        }
        _proveLeaves(eventId, context, proofs, cursor, state);

        state.proven = cursor.next;
        if (cursor.next == sums.entries) {
            _conclude(eventId, context, cursor, sums, state);
        } else {
            _events[eventId] = state;
            cursorHash[eventId] = keccak256(abi.encode(cursor));
        }
    }

    /// @inheritdoc IMeasurement
    function fail(Flex.EventKey calldata key, Flex.Rule calldata rule) external {
        bytes32 eventId = Ids.eventIdOf(key);
        Flex.EventState memory state = _events[eventId];
        _requireRule(eventId, key, rule);
        uint256 earliest;
        if (state.status == Flex.EventStatus.Called) {
            earliest = uint256(key.windowEnd) + rule.submissionDeadline;
        } else if (state.status == Flex.EventStatus.Submitted) {
            earliest = uint256(state.submittedAt) + rule.proofWindow;
        } else {
            revert Errors.Measurement_WrongStatus(eventId, uint8(state.status));
        }
        if (block.timestamp < earliest) revert Errors.Measurement_TooEarly(earliest, block.timestamp);

        _events[eventId].status = Flex.EventStatus.Unmeasured;
        delete cursorHash[eventId];
        emit EventUnmeasured(eventId);
    }

    // ------------------------------------------------------------------ reading

    /// @inheritdoc IMeasurement
    function idOf(Flex.EventKey calldata key) external pure returns (bytes32) {
        return Ids.eventIdOf(key);
    }

    /// @inheritdoc IMeasurement
    function eventState(bytes32 eventId) external view returns (Flex.EventState memory) {
        return _events[eventId];
    }

    // ------------------------------------------------------------------ proving

    /// @dev The cursor to go on from; empty when proving starts (anew).
    function _resume(
        bytes32 eventId,
        Flex.Cursor calldata given,
        uint256 leaves,
        Flex.EventState memory state
    ) private view returns (Flex.Cursor memory cursor) {
        if (given.next != 0) {
            if (keccak256(abi.encode(given)) != cursorHash[eventId]) revert Errors.Measurement_CursorDiffers(eventId);
            return given;
        }
        uint256 columns = Periods.size(state.orderedMask);
        cursor.frontier = new bytes32[](DeliveryTree.depth(leaves) + 1);
        cursor.totals.columns = new uint128[](columns);
        cursor.totals.baselineMilliWh = new int128[](columns);
        cursor.totals.meteredMilliWh = new int128[](columns);
    }

    /// @dev Recomputes each device and appends its leaf to the cursor.
    function _proveLeaves(
        bytes32 eventId,
        ProofContext calldata context,
        Flex.DeviceProof[] calldata proofs,
        Flex.Cursor memory cursor,
        Flex.EventState memory state
    ) private {
        bool looksBack = context.rule.baseline == Flex.BaselineMethod.XOfY;
        IDeliveryVerifier.Question memory question;
        question.key = context.key;
        question.firstNotice = state.firstNotice;
        question.orderedMask = state.orderedMask;
        PastDays.Common memory past;
        if (looksBack) {
            _requireLookback(context);
            past = PastDays.gather(question, context.lookback, context.callsFrom, rulebook, devices, rights);
        }
        for (uint256 i = 0; i < proofs.length; ++i) {
            uint40 index = cursor.next;
            Flex.Entry memory entry = devices.entry(context.key.portfolioId, index);
            // A silent device has no baseline: what it was called for elsewhere must not make its leaf dear.
            bool isShown = proofs[i].records.length != 0;
            if (looksBack) {
                question.calls = isShown ? PastDays.callsOf(past, index, entry, proofs[i].pastFrom) : new Flex.Call[](0);
            }
            IDeliveryVerifier.Answer memory answer = verifier.measure(context.rule, question, entry, proofs[i]);
            if (answer.silence != Flex.Silence.Ok && isShown) {
                revert Errors.Measurement_LeafRefused(index, uint8(answer.silence));
            }
            DeliveryTree.append(cursor.frontier, index, _leaf(index, cursor.totals, answer));
            cursor.next = index + 1;
            emit LeafProven(
                eventId,
                index,
                entry.meteringPoint,
                answer.silence,
                answer.weight,
                answer.columns,
                answer.baselineMilliWh,
                answer.meteredMilliWh
            );
        }
    }

    /// @dev Adds an answer to the running totals; the leaf with both.
    function _leaf(uint256 index, Flex.Totals memory totals, IDeliveryVerifier.Answer memory answer) private pure returns (bytes32) {
        uint128[] memory entries = answer.columns;
        uint128[] memory columns = totals.columns;
        uint256[] memory words = new uint256[](entries.length);
        for (uint256 c = 0; c < words.length; ++c) {
            uint128 entry = entries[c];
            uint128 prefix = columns[c] + entry;
            columns[c] = prefix;
            words[c] = DeliveryTree.word(entry, prefix);
        }
        _addTo(totals.baselineMilliWh, answer.baselineMilliWh);
        _addTo(totals.meteredMilliWh, answer.meteredMilliWh);
        totals.weight += answer.weight;
        uint256 weightWord = DeliveryTree.word(answer.weight, totals.weight);
        return DeliveryTree.leaf(index, weightWord, keccak256(abi.encodePacked(words)));
    }

    function _addTo(int128[] memory totals, int128[] memory entries) private pure {
        for (uint256 c = 0; c < entries.length; ++c) {
            totals[c] += entries[c];
        }
    }

    /// @dev All leaves are proven: root and totals must come out as submitted.
    function _conclude(
        bytes32 eventId,
        ProofContext calldata context,
        Flex.Cursor memory cursor,
        Flex.PortfolioSums memory sums,
        Flex.EventState memory state
    ) private {
        bytes32 computed = DeliveryTree.root(cursor.frontier, cursor.next);
        if (computed != context.root) revert Errors.Measurement_RootDiffers(context.root, computed);
        Flex.Totals memory totals = cursor.totals;
        if (_commitmentOfComputed(computed, totals) != commitment[eventId]) revert Errors.Measurement_TotalsDiffer(eventId);
        int128[] memory responses = _responses(eventId, context, totals.columns, sums, state.orderedMask);

        state.status = Flex.EventStatus.Measured;
        _events[eventId] = state;
        delete cursorHash[eventId];
        resultHash[eventId] = keccak256(abi.encode(responses));
        emit EventMeasured(eventId, responses);
    }

    // ------------------------------------------------------------------ the result

    /// @dev The portfolio's response for every period of the window, zero where nothing was ordered.
    function _responses(
        bytes32 eventId,
        ProofContext calldata context,
        uint128[] memory columns,
        Flex.PortfolioSums memory sums,
        uint96 orderedMask
    ) private view returns (int128[] memory responses) {
        Flex.EventKey calldata key = context.key;
        Flex.Rule calldata rule = context.rule;
        bytes32 schedule = scheduleHash[eventId];
        bytes32 given = context.scheduleMilliWh.length == 0 ? bytes32(0) : keccak256(abi.encode(context.scheduleMilliWh));
        if (given != schedule) revert Errors.Measurement_ScheduleDiffers(eventId);

        responses = new int128[](Periods.count(key.windowStart, key.windowEnd, rule.periodSeconds));
        if (rule.baseline == Flex.BaselineMethod.Nominated && schedule == 0) return responses;
        bool isOwn = rule.baseline == Flex.BaselineMethod.MeterBefore || rule.baseline == Flex.BaselineMethod.XOfY;
        uint256 column = 0;
        for (uint256 p = 0; p < responses.length; ++p) {
            if (!Periods.has(orderedMask, p)) continue;
            uint256 total = columns[column++];
            responses[p] = int128(isOwn ? _byDevices(rule, total, sums.capacityW) : _byPortfolio(context, total, sums, p));
        }
    }

    /// @dev Sum of the devices' responses from the total of their column.
    function _byDevices(Flex.Rule calldata rule, uint256 total, uint256 capacityW) private pure returns (int256) {
        if (rule.clampLevel == Flex.ClampLevel.Device) return int256(total);
        return BaselineMath.responseFromColumn(total, capacityW, rule.periodSeconds);
    }

    /// @dev Baseline of the portfolio as a whole against what its connections metered together.
    function _byPortfolio(
        ProofContext calldata context,
        uint256 total,
        Flex.PortfolioSums memory sums,
        uint256 period
    ) private pure returns (int256) {
        Flex.Direction direction = context.key.direction;
        uint256 duration = context.rule.periodSeconds;
        int256 baseline =
            context.rule.baseline == Flex.BaselineMethod.Nominated
                ? context.scheduleMilliWh[period]
                : BaselineMath.levelMilliWh(context.key.referenceW, duration, direction);
        int256 metered = BaselineMath.meteredFromColumn(total, sums.connectionW, duration, direction);
        return BaselineMath.response(baseline, metered, direction, BaselineMath.clampDown(sums.capacityW, duration));
    }

    // ------------------------------------------------------------------ checks

    function _requireStatus(bytes32 eventId, Flex.EventStatus wanted) private view returns (Flex.EventState memory state) {
        state = _events[eventId];
        if (state.status != wanted) revert Errors.Measurement_WrongStatus(eventId, uint8(state.status));
    }

    function _requireRule(bytes32 eventId, Flex.EventKey calldata key, Flex.Rule calldata rule) private pure {
        bytes32 given = Ids.ruleId(rule);
        if (given != key.ruleId) revert Errors.Measurement_RuleDiffers(eventId, given);
    }

    function _requireLookback(ProofContext calldata context) private pure {
        bytes32 given = keccak256(abi.encode(context.lookback));
        if (given != context.rule.lookbackHash) {
            revert Errors.Measurement_LookbackDiffers(context.rule.lookbackHash, given);
        }
    }

    function _requireProvider(bytes32 eventId, bytes32 portfolioId) private view {
        if (!participants.mayAct(devices.portfolio(portfolioId).provider, msg.sender)) {
            revert Errors.Measurement_NotProvider(eventId, msg.sender);
        }
    }

    function _requireLengths(Flex.Totals calldata totals, uint256 columns) private pure {
        if (totals.columns.length != columns) {
            revert Errors.Measurement_TotalsLength(totals.columns.length, columns);
        }
        if (totals.baselineMilliWh.length != columns) {
            revert Errors.Measurement_TotalsLength(totals.baselineMilliWh.length, columns);
        }
        if (totals.meteredMilliWh.length != columns) {
            revert Errors.Measurement_TotalsLength(totals.meteredMilliWh.length, columns);
        }
    }

    /// @dev From where the totals lie: to copy them first costs 3 000 gas.
    function _commitmentOf(bytes32 root, Flex.Totals calldata totals) private pure returns (bytes32) {
        bytes32 totalsHash = keccak256(abi.encode(totals.columns, totals.baselineMilliWh, totals.meteredMilliWh));
        return keccak256(abi.encode(root, totals.weight, totalsHash));
    }

    function _commitmentOfComputed(bytes32 root, Flex.Totals memory totals) private pure returns (bytes32) {
        bytes32 totalsHash = keccak256(abi.encode(totals.columns, totals.baselineMilliWh, totals.meteredMilliWh));
        return keccak256(abi.encode(root, totals.weight, totalsHash));
    }
}
