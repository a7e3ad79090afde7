// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IDeliveryVerifier} from "../interfaces/IDeliveryVerifier.sol";
import {IMeasurement} from "../interfaces/IMeasurement.sol";
import {ISpotChecks} from "../interfaces/ISpotChecks.sol";
import {Submissions} from "./Submissions.sol";
import {Draws} from "./libraries/Draws.sol";
import {Errors} from "./libraries/Errors.sol";
import {Forwarding} from "./libraries/Forwarding.sol";
import {Ids} from "./libraries/Ids.sol";
import {Leaves} from "./libraries/Leaves.sol";
import {Rounding} from "./libraries/Rounding.sol";
import {Verdicts} from "./libraries/Verdicts.sol";
import {Flex} from "./types/Flex.sol";

/// @title Submissions of which not every leaf is proven: bonds, draws, demands and challenges
contract SpotChecks is Submissions {
    using Leaves for Flex.Leaf;
    using Rounding for uint256;

    uint256 private constant WATTS_PER_MW = 1e6;
    /// @dev In the place of a count: all holders accepted.
    uint16 private constant ALL = type(uint16).max;

    constructor(
        address measurement_,
        address devices_,
        address verifier_,
        address oracle_,
        address participants_,
        address escrow_,
        address rulebook_,
        address settlement_
    ) Submissions(measurement_, devices_, verifier_, oracle_, participants_, escrow_, rulebook_, settlement_) {}

    // ------------------------------------------------------------------ submitting and drawing

    /// @inheritdoc ISpotChecks
    function submit(Flex.EventKey calldata key, bytes32, Flex.Totals calldata) external {
        bytes32 eventId = Ids.eventIdOf(key);
        // Of the arguments nothing is read here but the key. They lie as the fields of a Flex.Submitted do, which comes second.
        bytes memory front = abi.encodeWithSelector(IMeasurement.submitChecked.selector, msg.sender, uint256(64));
        uint256[] memory taken = Forwarding.ask(address(measurement), bytes.concat(front, msg.data[4:]), 4);
        (address provider, uint256 capacityW, uint256 points, uint256 drawDelay) = (
            address(uint160(taken[0])),
            taken[1],
            taken[2],
            taken[3]
        );
        (address currency, uint256 bondPerMW) = rulebook.bondTerms(key.ruleId);
        uint256 bond = (capacityW * bondPerMW).divUp(WATTS_PER_MW);

        uint256 drawBlock = points == 0 ? 0 : block.number + drawDelay;
        Check memory started;
        started.submittedAt = uint40(block.timestamp);
        started.moment = uint40(points == 0 ? block.timestamp : drawBlock);
        started.drawn = points == 0;
        _keep(eventId, started);
        emit Bonded(eventId, provider, bond, drawBlock);
        escrow.lock(currency, provider, Flex.LockReason.Bond, eventId, bond);
    }

    /// @inheritdoc ISpotChecks
    function draw(bytes32 eventId) external {
        Check memory stored = _requireSubmitted(eventId);
        if (stored.drawn) revert Errors.SpotChecks_AlreadyDrawn(eventId);
        _draw(eventId, stored);
        _keep(eventId, stored);
    }

    // ------------------------------------------------------------------ proving

    /// @inheritdoc ISpotChecks
    function prove(Context calldata context, Flex.Leaf[] calldata leaves, Flex.DeviceProof[] calldata proofs) external {
        if (proofs.length != leaves.length) revert Errors.SpotChecks_ProofsLength(proofs.length, leaves.length);
        Case memory open = _open(context.key, context.claim);
        if (!open.check.drawn) _draw(open.eventId, open.check);
        _requireBefore(uint256(open.check.moment) + open.terms.proofWindow);
        uint40[] memory places = _takePoints(open, context.claim, leaves);
        IDeliveryVerifier.Verdict[] memory verdicts = Verdicts.ofList(verifier, context, open.terms, open.state, places, proofs);
        for (uint256 i = 0; i < places.length; ++i) {
            _requireTrue(leaves[i], verdicts[i]);
        }

        _keep(open.eventId, open.check);
        emit PointsProven(open.eventId, places, open.check.points);
    }

    /// @inheritdoc ISpotChecks
    function proveDemanded(Context calldata context, Flex.Leaf calldata leaf, Flex.DeviceProof calldata proof) external {
        Case memory open = _open(context.key, context.claim);
        Demand storage demanded = _requireDemanded(open.eventId, leaf.place);
        _requireBefore(demanded.until);
        _requireIn(open, context.claim, leaf);
        _requireTrue(leaf, _verdict(open, context, leaf.place, proof));
        address provider = devices.providerOf(context.key.portfolioId);

        demanded.met = true;
        --open.check.open;
        _keep(open.eventId, open.check);
        emit DemandMet(open.eventId, leaf.place);
        _payFee(open.eventId, rulebook.stakes(context.key.ruleId), leaf.place, provider);
    }

    // ------------------------------------------------------------------ challenging

    /// @inheritdoc ISpotChecks
    function challengeForm(
        Flex.EventKey calldata key,
        Flex.Claim calldata claim,
        uint40 place,
        bytes calldata body,
        bytes calldata columns,
        bytes32[] calldata path
    ) external {
        Case memory open = _openToChallenge(key, claim);
        bytes32 hash = body.length == 0 ? bytes32(0) : keccak256(body);
        if (!Leaves.isIn(hash, place, path, claim.root, open.state.leaves)) revert Errors.SpotChecks_NotInTree(place);
        if (!Leaves.isMalformed(body, place, columns, 32 * claim.columns.length)) revert Errors.SpotChecks_NotContradicted(place);

        _reject(open.eventId, key.ruleId, Ruling({challenger: msg.sender, fault: Flex.Fault.Malformed, place: place}));
    }

    /// @inheritdoc ISpotChecks
    function challengeLeaf(Flex.EventKey calldata key, Flex.Claim calldata claim, Flex.Leaf calldata leaf) external {
        Case memory open = _openToChallenge(key, claim);
        _requireIn(open, claim, leaf);
        Flex.Fault fault = _faultOf(open, key, claim, leaf);
        if (fault == Flex.Fault.None) revert Errors.SpotChecks_NotContradicted(leaf.place);

        _reject(open.eventId, key.ruleId, Ruling({challenger: msg.sender, fault: fault, place: leaf.place}));
    }

    /// @inheritdoc ISpotChecks
    function challengeNeighbours(
        Flex.EventKey calldata key,
        Flex.Claim calldata claim,
        Flex.Leaf calldata left,
        Flex.Leaf calldata right
    ) external {
        Case memory open = _openToChallenge(key, claim);
        _requireIn(open, claim, left);
        _requireIn(open, claim, right);
        bool isNext = right.place == uint256(left.place) + 1;
        if (!isNext || !left.jumps(right)) revert Errors.SpotChecks_NotContradicted(right.place);

        _reject(open.eventId, key.ruleId, Ruling({challenger: msg.sender, fault: Flex.Fault.Jump, place: right.place}));
    }

    /// @inheritdoc ISpotChecks
    function challengeRecords(Context calldata context, Flex.Leaf calldata leaf, Flex.DeviceProof calldata proof) external {
        Case memory open = _openToChallenge(context.key, context.claim);
        _requireIn(open, context.claim, leaf);
        IDeliveryVerifier.Verdict memory verdict = _verdict(open, context, leaf.place, proof);
        bool counts = verdict.silence == Flex.Silence.Ok && verdict.isComplete;
        if (!counts) revert Errors.SpotChecks_Inconclusive(leaf.place, uint8(verdict.silence));
        if (leaf.entriesHash() == verdict.entriesHash) revert Errors.SpotChecks_NotContradicted(leaf.place);

        Flex.Entry memory entry = devices.entry(context.key.portfolioId, leaf.place);
        if (_areOwn(open, context.key, entry.meteringPoint, proof.inclusions)) {
            _reject(open.eventId, context.key.ruleId, Ruling({challenger: msg.sender, fault: Flex.Fault.OtherResponse, place: leaf.place}));
            return;
        }
        if (leaf.isSilent(open.terms, entry)) revert Errors.SpotChecks_NotContradicted(leaf.place);
        _demand(context.key.ruleId, open.eventId, open.check, open.terms, msg.sender, leaf.place);
    }

    // ------------------------------------------------------------------ demands and acceptance by buyers

    /// @inheritdoc ISpotChecks
    function demand(Flex.EventKey calldata key, address by, uint40 place) external {
        _requireSettlement();
        bytes32 eventId = Ids.eventIdOf(key);
        Check memory stored = _requireSubmitted(eventId);
        Flex.MeasuringTerms memory terms = _termsOf(key);
        if (stored.demands >= terms.maxDemands) revert Errors.SpotChecks_TooManyDemands(terms.maxDemands);
        uint256 leaves = measurement.eventState(eventId).leaves;
        if (place >= leaves) revert Errors.SpotChecks_NoSuchLeaf(place, leaves);

        ++stored.demands;
        _demand(key.ruleId, eventId, stored, terms, by, place);
    }

    /// @inheritdoc ISpotChecks
    function accept(bytes32 eventId, bytes32 commitment, uint256 dispatches) external {
        _requireSettlement();
        Check memory stored = _requireSubmitted(eventId);
        bytes32 committed = _commitmentOf(eventId);
        if (commitment != committed) revert Errors.SpotChecks_CommitmentDiffers(eventId, commitment);

        uint256 accepted = uint256(stored.accepted) + 1;
        bool byAll = accepted >= dispatches;
        stored.accepted = byAll ? ALL : uint16(Math.min(accepted, ALL - 1));
        _keep(eventId, stored);
        if (byAll) emit SubmissionAccepted(eventId);
    }

    // ------------------------------------------------------------------ the end

    /// @inheritdoc ISpotChecks
    function finalise(Flex.EventKey calldata key, Flex.Claim calldata, int128[] calldata) external {
        bytes32 eventId = Ids.eventIdOf(key);
        Check memory stored = _requireSubmitted(eventId);
        if (!stored.drawn) revert Errors.SpotChecks_NotDrawn(eventId);

        delete _checks[eventId];
        // Refuses a claim that is not the submission's, and says what else has to be over.
        bytes memory front = abi.encodePacked(IMeasurement.conclude.selector);
        uint256[] memory concluded = Forwarding.ask(address(measurement), bytes.concat(front, msg.data[4:]), 2);
        (uint256 points, uint256 earliest) = (concluded[0], uint256(stored.submittedAt) + concluded[1]);
        if (stored.points < points) revert Errors.SpotChecks_PointsLeft(stored.points, points);
        if (stored.open != 0) revert Errors.SpotChecks_DemandsOpen(stored.open);
        if (stored.accepted != ALL && block.timestamp < earliest) revert Errors.SpotChecks_TooEarly(earliest, block.timestamp);
        (address currency, ) = rulebook.bondTerms(key.ruleId);
        escrow.release(currency, Flex.LockReason.Bond, eventId);
    }

    /// @inheritdoc ISpotChecks
    function fail(Flex.EventKey calldata key, Flex.Claim calldata claim) external {
        bytes32 eventId = Ids.eventIdOf(key);
        Check memory stored = _requireSubmitted(eventId);
        _requireCommitted(eventId, claim);
        Flex.MeasuringTerms memory terms = _termsOf(key);
        bool isLate;
        if (stored.drawn) {
            bool isOver = block.timestamp >= uint256(stored.moment) + terms.proofWindow;
            isLate = isOver && stored.points < _pointsOf(claim, terms);
        } else {
            isLate = block.number > uint256(stored.moment) + KNOWN_BLOCKS;
        }
        if (!isLate) revert Errors.SpotChecks_NotFailed(eventId);

        Flex.Fault fault = stored.drawn ? Flex.Fault.NotProven : Flex.Fault.NotDrawn;
        _reject(eventId, key.ruleId, Ruling({challenger: address(0), fault: fault, place: 0}));
    }

    /// @inheritdoc ISpotChecks
    function failDemand(Flex.EventKey calldata key, uint40 place) external {
        bytes32 eventId = Ids.eventIdOf(key);
        _requireSubmitted(eventId);
        Demand memory unmet = _requireDemanded(eventId, place);
        if (block.timestamp < unmet.until) revert Errors.SpotChecks_NotFailed(eventId);

        _reject(eventId, key.ruleId, Ruling({challenger: unmet.by, fault: Flex.Fault.DemandNotMet, place: place}));
        _refund(eventId, key.ruleId, unmet.by, place);
    }

    /// @inheritdoc ISpotChecks
    function refund(Flex.EventKey calldata key, uint40 place) external {
        bytes32 eventId = Ids.eventIdOf(key);
        Demand memory unmet = _requireDemanded(eventId, place);
        // No submission ends as measured while a demand is open.
        if (_checks[eventId].submittedAt != 0) revert Errors.SpotChecks_NotRejected(eventId);

        _refund(eventId, key.ruleId, unmet.by, place);
    }

    // ------------------------------------------------------------------ reading

    /// @inheritdoc ISpotChecks
    function check(bytes32 eventId) external view returns (Check memory) {
        return _checks[eventId];
    }

    /// @inheritdoc ISpotChecks
    function demandOf(bytes32 eventId, uint40 place) external view returns (Demand memory) {
        return _demands[eventId][place];
    }

    /// @inheritdoc ISpotChecks
    function pointsOf(Flex.Claim calldata claim, uint256 spotChecks, uint256 weightScale) public pure returns (uint256) {
        uint256[] memory ends = Draws.endsOf(claim, weightScale);
        return Draws.pointsOf(ends[ends.length - 1], spotChecks);
    }

    /// @inheritdoc ISpotChecks
    function pointAt(
        Flex.Claim calldata claim,
        uint96 seed,
        uint256 number,
        uint256 points,
        uint256 weightScale
    ) external pure returns (uint256 column, uint256 at) {
        return Draws.pointAt(Draws.endsOf(claim, weightScale), seed, number, points, weightScale);
    }

    function _pointsOf(Flex.Claim calldata claim, Flex.MeasuringTerms memory terms) private pure returns (uint256) {
        return pointsOf(claim, terms.spotChecks, Draws.weightScaleOf(terms, claim.columns.length));
    }
}
