// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {IDeviceRegistry} from "../interfaces/IDeviceRegistry.sol";
import {IMeterOracle} from "../interfaces/IMeterOracle.sol";
import {Errors} from "./libraries/Errors.sol";
import {MeterRecords} from "./libraries/MeterRecords.sol";
import {SignerWord} from "./libraries/SignerWord.sol";
import {Flex} from "./types/Flex.sol";

/// @title Batches of signed meter records, verified, and when they came
contract MeterOracle is IMeterOracle, EIP712 {
    using Checkpoints for Checkpoints.Trace208;
    using MeterRecords for uint256;
    using SignerWord for uint256;

    /// @dev What the records of a batch share while it is checked.
    struct Batch {
        bytes32 domain; // EIP-712 separator
        uint256 scheme;
        uint256 gridId; // of the grid below; 0: none read yet. Neighbours mostly lie on one grid
        uint256 shape; // period and number of readings as a head has them
        uint256 slotSeconds;
        uint256 offsetSeconds;
    }

    IDeviceRegistry public immutable devices;

    mapping(bytes32 batchRoot => uint40 time) private _attestedAt;
    /// @dev Of slots that were revised, by time: the highest revision so far.
    mapping(bytes16 meteringPoint => mapping(uint40 slotStart => Checkpoints.Trace208)) private _revisions;

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

        Batch memory batch = _newBatch(Flex.SignerScheme.Secp256k1);
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

        Batch memory batch = _newBatch(Flex.SignerScheme.P256);
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
    function reportEquivocation(Flex.SignedRecord calldata a, Flex.SignedRecord calldata b) external {
        Batch memory batch = _newBatch(Flex.SignerScheme.Secp256k1);
        address signer = _requireContradiction(a.head, b.head, a.commitment, b.commitment, batch);
        _requireSigned(0, a, signer, batch.domain);
        _requireSigned(1, b, signer, batch.domain);
        _equivocated(a.head);
    }

    /// @inheritdoc IMeterOracle
    function reportEquivocationP256(Flex.P256Record calldata a, Flex.P256Record calldata b) external {
        Batch memory batch = _newBatch(Flex.SignerScheme.P256);
        address signer = _requireContradiction(a.head, b.head, a.commitment, b.commitment, batch);
        _requireSignedP256(0, a, signer, batch.domain);
        _requireSignedP256(1, b, signer, batch.domain);
        _equivocated(a.head);
    }

    /// @inheritdoc IMeterOracle
    function attestedAt(bytes32 batchRoot) external view returns (uint40) {
        return _attestedAt[batchRoot];
    }

    /// @inheritdoc IMeterOracle
    function revisionBefore(bytes16 meteringPoint, uint40 slotStart, uint40 before) external view returns (uint16) {
        if (before == 0) return 0;
        return uint16(_revisions[meteringPoint][slotStart].upperLookup(before - 1));
    }

    /// @inheritdoc IMeterOracle
    function recordDigest(uint256 head, bytes32 commitment) external view returns (bytes32) {
        return _hashTypedDataV4(MeterRecords.structHash(head, commitment));
    }

    function _newBatch(Flex.SignerScheme scheme) private view returns (Batch memory batch) {
        batch.domain = _domainSeparatorV4();
        batch.scheme = uint256(scheme);
    }

    /// @dev All that can be said of a record without its signature.
    function _check(uint256 index, uint256 head, uint256 word, Batch memory batch) private view {
        if (!head.isWellFormed()) revert Errors.MeterOracle_Malformed(index, head);
        if (word == 0) revert Errors.MeterOracle_Unregistered(index, head.meteringPoint());
        uint256 scheme = word.scheme();
        if (scheme == uint256(Flex.SignerScheme.Suspended)) {
            revert Errors.MeterOracle_Suspended(index, head.meteringPoint());
        }
        uint256 start = head.slotStart();
        uint256 end = head.slotEnd();
        if (scheme == uint256(Flex.SignerScheme.None) || start < word.validFrom() || end > word.validUntil()) {
            revert Errors.MeterOracle_Unstated(index, head.meteringPoint(), start);
        }
        if (batch.gridId != word.gridId()) _readGrid(word.gridId(), batch);
        if (head.shape() != batch.shape || start < batch.offsetSeconds || (start - batch.offsetSeconds) % batch.slotSeconds != 0)
            revert Errors.MeterOracle_OffGrid(index, head.meteringPoint(), start);
        if (end > block.timestamp) revert Errors.MeterOracle_NotYetOver(index, end, block.timestamp);
        if (scheme != batch.scheme) revert Errors.MeterOracle_WrongScheme(index, head.meteringPoint());
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
        // As with secp256k1, a signature that is not the shown key's recovers nobody.
        address recovered =
            P256.verify(digest, record.r, record.s, record.x, record.y)
                ? address(uint160(uint256(Hashes.efficientKeccak256(record.x, record.y))))
                : address(0);
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
        Checkpoints.Trace208 storage trace = _revisions[point][start];
        if (revision <= trace.latest()) return;
        trace.push(uint48(block.timestamp), revision);
        emit RecordRevised(point, start, revision);
    }

    /// @dev Keeps the root of a batch with the time it first came.
    function _keep(bytes32[] memory leaves) private returns (bytes32 batchRoot) {
        uint256 count = leaves.length;
        if (count == 0) revert Errors.MeterOracle_EmptyBatch(count);
        batchRoot = _rootOf(leaves);
        if (_attestedAt[batchRoot] != 0) return batchRoot;
        _attestedAt[batchRoot] = uint40(block.timestamp);
        emit RecordsAttested(batchRoot, msg.sender, count);
    }

    /// @dev Computes the tree in place of its leaves, level by level.
    function _rootOf(bytes32[] memory nodes) private pure returns (bytes32) {
        uint256 length = nodes.length;
        while (length > 1) {
            uint256 pairs = length >> 1;
            for (uint256 i = 0; i < pairs; i++) {
                unchecked {
                    // 2 * i + 1 < length
                    nodes[i] = Hashes.commutativeKeccak256(nodes[2 * i], nodes[2 * i + 1]);
                }
            }
            if (length & 1 == 1) nodes[pairs] = nodes[length - 1];
            length = (length + 1) >> 1;
        }
        return nodes[0];
    }
}
