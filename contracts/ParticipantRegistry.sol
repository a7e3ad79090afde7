// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IParticipantRegistry} from "../interfaces/IParticipantRegistry.sol";
import {Errors} from "./libraries/Errors.sol";

/// @title Who may buy, who may provide, and who may act for them
contract ParticipantRegistry is IParticipantRegistry, AccessManaged {
    struct Participant {
        bool buyer;
        bool provider;
        uint40 expiry; // UTC seconds, exclusive
        bytes32 credentialHash;
    }

    mapping(address account => Participant) private _participants;
    mapping(address account => mapping(address operator => uint40 until)) private _operators;

    constructor(address governance) AccessManaged(governance) {
        if (governance == address(0)) revert Errors.Flexbond_ZeroAddress("governance");
    }

    /// @inheritdoc IParticipantRegistry
    function qualify(address account, bool buyer, bool provider, bytes32 credentialHash, uint40 expiry) external restricted {
        if (account == address(0)) revert Errors.Flexbond_ZeroAddress("account");
        if ((buyer || provider) && expiry <= block.timestamp) {
            revert Errors.ParticipantRegistry_BadExpiry(expiry, block.timestamp);
        }
        _participants[account] = Participant({buyer: buyer, provider: provider, expiry: expiry, credentialHash: credentialHash});
        emit ParticipantQualified(account, buyer, provider, credentialHash, expiry);
    }

    /// @inheritdoc IParticipantRegistry
    function appointOperator(address operator, uint40 until) external {
        _operators[msg.sender][operator] = until;
        emit OperatorAppointed(msg.sender, operator, until);
    }

    /// @inheritdoc IParticipantRegistry
    function isBuyer(address account) public view returns (bool) {
        Participant storage stored = _participants[account];
        return stored.buyer && block.timestamp < stored.expiry;
    }

    /// @inheritdoc IParticipantRegistry
    function isProvider(address account) public view returns (bool) {
        Participant storage stored = _participants[account];
        return stored.provider && block.timestamp < stored.expiry;
    }

    /// @inheritdoc IParticipantRegistry
    function requireParties(address provider, address buyer) external view {
        if (!isProvider(provider)) revert Errors.ParticipantRegistry_NotProvider(provider);
        if (!isBuyer(buyer)) revert Errors.ParticipantRegistry_NotBuyer(buyer);
    }

    /// @inheritdoc IParticipantRegistry
    function mayAct(address account, address actor) external view returns (bool) {
        return account == actor || block.timestamp < _operators[account][actor];
    }

    /// @inheritdoc IParticipantRegistry
    function participant(address account) external view returns (bool buyer, bool provider, uint40 expiry, bytes32 credentialHash) {
        Participant storage stored = _participants[account];
        return (stored.buyer, stored.provider, stored.expiry, stored.credentialHash);
    }
}
