// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {MeterRecords} from "../libraries/MeterRecords.sol";
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

    function commitmentOf(bytes32[] calldata blocks) external pure returns (bytes32) {
        return MeterRecords.commitmentOf(blocks);
    }

    function open(
        uint256 head,
        bytes32[] calldata blocks,
        bytes calldata opened
    ) external pure returns (bool ok, uint256 shown, uint256 estimated, int256[] memory milliWh) {
        return MeterRecords.open(head, blocks, opened);
    }

    function packSigner(Flex.SignerState calldata state) external pure returns (uint256) {
        return SignerWord.pack(state);
    }

    function unpackSigner(uint256 word) external pure returns (Flex.SignerState memory) {
        return SignerWord.unpack(word);
    }
}
