// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../types/Flex.sol";

/// @title Flex.SignerState in one word, as DeviceRegistry keeps it and MeterOracle reads it, and the words that a metering point had
/// @notice Signer in bits 159..0, validFrom from bit 160, validUntil from 200, gridId from 240, scheme from 248. Zero: never stated.
library SignerWord {
    struct History {
        uint256 present;
        Past[] past;
    }

    struct Past {
        uint256 word;
        uint256 until; // UTC second from which it no longer held
    }

    /// @notice Puts a word in the place of the present one, from this second on. Of the changes of one second the last counts.
    function replace(History storage history, uint256 word) internal {
        uint256 present = history.present;
        Past[] storage past = history.past;
        uint256 count = past.length;
        bool held = present != 0 && (count == 0 || past[count - 1].until != block.timestamp);
        if (held && present != word) past.push(Past({word: present, until: block.timestamp}));
        history.present = word;
    }

    /// @notice The word that held in second `moment`, and the seconds `[from, until)` in which it did; a change counts from its own second
    /// on. Before the first one, the first one.
    function at(History storage history, uint256 moment) internal view returns (uint256 word, uint256 from, uint256 until) {
        Past[] storage past = history.past;
        uint256 low = 0;
        uint256 count = past.length;
        uint256 high = count;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (past[middle].until > moment) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        if (low != 0) from = past[low - 1].until;
        (word, until) = low == count ? (history.present, type(uint40).max) : (past[low].word, past[low].until);
    }

    /// @notice What a statement says of its signer.
    function pack(Flex.Statement calldata statement) internal pure returns (uint256) {
        return
            withScheme(
                uint160(statement.signer) |
                    (uint256(statement.validFrom) << 160) |
                    (uint256(statement.validUntil) << 200) |
                    (uint256(statement.gridId) << 240),
                statement.scheme
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
