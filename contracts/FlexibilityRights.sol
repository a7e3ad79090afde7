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
import {EventOrders} from "./libraries/EventOrders.sol";
import {Ids} from "./libraries/Ids.sol";
import {PortfolioWindows} from "./libraries/PortfolioWindows.sol";
import {Products} from "./libraries/Products.sol";
import {Rounding} from "./libraries/Rounding.sol";
import {SettlementMath} from "./libraries/SettlementMath.sol";
import {Flex} from "./types/Flex.sol";

/// @title Flexibility rights (ERC-1155): one id a product, one unit a lot for the whole service window
contract FlexibilityRights is IFlexibilityRights, ERC1155, AccessManaged, Pausable {
    using PortfolioWindows for PortfolioWindows.List;
    using PortfolioWindows for PortfolioWindows.Window;

    /// @dev One slot. `open` are neither dispatched nor released; `released` those given up while the provider was available.
    struct Right {
        uint64 issued;
        uint64 open;
        uint64 released;
        bool transferable;
        bool expired;
    }

    IRulebook public immutable rulebook;
    IParticipantRegistry public immutable participants;
    IDeviceRegistry public immutable devices;
    ICollateralEscrow public immutable escrow;
    address public immutable market;
    address public immutable settlement;

    mapping(bytes32 rightId => Right) private _rights;
    mapping(bytes32 portfolioId => PortfolioWindows.List) private _windows;

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
        uint256 premium,
        uint40 previousStart
    ) external whenNotPaused returns (bytes32 rightId) {
        if (msg.sender != market) revert Errors.Flexbond_NotAllowed(msg.sender, market);
        rightId = Ids.rightId(product);
        if (units == 0) revert Errors.FlexibilityRights_ZeroUnits(rightId);
        participants.requireParties(product.provider, to);
        Flex.RuleTerms memory terms = rulebook.terms(product.ruleId);
        Products.requireValid(product, terms);
        if (product.windowEnd > terms.knownUntil) {
            revert Errors.FlexibilityRights_CalendarUnknown(product.windowEnd, terms.knownUntil);
        }
        _requirePortfolio(product, terms);
        _requireInTime(product);

        Flex.EventKey memory key = Ids.eventKey(product);
        uint256 promisedW = units * uint256(product.lotW);
        if (_promise(key, terms.number, promisedW, previousStart)) revert Errors.FlexibilityRights_Unavailable(rightId);
        Right memory stored = _rights[rightId];
        stored.issued += units;
        stored.open += units;
        stored.transferable = product.transferable;
        _rights[rightId] = stored;
        bytes32 eventId = Ids.eventId(key);
        emit RightIssued(rightId, eventId, to, units, product);

        uint256 collateral = units * SettlementMath.collateralPerUnitUp(product, terms.collateralBps);
        uint256 availability = _availability(product, terms, units);
        escrow.purchase(product.currency, to, product.provider, eventId, premium, availability, collateral);
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
        uint16 minDispatchBps,
        uint256 peakW
    ) external {
        if (msg.sender != settlement) revert Errors.Flexbond_NotAllowed(msg.sender, settlement);
        if (units == 0) revert Errors.FlexibilityRights_ZeroUnits(rightId);
        _requireHeld(rightId, holder, units);
        PortfolioWindows.Window storage within = _windows[portfolioId].at[windowStart];
        if (within.unavailable) revert Errors.FlexibilityRights_Unavailable(rightId);
        Right storage used = _rights[rightId];
        uint256 minimum = Rounding.divUp(uint256(used.issued) * minDispatchBps, SettlementMath.BPS);
        if (units < minimum && units != used.open) {
            revert Errors.FlexibilityRights_BelowMinimum(rightId, units, minimum);
        }

        used.open -= units;
        within.keepCall(windowStart, peakW, devices.sums(portfolioId).capacityW);
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
        PortfolioWindows.Window storage stored = _windows[product.portfolioId].at[product.windowStart];
        bool unavailable = stored.unavailable;
        if (given.expired && !unavailable) revert Errors.FlexibilityRights_AlreadyExpired(rightId);
        _requireHeld(rightId, holder, units);

        given.open -= units;
        if (!unavailable) given.released += units;
        _rights[rightId] = given;
        stored.promisedW -= uint32(units * uint256(product.lotW));
        _burn(holder, uint256(rightId), units);
        emit RightReleased(rightId, holder, units);

        Flex.RuleTerms memory terms = rulebook.terms(product.ruleId);
        // what expired had its collateral freed then
        uint256 collateral = given.expired ? 0 : units * SettlementMath.collateralPerUnitUp(product, terms.collateralBps);
        uint256 refund = unavailable ? _availability(product, terms, units) : 0;
        bytes32 eventId = Ids.eventId(Ids.eventKey(product));
        escrow.divide(product.currency, Flex.LockReason.Rights, eventId, holder, refund, collateral, 0, 0);
    }

    /// @inheritdoc IFlexibilityRights
    function declareUnavailable(Flex.EventKey calldata key) external {
        PortfolioWindows.Window storage stored = _windows[key.portfolioId].at[key.windowStart];
        if (stored.windowEnd == 0) revert Errors.FlexibilityRights_Unknown(key.portfolioId);
        _requireActsFor(devices.portfolio(key.portfolioId).provider);
        Flex.RuleTerms memory terms = rulebook.terms(key.ruleId);
        stored.requireSameEvent(key, terms.number);
        if (block.timestamp + terms.gateSeconds >= key.windowStart) {
            uint256 gate = key.windowStart > terms.gateSeconds ? key.windowStart - terms.gateSeconds : 0;
            revert Errors.FlexibilityRights_GateClosed(gate, block.timestamp);
        }

        stored.unavailable = true;
        emit UnavailabilityDeclared(Ids.eventIdOf(key), key.portfolioId, key.windowStart);
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
        if (!_windows[product.portfolioId].at[product.windowStart].unavailable) earning += backed;
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
    ) external view returns (uint40 windowEnd, uint40 next, uint32 promisedW, bool unavailable) {
        PortfolioWindows.Window storage stored = _windows[portfolioId].at[windowStart];
        return (stored.windowEnd, stored.next, stored.promisedW, stored.unavailable);
    }

    /// @inheritdoc IFlexibilityRights
    function previousWindow(bytes32 portfolioId, uint40 windowStart) external view returns (uint40 previous) {
        return _windows[portfolioId].previousOf(windowStart);
    }

    /// @inheritdoc IFlexibilityRights
    function callsFrom(bytes32 portfolioId, uint40 fromStart, uint40 until) external view returns (Flex.Call[] memory) {
        PortfolioWindows.List storage windows = _windows[portfolioId];
        if (fromStart != 0 && windows.at[fromStart].windowEnd == 0) {
            revert Errors.FlexibilityRights_BadPrevious(portfolioId, fromStart);
        }
        return windows.callsFrom(fromStart, until);
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

    /// @dev Promises power in the event's window, which is put into the portfolio's list if it is not there. Whether it was declared unavailable.
    function _promise(Flex.EventKey memory key, uint32 ruleNumber, uint256 powerW, uint40 previousStart) private returns (bool) {
        PortfolioWindows.List storage windows = _windows[key.portfolioId];
        PortfolioWindows.Window memory stored = windows.at[key.windowStart];
        if (stored.windowEnd != 0) {
            stored.requireSameEvent(key, ruleNumber);
            windows.at[key.windowStart].promisedW = _requireCapacity(key.portfolioId, stored.promisedW + powerW);
            return stored.unavailable;
        }
        uint40 next = windows.requireBetween(key, previousStart);
        windows.at[previousStart].next = key.windowStart;
        windows.at[key.windowStart] = PortfolioWindows.Window({
            windowEnd: key.windowEnd,
            next: next,
            promisedW: _requireCapacity(key.portfolioId, powerW),
            ruleNumber: ruleNumber,
            referenceW: key.referenceW,
            direction: key.direction,
            unavailable: false,
            calledBps: 0,
            calledLead: 0
        });
        return false;
    }

    /// @dev Capacity not promised elsewhere in the window, as it stands now; no more than the orders of an event have bits for.
    function _requireCapacity(bytes32 portfolioId, uint256 promisedW) private view returns (uint32) {
        uint256 capacityW = devices.sums(portfolioId).capacityW;
        if (promisedW > capacityW) {
            revert Errors.FlexibilityRights_CapacityExceeded(portfolioId, capacityW, promisedW);
        }
        if (promisedW >> EventOrders.ORDER_BITS != 0) revert Errors.Flexbond_Overflow(promisedW, EventOrders.ORDER_BITS);
        return uint32(promisedW);
    }

    /// @dev What buyers have locked for the units; nothing under STATEMENT.
    function _availability(Flex.Product calldata product, Flex.RuleTerms memory terms, uint256 units) private pure returns (uint256) {
        return terms.funding == Flex.Funding.Statement ? 0 : units * SettlementMath.availabilityPerUnitDown(product);
    }
}
