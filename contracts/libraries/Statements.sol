// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Errors} from "./Errors.sol";
import {Flex} from "../types/Flex.sol";

/// @title What a statement of a metering point must hold, whoever signed it
library Statements {
    /// @notice Refuses a statement in which a field by itself is wrong, and names it.
    function requireValid(Flex.Statement calldata statement) internal view {
        bytes16 id = statement.meteringPoint;
        if (id == 0) _invalid(id, "meteringPoint");
        if (statement.customer == address(0)) _invalid(id, "customer");
        if (statement.scheme != Flex.SignerScheme.Secp256k1 && statement.scheme != Flex.SignerScheme.P256) _invalid(id, "scheme");
        if (statement.signer == address(0)) _invalid(id, "signer");
        if (statement.capacityW == 0 || statement.capacityW > statement.connectionW) _invalid(id, "capacityW");
        if (statement.validUntil <= statement.validFrom || statement.validUntil <= block.timestamp) _invalid(id, "validUntil");
    }

    function _invalid(bytes16 id, string memory field) private pure {
        revert Errors.DeviceRegistry_StatementInvalid(id, field);
    }
}
