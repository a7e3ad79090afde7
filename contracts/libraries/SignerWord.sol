// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../types/Flex.sol";

/// @title Flex.SignerState in one word, as DeviceRegistry keeps it and MeterOracle reads it
/// @notice Signer in bits 159..0, validFrom from bit 160, validUntil from 200, gridId from 240, scheme from 248. Zero: never stated.
library SignerWord {
    function pack(Flex.SignerState memory state) internal pure returns (uint256) {
        return
            withScheme(
                uint160(state.signer) |
                    (uint256(state.validFrom) << 160) |
                    (uint256(state.validUntil) << 200) |
                    (uint256(state.gridId) << 240),
                state.scheme
            );
    }

    function unpack(uint256 word) internal pure returns (Flex.SignerState memory) {
        return
            Flex.SignerState({
                signer: signer(word),
                validFrom: uint40(validFrom(word)),
                validUntil: uint40(validUntil(word)),
                gridId: uint8(gridId(word)),
                scheme: Flex.SignerScheme(scheme(word))
            });
    }

    /// @notice The same word with another scheme.
    function withScheme(uint256 word, Flex.SignerScheme scheme_) internal pure returns (uint256) {
        return ((word << 8) >> 8) | (uint256(scheme_) << 248);
    }

    function signer(uint256 word) internal pure returns (address) {
        return address(uint160(word));
    }

    /// @notice UTC seconds.
    function validFrom(uint256 word) internal pure returns (uint256) {
        return uint40(word >> 160);
    }

    /// @notice UTC seconds, exclusive.
    function validUntil(uint256 word) internal pure returns (uint256) {
        return uint40(word >> 200);
    }

    function gridId(uint256 word) internal pure returns (uint256) {
        return uint8(word >> 240);
    }

    /// @notice The scheme as a number, which costs less to compare than the enum.
    function scheme(uint256 word) internal pure returns (uint256) {
        return word >> 248;
    }
}
