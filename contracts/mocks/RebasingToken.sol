// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token whose balances grow or shrink without a transfer, for tests
contract RebasingToken is ERC20 {
    uint256 private constant ONE = 10_000;

    /// @notice What a share is worth, of 10 000.
    uint256 public indexBps = ONE;

    constructor() ERC20("Rebasing Token", "RBS") {}

    function mint(address to, uint256 amount) external {
        _mint(to, (amount * ONE) / indexBps);
    }

    function rebase(uint256 newIndexBps) external {
        indexBps = newIndexBps;
    }

    function balanceOf(address account) public view override returns (uint256) {
        return (super.balanceOf(account) * indexBps) / ONE;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return super.transfer(to, (amount * ONE) / indexBps);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return super.transferFrom(from, to, (amount * ONE) / indexBps);
    }
}
