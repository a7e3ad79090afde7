// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Division that says which way it rounds
/// @dev Down is toward minus infinity and Up toward plus infinity, for signed values too. What is unchecked cannot leave its
/// type's range: a quotient is only moved toward its dividend where there is a remainder.
library Rounding {
    function divDown(uint256 a, uint256 b) internal pure returns (uint256) {
        return a / b;
    }

    function divUp(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            return a == 0 ? 0 : (a - 1) / b + 1;
        }
    }

    /// @dev `b` is positive.
    function divDown(int256 a, int256 b) internal pure returns (int256) {
        unchecked {
            int256 quotient = a / b;
            return a % b < 0 ? quotient - 1 : quotient;
        }
    }

    /// @dev `b` is positive.
    function divUp(int256 a, int256 b) internal pure returns (int256) {
        unchecked {
            int256 quotient = a / b;
            return a % b > 0 ? quotient + 1 : quotient;
        }
    }
}
