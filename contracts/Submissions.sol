// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ICollateralEscrow} from "../interfaces/ICollateralEscrow.sol";
import {IDeliveryVerifier} from "../interfaces/IDeliveryVerifier.sol";
import {IDeviceRegistry} from "../interfaces/IDeviceRegistry.sol";
import {IMeasurement} from "../interfaces/IMeasurement.sol";
import {IMeterOracle} from "../interfaces/IMeterOracle.sol";
import {IParticipantRegistry} from "../interfaces/IParticipantRegistry.sol";
import {IRulebook} from "../interfaces/IRulebook.sol";
import {ISpotChecks} from "../interfaces/ISpotChecks.sol";
import {Claims} from "./libraries/Claims.sol";
import {Draws} from "./libraries/Draws.sol";
import {Errors} from "./libraries/Errors.sol";
import {Ids} from "./libraries/Ids.sol";
import {Leaves} from "./libraries/Leaves.sol";
import {Openings} from "./libraries/Openings.sol";
import {PackedTerms} from "./libraries/PackedTerms.sol";
import {Rounding} from "./libraries/Rounding.sol";
import {SignerWord} from "./libraries/SignerWord.sol";
import {Verdicts} from "./libraries/Verdicts.sol";
import {Flex} from "./types/Flex.sol";

/// @title Submissions that are under way: what is known of them, what is asked of their devices, and how they are rejected
/// @dev Calls only contracts of the suite. None of them calls back, and none runs a token: money moves between balances of the escrow.
abstract contract Submissions is ISpotChecks {
    using Leaves for Flex.Leaf;
    using Rounding for uint256;
    using SignerWord for uint256;

    /// @dev A submission that is under way, with what is known of it.
    struct Case {
        bytes32 eventId;
        Check check;
        Flex.MeasuringTerms terms;
        Flex.EventState state;
    }

    /// @dev Why a submission is rejected, and who showed it; zero: nobody.
    struct Ruling {
        address challenger;
        Flex.Fault fault;
        uint40 place;
    }

    /// @dev For as many blocks the EVM knows the hash of one.
    uint256 internal constant KNOWN_BLOCKS = 256;
    uint256 private constant BPS = 10_000;

    IMeasurement public immutable measurement;
    IDeviceRegistry public immutable devices;
    IDeliveryVerifier public immutable verifier;
    IMeterOracle public immutable oracle;
    IParticipantRegistry public immutable participants;
    ICollateralEscrow public immutable escrow;
    IRulebook public immutable rulebook;
    address public immutable settlement;

    /// @dev Only of submissions that are neither final nor rejected.
    mapping(bytes32 eventId => Check) internal _checks;
    mapping(bytes32 eventId => mapping(uint40 place => Demand)) internal _demands;

    /// @inheritdoc ISpotChecks
    mapping(bytes32 eventId => uint96) public forBuyers;

    constructor(
        address measurement_,
        address devices_,
        address verifier_,
        address oracle_,
        address participants_,
        address escrow_,
        address rulebook_,
        address settlement_
    ) {
        if (measurement_ == address(0)) revert Errors.Flexbond_ZeroAddress("measurement");
        if (devices_ == address(0)) revert Errors.Flexbond_ZeroAddress("devices");
        if (verifier_ == address(0)) revert Errors.Flexbond_ZeroAddress("verifier");
        if (oracle_ == address(0)) revert Errors.Flexbond_ZeroAddress("oracle");
        if (participants_ == address(0)) revert Errors.Flexbond_ZeroAddress("participants");
        if (escrow_ == address(0)) revert Errors.Flexbond_ZeroAddress("escrow");
        if (rulebook_ == address(0)) revert Errors.Flexbond_ZeroAddress("rulebook");
        if (settlement_ == address(0)) revert Errors.Flexbond_ZeroAddress("settlement");
        measurement = IMeasurement(measurement_);
        devices = IDeviceRegistry(devices_);
        verifier = IDeliveryVerifier(verifier_);
        oracle = IMeterOracle(oracle_);
        participants = IParticipantRegistry(participants_);
        escrow = ICollateralEscrow(escrow_);
        rulebook = IRulebook(rulebook_);
        settlement = settlement_;
    }

    // ------------------------------------------------------------------ what is known

    function _requireSettlement() internal view {
        if (msg.sender != settlement) revert Errors.Flexbond_NotAllowed(msg.sender, settlement);
    }

    function _requireSubmitted(bytes32 eventId) internal view returns (Check memory stored) {
        stored = _checks[eventId];
        if (stored.submittedAt == 0) revert Errors.SpotChecks_NotSubmitted(eventId);
    }

    function _termsOf(Flex.EventKey calldata key) internal view returns (Flex.MeasuringTerms memory) {
        (uint256 fields, bytes32 extra) = rulebook.packedTerms(key.ruleId);
        return PackedTerms.unpack(fields, extra);
    }

    function _commitmentOf(bytes32 eventId) internal view returns (bytes32) {
        return measurement.commitment(eventId);
    }

    function _requireCommitted(bytes32 eventId, Flex.Claim calldata claim) internal view {
        bytes32 computed = Claims.commitmentOf(claim);
        if (computed != _commitmentOf(eventId)) revert Errors.SpotChecks_CommitmentDiffers(eventId, computed);
    }

    function _requireBefore(uint256 deadline) internal view {
        if (block.timestamp >= deadline) revert Errors.SpotChecks_TooLate(deadline, block.timestamp);
    }

    /// @dev A submission whose claim is shown.
    function _open(Flex.EventKey calldata key, Flex.Claim calldata claim) internal view returns (Case memory open) {
        open.eventId = Ids.eventIdOf(key);
        open.check = _requireSubmitted(open.eventId);
        _requireCommitted(open.eventId, claim);
        open.terms = _termsOf(key);
        open.state = measurement.eventState(open.eventId);
    }

    function _openToChallenge(Flex.EventKey calldata key, Flex.Claim calldata claim) internal view returns (Case memory open) {
        open = _open(key, claim);
        _requireBefore(uint256(open.check.submittedAt) + open.terms.challengeWindow);
    }

    function _requireIn(Case memory open, Flex.Claim calldata claim, Flex.Leaf calldata leaf) internal pure {
        if (!leaf.isIn(claim, open.state.leaves)) revert Errors.SpotChecks_NotInTree(leaf.place);
    }

    function _requireDemanded(bytes32 eventId, uint40 place) internal view returns (Demand storage demanded) {
        demanded = _demands[eventId][place];
        if (demanded.until == 0 || demanded.met) revert Errors.SpotChecks_NotDemanded(eventId, place);
    }

    // ------------------------------------------------------------------ what is drawn, and asked of devices

    /// @dev Draws the points of a submission; the caller keeps the check.
    function _draw(bytes32 eventId, Check memory stored) internal {
        uint256 drawBlock = stored.moment;
        if (block.number <= drawBlock) revert Errors.SpotChecks_TooEarlyToDraw(drawBlock, block.number);
        if (block.number > drawBlock + KNOWN_BLOCKS) revert Errors.SpotChecks_TooLateToDraw(drawBlock, block.number);
        bytes32 blockHash = blockhash(drawBlock);

        stored.seed = Draws.seedOf(blockHash, eventId);
        stored.moment = uint40(block.timestamp);
        stored.drawn = true;
        emit PointsDrawn(eventId, blockHash, stored.seed);
    }

    /// @dev What the verifier says of one device.
    function _verdict(
        Case memory open,
        Context calldata context,
        uint40 place,
        Flex.DeviceProof calldata proof
    ) internal view returns (IDeliveryVerifier.Verdict memory) {
        return Verdicts.ofOne(verifier, context, open.terms, open.state, place, proof);
    }

    /// @dev A leaf is true if its records, or none, give its entries.
    function _requireTrue(Flex.Leaf calldata leaf, IDeliveryVerifier.Verdict memory verdict) internal pure {
        bool isRefused = verdict.silence != Flex.Silence.Ok && verdict.hasRecords;
        if (isRefused || leaf.entriesHash() != verdict.entriesHash) {
            revert Errors.SpotChecks_EntriesDiffer(leaf.place, uint8(verdict.silence));
        }
    }

    /// @dev Takes the next points, in order, each leaf as many as it holds.
    function _takePoints(
        Case memory open,
        Flex.Claim calldata claim,
        Flex.Leaf[] calldata leaves
    ) internal pure returns (uint40[] memory places) {
        uint256 scale = Draws.weightScaleOf(open.terms, claim.columns.length);
        uint256[] memory ends = Draws.endsOf(claim, scale);
        uint256 points = Draws.pointsOf(ends[ends.length - 1], open.terms.spotChecks);
        uint96 seed = open.check.seed;
        uint256 next = open.check.points;
        uint256 column;
        uint256 at;
        if (next < points) (column, at) = Draws.pointAt(ends, seed, next, points, scale);
        places = new uint40[](leaves.length);
        for (uint256 i = 0; i < places.length; ++i) {
            Flex.Leaf calldata leaf = leaves[i];
            if (next == points) revert Errors.SpotChecks_AllProven(points);
            _requireIn(open, claim, leaf);
            if (!leaf.holds(column, at)) revert Errors.SpotChecks_PointElsewhere(next, column, at, leaf.place);
            places[i] = leaf.place;
            do {
                ++next;
                if (next < points) (column, at) = Draws.pointAt(ends, seed, next, points, scale);
            } while (next < points && leaf.holds(column, at));
        }
        open.check.points = uint24(next);
    }

    // ------------------------------------------------------------------ what is wrong

    /// @dev What a leaf shows against itself.
    function _faultOf(
        Case memory open,
        Flex.EventKey calldata key,
        Flex.Claim calldata claim,
        Flex.Leaf calldata leaf
    ) internal view returns (Flex.Fault) {
        if (leaf.place == 0 && leaf.startsWrong()) return Flex.Fault.WrongStart;
        if (leaf.place == uint256(open.state.leaves) - 1 && leaf.endsWrong(claim)) return Flex.Fault.WrongEnd;

        Flex.Entry memory entry = devices.entry(key.portfolioId, leaf.place);
        bool wasIn = entry.joinedAt < open.state.firstNotice && (entry.leftAt == 0 || entry.leftAt >= open.state.firstNotice);
        if (!wasIn) return leaf.isZero() ? Flex.Fault.None : Flex.Fault.NotSilent;
        uint256 suspendedAt = devices.suspendedAt(entry.meteringPoint);
        bool isSuspended = suspendedAt != 0 && suspendedAt < _readingDeadline(open, key);
        if (isSuspended || entry.kind < open.terms.minAssurance) {
            return leaf.isSilent(open.terms, entry) ? Flex.Fault.None : Flex.Fault.NotSilent;
        }
        return leaf.isPossible(open.terms, entry) ? Flex.Fault.None : Flex.Fault.OutOfRange;
    }

    /// @dev Whether the provider stands behind records: it anchored all that they are under. Not where their device was suspended or not
    /// stated at the reading deadline: a provider that showed it silent must not lose as a later statement ends the suspension.
    function _areOwn(
        Case memory open,
        Flex.EventKey calldata key,
        bytes16 meteringPoint,
        bytes calldata inclusions
    ) internal view returns (bool) {
        (uint256 word, , ) = devices.signerWordAt(meteringPoint, uint40(_readingDeadline(open, key) - 1));
        uint256 scheme = word.scheme();
        if (scheme == uint256(Flex.SignerScheme.None) || scheme == uint256(Flex.SignerScheme.Suspended)) return false;
        address provider = devices.providerOf(key.portfolioId);
        bytes32[] memory roots = Openings.underOf(inclusions).roots;
        for (uint256 i = 0; i < roots.length; ++i) {
            (, , address by) = oracle.standing(roots[i]);
            if (by == address(0) || !participants.mayAct(provider, by)) return false;
        }
        return roots.length != 0;
    }

    function _readingDeadline(Case memory open, Flex.EventKey calldata key) private pure returns (uint256) {
        return uint256(key.windowEnd) + open.terms.readingDeadline;
    }

    // ------------------------------------------------------------------ what follows

    /// @dev Has a leaf proven in time.
    function _demand(
        bytes32 ruleId,
        bytes32 eventId,
        Check memory stored,
        Flex.MeasuringTerms memory terms,
        address by,
        uint40 place
    ) internal {
        if (_demands[eventId][place].until != 0) revert Errors.SpotChecks_AlreadyDemanded(eventId, place);
        uint256 latest = uint256(stored.submittedAt) + terms.challengeWindow - terms.proofWindow;
        if (block.timestamp > latest) revert Errors.SpotChecks_TooLateToDemand(latest, block.timestamp);

        uint40 until = uint40(block.timestamp + terms.proofWindow);
        _demands[eventId][place] = Demand({by: by, until: until, met: false});
        ++stored.open;
        _keep(eventId, stored);
        Flex.Stakes memory stakes = rulebook.stakes(ruleId);
        emit LeafDemanded(eventId, place, by, until, stakes.demandFee);
        escrow.lock(stakes.currency, by, Flex.LockReason.Demand, _demandKey(eventId, place), stakes.demandFee);
    }

    /// @dev Gives the fee of an unmet demand back.
    function _refund(bytes32 eventId, bytes32 ruleId, address by, uint40 place) internal {
        Flex.Stakes memory stakes = rulebook.stakes(ruleId);
        delete _demands[eventId][place];
        emit DemandRefunded(eventId, place, by, stakes.demandFee);
        _payFee(eventId, stakes, place, by);
    }

    /// @dev Ends the event as never measured. The bond is the challenger's in part, if there is one, and waits for the buyers.
    function _reject(bytes32 eventId, bytes32 ruleId, Ruling memory ruling) internal {
        Flex.Stakes memory stakes = rulebook.stakes(ruleId);
        (, uint256 bond) = escrow.lockOf(keccak256(abi.encode(stakes.currency, Flex.LockReason.Bond, eventId)));
        uint256 reward = ruling.challenger == address(0) ? 0 : (bond * stakes.challengerShareBps).divDown(BPS);
        uint256 rest = bond - reward;

        delete _checks[eventId];
        forBuyers[eventId] = uint96(rest);
        emit SubmissionRejected(eventId, ruling.challenger, ruling.fault, ruling.place, reward, rest);
        measurement.reject(eventId);
        escrow.pay(stakes.currency, Flex.LockReason.Bond, eventId, ruling.challenger, reward);
    }

    function _payFee(bytes32 eventId, Flex.Stakes memory stakes, uint40 place, address to) internal {
        escrow.pay(stakes.currency, Flex.LockReason.Demand, _demandKey(eventId, place), to, stakes.demandFee);
    }

    function _keep(bytes32 eventId, Check memory stored) internal {
        _checks[eventId] = stored;
    }

    function _demandKey(bytes32 eventId, uint40 place) internal pure returns (bytes32) {
        return keccak256(abi.encode(eventId, place));
    }
}
