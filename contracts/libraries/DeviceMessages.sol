// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";
import {Flex} from "../types/Flex.sol";

/// @title The EIP-712 messages of DeviceRegistry: struct hashes, and the proof of a device's key
library DeviceMessages {
    bytes32 internal constant STATEMENT_TYPEHASH = keccak256(
        "Statement(bytes16 meteringPoint,address customer,uint8 scheme,address signer,uint8 kind,uint48 capacityW,uint48 connectionW,uint8 gridId,uint40 validFrom,uint40 validUntil,uint32 sequence)"
    );

    bytes32 internal constant KEY_PROOF_TYPEHASH = keccak256("KeyProof(bytes16 meteringPoint,bytes32 statementHash)");

    bytes32 internal constant CONSENT_TYPEHASH = keccak256(
        "Consent(bytes16 meteringPoint,bytes32 portfolioId,address customer,address payee,uint16 customerShareBps,uint256 nonce,uint40 deadline)"
    );

    bytes32 internal constant PAYEE_CHANGE_TYPEHASH = keccak256(
        "PayeeChange(bytes32 portfolioId,uint40 index,address payee,uint256 nonce,uint40 deadline)"
    );

    // r, s, x, y
    uint256 private constant P256_PROOF_BYTES = 128;

    /// @notice What the meter operator signs.
    function hashOf(Flex.Statement calldata statement) internal pure returns (bytes32) {
        return keccak256(abi.encode(STATEMENT_TYPEHASH, statement));
    }

    /// @notice What the customer signs.
    function hashOf(Flex.Consent calldata consent) internal pure returns (bytes32) {
        return keccak256(abi.encode(CONSENT_TYPEHASH, consent));
    }

    /// @notice What the device's key signs.
    function keyProofHash(bytes16 meteringPoint, bytes32 statementHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(KEY_PROOF_TYPEHASH, meteringPoint, statementHash));
    }

    /// @notice What the present payee signs.
    function payeeChangeHash(
        bytes32 portfolioId,
        uint40 index,
        address payee,
        uint256 nonce,
        uint40 deadline
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(PAYEE_CHANGE_TYPEHASH, portfolioId, index, payee, nonce, deadline));
    }

    /// @notice Whether the key behind `signer` signed the digest: secp256k1 in 65 bytes (r, s, v), P-256 in 128 (r, s, x, y).
    function isSignedByKey(bytes32 digest, Flex.SignerScheme scheme, address signer, bytes calldata proof) internal view returns (bool) {
        if (scheme == Flex.SignerScheme.Secp256k1) {
            (address recovered, , ) = ECDSA.tryRecover(digest, proof);
            return recovered == signer;
        }
        if (proof.length != P256_PROOF_BYTES) return false;
        (bytes32 r, bytes32 s, bytes32 x, bytes32 y) = abi.decode(proof, (bytes32, bytes32, bytes32, bytes32));
        return address(uint160(uint256(keccak256(abi.encode(x, y))))) == signer && P256.verify(digest, r, s, x, y);
    }
}
