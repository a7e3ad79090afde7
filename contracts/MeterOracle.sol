// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {IDeviceRegistry} from "../interfaces/IDeviceRegistry.sol";
import {IMeterOracle} from "../interfaces/IMeterOracle.sol";
import {Errors} from "./libraries/Errors.sol";
import {MeterRecords} from "./libraries/MeterRecords.sol";
import {Revisions} from "./libraries/Revisions.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {SignerWord} from "./libraries/SignerWord.sol";
import {Flex} from "./types/Flex.sol";

/// @title Batches of signed meter records, verified, and when they came
contract MeterOracle is IMeterOracle, EIP712 {
    using MeterRecords for uint256;
    using Revisions for Revisions.Slots;
    using SignerWord for uint256;

    /// @dev What the records of a batch, or of a question, share while they are checked.
    struct Batch {
        bytes32 domain; // EIP-712 separator
        uint256 scheme;
        uint256 gridId; // of the grid below; 0: none read yet. Neighbours mostly lie on one grid
        uint256 shape; // period and number of readings as a head has them
        uint256 slotSeconds;
        uint256 offsetSeconds;
        uint256 word; // of who signed in `[from, until)`, where records are of one metering point and not of now
        uint256 from;
        uint256 until; // 0: none read yet
    }

    /// @dev What `judge` keeps from one record to the next, beside what is in its batch.
    struct Session {
        Batch batch;
        uint256 number; // of the root below, or NO_ROOT
        uint256 at; // when it came
        uint256 attestedAt;
        uint256 alike; // head of the last record that stood and was looked at closely, if it is of the word and grid in the batch; else 0
        uint256 length; // of its signature
    }

    /// @dev When a root came, UTC seconds; zero: never. One slot.
    struct Kept {
        uint40 at; // in either way
        uint40 attestedAt;
        address anchoredBy; // if it came so first
    }

    /// @dev What is wrong with a record beside its signature, in the order of the checks.
    enum Fault {
        None,
        Malformed,
        Unregistered,
        Suspended,
        Unstated,
        OffGrid,
        NotYetOver,
        WrongScheme
    }

    uint256 private constant NO_ROOT = 256;
    // Metering point, period, number of readings and revision within a head.
    uint256 private constant ALIKE = (((1 << 128) - 1) << 128) | (((1 << 48) - 1) << 40);

    IDeviceRegistry public immutable devices;

    mapping(bytes32 root => Kept) private _kept;
    mapping(bytes16 meteringPoint => Revisions.Slots) private _revisions;

    constructor(address devices_) EIP712("Flexbond MeterOracle", "1") {
        if (devices_ == address(0)) revert Errors.Flexbond_ZeroAddress("devices");
        devices = IDeviceRegistry(devices_);
    }

    /// @inheritdoc IMeterOracle
    function attest(Flex.SignedRecord[] calldata records) external returns (bytes32 batchRoot) {
        uint256 count = records.length;
        bytes16[] memory points = new bytes16[](count);
        for (uint256 i = 0; i < count; i++) {
            points[i] = records[i].head.meteringPoint();
        }
        uint256[] memory words = devices.signers(points);

        Batch memory batch = _newBatch(uint256(Flex.SignerScheme.Secp256k1));
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) {
            Flex.SignedRecord calldata record = records[i];
            uint256 head = record.head;
            uint256 word = words[i];
            _check(i, head, word, batch);
            leaves[i] = _requireSigned(i, record, word.signer(), batch.domain);
            if (head.revision() != 0) _revise(head);
        }
        batchRoot = _keep(leaves);
    }

    /// @inheritdoc IMeterOracle
    function attestP256(Flex.P256Record[] calldata records) external returns (bytes32 batchRoot) {
        uint256 count = records.length;
        bytes16[] memory points = new bytes16[](count);
        for (uint256 i = 0; i < count; i++) {
            points[i] = records[i].head.meteringPoint();
        }
        uint256[] memory words = devices.signers(points);

        Batch memory batch = _newBatch(uint256(Flex.SignerScheme.P256));
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) {
            Flex.P256Record calldata record = records[i];
            uint256 head = record.head;
            uint256 word = words[i];
            _check(i, head, word, batch);
            leaves[i] = _requireSignedP256(i, record, word.signer(), batch.domain);
            if (head.revision() != 0) _revise(head);
        }
        batchRoot = _keep(leaves);
    }

    /// @inheritdoc IMeterOracle
    function anchor(bytes32 root) external {
        if (root == 0) revert Errors.MeterOracle_EmptyBatch(0);
        Kept storage kept = _kept[root];
        if (kept.at != 0) return;
        kept.at = uint40(block.timestamp);
        kept.anchoredBy = msg.sender;
        emit RecordsAnchored(root, msg.sender);
    }

    /// @inheritdoc IMeterOracle
    function reportEquivocation(Flex.SignedRecord calldata a, Flex.SignedRecord calldata b) external {
        Batch memory batch = _newBatch(uint256(Flex.SignerScheme.Secp256k1));
        address signer = _requireContradiction(a.head, b.head, a.commitment, b.commitment, batch);
        _requireSigned(0, a, signer, batch.domain);
        _requireSigned(1, b, signer, batch.domain);
        _equivocated(a.head);
    }

    /// @inheritdoc IMeterOracle
    function reportEquivocationP256(Flex.P256Record calldata a, Flex.P256Record calldata b) external {
        Batch memory batch = _newBatch(uint256(Flex.SignerScheme.P256));
        address signer = _requireContradiction(a.head, b.head, a.commitment, b.commitment, batch);
        _requireSignedP256(0, a, signer, batch.domain);
        _requireSignedP256(1, b, signer, batch.domain);
        _equivocated(a.head);
    }

    /// @inheritdoc IMeterOracle
    function standing(bytes32 root) external view returns (uint40 at, uint40 attestedAt, address anchoredBy) {
        Kept storage kept = _kept[root];
        return (kept.at, kept.attestedAt, kept.anchoredBy);
    }

    /// @inheritdoc IMeterOracle
    function recordStanding(uint256 head, bytes32 commitment, bytes calldata signature, uint40 at) external view returns (Flex.Silence) {
        if (!head.isWellFormed()) return Flex.Silence.BadOpening;
        Batch memory batch = _newBatch(0);
        Flex.Silence silence = _unsigned(head, signature.length, at, batch);
        return silence == Flex.Silence.Ok ? _signed(MeterRecords.structHash(head, commitment), signature, batch) : silence;
    }

    /// @inheritdoc IMeterOracle
    function judge(Inquiry calldata inquiry) external view returns (uint256[] memory words) {
        bytes calldata records = inquiry.records;
        words = new uint256[](records.length / MeterRecords.LEAST_TOLD);
        Session memory session;
        session.batch = _newBatch(0);
        session.number = NO_ROOT;
        Revisions.Slots storage revisions = _revisions[inquiry.meteringPoint];
        (uint256 first, uint256 end) = (revisions.first, revisions.end);
        uint256 count = 0;
        uint256 at = 0;
        unchecked {
            while (at + MeterRecords.LEAST_TOLD <= records.length) {
                (uint256 head, bytes32 leaf, bytes calldata signature) = MeterRecords.toldAt(records, at);
                at += MeterRecords.LEAST_TOLD + signature.length;
                uint256 word = _judged(head, leaf, signature, inquiry, session);
                uint256 start = head.slotStart();
                if (start >= first && start < end) word |= _revised(revisions, uint40(start), inquiry);
                words[count++] = word;
            }
        }
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(words, count)
        }
    }

    /// @inheritdoc IMeterOracle
    function revisionBefore(bytes16 meteringPoint, uint40 slotStart, uint40 before) external view returns (uint16) {
        return _revisions[meteringPoint].before(slotStart, before);
    }

    /// @inheritdoc IMeterOracle
    function recordDigest(uint256 head, bytes32 commitment) external view returns (bytes32) {
        return _hashTypedDataV4(MeterRecords.structHash(head, commitment));
    }

    function _newBatch(uint256 scheme) private view returns (Batch memory batch) {
        batch.domain = _domainSeparatorV4();
        batch.scheme = scheme;
    }

    /// @dev A record's silence and, above it, when it came.
    function _judged(
        uint256 head,
        bytes32 leaf,
        bytes calldata signature,
        Inquiry calldata inquiry,
        Session memory session
    ) private view returns (uint256) {
        if (head >> 128 != uint128(inquiry.meteringPoint)) return uint256(Flex.Silence.WrongPoint);
        uint256 number = uint8(head >> 8);
        if (number != session.number && !_readRoot(number, inquiry.roots, session)) return uint256(Flex.Silence.NotAttested);
        uint256 at = session.at;
        if (at == 0) return uint256(Flex.Silence.NotAttested);
        // Verified when the root was attested, against what stood then: it did not come before.
        if (uint8(head >> 16) == 0 && session.attestedAt != 0) return session.attestedAt << 8;
        Batch memory batch = session.batch;
        if (signature.length != session.length || !_isAlike(head, at, session, batch)) {
            Flex.Silence silence = _unsigned(head.bare(), signature.length, at, batch);
            session.alike = silence == Flex.Silence.Ok ? head : 0;
            session.length = signature.length;
            if (silence != Flex.Silence.Ok) return (at << 8) | uint256(silence);
        }
        return (at << 8) | uint256(_signed(leaf, signature, batch));
    }

    /// @dev Whether a record would stand but for its signature, as one before it did: most differ in their slot only.
    function _isAlike(uint256 head, uint256 at, Session memory session, Batch memory batch) private pure returns (bool) {
        if ((head ^ session.alike) & ALIKE != 0 || at < batch.from || at >= batch.until) return false;
        uint256 word = batch.word;
        uint256 start = head.slotStart();
        unchecked {
            uint256 end = start + batch.slotSeconds;
            if (end > at || end > word.validUntil() || start < word.validFrom() || start < batch.offsetSeconds) return false;
            return (start - batch.offsetSeconds) % batch.slotSeconds == 0;
        }
    }

    /// @dev When a root came; false if there is none of that number.
    function _readRoot(uint256 number, bytes32[] calldata roots, Session memory session) private view returns (bool) {
        if (number >= roots.length) return false;
        Kept memory kept = _kept[roots[number]];
        session.number = number;
        session.at = kept.at;
        session.attestedAt = kept.attestedAt;
        return true;
    }

    /// @dev The highest revisions of a slot that may have been revised, where they stand in the answer.
    function _revised(Revisions.Slots storage revisions, uint40 start, Inquiry calldata inquiry) private view returns (uint256) {
        uint256 beforeNotice = revisions.before(start, inquiry.firstNotice);
        return (beforeNotice << 48) | (uint256(revisions.before(start, inquiry.deadline)) << 64);
    }

    /// @dev Whether a well-formed record counts whose root was only anchored, at `at`, its signature apart.
    function _unsigned(uint256 head, uint256 length, uint256 at, Batch memory batch) private view returns (Flex.Silence) {
        if (head.revision() != 0) return Flex.Silence.NotAttested;
        if (at < batch.from || at >= batch.until) {
            (batch.word, batch.from, batch.until) = devices.signerWordAt(head.meteringPoint(), uint40(at));
            batch.scheme = batch.word.scheme();
        }
        Fault fault = _fault(head, batch.word, at, batch);
        if (fault != Fault.None) {
            if (fault == Fault.OffGrid) return Flex.Silence.OffGrid;
            return fault == Fault.NotYetOver ? Flex.Silence.TooEarly : Flex.Silence.Unstated;
        }
        bool isP256 = batch.scheme == uint256(Flex.SignerScheme.P256);
        return length == (isP256 ? Signatures.P256_BYTES : Signatures.SECP256K1_BYTES) ? Flex.Silence.Ok : Flex.Silence.BadOpening;
    }

    /// @dev Whether such a record was signed by who had to.
    function _signed(bytes32 leaf, bytes calldata signature, Batch memory batch) private view returns (Flex.Silence) {
        bytes32 digest = MessageHashUtils.toTypedDataHash(batch.domain, leaf);
        return Signatures.signerOf(digest, signature) == batch.word.signer() ? Flex.Silence.Ok : Flex.Silence.WrongSigner;
    }

    /// @dev All that can be said of a record of a batch without its signature.
    function _check(uint256 index, uint256 head, uint256 word, Batch memory batch) private view {
        Fault fault = _fault(head, word, block.timestamp, batch);
        if (fault != Fault.None) _refuse(fault, index, head);
    }

    /// @dev What is wrong with a record that comes at `time`, if its metering point's signer is that of `word`.
    function _fault(uint256 head, uint256 word, uint256 time, Batch memory batch) private view returns (Fault) {
        if (!head.isWellFormed()) return Fault.Malformed;
        uint256 scheme = word.scheme();
        if (scheme == uint256(Flex.SignerScheme.None)) return word == 0 ? Fault.Unregistered : Fault.Unstated;
        if (scheme == uint256(Flex.SignerScheme.Suspended)) return Fault.Suspended;
        uint256 start = head.slotStart();
        uint256 end = head.slotEnd();
        if (start < word.validFrom() || end > word.validUntil()) return Fault.Unstated;
        if (batch.gridId != word.gridId()) _readGrid(word.gridId(), batch);
        unchecked {
            // A slot is never empty.
            if (head.shape() != batch.shape || start < batch.offsetSeconds || (start - batch.offsetSeconds) % batch.slotSeconds != 0)
                return Fault.OffGrid;
        }
        if (end > time) return Fault.NotYetOver;
        return scheme == batch.scheme ? Fault.None : Fault.WrongScheme;
    }

    function _refuse(Fault fault, uint256 index, uint256 head) private view {
        bytes16 point = head.meteringPoint();
        if (fault == Fault.Malformed) revert Errors.MeterOracle_Malformed(index, head);
        if (fault == Fault.Unregistered) revert Errors.MeterOracle_Unregistered(index, point);
        if (fault == Fault.Suspended) revert Errors.MeterOracle_Suspended(index, point);
        if (fault == Fault.Unstated) revert Errors.MeterOracle_Unstated(index, point, head.slotStart());
        if (fault == Fault.OffGrid) revert Errors.MeterOracle_OffGrid(index, point, head.slotStart());
        if (fault == Fault.NotYetOver) revert Errors.MeterOracle_NotYetOver(index, head.slotEnd(), block.timestamp);
        revert Errors.MeterOracle_WrongScheme(index, point);
    }

    function _readGrid(uint256 gridId, Batch memory batch) private view {
        Flex.Grid memory grid = devices.grid(uint8(gridId));
        batch.gridId = gridId;
        batch.shape = MeterRecords.pack(0, 0, grid.periodSeconds, grid.readingsPerSlot, 0).shape();
        batch.slotSeconds = uint256(grid.periodSeconds) * grid.readingsPerSlot;
        batch.offsetSeconds = grid.offsetSeconds;
    }

    /// @return structHash the record's leaf
    function _requireSigned(
        uint256 index,
        Flex.SignedRecord calldata record,
        address signer,
        bytes32 domain
    ) private pure returns (bytes32 structHash) {
        structHash = MeterRecords.structHash(record.head, record.commitment);
        bytes32 digest = MessageHashUtils.toTypedDataHash(domain, structHash);
        (address recovered, , ) = ECDSA.tryRecover(digest, record.r, record.vs);
        if (recovered != signer) {
            revert Errors.MeterOracle_WrongSigner(index, record.head.meteringPoint(), recovered);
        }
    }

    /// @return structHash the record's leaf
    function _requireSignedP256(
        uint256 index,
        Flex.P256Record calldata record,
        address signer,
        bytes32 domain
    ) private view returns (bytes32 structHash) {
        structHash = MeterRecords.structHash(record.head, record.commitment);
        bytes32 digest = MessageHashUtils.toTypedDataHash(domain, structHash);
        address recovered = Signatures.recoverP256(digest, record.r, record.s, record.x, record.y);
        if (recovered != signer) {
            revert Errors.MeterOracle_WrongSigner(index, record.head.meteringPoint(), recovered);
        }
    }

    /// @dev Both records count as for `attest`, except that voiding a statement does not hide what was signed under it.
    function _requireContradiction(
        uint256 headA,
        uint256 headB,
        bytes32 commitmentA,
        bytes32 commitmentB,
        Batch memory batch
    ) private view returns (address) {
        bytes16[] memory points = new bytes16[](1);
        points[0] = headA.meteringPoint();
        if (headA != headB || commitmentA == commitmentB) revert Errors.MeterOracle_NoEquivocation(points[0]);
        uint256 word = devices.signers(points)[0];
        if (word != 0 && word.scheme() == uint256(Flex.SignerScheme.None)) {
            word = word.withScheme(Flex.SignerScheme(batch.scheme));
        }
        _check(0, headA, word, batch);
        return word.signer();
    }

    function _equivocated(uint256 head) private {
        bytes16 point = head.meteringPoint();
        emit Equivocated(point, head.slotStart(), head.revision());
        devices.suspend(point);
    }

    function _revise(uint256 head) private {
        bytes16 point = head.meteringPoint();
        uint40 start = head.slotStart();
        uint16 revision = head.revision();
        if (!_revisions[point].note(start, revision)) return;
        emit RecordRevised(point, start, revision);
    }

    /// @dev Keeps the root of a batch with the time it was first attested.
    function _keep(bytes32[] memory leaves) private returns (bytes32 batchRoot) {
        uint256 count = leaves.length;
        if (count == 0) revert Errors.MeterOracle_EmptyBatch(count);
        batchRoot = MeterRecords.rootOf(leaves);
        Kept memory kept = _kept[batchRoot];
        if (kept.attestedAt != 0) return batchRoot;
        kept.attestedAt = uint40(block.timestamp);
        if (kept.at == 0) kept.at = kept.attestedAt;
        _kept[batchRoot] = kept;
        emit RecordsAttested(batchRoot, msg.sender, count);
    }
}
