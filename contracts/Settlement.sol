// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ICollateralEscrow} from "../interfaces/ICollateralEscrow.sol";
import {IDeviceRegistry} from "../interfaces/IDeviceRegistry.sol";
import {IFlexibilityRights} from "../interfaces/IFlexibilityRights.sol";
import {IMeasurement} from "../interfaces/IMeasurement.sol";
import {IParticipantRegistry} from "../interfaces/IParticipantRegistry.sol";
import {IPayouts} from "../interfaces/IPayouts.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {ISpotChecks} from "../interfaces/ISpotChecks.sol";
import {Dispatches} from "./libraries/Dispatches.sol";
import {Errors} from "./libraries/Errors.sol";
import {EventOrders} from "./libraries/EventOrders.sol";
import {Ids} from "./libraries/Ids.sol";
import {OrderBounds} from "./libraries/OrderBounds.sol";
import {Periods} from "./libraries/Periods.sol";
import {Rounding} from "./libraries/Rounding.sol";
import {SettlementMath} from "./libraries/SettlementMath.sol";
import {Flex} from "./types/Flex.sol";

/// @title Dispatches and their money
contract Settlement is ISettlement {
    using EventOrders for EventOrders.Orders;

    IParticipantRegistry public immutable participants;
    IDeviceRegistry public immutable devices;
    ICollateralEscrow public immutable escrow;
    IFlexibilityRights public immutable rights;
    IMeasurement public immutable measurement;
    IPayouts public immutable payouts;
    ISpotChecks public immutable spotChecks;

    /// @inheritdoc ISettlement
    mapping(bytes32 dispatchId => bytes32) public dispatchHash;
    mapping(bytes32 eventId => EventOrders.Orders) private _orders;

    constructor(
        address participants_,
        address devices_,
        address escrow_,
        address rights_,
        address measurement_,
        address payouts_,
        address spotChecks_
    ) {
        if (participants_ == address(0)) revert Errors.Flexbond_ZeroAddress("participants");
        if (devices_ == address(0)) revert Errors.Flexbond_ZeroAddress("devices");
        if (escrow_ == address(0)) revert Errors.Flexbond_ZeroAddress("escrow");
        if (rights_ == address(0)) revert Errors.Flexbond_ZeroAddress("rights");
        if (measurement_ == address(0)) revert Errors.Flexbond_ZeroAddress("measurement");
        if (payouts_ == address(0)) revert Errors.Flexbond_ZeroAddress("payouts");
        if (spotChecks_ == address(0)) revert Errors.Flexbond_ZeroAddress("spotChecks");
        participants = IParticipantRegistry(participants_);
        devices = IDeviceRegistry(devices_);
        escrow = ICollateralEscrow(escrow_);
        rights = IFlexibilityRights(rights_);
        measurement = IMeasurement(measurement_);
        payouts = IPayouts(payouts_);
        spotChecks = ISpotChecks(spotChecks_);
    }

    // ------------------------------------------------------------------ calling

    /// @inheritdoc ISettlement
    function dispatch(
        Flex.Product calldata product,
        Flex.Rule calldata rule,
        address holder,
        uint64 units,
        uint40[] calldata ordersW,
        Flex.DispatchKind kind
    ) external returns (bytes32 dispatchId) {
        _requireActsFor(holder);
        _requireRule(product, rule);
        (uint96 orderedMask, uint256 locked) = OrderBounds.survey(product, rule, units, ordersW);
        OrderBounds.requireNotice(product, rule, orderedMask);
        OrderBounds.requireRuns(product, rule.periodSeconds, orderedMask);

        Flex.EventKey memory key = Ids.eventKey(product);
        bytes32 eventId = Ids.eventId(key);
        // none of the event can be settled while another can still be called, so that the pending ones number them
        (uint16 number, uint256 peakW) = _orders[eventId].add(ordersW);
        bytes32 rightId = Ids.rightId(product);
        dispatchId = Ids.dispatchId(rightId, holder, number);
        dispatchHash[dispatchId] = Dispatches.tell(dispatchId, eventId, rightId, holder, units, number, kind, ordersW, locked);

        rights.consume(rightId, product.portfolioId, product.windowStart, holder, units, rule.minDispatchBps, peakW);
        measurement.call(key, orderedMask);
        if (locked != 0) escrow.lock(rule.currency, holder, Flex.LockReason.Utilisation, dispatchId, locked);
    }

    // ------------------------------------------------------------------ changing an order

    /// @inheritdoc ISettlement
    function stop(Flex.Product calldata product, Flex.Rule calldata rule, Flex.Dispatch calldata dispatch_, uint256 fromPeriod) external {
        bytes32 dispatchId = _requireChangeable(product, rule, dispatch_);
        if (fromPeriod >= dispatch_.ordersW.length) {
            revert Errors.Settlement_PeriodOutOfRange(fromPeriod, dispatch_.ordersW.length);
        }
        OrderBounds.requireNotBegun(product, rule, fromPeriod);
        _takeBack(product, rule, dispatch_, dispatchId, fromPeriod);
    }

    /// @inheritdoc ISettlement
    function cancel(Flex.Product calldata product, Flex.Rule calldata rule, Flex.Dispatch calldata dispatch_) external {
        bytes32 dispatchId = _requireChangeable(product, rule, dispatch_);
        uint256 first = 0;
        while (first < dispatch_.ordersW.length && dispatch_.ordersW[first] == 0) {
            ++first;
        }
        if (first == dispatch_.ordersW.length) revert Errors.Settlement_NothingOrdered(dispatch_.rightId);
        OrderBounds.requireNotBegun(product, rule, first);
        _takeBack(product, rule, dispatch_, dispatchId, first);
    }

    /// @inheritdoc ISettlement
    function excuse(Flex.Product calldata product, Flex.Dispatch calldata dispatch_, uint96 periodsMask) external {
        _requireActsFor(dispatch_.holder);
        bytes32 dispatchId = _requireOpen(dispatch_);
        _requireRight(product, dispatch_.rightId);
        uint256 periods = dispatch_.ordersW.length;
        if (periodsMask >> periods != 0) {
            revert Errors.Settlement_PeriodOutOfRange(Periods.last(periodsMask), periods);
        }

        Flex.Dispatch memory changed = dispatch_;
        changed.excusedMask |= periodsMask;
        dispatchHash[dispatchId] = keccak256(abi.encode(changed));
        emit DispatchChanged(dispatchId, Ids.eventId(Ids.eventKey(product)), changed);
    }

    // ------------------------------------------------------------------ checking a submission

    /// @inheritdoc ISettlement
    function demandProof(Flex.Product calldata product, Flex.Dispatch calldata dispatch_, uint40 place) external {
        _requireActsFor(dispatch_.holder);
        _requireOpen(dispatch_);
        _requireRight(product, dispatch_.rightId);
        if (OrderBounds.sum(dispatch_.ordersW) == 0) revert Errors.Settlement_NothingOrdered(dispatch_.rightId);
        spotChecks.demand(Ids.eventKey(product), dispatch_.holder, place);
    }

    /// @inheritdoc ISettlement
    function accept(Flex.Product calldata product, Flex.Dispatch calldata dispatch_, bytes32 commitment) external {
        _requireActsFor(dispatch_.holder);
        bytes32 dispatchId = _requireOpen(dispatch_);
        _requireRight(product, dispatch_.rightId);
        if (dispatch_.accepted) revert Errors.Settlement_AlreadyAccepted(dispatchId);

        bytes32 eventId = Ids.eventId(Ids.eventKey(product));
        Flex.Dispatch memory changed = dispatch_;
        changed.accepted = true;
        dispatchHash[dispatchId] = keccak256(abi.encode(changed));
        emit DispatchChanged(dispatchId, eventId, changed);
        // none is settled before the event ends, so that the pending dispatches are all
        spotChecks.accept(eventId, commitment, pending(eventId));
    }

    // ------------------------------------------------------------------ settling

    /// @inheritdoc ISettlement
    function settle(
        Flex.Product calldata product,
        Flex.Rule calldata rule,
        Flex.Dispatch calldata dispatch_,
        bytes32 commitment,
        int128[] calldata responsesMilliWh
    ) external returns (Flex.Settled memory settled) {
        bytes32 dispatchId = _requireOpen(dispatch_);
        _requireRight(product, dispatch_.rightId);
        _requireRule(product, rule);
        Flex.EventKey memory key = Ids.eventKey(product);
        bytes32 eventId = Ids.eventId(key);
        bool measured = _requireFinal(eventId, commitment, responsesMilliWh);
        uint256 share = devices.customerShareOf(product.portfolioId);
        settled =
            measured
                ? SettlementMath.settleMeasured(
                    rule,
                    product,
                    dispatch_,
                    responsesMilliWh,
                    _orders[eventId].totalsOf(dispatch_.ordersW),
                    share
                )
                : SettlementMath.settleUnmeasured(rule, product, dispatch_, share);

        delete dispatchHash[dispatchId];
        bool isLast = _orders[eventId].settleOne(dispatch_.ordersW);
        address currency = rule.currency;
        bool isEscrowed = rule.funding == Flex.Funding.Escrowed;
        uint256 pooled = 0;
        if (isEscrowed) (settled.utilisationRefund, pooled) = _payUtilisation(currency, product.provider, dispatchId, eventId, settled);
        emit DispatchSettled(dispatchId, eventId, dispatch_.rightId, dispatch_.holder, product.provider, measured, settled);

        uint256 earned = isEscrowed ? settled.availability - pooled : 0;
        uint256 toHolder = settled.availabilityRefund + settled.penalty;
        uint256 toProvider = earned + settled.released;
        escrow.divide(currency, Flex.LockReason.Rights, eventId, dispatch_.holder, toHolder, toProvider, eventId, pooled);
        if (!measured) _shareBond(currency, dispatch_, dispatchId, eventId, isLast);
        if (!isEscrowed) return settled;
        if (isLast) payouts.open(eventId, key, currency, settled.pool, !measured);
        else if (settled.pool != 0) payouts.fund(eventId, key, settled.pool);
    }

    /// @inheritdoc ISettlement
    function settleUncalled(Flex.Product calldata product, Flex.Rule calldata rule) external {
        _requireRule(product, rule);
        if (block.timestamp < product.windowEnd) {
            revert Errors.Settlement_TooEarly(product.windowEnd, block.timestamp);
        }
        bytes32 rightId = Ids.rightId(product);
        Flex.EventKey memory key = Ids.eventKey(product);
        uint256 share = devices.customerShareOf(product.portfolioId);

        (uint64 backed, uint64 earning) = rights.expire(product);
        uint256 availability = earning * SettlementMath.availabilityPerUnitDown(product);
        uint256 pool = Rounding.divDown(availability * share, SettlementMath.BPS);
        uint256 released = backed * SettlementMath.collateralPerUnitUp(product, rule.collateralBps);
        bytes32 eventId = Ids.eventId(key);
        emit RightSettled(rightId, eventId, product.provider, availability, pool, released);

        address currency = rule.currency;
        bool isEscrowed = rule.funding == Flex.Funding.Escrowed;
        uint256 pooled = isEscrowed ? pool : 0;
        uint256 unlocked = isEscrowed ? released + availability - pool : released;
        escrow.divide(currency, Flex.LockReason.Rights, eventId, product.provider, 0, unlocked, rightId, pooled);
        if (pooled == 0) return;
        payouts.open(rightId, key, currency, pool, true);
    }

    // ------------------------------------------------------------------ reading

    /// @inheritdoc ISettlement
    function orderedW(bytes32 eventId, uint256 period) external view returns (uint256) {
        return pending(eventId) == 0 ? 0 : _orders[eventId].at(period);
    }

    /// @inheritdoc ISettlement
    function pending(bytes32 eventId) public view returns (uint256) {
        return _orders[eventId].pending();
    }

    // ------------------------------------------------------------------ orders

    /// @dev Orders from a period on become zero; the run that this cuts must keep the minimum. If nothing remains, the first ordered period is
    /// among them and has not begun.
    function _takeBack(
        Flex.Product calldata product,
        Flex.Rule calldata rule,
        Flex.Dispatch calldata dispatch_,
        bytes32 dispatchId,
        uint256 fromPeriod
    ) private {
        bytes32 eventId = Ids.eventId(Ids.eventKey(product));
        EventOrders.Orders storage orders = _orders[eventId];
        Flex.Dispatch memory changed = dispatch_;
        uint256 run = 0;
        while (run < fromPeriod && changed.ordersW[fromPeriod - 1 - run] != 0) {
            ++run;
        }
        if (run != 0) OrderBounds.requireRun(product, fromPeriod - run, run * rule.periodSeconds);
        for (uint256 p = fromPeriod; p < changed.ordersW.length; ++p) {
            if (changed.ordersW[p] == 0) continue;
            orders.takeBack(p, changed.ordersW[p]);
            changed.ordersW[p] = 0;
        }

        dispatchHash[dispatchId] = keccak256(abi.encode(changed));
        emit DispatchChanged(dispatchId, eventId, changed);
    }

    // ------------------------------------------------------------------ checks

    function _requireActsFor(address holder) private view {
        if (msg.sender != holder && !participants.mayAct(holder, msg.sender)) {
            revert Errors.Flexbond_NotAllowed(msg.sender, holder);
        }
    }

    function _requireRule(Flex.Product calldata product, Flex.Rule calldata rule) private pure {
        bytes32 given = Ids.ruleId(rule);
        if (given != product.ruleId) revert Errors.Settlement_RuleDiffers(given);
    }

    function _requireRight(Flex.Product calldata product, bytes32 rightId) private pure {
        bytes32 given = Ids.rightId(product);
        if (given != rightId) revert Errors.Settlement_RightDiffers(given);
    }

    /// @dev The dispatch as it stands, not settled.
    function _requireOpen(Flex.Dispatch calldata dispatch_) private view returns (bytes32 dispatchId) {
        dispatchId = Ids.dispatchId(dispatch_.rightId, dispatch_.holder, dispatch_.number);
        if (dispatchHash[dispatchId] != Dispatches.hashOf(dispatch_)) revert Errors.Settlement_DispatchDiffers(dispatchId);
    }

    function _requireChangeable(
        Flex.Product calldata product,
        Flex.Rule calldata rule,
        Flex.Dispatch calldata dispatch_
    ) private view returns (bytes32 dispatchId) {
        _requireActsFor(dispatch_.holder);
        dispatchId = _requireOpen(dispatch_);
        _requireRight(product, dispatch_.rightId);
        _requireRule(product, rule);
    }

    /// @dev Whether the event was measured, with this submission and these responses, or is final as never measured.
    function _requireFinal(bytes32 eventId, bytes32 commitment, int128[] calldata responsesMilliWh) private view returns (bool measured) {
        if (Ids.outcomeHash(commitment, responsesMilliWh) == measurement.commitment(eventId)) return true;
        Flex.EventStatus status = measurement.eventState(eventId).status;
        if (status != Flex.EventStatus.Measured && status != Flex.EventStatus.Unmeasured) {
            revert Errors.Settlement_NotFinal(eventId, uint8(status));
        }
        if (status == Flex.EventStatus.Measured || commitment != 0 || responsesMilliWh.length != 0) {
            revert Errors.Measurement_ResultDiffers(eventId);
        }
        return false;
    }

    // ------------------------------------------------------------------ money

    /// @dev From the dispatch's own lock to where it was earned; the customers' part comes out of the pay first.
    /// @return refund what the holder gets back
    /// @return rest of the customers' part, which comes out of the availability
    function _payUtilisation(
        address currency,
        address provider,
        bytes32 dispatchId,
        bytes32 eventId,
        Flex.Settled memory settled
    ) private returns (uint256 refund, uint256 rest) {
        uint256 fromPay = Math.min(settled.pool, settled.pay);
        uint256 paid = settled.pay - fromPay;
        refund = escrow.divideAll(currency, Flex.LockReason.Utilisation, dispatchId, provider, paid, eventId, fromPay);
        rest = settled.pool - fromPay;
    }

    /// @dev The dispatch's part of the bond that a rejected submission lost to the buyers. What rounding left goes with the last.
    function _shareBond(address currency, Flex.Dispatch calldata dispatch_, bytes32 dispatchId, bytes32 eventId, bool isLast) private {
        uint256 forBuyers = spotChecks.forBuyers(eventId);
        if (forBuyers == 0) return;
        uint256 share = 0;
        if (isLast) {
            (, share) = escrow.lockOf(keccak256(abi.encode(currency, Flex.LockReason.Bond, eventId)));
        } else {
            uint256 totalW = _orders[eventId].totalW(dispatch_.ordersW.length);
            if (totalW != 0) share = Rounding.divDown(forBuyers * OrderBounds.sum(dispatch_.ordersW), totalW);
        }
        if (share == 0) return;
        emit BondShared(dispatchId, eventId, dispatch_.holder, share);
        escrow.pay(currency, Flex.LockReason.Bond, eventId, dispatch_.holder, share);
    }
}
