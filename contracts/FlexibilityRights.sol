// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ICollateralEscrow} from "../interfaces/ICollateralEscrow.sol";
import {IDeviceRegistry} from "../interfaces/IDeviceRegistry.sol";
import {IFlexibilityRights} from "../interfaces/IFlexibilityRights.sol";
import {IParticipantRegistry} from "../interfaces/IParticipantRegistry.sol";
import {IRulebook} from "../interfaces/IRulebook.sol";
import {Errors} from "./libraries/Errors.sol";
import {Ids} from "./libraries/Ids.sol";
import {Products} from "./libraries/Products.sol";
import {Rounding} from "./libraries/Rounding.sol";
import {SettlementMath} from "./libraries/SettlementMath.sol";
import {Flex} from "./types/Flex.sol";

/// @title Flexibility rights (ERC-1155): one id a product, one unit a lot for the whole service window
contract FlexibilityRights is IFlexibilityRights, ERC1155, AccessManaged, Pausable {
    /// @dev One slot. `open` are neither dispatched nor released; `released` those given up while the provider was available.
    struct Right {
        uint64 issued;
        uint64 open;
        uint64 released;
        bool transferable;
        bool expired;
    }

    /// @dev One slot. A portfolio's windows are a list by start; the place 0 stands before the first.
    struct Window {
        uint40 windowEnd;
        uint40 next; // start of the following window, 0: none
        uint48 promisedW; // issued and not released
        uint32 ruleNumber;
        int40 referenceW;
        Flex.Direction direction;
        bool unavailable;
    }

    IRulebook public immutable rulebook;
    IParticipantRegistry public immutable participants;
    IDeviceRegistry public immutable devices;
    ICollateralEscrow public immutable escrow;
    address public immutable market;
    address public immutable settlement;

    mapping(bytes32 rightId => Right) private _rights;
    mapping(bytes32 portfolioId => mapping(uint40 windowStart => Window)) private _windows;
    /// @dev By the rule's number, so that a window needs only that.
    mapping(uint32 ruleNumber => bytes32 ruleId) private _ruleIds;

    constructor(
        address governance,
        address rulebook_,
        address participants_,
        address devices_,
        address escrow_,
        address market_,
        address settlement_
    ) ERC1155("") AccessManaged(governance) {
        if (governance == address(0)) revert Errors.Flexbond_ZeroAddress("governance");
        if (rulebook_ == address(0)) revert Errors.Flexbond_ZeroAddress("rulebook");
        if (participants_ == address(0)) revert Errors.Flexbond_ZeroAddress("participants");
        if (devices_ == address(0)) revert Errors.Flexbond_ZeroAddress("devices");
        if (escrow_ == address(0)) revert Errors.Flexbond_ZeroAddress("escrow");
        if (market_ == address(0)) revert Errors.Flexbond_ZeroAddress("market");
        if (settlement_ == address(0)) revert Errors.Flexbond_ZeroAddress("settlement");
        rulebook = IRulebook(rulebook_);
        participants = IParticipantRegistry(participants_);
        devices = IDeviceRegistry(devices_);
        escrow = ICollateralEscrow(escrow_);
        market = market_;
        settlement = settlement_;
    }

    // ------------------------------------------------------------------ issuing

    /// @inheritdoc IFlexibilityRights
    function issue(
        Flex.Product calldata product,
        uint64 units,
        address to,
        uint40 previousStart
    ) external whenNotPaused returns (bytes32 rightId) {
        if (msg.sender != market) revert Errors.Flexbond_NotAllowed(msg.sender, market);
        rightId = Ids.rightId(product);
        if (units == 0) revert Errors.FlexibilityRights_ZeroUnits(rightId);
        participants.requireParties(product.provider, to);
        Flex.RuleTerms memory terms = rulebook.terms(product.ruleId);
        Products.requireValid(product, terms);
        _requirePortfolio(product, terms);
        _requireInTime(product);

        _promise(product, terms.number, units, previousStart);
        Right memory stored = _rights[rightId];
        stored.issued += units;
        stored.open += units;
        stored.transferable = product.transferable;
        _rights[rightId] = stored;
        emit RightIssued(rightId, Ids.eventId(Ids.eventKey(product)), to, units, product);

        _lock(product, terms, units, to, rightId);
        // last, because it calls the receiver
        _mint(to, uint256(rightId), units, "");
    }

    // ------------------------------------------------------------------ using, giving up, expiring

    /// @inheritdoc IFlexibilityRights
    function consume(
        bytes32 rightId,
        bytes32 portfolioId,
        uint40 windowStart,
        address holder,
        uint64 units,
        uint16 minDispatchBps
    ) external {
        if (msg.sender != settlement) revert Errors.Flexbond_NotAllowed(msg.sender, settlement);
        if (units == 0) revert Errors.FlexibilityRights_ZeroUnits(rightId);
        _requireHeld(rightId, holder, units);
        if (_windows[portfolioId][windowStart].unavailable) revert Errors.FlexibilityRights_Unavailable(rightId);
        Right storage used = _rights[rightId];
        uint256 minimum = Rounding.divUp(uint256(used.issued) * minDispatchBps, SettlementMath.BPS);
        if (units < minimum && units != used.open) {
            revert Errors.FlexibilityRights_BelowMinimum(rightId, units, minimum);
        }

        used.open -= units;
        _burn(holder, uint256(rightId), units);
        emit RightConsumed(rightId, holder, units);
    }

    /// @inheritdoc IFlexibilityRights
    function release(Flex.Product calldata product, address holder, uint64 units) external {
        bytes32 rightId = Ids.rightId(product);
        _requireActsFor(holder);
        Right memory given = _rights[rightId];
        if (given.issued == 0) revert Errors.FlexibilityRights_Unknown(rightId);
        if (units == 0) revert Errors.FlexibilityRights_ZeroUnits(rightId);
        Window storage stored = _windows[product.portfolioId][product.windowStart];
        bool unavailable = stored.unavailable;
        if (given.expired && !unavailable) revert Errors.FlexibilityRights_AlreadyExpired(rightId);
        _requireHeld(rightId, holder, units);

        given.open -= units;
        if (!unavailable) given.released += units;
        _rights[rightId] = given;
        stored.promisedW -= uint48(units * uint256(product.lotW));
        _burn(holder, uint256(rightId), units);
        emit RightReleased(rightId, holder, units);

        Flex.RuleTerms memory terms = rulebook.terms(product.ruleId);
        // what expired had its collateral freed then
        if (!given.expired) {
            uint256 collateral = units * SettlementMath.collateralPerUnitUp(product, terms.collateralBps);
            escrow.unlock(product.currency, Flex.LockReason.Collateral, rightId, collateral);
        }
        if (unavailable && terms.funding == Flex.Funding.Escrowed) {
            uint256 availability = units * SettlementMath.availabilityPerUnitDown(product);
            escrow.pay(product.currency, Flex.LockReason.Availability, rightId, holder, availability);
        }
    }

    /// @inheritdoc IFlexibilityRights
    function declareUnavailable(bytes32 portfolioId, uint40 windowStart) external {
        Window storage stored = _windows[portfolioId][windowStart];
        if (stored.windowEnd == 0) revert Errors.FlexibilityRights_Unknown(portfolioId);
        _requireActsFor(devices.portfolio(portfolioId).provider);
        bytes32 ruleId = _ruleIds[stored.ruleNumber];
        uint256 gateSeconds = rulebook.terms(ruleId).gateSeconds;
        if (block.timestamp + gateSeconds >= windowStart) {
            uint256 gate = windowStart > gateSeconds ? windowStart - gateSeconds : 0;
            revert Errors.FlexibilityRights_GateClosed(gate, block.timestamp);
        }

        stored.unavailable = true;
        Flex.EventKey memory key = Flex.EventKey({
            portfolioId: portfolioId,
            windowStart: windowStart,
            windowEnd: stored.windowEnd,
            ruleId: ruleId,
            direction: stored.direction,
            referenceW: stored.referenceW
        });
        emit UnavailabilityDeclared(Ids.eventId(key), portfolioId, windowStart);
    }

    /// @inheritdoc IFlexibilityRights
    function expire(Flex.Product calldata product) external returns (uint64 backed, uint64 earning) {
        if (msg.sender != settlement) revert Errors.Flexbond_NotAllowed(msg.sender, settlement);
        bytes32 rightId = Ids.rightId(product);
        Right storage ended = _rights[rightId];
        if (ended.issued == 0) revert Errors.FlexibilityRights_Unknown(rightId);
        if (ended.expired) revert Errors.FlexibilityRights_AlreadyExpired(rightId);

        ended.expired = true;
        backed = ended.open;
        earning = ended.released;
        if (!_windows[product.portfolioId][product.windowStart].unavailable) earning += backed;
        emit RightExpired(rightId, backed);
    }

    /// @inheritdoc IFlexibilityRights
    function setPaused(bool paused_) external restricted {
        if (paused_) {
            _pause();
        } else {
            _unpause();
        }
    }

    // ------------------------------------------------------------------ reading

    /// @inheritdoc IFlexibilityRights
    function idOf(Flex.Product calldata product) external pure returns (bytes32) {
        return Ids.rightId(product);
    }

    /// @inheritdoc IFlexibilityRights
    function eventKeyOf(Flex.Product calldata product) external pure returns (Flex.EventKey memory) {
        return Ids.eventKey(product);
    }

    /// @inheritdoc IFlexibilityRights
    function collateralPerUnit(Flex.Product calldata product) external view returns (uint256) {
        return SettlementMath.collateralPerUnitUp(product, rulebook.terms(product.ruleId).collateralBps);
    }

    /// @inheritdoc IFlexibilityRights
    function availabilityPerUnit(Flex.Product calldata product) external pure returns (uint256) {
        return SettlementMath.availabilityPerUnitDown(product);
    }

    /// @inheritdoc IFlexibilityRights
    function right(bytes32 rightId) external view returns (uint64 issued, uint64 open, uint64 released, bool transferable, bool expired) {
        Right memory stored = _rights[rightId];
        return (stored.issued, stored.open, stored.released, stored.transferable, stored.expired);
    }

    /// @inheritdoc IFlexibilityRights
    function window(
        bytes32 portfolioId,
        uint40 windowStart
    ) external view returns (uint40 windowEnd, uint40 next, uint48 promisedW, bool unavailable) {
        Window memory stored = _windows[portfolioId][windowStart];
        return (stored.windowEnd, stored.next, stored.promisedW, stored.unavailable);
    }

    /// @inheritdoc IFlexibilityRights
    function previousWindow(bytes32 portfolioId, uint40 windowStart) external view returns (uint40 previous) {
        mapping(uint40 => Window) storage windows = _windows[portfolioId];
        uint40 next = windows[0].next;
        while (next != 0 && next < windowStart) {
            previous = next;
            next = windows[next].next;
        }
    }

    // ------------------------------------------------------------------ transfers

    /// @dev A holder may pass a right on only if the product says so, and only to a qualified buyer.
    function _update(address from, address to, uint256[] memory ids, uint256[] memory values) internal override {
        if (from != address(0) && to != address(0)) {
            if (!participants.isBuyer(to)) revert Errors.ParticipantRegistry_NotBuyer(to);
            for (uint256 i = 0; i < ids.length; ++i) {
                if (!_rights[bytes32(ids[i])].transferable) {
                    revert Errors.FlexibilityRights_NotTransferable(bytes32(ids[i]));
                }
            }
        }
        super._update(from, to, ids, values);
    }

    // ------------------------------------------------------------------ what a product must keep to

    function _requirePortfolio(Flex.Product calldata product, Flex.RuleTerms memory terms) private view {
        Flex.Portfolio memory portfolio = devices.portfolio(product.portfolioId);
        if (product.provider != portfolio.provider) revert Errors.FlexibilityRights_ProductInvalid("provider");
        if (product.zone != portfolio.zone) revert Errors.FlexibilityRights_ProductInvalid("zone");
        if (portfolio.customerShareBps < terms.minCustomerShareBps) {
            revert Errors.DeviceRegistry_ShareTooLow(portfolio.customerShareBps, terms.minCustomerShareBps);
        }
    }

    function _requireInTime(Flex.Product calldata product) private view {
        uint256 lead = Products.leadSeconds(product);
        if (block.timestamp + lead > product.windowStart) {
            uint256 latest = product.windowStart > lead ? product.windowStart - lead : 0;
            revert Errors.FlexibilityRights_NoticePassed(latest, block.timestamp);
        }
    }

    function _requireHeld(bytes32 rightId, address holder, uint256 units) private view {
        uint256 held = balanceOf(holder, uint256(rightId));
        if (held < units) revert Errors.FlexibilityRights_InsufficientUnits(rightId, holder, held, units);
    }

    function _requireActsFor(address account) private view {
        if (msg.sender != account && !participants.mayAct(account, msg.sender)) {
            revert Errors.Flexbond_NotAllowed(msg.sender, account);
        }
    }

    // ------------------------------------------------------------------ windows and money

    /// @dev Promises the units' power in the product's window, which is put into the portfolio's list if it is not there.
    function _promise(Flex.Product calldata product, uint32 ruleNumber, uint256 units, uint40 previousStart) private {
        mapping(uint40 => Window) storage windows = _windows[product.portfolioId];
        Window memory stored = windows[product.windowStart];
        bool isNew = stored.windowEnd == 0;
        uint40 next = 0;
        if (isNew) next = _requireBetween(product, windows[previousStart], previousStart);
        else _requireSameEvent(product, stored, ruleNumber);
        uint48 promisedW = _requireCapacity(product, stored.promisedW + units * product.lotW);

        if (!isNew) {
            windows[product.windowStart].promisedW = promisedW;
            return;
        }
        windows[previousStart].next = product.windowStart;
        windows[product.windowStart] = Window({
            windowEnd: product.windowEnd,
            next: next,
            promisedW: promisedW,
            ruleNumber: ruleNumber,
            referenceW: product.referenceW,
            direction: product.direction,
            unavailable: false
        });
        if (_ruleIds[ruleNumber] == 0) _ruleIds[ruleNumber] = product.ruleId;
    }

    /// @dev The window before must be the last one before; what comes after it follows.
    function _requireBetween(
        Flex.Product calldata product,
        Window memory previous,
        uint40 previousStart
    ) private pure returns (uint40 next) {
        next = previous.next;
        bool exists = previousStart == 0 || previous.windowEnd != 0;
        bool isLast = previousStart < product.windowStart && (next == 0 || next > product.windowStart);
        if (!exists || !isLast) {
            revert Errors.FlexibilityRights_BadPrevious(product.portfolioId, previousStart);
        }
        if (previous.windowEnd > product.windowStart) {
            revert Errors.FlexibilityRights_WindowOverlaps(product.portfolioId, product.windowStart, previousStart);
        }
        if (next != 0 && next < product.windowEnd) {
            revert Errors.FlexibilityRights_WindowOverlaps(product.portfolioId, product.windowStart, next);
        }
    }

    function _requireSameEvent(Flex.Product calldata product, Window memory stored, uint32 ruleNumber) private pure {
        string memory field = "";
        if (stored.windowEnd != product.windowEnd) field = "windowEnd";
        else if (stored.ruleNumber != ruleNumber) field = "ruleId";
        else if (stored.direction != product.direction) field = "direction";
        else if (stored.referenceW != product.referenceW) field = "referenceW";
        else if (!stored.unavailable) return;
        else revert Errors.FlexibilityRights_Unavailable(Ids.rightId(product));
        revert Errors.FlexibilityRights_WindowDiffers(product.portfolioId, product.windowStart, field);
    }

    /// @dev Capacity not promised elsewhere in the window, as it stands now.
    function _requireCapacity(Flex.Product calldata product, uint256 promisedW) private view returns (uint48) {
        uint256 capacityW = devices.sums(product.portfolioId).capacityW;
        if (promisedW > capacityW) {
            revert Errors.FlexibilityRights_CapacityExceeded(product.portfolioId, capacityW, promisedW);
        }
        if (promisedW > type(uint48).max) revert Errors.Flexbond_Overflow(promisedW, 48);
        return uint48(promisedW);
    }

    /// @dev Buyers of one right share its availability lock, so their money passes through the provider, who alone may own it.
    function _lock(Flex.Product calldata product, Flex.RuleTerms memory terms, uint256 units, address buyer, bytes32 rightId) private {
        address currency = product.currency;
        address provider = product.provider;
        uint256 collateral = units * SettlementMath.collateralPerUnitUp(product, terms.collateralBps);
        escrow.lock(currency, provider, Flex.LockReason.Collateral, rightId, collateral);
        if (terms.funding == Flex.Funding.Statement) return;
        uint256 availability = units * SettlementMath.availabilityPerUnitDown(product);
        if (availability == 0) return;
        escrow.credit(currency, buyer, provider, availability);
        escrow.lock(currency, provider, Flex.LockReason.Availability, rightId, availability);
    }
}
