// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Calendars} from "../libraries/Calendars.sol";
import {Flex} from "../types/Flex.sol";

/// @title Calendars, callable from outside, for tests
contract CalendarsHarness {
    function idOf(Flex.Calendar calldata calendar) external pure returns (bytes32) {
        return Calendars.idOf(calendar);
    }

    function isKnown(Flex.CalendarDays calldata local, uint256 day) external pure returns (bool) {
        return Calendars.isKnown(local, day);
    }

    function startOf(Flex.CalendarDays calldata local, uint256 day) external pure returns (uint256) {
        return Calendars.startOf(local, day);
    }

    function dayOf(Flex.CalendarDays calldata local, uint256 time) external pure returns (uint256) {
        return Calendars.dayOf(local, time);
    }

    function wallOf(Flex.CalendarDays calldata local, uint256 time) external pure returns (uint256 day, uint256 wall) {
        return Calendars.wallOf(local, time);
    }

    function timeOf(Flex.CalendarDays calldata local, uint256 day, uint256 wall) external pure returns (bool exists, uint256 time) {
        return Calendars.timeOf(local, day, wall);
    }

    function kindOf(Flex.CalendarDays calldata local, uint256 day) external pure returns (uint256) {
        return Calendars.kindOf(local, day);
    }
}
