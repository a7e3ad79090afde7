// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IFlexibilityMarket} from "../interfaces/IFlexibilityMarket.sol";
import {IFlexibilityRights} from "../interfaces/IFlexibilityRights.sol";
import {IParticipantRegistry} from "../interfaces/IParticipantRegistry.sol";
import {Errors} from "./libraries/Errors.sol";
import {Ids} from "./libraries/Ids.sol";
import {Flex} from "./types/Flex.sol";

/// @title Signed offers: rights and money change hands in one transaction or not at all
contract FlexibilityMarket is IFlexibilityMarket, EIP712 {
    bytes private constant PRODUCT_TYPE =
        "Product(uint16 schema,address provider,bytes32 portfolioId,bytes32 zone,uint8 direction,uint40 windowStart,uint40 windowEnd,uint32 noticeSeconds,uint32 rampSeconds,uint32 minRunSeconds,uint32 maxRunSeconds,uint32 lotW,uint96 availabilityPerMWhour,uint96 utilisationPerMWh,uint96 shortfallPerMWh,address currency,bytes32 ruleId,int40 referenceW,bool transferable,bytes32 termsHash,bytes32 externalRef)";
    bytes32 private constant PRODUCT_TYPEHASH = keccak256(PRODUCT_TYPE);
    bytes32 private constant OFFER_TYPEHASH = keccak256(
        abi.encodePacked(
            "Offer(Product product,uint64 units,uint256 premiumPerUnit,address buyer,uint40 expiry,uint64 nonce)",
            PRODUCT_TYPE
        )
    );

    uint256 private constant FILL_BITS = 32;
    uint256 private constant FILLS_PER_WORD = 8;
    uint256 private constant CANCELLED = type(uint32).max;

    IParticipantRegistry public immutable participants;
    IFlexibilityRights public immutable rights;

    /// @inheritdoc IFlexibilityMarket
    mapping(address provider => uint64) public minNonce;
    /// @dev Units taken per nonce, eight nonces a word, lowest first.
    mapping(address provider => mapping(uint256 word => uint256)) private _fills;

    constructor(address participants_, address rights_) EIP712("Flexbond FlexibilityMarket", "1") {
        if (participants_ == address(0)) revert Errors.Flexbond_ZeroAddress("participants");
        if (rights_ == address(0)) revert Errors.Flexbond_ZeroAddress("rights");
        participants = IParticipantRegistry(participants_);
        rights = IFlexibilityRights(rights_);
    }

    // ------------------------------------------------------------------ taking

    /// @inheritdoc IFlexibilityMarket
    function take(
        Flex.Offer calldata offer,
        address signer,
        bytes calldata signature,
        address buyer,
        uint64 units,
        uint40 previousStart
    ) external returns (bytes32 rightId) {
        address provider = offer.product.provider;
        _requireActsFor(buyer);
        if (offer.buyer != address(0) && offer.buyer != buyer) {
            revert Errors.FlexibilityMarket_OfferForOther(offer.buyer, buyer);
        }
        if (block.timestamp >= offer.expiry) {
            revert Errors.FlexibilityMarket_OfferExpired(offer.expiry, block.timestamp);
        }
        if (offer.premiumPerUnit > type(uint96).max) revert Errors.Flexbond_Overflow(offer.premiumPerUnit, 96);
        bytes32 offerHash = _requireSigned(offer, provider, signer, signature);
        uint256 premium = units * offer.premiumPerUnit;

        _fill(offer, provider, units);
        rightId = Ids.rightId(offer.product);
        emit OfferTaken(offerHash, rightId, buyer, offer.nonce, units, premium);

        // last, because it calls the buyer
        rights.issue(offer.product, units, buyer, premium, previousStart);
    }

    // ------------------------------------------------------------------ cancelling

    /// @inheritdoc IFlexibilityMarket
    function cancel(address provider, uint64 nonce) external {
        _requireActsFor(provider);
        (uint256 word, uint256 shift) = _placeOf(nonce);
        _fills[provider][word] |= CANCELLED << shift;
        emit OfferCancelled(provider, nonce);
    }

    /// @inheritdoc IFlexibilityMarket
    function cancelAll(address provider, uint64 belowNonce) external {
        _requireActsFor(provider);
        if (belowNonce <= minNonce[provider]) return;
        minNonce[provider] = belowNonce;
        emit OffersCancelled(provider, belowNonce);
    }

    // ------------------------------------------------------------------ reading

    /// @inheritdoc IFlexibilityMarket
    function filled(address provider, uint64 nonce) external view returns (uint32) {
        (uint256 word, uint256 shift) = _placeOf(nonce);
        return uint32(_fills[provider][word] >> shift);
    }

    /// @inheritdoc IFlexibilityMarket
    function offerDigest(Flex.Offer calldata offer) public view returns (bytes32) {
        return
            _hashTypedDataV4(
                keccak256(
                    abi.encode(
                        OFFER_TYPEHASH,
                        Ids.structHash(offer.product, PRODUCT_TYPEHASH),
                        offer.units,
                        offer.premiumPerUnit,
                        offer.buyer,
                        offer.expiry,
                        offer.nonce
                    )
                )
            );
    }

    // ------------------------------------------------------------------ within

    function _requireActsFor(address account) private view {
        if (msg.sender != account && !participants.mayAct(account, msg.sender)) {
            revert Errors.Flexbond_NotAllowed(msg.sender, account);
        }
    }

    function _requireSigned(
        Flex.Offer calldata offer,
        address provider,
        address signer,
        bytes calldata signature
    ) private view returns (bytes32 digest) {
        if (signer != provider && !participants.mayAct(provider, signer)) {
            revert Errors.Flexbond_NotAllowed(signer, provider);
        }
        digest = offerDigest(offer);
        // who signed with its key need not be asked whether it is a contract, which costs 2 600 gas
        (address recovered, ECDSA.RecoverError error_, ) = ECDSA.tryRecover(digest, signature);
        bool isSigner = error_ == ECDSA.RecoverError.NoError && recovered == signer;
        if (!isSigner && !SignatureChecker.isValidERC1271SignatureNow(signer, digest, signature)) {
            revert Errors.Flexbond_BadSignature(signer, digest);
        }
    }

    /// @dev Counts the units against the offer's nonce. One unit less than 2^32 - 1 can be taken under it: that value says cancelled.
    function _fill(Flex.Offer calldata offer, address provider, uint256 units) private {
        uint64 nonce = offer.nonce;
        (uint256 at, uint256 shift) = _placeOf(nonce);
        uint256 word = _fills[provider][at];
        uint256 taken = uint32(word >> shift);
        if (nonce < minNonce[provider] || taken == CANCELLED) {
            revert Errors.FlexibilityMarket_OfferCancelled(provider, nonce);
        }
        uint256 most = offer.units < CANCELLED ? offer.units : CANCELLED - 1;
        uint256 remaining = most > taken ? most - taken : 0;
        if (units > remaining) revert Errors.FlexibilityMarket_Overfilled(provider, nonce, remaining, units);
        _fills[provider][at] = word + (units << shift);
    }

    function _placeOf(uint64 nonce) private pure returns (uint256 word, uint256 shift) {
        return (nonce / FILLS_PER_WORD, FILL_BITS * (nonce % FILLS_PER_WORD));
    }
}
