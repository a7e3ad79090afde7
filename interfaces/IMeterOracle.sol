// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../contracts/types/Flex.sol";

/// @title Batches of signed meter records, verified, and when they came
/// @notice A record counts only if the signer stated for its metering point, over its whole slot, signed it, and it came in time. An
/// ordinary record leaves no state of its own; a revision leaves one mark, so that a superseded record can be told.
/// EIP-712: `MeterRecord(bytes16 meteringPoint,uint40 slotStart,uint24 periodSeconds,uint8 readings,uint16 revision,bytes32 commitment)`.
interface IMeterOracle {
    event RecordsAttested(bytes32 indexed batchRoot, address indexed sender, uint256 records);
    event RecordRevised(bytes16 indexed meteringPoint, uint40 indexed slotStart, uint16 revision);
    event Equivocated(bytes16 indexed meteringPoint, uint40 indexed slotStart, uint16 revision);

    /// @notice Verifies records signed with secp256k1 and keeps one root for the batch. Anyone may bring them; bringing a batch again
    /// changes nothing.
    /// @dev The errors name the record's place: MeterOracle_EmptyBatch, _Malformed (bits set beyond the head's fields), _Unregistered,
    /// _Suspended, _Unstated (not valid over the whole slot), _OffGrid, _NotYetOver (a slot that has not ended), _WrongScheme, _WrongSigner.
    /// @return batchRoot sorted-pair Merkle root over the records' EIP-712 struct hashes, in order, odd nodes carried up
    function attest(Flex.SignedRecord[] calldata records) external returns (bytes32 batchRoot);

    /// @notice The same for records signed with P-256, by the precompile at 0x100 where there is one.
    function attestP256(Flex.P256Record[] calldata records) external returns (bytes32 batchRoot);

    /// @notice Two different records of one slot and revision, both validly signed: suspends the device. By anyone.
    /// @dev Errors: MeterOracle_NoEquivocation, and those of attest.
    function reportEquivocation(Flex.SignedRecord calldata a, Flex.SignedRecord calldata b) external;

    /// @notice The same for P-256.
    function reportEquivocationP256(Flex.P256Record calldata a, Flex.P256Record calldata b) external;

    /// @notice When the batch was first attested, UTC seconds; 0: never.
    function attestedAt(bytes32 batchRoot) external view returns (uint40);

    /// @notice Highest revision of the slot attested before `before`; 0 if none was revised.
    function revisionBefore(bytes16 meteringPoint, uint40 slotStart, uint40 before) external view returns (uint16);

    /// @notice EIP-712 digest that a device signs.
    function recordDigest(uint256 head, bytes32 commitment) external view returns (bytes32);
}
