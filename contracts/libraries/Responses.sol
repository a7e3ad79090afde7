// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IMeasurement} from "../../interfaces/IMeasurement.sol";
import {BaselineMath} from "./BaselineMath.sol";
import {Claims} from "./Claims.sol";
import {PackedTerms} from "./PackedTerms.sol";
import {Flex} from "../types/Flex.sol";

/// @title What a portfolio did in an event, from the totals of its submission
/// @dev Responses are hashed and logged where they lie: encoded by their type, eight periods cost a thousand gas more.
library Responses {
    using PackedTerms for uint256;

    /// @notice Zeros, in memory that is behind two words for `outcomeOf` and `logMeasured` to write to.
    function room(uint256 periods) internal pure returns (int128[] memory responses) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let size := shl(5, periods)
            responses := add(mload(0x40), 0x40)
            mstore(responses, periods)
            // Zeros: nothing lies behind the calldata.
            calldatacopy(add(responses, 0x20), calldatasize(), size)
            mstore(0x40, add(responses, add(size, 0x20)))
        }
    }

    /// @notice What a measured event commits to, see IMeasurement.commitment.
    function outcomeOf(bytes32 submitted, int128[] memory responses) internal pure returns (bytes32) {
        bytes32 hash;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(sub(responses, 0x20), 0x20)
            hash := keccak256(sub(responses, 0x20), add(0x40, shl(5, mload(responses))))
        }
        return keccak256(abi.encode(submitted, hash));
    }

    /// @notice Logs IMeasurement.EventMeasured.
    function logMeasured(bytes32 eventId, bytes32 submitted, int128[] memory responses) internal {
        bytes32 topic = IMeasurement.EventMeasured.selector;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let data := sub(responses, 0x40)
            mstore(data, submitted)
            mstore(add(data, 0x20), 0x40)
            log2(data, add(0x60, shl(5, mload(responses))), topic, eventId)
        }
    }

    /// @notice Fills in the portfolio's response for every ordered period of the window.
    /// @param responses for every period of the window, zeros
    /// @param terms of the rule, packed
    /// @param columns total of every ordered period's column
    /// @param scheduleMilliWh Nominated: the schedule
    /// @param sums of the portfolio just before the first notice; not needed where each device is clamped by itself
    function fill(
        int128[] memory responses,
        Flex.EventKey calldata key,
        uint256 terms,
        uint128[] memory columns,
        int128[] calldata scheduleMilliWh,
        Flex.PortfolioSums memory sums,
        uint256 orderedMask
    ) internal pure {
        if (terms.isOwnBaseline()) {
            _fillByDevice(responses, columns, terms.isClampedByDevice(), sums.capacityW, terms.periodSeconds(), orderedMask);
        } else {
            _fillByPortfolio(responses, key, terms, columns, scheduleMilliWh, sums, orderedMask);
        }
    }

    /// @dev Sums of what devices did, each against a baseline of its own.
    function _fillByDevice(
        int128[] memory responses,
        uint128[] memory columns,
        bool isSummed,
        uint256 capacityW,
        uint256 duration,
        uint256 orderedMask
    ) private pure {
        uint256 count = columns.length;
        uint256 period = 0;
        // There are as many columns as ordered periods.
        unchecked {
            for (uint256 c = 0; c < count; ++c) {
                while ((orderedMask >> period) & 1 == 0) ++period;
                uint256 total = Claims.totalIn(columns, c);
                responses[period++] = int128(isSummed ? int256(total) : BaselineMath.responseFromColumn(total, capacityW, duration));
            }
        }
    }

    /// @dev Baseline of the portfolio as a whole against what its connections metered together.
    function _fillByPortfolio(
        int128[] memory responses,
        Flex.EventKey calldata key,
        uint256 terms,
        uint128[] memory columns,
        int128[] calldata scheduleMilliWh,
        Flex.PortfolioSums memory sums,
        uint256 orderedMask
    ) private pure {
        Flex.Direction direction = key.direction;
        uint256 duration = terms.periodSeconds();
        uint256 clamp = BaselineMath.clampDown(sums.capacityW, duration);
        int256 level = BaselineMath.levelMilliWh(key.referenceW, duration, direction);
        uint256 column = 0;
        for (uint256 p = 0; column < columns.length; ++p) {
            if ((orderedMask >> p) & 1 == 0) continue;
            int256 baseline = terms.isNominated() ? scheduleMilliWh[p] : level;
            int256 metered = BaselineMath.meteredFromColumn(columns[column++], sums.connectionW, duration, direction);
            responses[p] = int128(BaselineMath.response(baseline, metered, direction, clamp));
        }
    }
}
