// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title The roles of Governance
library Roles {
    /// @dev Publishes rules, grids and calendars, lists tokens, qualifies participants.
    uint64 internal constant MARKET_OPERATOR = 1;
    /// @dev States which signer speaks for which metering point; suspends devices.
    uint64 internal constant METER_OPERATOR = 2;
    /// @dev Pauses and resumes new business: enrolment, issue and sale. Nothing else.
    uint64 internal constant GUARDIAN = 3;
}
