// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @title A token that makes an arbitrary call in the midst of every transfer, for tests
contract CallbackToken is ERC20 {
    address public target;
    bytes public data;

    constructor() ERC20("Callback Token", "CBT") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice From now on every transfer calls `target_` with `data_`; the zero address: none.
    function arm(address target_, bytes calldata data_) external {
        target = target_;
        data = data_;
    }

    /// @dev The call comes after the balances have moved, as ERC-777 tells its receivers, and its failure is the transfer's.
    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from != address(0) && target != address(0)) Address.functionCall(target, data);
    }
}
