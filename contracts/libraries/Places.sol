// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Errors} from "./Errors.sol";
import {Flex} from "../types/Flex.sol";

/// @title The places of one portfolio, in the order in which they were taken, and their sums through time
library Places {
    using Checkpoints for Checkpoints.Trace208;

    struct List {
        Flex.Entry[] entries;
        /// @dev By time: entries (40 bits), capacityW (64), connectionW (64).
        Checkpoints.Trace208 sums;
    }

    /// @notice A place as it is taken now.
    function taken(
        bytes16 meteringPoint,
        address payee,
        uint48 capacityW,
        uint48 connectionW,
        Flex.DeviceKind kind
    ) internal view returns (Flex.Entry memory) {
        return
            Flex.Entry({
                meteringPoint: meteringPoint,
                joinedAt: uint40(block.timestamp),
                leftAt: 0,
                capacityW: capacityW,
                payee: payee,
                connectionW: connectionW,
                kind: kind
            });
    }

    /// @notice Appends a place.
    function add(List storage list, Flex.Entry memory place) internal returns (uint40 index) {
        index = uint40(list.entries.length);
        list.entries.push(place);
        Flex.PortfolioSums memory changed = total(list);
        changed.entries += 1;
        changed.capacityW += place.capacityW;
        changed.connectionW += place.connectionW;
        _keep(list, changed);
    }

    /// @notice Closes a place, now.
    /// @return payee who collects for it
    function close(List storage list, uint40 index) internal returns (address payee) {
        Flex.Entry storage closed = list.entries[index];
        closed.leftAt = uint40(block.timestamp);
        payee = closed.payee;
        Flex.PortfolioSums memory changed = total(list);
        changed.capacityW -= closed.capacityW;
        changed.connectionW -= closed.connectionW;
        _keep(list, changed);
    }

    /// @notice One place of the portfolio `portfolioId`.
    function at(List storage list, bytes32 portfolioId, uint256 index) internal view returns (Flex.Entry storage) {
        if (index >= list.entries.length) revert Errors.DeviceRegistry_EntryUnknown(portfolioId, index);
        return list.entries[index];
    }

    /// @notice The sums as they stand now.
    function total(List storage list) internal view returns (Flex.PortfolioSums memory) {
        return _unpack(list.sums.latest());
    }

    /// @notice The sums as they stood just before `moment`, UTC seconds.
    function totalBefore(List storage list, uint40 moment) internal view returns (Flex.PortfolioSums memory) {
        return _unpack(moment == 0 ? 0 : list.sums.upperLookupRecent(moment - 1));
    }

    function _keep(List storage list, Flex.PortfolioSums memory kept) private {
        list.sums.push(uint48(block.timestamp), (uint208(kept.entries) << 128) | (uint208(kept.capacityW) << 64) | kept.connectionW);
    }

    function _unpack(uint208 packed) private pure returns (Flex.PortfolioSums memory) {
        return Flex.PortfolioSums({entries: uint40(packed >> 128), capacityW: uint64(packed >> 64), connectionW: uint64(packed)});
    }
}
