// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IDeliveryVerifier} from "../interfaces/IDeliveryVerifier.sol";
import {IFlexibilityRights} from "../interfaces/IFlexibilityRights.sol";
import {IRulebook} from "../interfaces/IRulebook.sol";
import {Measuring} from "./Measuring.sol";
import {Errors} from "./libraries/Errors.sol";
import {Ids} from "./libraries/Ids.sol";
import {Leaves} from "./libraries/Leaves.sol";
import {PastDays} from "./libraries/PastDays.sol";
import {Flex} from "./types/Flex.sol";

/// @title What devices did in an event, with what the suite knows of each
contract DeliveryVerifier is Measuring, IDeliveryVerifier {
    IRulebook public immutable rulebook;
    IFlexibilityRights public immutable rights;

    constructor(address oracle_, address devices_, address rulebook_, address rights_) Measuring(oracle_, devices_) {
        if (rulebook_ == address(0)) revert Errors.Flexbond_ZeroAddress("rulebook");
        if (rights_ == address(0)) revert Errors.Flexbond_ZeroAddress("rights");
        rulebook = IRulebook(rulebook_);
        rights = IFlexibilityRights(rights_);
    }

    /// @inheritdoc IDeliveryVerifier
    function measureAll(
        Occasion calldata occasion,
        uint40[] calldata places,
        Flex.DeviceProof[] calldata proofs
    ) external view returns (Answer[] memory answers) {
        (Question memory question, PastDays.Common memory past) = _ask(occasion);
        answers = new Answer[](places.length);
        for (uint256 i = 0; i < answers.length; ++i) {
            answers[i] = _answerAt(occasion, question, past, places[i], proofs[i]);
        }
    }

    /// @inheritdoc IDeliveryVerifier
    function check(
        Occasion calldata occasion,
        uint40[] calldata places,
        Flex.DeviceProof[] calldata proofs
    ) external view returns (Verdict[] memory verdicts) {
        (Question memory question, PastDays.Common memory past) = _ask(occasion);
        verdicts = new Verdict[](places.length);
        uint256 free;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            free := mload(0x40)
        }
        for (uint256 i = 0; i < verdicts.length; ++i) {
            Answer memory answer = _answerAt(occasion, question, past, places[i], proofs[i]);
            Verdict memory verdict = verdicts[i];
            verdict.silence = answer.silence;
            verdict.hasRecords = proofs[i].records.length != 0;
            verdict.isComplete = answer.isComplete;
            verdict.entriesHash = Leaves.entriesHash(answer.columns, answer.weight);
            // Memory is given back: sixteen devices would pay four thousand gas each for what those before them left. The verdict was
            // made before, and all else that outlives the device is the calls in the question, which the next one to read any has anew.
            // solhint-disable-next-line no-inline-assembly
            assembly ("memory-safe") {
                mstore(0x40, free)
            }
        }
    }

    // ------------------------------------------------------------------ what is asked

    /// @dev What is the same for all devices.
    function _ask(Occasion calldata occasion) private view returns (Question memory question, PastDays.Common memory past) {
        question.key = occasion.key;
        question.firstNotice = occasion.firstNotice;
        question.orderedMask = occasion.orderedMask;
        if (occasion.terms.baseline != Flex.BaselineMethod.XOfY) return (question, past);
        bytes32 given = Ids.lookbackHash(occasion.lookback);
        bytes32 expected = occasion.terms.lookbackHash;
        if (given != expected) revert Errors.Measurement_LookbackDiffers(expected, given);
        past = PastDays.gather(question, occasion.lookback, occasion.callsFrom, rulebook, devices, rights);
    }

    /// @dev The answer of the device at a place.
    function _answerAt(
        Occasion calldata occasion,
        Question memory question,
        PastDays.Common memory past,
        uint40 place,
        Flex.DeviceProof calldata proof
    ) private view returns (Answer memory) {
        Flex.Entry memory entry = devices.entry(occasion.key.portfolioId, place);
        bool looksBack = occasion.terms.baseline == Flex.BaselineMethod.XOfY;
        // A silent device has no baseline: what it was called for elsewhere must not make its leaf dear.
        if (looksBack && proof.records.length != 0) question.calls = PastDays.callsOf(past, place, entry, proof.pastFrom);
        return _answer(occasion.terms, question, entry, proof);
    }
}
