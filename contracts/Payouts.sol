// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ICollateralEscrow} from "../interfaces/ICollateralEscrow.sol";
import {IDeviceRegistry} from "../interfaces/IDeviceRegistry.sol";
import {IMeasurement} from "../interfaces/IMeasurement.sol";
import {IPayouts} from "../interfaces/IPayouts.sol";
import {DeliveryTree} from "./libraries/DeliveryTree.sol";
import {Errors} from "./libraries/Errors.sol";
import {Ids} from "./libraries/Ids.sol";
import {Rounding} from "./libraries/Rounding.sol";
import {Flex} from "./types/Flex.sol";

/// @title Customers' pools, and who collected
contract Payouts is IPayouts {
    using Rounding for uint256;

    /// @dev One slot.
    struct Pool {
        uint96 amount; // base units, when it was opened
        uint40 openedAt; // 0: not open
        bool byCapacity;
        uint8 depth; // of the submission's tree
    }

    IDeviceRegistry public immutable devices;
    IMeasurement public immutable measurement;
    ICollateralEscrow public immutable escrow;
    address public immutable settlement;

    mapping(bytes32 poolId => Pool) private _pools;
    /// @dev The event of a right's pool; an event's pool bears its id.
    mapping(bytes32 poolId => bytes32 eventId) private _eventOf;
    mapping(bytes32 poolId => mapping(uint256 word => uint256 bits)) private _collected;

    constructor(address devices_, address measurement_, address escrow_, address settlement_) {
        if (devices_ == address(0)) revert Errors.Flexbond_ZeroAddress("devices");
        if (measurement_ == address(0)) revert Errors.Flexbond_ZeroAddress("measurement");
        if (escrow_ == address(0)) revert Errors.Flexbond_ZeroAddress("escrow");
        if (settlement_ == address(0)) revert Errors.Flexbond_ZeroAddress("settlement");
        devices = IDeviceRegistry(devices_);
        measurement = IMeasurement(measurement_);
        escrow = ICollateralEscrow(escrow_);
        settlement = settlement_;
    }

    // ------------------------------------------------------------------ funding

    /// @inheritdoc IPayouts
    function fund(bytes32 poolId, Flex.EventKey calldata key, uint256 amount) external {
        _requireSettlement();
        emit PoolFunded(poolId, Ids.eventIdOf(key), amount);
    }

    /// @inheritdoc IPayouts
    function open(bytes32 poolId, Flex.EventKey calldata key, address currency, bool byCapacity) external {
        _requireSettlement();
        uint256 amount = _held(currency, poolId);
        if (amount == 0) return;
        bytes32 eventId = Ids.eventIdOf(key);

        _pools[poolId] = Pool({
            amount: uint96(amount),
            openedAt: uint40(block.timestamp),
            byCapacity: byCapacity,
            depth: byCapacity ? 0 : _depthOf(eventId, key.portfolioId)
        });
        if (poolId != eventId) _eventOf[poolId] = eventId;
        emit PoolOpened(poolId, eventId, uint40(block.timestamp), byCapacity);
    }

    // ------------------------------------------------------------------ collecting

    /// @inheritdoc IPayouts
    function collect(WeightClaim calldata claim) external returns (uint256 amount) {
        bytes32 poolId = Ids.eventIdOf(claim.key);
        Pool memory from = _requireOpen(poolId);
        bytes32 leaf = DeliveryTree.leaf(claim.index, claim.weightWord, claim.columnsHash);
        bool fits =
            !from.byCapacity &&
                claim.path.length == from.depth &&
                claim.index >> from.depth == 0 &&
                DeliveryTree.rootOf(leaf, claim.index, claim.path) == claim.root &&
                _isCommitted(poolId, claim.root, claim.totalWeight, claim.totalsHash);
        if (!fits) revert Errors.Payouts_BadProof(poolId, claim.index);

        uint256 weight = claim.weightWord >> 128;
        Flex.Entry memory entry = devices.entry(claim.key.portfolioId, claim.index);
        amount = _share(poolId, claim.index, from.amount, weight, claim.totalWeight);
        _payOut(poolId, claim.key.portfolioId, claim.currency, claim.index, entry.payee, amount);
    }

    /// @inheritdoc IPayouts
    function collectByCapacity(CapacityClaim calldata claim) external returns (uint256 amount) {
        bytes32 poolId = claim.poolId;
        Pool memory from = _requireOpen(poolId);
        bool fits =
            _isOf(poolId, claim.key) &&
                (from.byCapacity || (claim.totalWeight == 0 && _isCommitted(poolId, claim.root, claim.totalWeight, claim.totalsHash)));
        if (!fits) revert Errors.Payouts_BadProof(poolId, claim.index);

        uint40 at = claim.key.windowStart;
        Flex.Entry memory entry = devices.entry(claim.key.portfolioId, claim.index);
        bool wasIn = entry.joinedAt < at && (entry.leftAt == 0 || entry.leftAt >= at);
        uint256 total = devices.sumsBefore(claim.key.portfolioId, at).capacityW;
        amount = _share(poolId, claim.index, from.amount, wasIn ? entry.capacityW : 0, total);
        _payOut(poolId, claim.key.portfolioId, claim.currency, claim.index, entry.payee, amount);
    }

    /// @inheritdoc IPayouts
    function sweep(bytes32 poolId, Flex.EventKey calldata key, Flex.Rule calldata rule) external {
        Pool memory swept = _requireOpen(poolId);
        if (!_isOf(poolId, key)) revert Errors.Payouts_EventDiffers(poolId);
        bytes32 ruleId = Ids.ruleId(rule);
        if (ruleId != key.ruleId) revert Errors.Payouts_RuleDiffers(ruleId);
        uint256 until = uint256(swept.openedAt) + rule.collectPeriod;
        if (block.timestamp < until) revert Errors.Payouts_PeriodNotOver(until, block.timestamp);
        uint256 left = _held(rule.currency, poolId);

        delete _pools[poolId];
        emit PoolSwept(poolId, rule.unclaimedTo, left);
        escrow.pay(rule.currency, Flex.LockReason.Pool, poolId, rule.unclaimedTo, left);
    }

    // ------------------------------------------------------------------ reading

    /// @inheritdoc IPayouts
    function pool(bytes32 poolId) external view returns (uint256 amount, uint40 openedAt, bool byCapacity) {
        Pool memory stored = _pools[poolId];
        return (stored.amount, stored.openedAt, stored.byCapacity);
    }

    /// @inheritdoc IPayouts
    function hasCollected(bytes32 poolId, uint256 index) public view returns (bool) {
        return (_collected[poolId][index >> 8] >> (index & 0xff)) & 1 == 1;
    }

    // ------------------------------------------------------------------ within

    function _requireSettlement() private view {
        if (msg.sender != settlement) revert Errors.Flexbond_NotAllowed(msg.sender, settlement);
    }

    function _requireOpen(bytes32 poolId) private view returns (Pool memory stored) {
        stored = _pools[poolId];
        if (stored.openedAt == 0) revert Errors.Payouts_NotOpen(poolId);
    }

    /// @dev What the pool's lock holds; a lock holds at most 96 bits.
    function _held(address currency, bytes32 poolId) private view returns (uint256 amount) {
        (, amount) = escrow.lockOf(keccak256(abi.encode(currency, Flex.LockReason.Pool, poolId)));
    }

    /// @dev Depth of the event's tree, kept with its pool so that collecting need not ask for it.
    function _depthOf(bytes32 eventId, bytes32 portfolioId) private view returns (uint8) {
        uint40 firstNotice = measurement.eventState(eventId).firstNotice;
        return uint8(DeliveryTree.depth(devices.sumsBefore(portfolioId, firstNotice).entries));
    }

    /// @dev Whether the pool is the event's, or that of a right of the event.
    function _isOf(bytes32 poolId, Flex.EventKey calldata key) private view returns (bool) {
        bytes32 eventId = Ids.eventIdOf(key);
        return poolId == eventId || _eventOf[poolId] == eventId;
    }

    function _isCommitted(bytes32 eventId, bytes32 root, uint128 totalWeight, bytes32 totalsHash) private view returns (bool) {
        return keccak256(abi.encode(root, totalWeight, totalsHash)) == measurement.commitment(eventId);
    }

    /// @dev One place's part of a pool, rounded down.
    function _share(bytes32 poolId, uint256 index, uint256 amount, uint256 part, uint256 total) private view returns (uint256 share) {
        if (hasCollected(poolId, index)) revert Errors.Payouts_AlreadyCollected(poolId, index);
        if (part != 0) share = (amount * part).divDown(total);
        if (share == 0) revert Errors.Payouts_NothingToCollect(poolId, index);
    }

    function _payOut(bytes32 poolId, bytes32 portfolioId, address currency, uint40 index, address payee, uint256 amount) private {
        _collected[poolId][index >> 8] |= uint256(1) << (index & 0xff);
        emit Collected(poolId, portfolioId, index, payee, amount);
        escrow.pay(currency, Flex.LockReason.Pool, poolId, payee, amount);
    }
}
