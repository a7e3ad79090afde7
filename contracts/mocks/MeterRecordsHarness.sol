// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Blocks} from "../libraries/Blocks.sol";
import {MeterRecords} from "../libraries/MeterRecords.sol";
import {Openings} from "../libraries/Openings.sol";
import {SignerWord} from "../libraries/SignerWord.sol";
import {Flex} from "../types/Flex.sol";

/// @title The libraries of records and signers behind functions, for tests
contract MeterRecordsHarness {
    function pack(
        bytes16 meteringPoint,
        uint40 slotStart,
        uint24 periodSeconds,
        uint8 readings,
        uint16 revision
    ) external pure returns (uint256) {
        return MeterRecords.pack(meteringPoint, slotStart, periodSeconds, readings, revision);
    }

    function unpack(
        uint256 head
    )
        external
        pure
        returns (
            bytes16 meteringPoint,
            uint40 slotStart,
            uint256 slotEnd,
            uint24 periodSeconds,
            uint8 readings,
            uint16 revision,
            bool isWellFormed
        )
    {
        meteringPoint = MeterRecords.meteringPoint(head);
        slotStart = MeterRecords.slotStart(head);
        slotEnd = MeterRecords.slotEnd(head);
        periodSeconds = MeterRecords.periodSeconds(head);
        readings = MeterRecords.readings(head);
        revision = MeterRecords.revision(head);
        isWellFormed = MeterRecords.isWellFormed(head);
    }

    function structHash(uint256 head, bytes32 commitment) external pure returns (bytes32) {
        return MeterRecords.structHash(head, commitment);
    }

    function underOf(bytes calldata inclusions) external pure returns (bytes32[] memory) {
        return Openings.underOf(inclusions).roots;
    }

    function recordsOf(
        Flex.DeviceProof calldata proof,
        bytes16 point
    ) external pure returns (Flex.Silence silence, uint256[] memory begins, bytes memory shown) {
        Openings.Records memory found = Openings.recordsOf(proof, Openings.underOf(proof.inclusions), point);
        return (found.silence, found.begins, found.shown);
    }

    /// @param blocks of one record, as it is shown
    function shownOf(
        uint256 head,
        bytes calldata blocks
    ) external pure returns (uint256 shown, uint256 estimated, uint256 first, uint256 end) {
        return Blocks.shownOf(head, blocks, 0);
    }

    function readInto(
        uint256 head,
        bytes calldata blocks,
        uint256 place,
        uint256 count,
        uint256 limit
    ) external pure returns (int256[] memory milliWh, int256 energy, bool beyond, bool isEstimated) {
        uint256 estimated;
        milliWh = new int256[](count);
        (energy, beyond, estimated) = Blocks.readInto(milliWh, head, blocks, 0, place, limit);
        isEstimated = estimated != 0;
    }

    function readingAt(uint256 head, bytes calldata blocks, uint256 place) external pure returns (int256) {
        return Blocks.readingAt(head, blocks, 0, place);
    }

    function historyLeaf(bytes calldata hashes) external pure returns (bytes32) {
        return MeterRecords.historyLeaf(hashes);
    }

    function signerWord(Flex.Statement calldata statement) external pure returns (uint256) {
        return SignerWord.pack(statement);
    }

    function unpackSigner(uint256 word) external pure returns (Flex.SignerState memory) {
        return SignerWord.unpack(word);
    }
}
