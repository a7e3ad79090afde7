// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IDeliveryVerifier} from "../interfaces/IDeliveryVerifier.sol";
import {IDeviceRegistry} from "../interfaces/IDeviceRegistry.sol";
import {IMeasurement} from "../interfaces/IMeasurement.sol";
import {IParticipantRegistry} from "../interfaces/IParticipantRegistry.sol";
import {IRulebook} from "../interfaces/IRulebook.sol";
import {Claims} from "./libraries/Claims.sol";
import {Cursors} from "./libraries/Cursors.sol";
import {DeliveryTree} from "./libraries/DeliveryTree.sol";
import {Draws} from "./libraries/Draws.sol";
import {Errors} from "./libraries/Errors.sol";
import {Ids} from "./libraries/Ids.sol";
import {PackedTerms} from "./libraries/PackedTerms.sol";
import {Periods} from "./libraries/Periods.sol";
import {Responses} from "./libraries/Responses.sol";
import {Flex} from "./types/Flex.sol";

/// @title Events: called, submitted, measured once
contract Measurement is IMeasurement {
    using PackedTerms for uint256;

    IParticipantRegistry public immutable participants;
    IDeviceRegistry public immutable devices;
    IDeliveryVerifier public immutable verifier;
    IRulebook public immutable rulebook;
    address public immutable settlement;
    address public immutable spotChecks;

    mapping(bytes32 eventId => Flex.EventState) private _events;

    /// @inheritdoc IMeasurement
    mapping(bytes32 eventId => bytes32) public scheduleHash;
    /// @inheritdoc IMeasurement
    mapping(bytes32 eventId => bytes32) public commitment;
    /// @inheritdoc IMeasurement
    mapping(bytes32 eventId => bytes32) public cursorHash;

    constructor(address participants_, address devices_, address verifier_, address rulebook_, address settlement_, address spotChecks_) {
        if (participants_ == address(0)) revert Errors.Flexbond_ZeroAddress("participants");
        if (devices_ == address(0)) revert Errors.Flexbond_ZeroAddress("devices");
        if (verifier_ == address(0)) revert Errors.Flexbond_ZeroAddress("verifier");
        if (rulebook_ == address(0)) revert Errors.Flexbond_ZeroAddress("rulebook");
        if (settlement_ == address(0)) revert Errors.Flexbond_ZeroAddress("settlement");
        if (spotChecks_ == address(0)) revert Errors.Flexbond_ZeroAddress("spotChecks");
        participants = IParticipantRegistry(participants_);
        devices = IDeviceRegistry(devices_);
        verifier = IDeliveryVerifier(verifier_);
        rulebook = IRulebook(rulebook_);
        settlement = settlement_;
        spotChecks = spotChecks_;
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
            state.orderedMask = orderedMask;
            _events[eventId] = state;
            emit EventCalled(eventId, key.portfolioId, key, state.firstNotice, orderedMask);
        } else if (state.status != Flex.EventStatus.Called) {
            revert Errors.Measurement_WrongStatus(eventId, uint8(state.status));
        } else if (orderedMask | state.orderedMask != state.orderedMask) {
            state.orderedMask |= orderedMask;
            _events[eventId] = state;
            emit PeriodsOrdered(eventId, state.orderedMask);
        }

        devices.commit(key.portfolioId, key.windowEnd);
    }

    /// @inheritdoc IMeasurement
    function nominate(Flex.EventKey calldata key, int128[] calldata scheduleMilliWh) external {
        bytes32 eventId = Ids.eventIdOf(key);
        (uint256 terms, bytes32 extra) = rulebook.packedTerms(key.ruleId);
        _requireProvider(eventId, key.portfolioId, msg.sender);
        if (!terms.isNominated()) revert Errors.Measurement_ScheduleNotUsed(key.ruleId);
        uint256 periods = Periods.count(key.windowStart, key.windowEnd, terms.periodSeconds());
        if (scheduleMilliWh.length != periods) {
            revert Errors.Measurement_ScheduleLength(scheduleMilliWh.length, periods);
        }
        // sums, so that no window however early can underflow
        uint256 gateSeconds = uint256(extra);
        if (block.timestamp + gateSeconds >= key.windowStart) {
            uint256 gate = key.windowStart > gateSeconds ? key.windowStart - gateSeconds : 0;
            revert Errors.Measurement_GateClosed(gate, block.timestamp);
        }

        scheduleHash[eventId] = keccak256(abi.encode(scheduleMilliWh));
        emit Nominated(eventId, key.portfolioId, key, scheduleMilliWh);
    }

    // ------------------------------------------------------------------ submitting

    /// @inheritdoc IMeasurement
    function submit(Flex.EventKey calldata key, bytes32 root, Flex.Totals calldata totals) external {
        uint256 terms = _termsOf(key.ruleId);
        (Flex.PortfolioSums memory sums, , ) = _submit(key, terms, msg.sender, root, totals);
        if (sums.entries > terms.spotChecks()) revert Errors.Measurement_TooManyLeaves(sums.entries, terms.spotChecks());
    }

    /// @inheritdoc IMeasurement
    function submitChecked(
        address sender,
        Flex.Submitted calldata submitted
    ) external returns (address provider, uint256 capacityW, uint256 points, uint256 drawDelay) {
        _requireSpotChecks();
        uint256 terms = _termsOf(submitted.key.ruleId);
        Flex.Totals calldata totals = submitted.totals;
        Flex.PortfolioSums memory sums;
        uint256 sum;
        (sums, provider, sum) = _submit(submitted.key, terms, sender, submitted.root, totals);
        if (terms.challengeWindow() == 0 || sums.entries <= terms.spotChecks()) {
            revert Errors.Measurement_EveryLeaf(sums.entries, terms.spotChecks());
        }
        // Where each device is clamped by itself, its weight is the sum of its columns: what is false lies on the line twice.
        if (terms.isClampedByDevice() && sum != totals.weight) {
            revert Errors.Measurement_TotalsInconsistent(totals.weight, sum);
        }
        capacityW = sums.capacityW;
        points = _pointsOf(terms, totals.columns.length, sum, totals.weight);
        drawDelay = terms.drawDelay();
    }

    /// @inheritdoc IMeasurement
    function conclude(
        Flex.EventKey calldata key,
        Flex.Claim calldata claim,
        int128[] calldata scheduleMilliWh
    ) external returns (uint256 points, uint256 challengeWindow) {
        _requireSpotChecks();
        bytes32 eventId = Ids.eventIdOf(key);
        Flex.EventState memory state = _requireStatus(eventId, Flex.EventStatus.Submitted);
        bytes32 claimed = Claims.commitmentOf(claim);
        if (claimed != commitment[eventId]) revert Errors.Measurement_CommitmentDiffers(eventId, claimed);
        uint256 terms = _termsOf(key.ruleId);
        uint128[] memory columns = Claims.columnsOf(claim);
        _conclude(eventId, claimed, key, terms, columns, scheduleMilliWh, state);
        points = _pointsOf(terms, columns.length, Draws.sumOf(columns), claim.weight);
        challengeWindow = terms.challengeWindow();
    }

    /// @inheritdoc IMeasurement
    function reject(bytes32 eventId) external {
        _requireSpotChecks();
        _requireStatus(eventId, Flex.EventStatus.Submitted);
        _events[eventId].status = Flex.EventStatus.Unmeasured;
        emit EventUnmeasured(eventId);
    }

    // ------------------------------------------------------------------ proving every leaf

    /// @inheritdoc IMeasurement
    function prove(ProofContext calldata context, Flex.DeviceProof[] calldata proofs) external {
        bytes32 eventId = Ids.eventIdOf(context.key);
        Flex.EventState memory state = _requireStatus(eventId, Flex.EventStatus.Submitted);
        (uint256 terms, bytes32 extra) = rulebook.packedTerms(context.key.ruleId);
        // What SpotChecks took has more leaves, which it proves itself.
        if (state.leaves > terms.spotChecks()) revert Errors.Measurement_TooManyLeaves(state.leaves, terms.spotChecks());
        _requireProvider(eventId, context.key.portfolioId, msg.sender);
        uint256 deadline = uint256(state.submittedAt) + terms.proofWindow();
        if (block.timestamp >= deadline) revert Errors.Measurement_TooLate(deadline, block.timestamp);

        bool isUnderWay = state.proven != 0;
        Flex.Cursor memory cursor = _resume(eventId, context.cursor, state);
        if (cursor.next + proofs.length > state.leaves) {
            revert Errors.Measurement_TooManyProofs(cursor.next, proofs.length, state.leaves);
        }
        _proveLeaves(eventId, _measured(context, proofs, cursor.next, state, PackedTerms.unpack(terms, extra)), proofs, cursor);

        _events[eventId].proven = uint32(cursor.next);
        if (cursor.next == state.leaves) {
            bytes32 computed = _requireComputed(eventId, cursor);
            if (isUnderWay) delete cursorHash[eventId];
            _conclude(eventId, computed, context.key, terms, cursor.totals.columns, context.scheduleMilliWh, state);
        } else {
            // One that starts anew is not asked for, so that there is a hash only while there are proven leaves.
            cursorHash[eventId] = cursor.next == 0 ? bytes32(0) : keccak256(abi.encode(cursor));
        }
    }

    /// @inheritdoc IMeasurement
    function fail(Flex.EventKey calldata key) external {
        bytes32 eventId = Ids.eventIdOf(key);
        Flex.EventState memory state = _events[eventId];
        uint256 terms = _termsOf(key.ruleId);
        uint256 earliest;
        if (state.status == Flex.EventStatus.Called) {
            earliest = uint256(key.windowEnd) + terms.submissionDeadline();
        } else if (state.status == Flex.EventStatus.Submitted && state.leaves <= terms.spotChecks()) {
            earliest = uint256(state.submittedAt) + terms.proofWindow();
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

    // ------------------------------------------------------------------ submitting

    /// @dev Takes a submission, however many leaves it has. The last that is returned is the sum of its columns.
    function _submit(
        Flex.EventKey calldata key,
        uint256 terms,
        address sender,
        bytes32 root,
        Flex.Totals calldata totals
    ) private returns (Flex.PortfolioSums memory sums, address provider, uint256 sum) {
        bytes32 eventId = Ids.eventIdOf(key);
        Flex.EventState memory state = _requireStatus(eventId, Flex.EventStatus.Called);
        provider = _requireProvider(eventId, key.portfolioId, sender);
        uint256 earliest = uint256(key.windowEnd) + terms.readingDeadline();
        if (block.timestamp < earliest) revert Errors.Measurement_TooEarly(earliest, block.timestamp);
        uint256 deadline = uint256(key.windowEnd) + terms.submissionDeadline();
        if (block.timestamp >= deadline) revert Errors.Measurement_TooLate(deadline, block.timestamp);
        sums = devices.sumsBefore(key.portfolioId, state.firstNotice);
        if (sums.entries > type(uint32).max) revert Errors.Flexbond_Overflow(sums.entries, 32);
        sum = _requireTotals(totals, Periods.size(state.orderedMask), sums, terms.periodSeconds());

        Flex.EventState storage kept = _events[eventId];
        kept.status = Flex.EventStatus.Submitted;
        kept.submittedAt = uint40(block.timestamp);
        kept.leaves = uint32(sums.entries);
        commitment[eventId] = Claims.commitmentOf(root, totals);
        Claims.logSubmitted(eventId, sender, root, sums.entries, totals);
    }

    /// @dev A total for every ordered period, none beyond what the portfolio's connections could carry: twice their energy, in the columns' unit.
    function _requireTotals(
        Flex.Totals calldata totals,
        uint256 columns,
        Flex.PortfolioSums memory sums,
        uint256 periodSeconds
    ) private pure returns (uint256 sum) {
        uint128[] calldata given = totals.columns;
        _requireLength(given.length, columns);
        _requireLength(totals.baselineMilliWh.length, columns);
        _requireLength(totals.meteredMilliWh.length, columns);
        uint256 powerW = sums.capacityW > sums.connectionW ? sums.capacityW : sums.connectionW;
        uint256 limit = powerW * 2000 * periodSeconds;
        for (uint256 c = 0; c < columns; ++c) {
            uint256 total = Claims.totalAt(given, c);
            if (total > limit) revert Errors.Measurement_TotalTooLarge(c, total, limit);
            // At most 96 totals of 128 bits.
            unchecked {
                sum += total;
            }
        }
        if (totals.weight > limit * columns) revert Errors.Measurement_TotalTooLarge(columns, totals.weight, limit * columns);
    }

    function _requireLength(uint256 given, uint256 columns) private pure {
        if (given != columns) revert Errors.Measurement_TotalsLength(given, columns);
    }

    // ------------------------------------------------------------------ proving

    /// @dev The cursor to go on from; empty when proving starts (anew).
    function _resume(bytes32 eventId, Flex.Cursor calldata given, Flex.EventState memory state) private view returns (Flex.Cursor memory) {
        if (given.next != 0) {
            if (keccak256(abi.encode(given)) != cursorHash[eventId]) revert Errors.Measurement_CursorDiffers(eventId);
            return given;
        }
        return Cursors.start(state.leaves, Periods.size(state.orderedMask));
    }

    /// @dev What the verifier says of the next devices.
    function _measured(
        ProofContext calldata context,
        Flex.DeviceProof[] calldata proofs,
        uint40 next,
        Flex.EventState memory state,
        Flex.MeasuringTerms memory terms
    ) private view returns (IDeliveryVerifier.Answer[] memory) {
        uint40[] memory places = new uint40[](proofs.length);
        for (uint40 i = 0; i < places.length; ++i) {
            places[i] = next + i;
        }
        IDeliveryVerifier.Occasion memory occasion;
        occasion.terms = terms;
        occasion.key = context.key;
        occasion.firstNotice = state.firstNotice;
        occasion.orderedMask = state.orderedMask;
        occasion.lookback = context.lookback;
        occasion.callsFrom = context.callsFrom;
        return verifier.measureAll(occasion, places, proofs);
    }

    /// @dev Appends the leaf of each device to the cursor.
    function _proveLeaves(
        bytes32 eventId,
        IDeliveryVerifier.Answer[] memory answers,
        Flex.DeviceProof[] calldata proofs,
        Flex.Cursor memory cursor
    ) private {
        for (uint256 i = 0; i < answers.length; ++i) {
            IDeliveryVerifier.Answer memory answer = answers[i];
            uint40 index = cursor.next;
            if (answer.silence != Flex.Silence.Ok && proofs[i].records.length != 0) {
                revert Errors.Measurement_LeafRefused(index, uint8(answer.silence));
            }
            Cursors.append(cursor, answer);
            emit LeafProven(
                eventId,
                index,
                answer.meteringPoint,
                answer.silence,
                answer.weight,
                answer.columns,
                answer.baselineMilliWh,
                answer.meteredMilliWh
            );
        }
    }

    /// @dev All leaves are proven: root and totals have to come out as submitted.
    function _requireComputed(bytes32 eventId, Flex.Cursor memory cursor) private view returns (bytes32 computed) {
        bytes32 root = DeliveryTree.root(cursor.frontier, cursor.next);
        computed = Claims.commitmentOfComputed(root, cursor.totals);
        if (computed != commitment[eventId]) revert Errors.Measurement_CommitmentDiffers(eventId, computed);
    }

    // ------------------------------------------------------------------ the result

    function _conclude(
        bytes32 eventId,
        bytes32 submitted,
        Flex.EventKey calldata key,
        uint256 terms,
        uint128[] memory columns,
        int128[] calldata scheduleMilliWh,
        Flex.EventState memory state
    ) private {
        // Nobody nominates under another baseline.
        bytes32 schedule = terms.isNominated() ? scheduleHash[eventId] : bytes32(0);
        bytes32 given = scheduleMilliWh.length == 0 ? bytes32(0) : keccak256(abi.encode(scheduleMilliWh));
        if (given != schedule) revert Errors.Measurement_ScheduleDiffers(eventId);
        int128[] memory responses = Responses.room(Periods.count(key.windowStart, key.windowEnd, terms.periodSeconds()));
        if (!terms.isNominated() || schedule != 0) {
            Flex.PortfolioSums memory sums;
            // Where each device is clamped by itself, a column is the response.
            if (!terms.isClampedByDevice()) sums = devices.sumsBefore(key.portfolioId, state.firstNotice);
            Responses.fill(responses, key, terms, columns, scheduleMilliWh, sums, state.orderedMask);
        }

        _events[eventId].status = Flex.EventStatus.Measured;
        commitment[eventId] = Responses.outcomeOf(submitted, responses);
        Responses.logMeasured(eventId, submitted, responses);
    }

    function _pointsOf(uint256 terms, uint256 columns, uint256 sum, uint128 weight) private pure returns (uint256) {
        uint256 scale = Draws.weightScaleOf(terms.isOwnBaseline(), terms.isClampedByDevice(), terms.periodSeconds(), columns);
        return Draws.pointsOf(Draws.lengthOf(sum, weight, scale), terms.spotChecks());
    }

    function _termsOf(bytes32 ruleId) private view returns (uint256 terms) {
        (terms, ) = rulebook.packedTerms(ruleId);
    }

    // ------------------------------------------------------------------ checks

    function _requireStatus(bytes32 eventId, Flex.EventStatus wanted) private view returns (Flex.EventState memory state) {
        state = _events[eventId];
        if (state.status != wanted) revert Errors.Measurement_WrongStatus(eventId, uint8(state.status));
    }

    function _requireSpotChecks() private view {
        if (msg.sender != spotChecks) revert Errors.Flexbond_NotAllowed(msg.sender, spotChecks);
    }

    /// @dev Nobody is asked where the provider acts itself.
    function _requireProvider(bytes32 eventId, bytes32 portfolioId, address sender) private view returns (address provider) {
        provider = devices.providerOf(portfolioId);
        if (sender != provider && !participants.mayAct(provider, sender)) revert Errors.Measurement_NotProvider(eventId, sender);
    }
}
