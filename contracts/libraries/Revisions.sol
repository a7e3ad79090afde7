// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

/// @title The revised slots of one metering point, and their highest revisions through time
library Revisions {
    using Checkpoints for Checkpoints.Trace208;

    /// @dev Revised slots start in `[first, end)`, so that one look is enough for all others.
    struct Slots {
        uint40 first;
        uint48 end; // 0: none
        mapping(uint40 slotStart => Checkpoints.Trace208) highest; // so far, by time
    }

    /// @notice Notes a revision attested now. Only one that is higher than any before is noted.
    function note(Slots storage slots, uint40 slotStart, uint16 revision) internal returns (bool noted) {
        Checkpoints.Trace208 storage highest = slots.highest[slotStart];
        if (revision <= highest.latest()) return false;
        highest.push(uint48(block.timestamp), revision);
        uint48 end = slots.end;
        if (end == 0 || slotStart < slots.first) slots.first = slotStart;
        if (slotStart >= end) slots.end = uint48(slotStart) + 1;
        return true;
    }

    /// @notice Highest revision of the slot that was attested before `moment`, UTC seconds; 0 if none was.
    function before(Slots storage slots, uint40 slotStart, uint40 moment) internal view returns (uint16) {
        return moment == 0 ? 0 : uint16(slots.highest[slotStart].upperLookup(moment - 1));
    }
}
