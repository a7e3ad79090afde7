// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

/// @title Who may qualify participants, publish rules, state meters and pause new business, and after which delay
/// @notice OpenZeppelin's AccessManager unchanged, under a name of the suite. No role reaches money or an event under way.
contract Governance is AccessManager {
    constructor(address initialAdmin) AccessManager(initialAdmin) {}
}
