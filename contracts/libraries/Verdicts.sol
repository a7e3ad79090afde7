// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IDeliveryVerifier} from "../../interfaces/IDeliveryVerifier.sol";
import {ISpotChecks} from "../../interfaces/ISpotChecks.sol";
import {Flex} from "../types/Flex.sol";
import {Ids} from "./Ids.sol";

/// @title What the verifier says of devices, asked with what is shown of them as it lies in calldata
/// @dev To decode and encode a look-back and proofs costs thousands of gas each. They are forwarded instead, the proofs with all that follows
/// them: where the parts of a list or a struct are is counted from its own beginning, so that it means the same there. What lies before it
/// (an offset may be negative) does not come along; so the caller reads nothing of a list or a look-back itself, and `ofOne` refuses a
/// proof whose inclusions, or whose length of them, do. The verifier compares the look-back's hash and measures what arrives, whatever it is.
library Verdicts {
    /// @dev Where the three arguments of a question are.
    uint256 private constant ARGUMENTS_BYTES = 96;
    /// @dev An IDeliveryVerifier.Occasion without its look-back: 15 words of terms, 6 of the key, 4 more.
    uint256 private constant OCCASION_BYTES = 800;
    /// @dev Of a list of one proof, before it: how many there are, and where it is.
    uint256 private constant BEFORE_ONE = 64;

    /// @notice Verdicts on devices at these places.
    function ofList(
        IDeliveryVerifier verifier,
        ISpotChecks.Context calldata context,
        Flex.MeasuringTerms memory terms,
        Flex.EventState memory state,
        uint40[] memory places,
        Flex.DeviceProof[] calldata proofs
    ) internal view returns (IDeliveryVerifier.Verdict[] memory) {
        bytes memory question = _questionOf(context, terms, state, places.length);
        uint256 from;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            // how many there are comes before the first
            from := sub(proofs.offset, 32)
        }
        return _ask(verifier, question, context.lookback, places, from, 0);
    }

    /// @notice The verdict on one device. Where the caller reads the proof's inclusions too, it reads what the verifier does.
    function ofOne(
        IDeliveryVerifier verifier,
        ISpotChecks.Context calldata context,
        Flex.MeasuringTerms memory terms,
        Flex.EventState memory state,
        uint40 place,
        Flex.DeviceProof calldata proof
    ) internal view returns (IDeliveryVerifier.Verdict memory) {
        uint40[] memory places = new uint40[](1);
        places[0] = place;
        bytes memory question = _questionOf(context, terms, state, 1);
        bytes calldata inclusions = proof.inclusions;
        uint256 from;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            from := proof
            // Their length comes before them; before the call's beginning, offsets are negative. No reason is given, as for all that is
            // no encoding.
            if slt(inclusions.offset, add(from, 32)) {
                revert(0, 0)
            }
        }
        return _ask(verifier, question, context.lookback, places, from, BEFORE_ONE)[0];
    }

    /// @dev How a question begins: where its arguments are, then the occasion, of which all but the look-back lies in a row. That comes next,
    /// then the places, then the proofs.
    function _questionOf(
        ISpotChecks.Context calldata context,
        Flex.MeasuringTerms memory terms,
        Flex.EventState memory state,
        uint256 places
    ) private pure returns (bytes memory) {
        uint256 placesAt = ARGUMENTS_BYTES + OCCASION_BYTES + Ids.lookbackBytes(context.lookback);
        return
            abi.encodeWithSelector(
                IDeliveryVerifier.check.selector,
                ARGUMENTS_BYTES,
                placesAt,
                placesAt + 32 * (places + 1),
                terms,
                context.key,
                state.firstNotice,
                state.orderedMask,
                OCCASION_BYTES,
                context.callsFrom
            );
    }

    /// @dev Completes a question, behind which there is nothing in memory, and asks it. The answer has a verdict for each place, whose words are
    /// taken as they are: it is the suite's.
    /// @param from where the list of proofs begins, or the only one
    /// @param ahead bytes before it: BEFORE_ONE, or none
    function _ask(
        IDeliveryVerifier verifier,
        bytes memory question,
        Flex.Lookback calldata lookback,
        uint40[] memory places,
        uint256 from,
        uint256 ahead
    ) private view returns (IDeliveryVerifier.Verdict[] memory verdicts) {
        uint256 lookbackBytes = Ids.lookbackBytes(lookback);
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let start := add(question, 32)
            let to := add(start, mload(question))
            calldatacopy(to, lookback, lookbackBytes)
            to := add(to, lookbackBytes)
            let count := mload(places)
            let across := sub(to, places)
            for {
                let end := add(to, shl(5, add(count, 1)))
            } lt(to, end) {
                to := add(to, 32)
            } {
                mstore(to, mload(sub(to, across)))
            }
            // before one; a list overwrites them
            mstore(to, 1)
            mstore(add(to, 32), 32)
            to := add(to, ahead)
            let size := sub(calldatasize(), from)
            calldatacopy(to, from, size)
            if iszero(staticcall(gas(), verifier, start, sub(add(to, size), start), 0, 0)) {
                returndatacopy(start, 0, returndatasize())
                revert(start, returndatasize())
            }
            // behind where it is and how many there are, four words each
            verdicts := mload(0x40)
            mstore(verdicts, count)
            let at := add(verdicts, shl(5, add(count, 1)))
            returndatacopy(at, 64, shl(7, count))
            mstore(0x40, add(at, shl(7, count)))
            for {
                to := verdicts
            } count {
                count := sub(count, 1)
            } {
                to := add(to, 32)
                mstore(to, at)
                at := add(at, 128)
            }
        }
    }
}
