// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IDeliveryVerifier} from "../../interfaces/IDeliveryVerifier.sol";
import {Measuring} from "../Measuring.sol";
import {Flex} from "../types/Flex.sol";

/// @title One device measured, whatever the suite knows of it: used by tests
contract MeasuringHarness is Measuring {
    constructor(address oracle_, address devices_) Measuring(oracle_, devices_) {}

    /// @dev In memory, as the verifier asks.
    // solhint-disable gas-calldata-parameters
    function measure(
        Flex.MeasuringTerms calldata terms,
        IDeliveryVerifier.Question memory question,
        Flex.Entry memory entry,
        Flex.DeviceProof calldata proof
    ) external view returns (IDeliveryVerifier.Answer memory) {
        return _answer(terms, question, entry, proof);
    }

    // solhint-enable gas-calldata-parameters
}
