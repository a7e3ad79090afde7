// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Who may buy, who may provide, and who may act for them
/// @notice Checked when rights are issued, bought or moved, never against what is under way.
interface IParticipantRegistry {
    event ParticipantQualified(address indexed account, bool buyer, bool provider, bytes32 credentialHash, uint40 expiry);
    event OperatorAppointed(address indexed account, address indexed operator, uint40 until);

    /// @notice Sets an account's qualification until `expiry` (UTC seconds, exclusive); both flags false removes it. Only MARKET_OPERATOR.
    /// @dev Errors: ParticipantRegistry_BadExpiry if it is not in the future while a flag is set; Flexbond_ZeroAddress.
    /// @param credentialHash hash of the credentials seen, for auditors
    function qualify(address account, bool buyer, bool provider, bytes32 credentialHash, uint40 expiry) external;

    /// @notice Lets `operator` act for the caller until `until` (exclusive; 0 or the past ends it). An operator may issue, dispatch,
    /// submit and prove; it can never withdraw or appoint.
    function appointOperator(address operator, uint40 until) external;

    /// @notice Whether the account is qualified as buyer now.
    function isBuyer(address account) external view returns (bool);

    /// @notice Whether the account is qualified as provider now.
    function isProvider(address account) external view returns (bool);

    /// @notice Reverts with ParticipantRegistry_NotProvider or ParticipantRegistry_NotBuyer unless both are qualified now.
    function requireParties(address provider, address buyer) external view;

    /// @notice Whether `actor` is the account or one of its operators now.
    function mayAct(address account, address actor) external view returns (bool);

    /// @notice The account's qualification as stored.
    function participant(address account) external view returns (bool buyer, bool provider, uint40 expiry, bytes32 credentialHash);
}
