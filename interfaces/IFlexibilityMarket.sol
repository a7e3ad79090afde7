// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../contracts/types/Flex.sol";

/// @title Signed offers: rights and money change hands in one transaction or not at all
/// @notice EIP-712 `Offer(Product product,uint64 units,uint256 premiumPerUnit,address buyer,uint40 expiry,uint64 nonce)Product(...)`, signed
/// by the provider or its operator; accounts and contracts (ERC-1271) alike.
interface IFlexibilityMarket {
    event OfferTaken(
        bytes32 indexed offerHash,
        bytes32 indexed rightId,
        address indexed buyer,
        uint64 nonce,
        uint64 units,
        uint256 premium
    );
    event OfferCancelled(address indexed provider, uint64 indexed nonce);
    event OffersCancelled(address indexed provider, uint64 belowNonce);

    /// @notice Takes `units` of an offer for `buyer`: collateral and availability are locked, the premium paid, the right issued. By the
    /// buyer or its operator.
    /// @dev Errors: Flexbond_NotAllowed, Flexbond_BadSignature, FlexibilityMarket_OfferExpired, _OfferCancelled, _OfferForOther, _Overfilled,
    /// and those of FlexibilityRights.issue.
    /// @param signer who signed: the provider or its operator
    /// @param previousStart see FlexibilityRights.issue
    function take(
        Flex.Offer calldata offer,
        address signer,
        bytes calldata signature,
        address buyer,
        uint64 units,
        uint40 previousStart
    ) external returns (bytes32 rightId);

    /// @notice Cancels the offers of one nonce. By the provider or its operator.
    function cancel(address provider, uint64 nonce) external;

    /// @notice Cancels all offers with a nonce below `belowNonce`. By the provider or its operator. Never goes back.
    function cancelAll(address provider, uint64 belowNonce) external;

    /// @notice Units already taken under a nonce; the greatest value if cancelled.
    function filled(address provider, uint64 nonce) external view returns (uint32);

    /// @notice Offers below this nonce are cancelled.
    function minNonce(address provider) external view returns (uint64);

    /// @notice EIP-712 digest of an offer.
    function offerDigest(Flex.Offer calldata offer) external view returns (bytes32);
}
