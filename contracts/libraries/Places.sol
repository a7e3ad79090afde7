// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Errors} from "./Errors.sol";
import {Flex} from "../types/Flex.sol";

/// @title The places of one portfolio, in the order in which they were taken, and their sums through time
library Places {
    using Checkpoints for Checkpoints.Trace208;

    struct List {
        /// @dev Not an array, so that reading a place does not read their number too: one that was taken has a time.
        mapping(uint256 index => Flex.Entry) entries;
        uint256 count;
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
        index = uint40(list.count++);
        list.entries[index] = place;
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
    function at(List storage list, bytes32 portfolioId, uint256 index) internal view returns (Flex.Entry storage place) {
        place = list.entries[index];
        if (place.joinedAt == 0) revert Errors.DeviceRegistry_EntryUnknown(portfolioId, index);
    }

    /// @notice Who collects for a place of the portfolio `portfolioId`: every place that was taken has somebody.
    function payeeAt(List storage list, bytes32 portfolioId, uint256 index) internal view returns (address payee) {
        payee = list.entries[index].payee;
        if (payee == address(0)) revert Errors.DeviceRegistry_EntryUnknown(portfolioId, index);
    }

    /// @notice Who collects for `count` neighbouring places from `first` on.
    function payees(List storage list, bytes32 portfolioId, uint256 first, uint256 count) internal view returns (address[] memory found) {
        uint256 length = list.count;
        if (count > length || first > length - count) {
            revert Errors.DeviceRegistry_EntryUnknown(portfolioId, first > length ? first : length);
        }
        found = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            found[i] = list.entries[first + i].payee;
        }
    }

    /// @notice The sums as they stand now.
    function total(List storage list) internal view returns (Flex.PortfolioSums memory) {
        return _unpack(list.sums.latest());
    }

    /// @notice The sums as they stood just before `moment`, UTC seconds.
    /// @dev Mostly nothing changed since: then a search among as many changes as there were devices is not needed.
    function totalBefore(List storage list, uint40 moment) internal view returns (Flex.PortfolioSums memory) {
        (, uint48 changed, uint208 packed) = list.sums.latestCheckpoint();
        if (changed < moment) return _unpack(packed);
        return _unpack(moment == 0 ? 0 : list.sums.upperLookupRecent(moment - 1));
    }

    function _keep(List storage list, Flex.PortfolioSums memory kept) private {
        list.sums.push(uint48(block.timestamp), (uint208(kept.entries) << 128) | (uint208(kept.capacityW) << 64) | kept.connectionW);
    }

    function _unpack(uint208 packed) private pure returns (Flex.PortfolioSums memory) {
        return Flex.PortfolioSums({entries: uint40(packed >> 128), capacityW: uint64(packed >> 64), connectionW: uint64(packed)});
    }
}
