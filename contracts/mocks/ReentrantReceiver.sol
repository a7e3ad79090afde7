// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ERC1155Holder} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Holder.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @title A holder of rights that makes an arbitrary call whenever it receives some, for tests; anybody may have it call
contract ReentrantReceiver is ERC1155Holder {
    address public target;
    bytes public data;
    /// @notice How often the call was made, and whether the last one succeeded; what it returned or reverted with.
    uint256 public calls;
    bool public succeeded;
    bytes public result;

    /// @notice From now on every receipt calls `target_` with `data_`; the zero address: none.
    function arm(address target_, bytes calldata data_) external {
        target = target_;
        data = data_;
    }

    function execute(address target_, bytes calldata data_) external returns (bytes memory) {
        return Address.functionCall(target_, data_);
    }

    function onERC1155Received(
        address operator,
        address from,
        uint256 id,
        uint256 value,
        bytes memory extra
    ) public override returns (bytes4) {
        if (target != address(0)) {
            ++calls;
            // what fails is part of what the test reads
            // solhint-disable-next-line flexbond/low-level-call
            (succeeded, result) = target.call(data);
        }
        return super.onERC1155Received(operator, from, id, value, extra);
    }
}
