// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../contracts/types/Flex.sol";

/// @title Signed meter records, and when they came
/// @notice A record counts only if the signer stated for its metering point, over its whole slot, signed it, and it came in time. It comes
/// in one of two ways. Attested: every record of a batch is verified, and one root is kept. Anchored: a root is kept of records that nobody
/// has seen; each is verified when it is shown, against what stood when the root came. An ordinary record leaves no state of its own; a
/// revision leaves one mark, so that a superseded record can be told, and therefore comes by attestation only.
/// EIP-712: `MeterRecord(bytes16 meteringPoint,uint40 slotStart,uint24 periodSeconds,uint8 readings,uint16 revision,bytes32 commitment)`.
interface IMeterOracle {
    event RecordsAttested(bytes32 indexed batchRoot, address indexed sender, uint256 records);
    event RecordsAnchored(bytes32 indexed root, address indexed sender);
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

    /// @notice Keeps the root of a tree of records, of any depth, unseen. By anyone; the first time counts. A leaf is a record's EIP-712 struct
    /// hash or a history leaf (library MeterRecords); neighbours are hashed as in a batch.
    /// @dev Errors: MeterOracle_EmptyBatch(0) for the root zero.
    function anchor(bytes32 root) external;

    /// @notice Two different records of one slot and revision, both validly signed: suspends the device. By anyone.
    /// @dev Errors: MeterOracle_NoEquivocation, and those of attest.
    function reportEquivocation(Flex.SignedRecord calldata a, Flex.SignedRecord calldata b) external;

    /// @notice The same for P-256.
    function reportEquivocationP256(Flex.P256Record calldata a, Flex.P256Record calldata b) external;

    /// @notice When a root came.
    /// @return at when it was first attested or anchored, UTC seconds; 0: never
    /// @return attestedAt when it was first attested, so that every record under it is verified; 0: never
    /// @return anchoredBy who first anchored it, if that was before it was attested
    function standing(bytes32 root) external view returns (uint40 at, uint40 attestedAt, address anchoredBy);

    /// @notice Whether a record counts whose root was only anchored, at `at`: the signer of that moment signed it, and its slot was over.
    /// Never reverts.
    /// @param signature secp256k1: r, vs (64 bytes); P-256: r, s, x, y (128 bytes)
    /// @return Ok, or the first that applies: BadOpening (bits set beyond the head's fields), NotAttested (a revision), Unstated (no signer in
    /// force at `at`, or not over the whole slot), OffGrid, TooEarly (the slot ended after `at`), BadOpening (a signature of another length
    /// than the signer's scheme has), WrongSigner
    function recordStanding(uint256 head, bytes32 commitment, bytes calldata signature, uint40 at) external view returns (Flex.Silence);

    /// @notice Records of one metering point.
    struct Inquiry {
        bytes16 meteringPoint;
        uint40 firstNotice;
        uint40 deadline;
        bytes32[] roots; // that the records are under
        // One after the other, of each: its head (32), with, in bits that a record leaves zero, which of the roots it is under (15..8) and how
        // many words its signature has (23..16); its EIP-712 struct hash (32), which the caller has found under its root; its signature. One
        // of which the hash is cut off is not there.
        bytes records;
    }

    /// @notice What there is to say of records. Never reverts for what they hold. Shown without signature, a record counts from when its root
    /// was attested. Shown with one, it counts as anchored, from when its root first came in either way: an attestation that comes after an
    /// anchor verified it against what stood later, and says nothing of the time before.
    /// @return words per record: bits 7..0 the Flex.Silence: Ok, WrongPoint, NotAttested (no such root, or it never came), or one of
    /// recordStanding; 47..8 when it came, UTC seconds; 63..48 and 79..64 the highest revision of its slot attested before `firstNotice`,
    /// and before `deadline`
    function judge(Inquiry calldata inquiry) external view returns (uint256[] memory words);

    /// @notice Highest revision of the slot attested before `before`; 0 if none was revised.
    function revisionBefore(bytes16 meteringPoint, uint40 slotStart, uint40 before) external view returns (uint16);

    /// @notice EIP-712 digest that a device signs.
    function recordDigest(uint256 head, bytes32 commitment) external view returns (bytes32);
}
