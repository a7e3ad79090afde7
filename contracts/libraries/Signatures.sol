// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";

/// @title Who signed a record, in either scheme
/// @notice A signature that is nobody's gives the zero address; nothing here reverts on what it holds.
library Signatures {
    /// @dev r, vs
    uint256 internal constant SECP256K1_BYTES = 64;
    /// @dev r, s, x, y
    uint256 internal constant P256_BYTES = 128;

    /// @dev Half the order of secp256k1, rounded down.
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    /// @notice Who made a signature, which has the length of one of the schemes and is told by it.
    function signerOf(bytes32 digest, bytes calldata signature) internal view returns (address) {
        if (signature.length == P256_BYTES) {
            return _ofP256(digest, signature);
        }
        bytes32 r;
        uint256 vs;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            r := calldataload(signature.offset)
            vs := calldataload(add(signature.offset, 32))
        }
        uint256 s = (vs << 1) >> 1;
        // As OpenZeppelin's ECDSA has it, at half the gas: of the two that are valid only the low one counts.
        if (s > HALF_ORDER) return address(0);
        return ecrecover(digest, uint8(27 + (vs >> 255)), r, bytes32(s));
    }

    function _ofP256(bytes32 digest, bytes calldata signature) private view returns (address) {
        (bytes32 r, bytes32 s, bytes32 x, bytes32 y) = abi.decode(signature, (bytes32, bytes32, bytes32, bytes32));
        return recoverP256(digest, r, s, x, y);
    }

    /// @notice The address of a P-256 key. As with secp256k1, a signature that is not the shown key's recovers nobody.
    function recoverP256(bytes32 digest, bytes32 r, bytes32 s, bytes32 x, bytes32 y) internal view returns (address) {
        if (!P256.verify(digest, r, s, x, y)) return address(0);
        return address(uint160(uint256(Hashes.efficientKeccak256(x, y))));
    }
}
