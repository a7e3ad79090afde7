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
        uint32 leaves; // of it; what pads the tree is nobody's, whatever a submission has there
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
    function open(bytes32 poolId, Flex.EventKey calldata key, address currency, uint256 last, bool byCapacity) external {
        _requireSettlement();
        uint256 amount = _held(currency, poolId);
        if (amount == 0) return;
        bytes32 eventId = Ids.eventIdOf(key);
        if (last != 0) emit PoolFunded(poolId, eventId, last);
        uint32 leaves = byCapacity ? 0 : measurement.eventState(eventId).leaves;

        _pools[poolId] = Pool({
            amount: uint96(amount),
            openedAt: uint40(block.timestamp),
            byCapacity: byCapacity,
            depth: uint8(DeliveryTree.depth(leaves)),
            leaves: leaves
        });
        if (poolId != eventId) _eventOf[poolId] = eventId;
        emit PoolOpened(poolId, eventId, uint40(block.timestamp), byCapacity);
    }

    // ------------------------------------------------------------------ collecting

    /// @inheritdoc IPayouts
    function collect(WeightClaim calldata claim) external returns (uint256 amount) {
        bytes32 poolId = Ids.eventIdOf(claim.key);
        Pool memory from = _requireOpen(poolId);
        uint40 index = claim.index;
        uint256 weightWord = claim.weightWord;
        uint128 totalWeight = claim.totalWeight;
        bytes32 root = DeliveryTree.rootOf(DeliveryTree.leaf(index, weightWord, claim.columnsHash), index, claim.path);
        bool fits =
            !from.byCapacity &&
                claim.path.length == from.depth &&
                index < from.leaves &&
                _isCommitted(poolId, root, totalWeight, claim.totalsHash, claim.responsesHash);
        if (!fits) revert Errors.Payouts_BadProof(poolId, index);

        bytes32 portfolioId = claim.key.portfolioId;
        address payee = devices.payeeOf(portfolioId, index);
        amount = _takeShare(poolId, index, from.amount, weightWord >> 128, totalWeight);
        _payOut(poolId, portfolioId, claim.currency, index, payee, amount);
    }

    /// @inheritdoc IPayouts
    function collectMany(NeighboursClaim[] calldata claims) external returns (uint256 amount) {
        for (uint256 i = 0; i < claims.length; ++i) {
            amount += _collectRun(claims[i]);
        }
    }

    /// @inheritdoc IPayouts
    function collectByCapacity(CapacityClaim calldata claim) external returns (uint256 amount) {
        bytes32 poolId = claim.poolId;
        Pool memory from = _requireOpen(poolId);
        bool fits =
            _isOf(poolId, claim.key) &&
                (from.byCapacity ||
                    (claim.totalWeight == 0 && _isCommitted(poolId, claim.root, claim.totalWeight, claim.totalsHash, claim.responsesHash)));
        if (!fits) revert Errors.Payouts_BadProof(poolId, claim.index);

        uint40 at = claim.key.windowStart;
        Flex.Entry memory entry = devices.entry(claim.key.portfolioId, claim.index);
        bool wasIn = entry.joinedAt < at && (entry.leftAt == 0 || entry.leftAt >= at);
        uint256 total = devices.sumsBefore(claim.key.portfolioId, at).capacityW;
        amount = _takeShare(poolId, claim.index, from.amount, wasIn ? entry.capacityW : 0, total);
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
    function hasCollected(bytes32 poolId, uint256 index) external view returns (bool) {
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

    /// @dev Whether the pool is the event's, or that of a right of the event.
    function _isOf(bytes32 poolId, Flex.EventKey calldata key) private view returns (bool) {
        bytes32 eventId = Ids.eventIdOf(key);
        return poolId == eventId || _eventOf[poolId] == eventId;
    }

    /// @dev Whether the event was measured from a submission of this root and total.
    function _isCommitted(
        bytes32 eventId,
        bytes32 root,
        uint128 totalWeight,
        bytes32 totalsHash,
        bytes32 responsesHash
    ) private view returns (bool) {
        bytes32 commitment = keccak256(abi.encode(root, totalWeight, totalsHash));
        return keccak256(abi.encode(commitment, responsesHash)) == measurement.commitment(eventId);
    }

    /// @dev Whether the claim's leaves stand side by side in the pool's tree, and the root of that if they do.
    function _rootOfRun(NeighboursClaim calldata claim, Pool memory from) private pure returns (bool isRun, bytes32 root) {
        uint256 depth = from.depth;
        uint256 count = claim.weightWords.length;
        uint256 first = claim.first;
        if (count == 0 || claim.columnsHashes.length != count || first + count > from.leaves) return (false, 0);
        if (claim.path.length != DeliveryTree.runSiblings(first, first + count - 1, depth)) return (false, 0);
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = DeliveryTree.leaf(first + i, claim.weightWords[i], claim.columnsHashes[i]);
        }
        return (true, DeliveryTree.runRoot(leaves, first, depth, claim.path));
    }

    function _collectRun(NeighboursClaim calldata claim) private returns (uint256 amount) {
        bytes32 poolId = Ids.eventIdOf(claim.key);
        Pool memory from = _requireOpen(poolId);
        (bool isRun, bytes32 root) = _rootOfRun(claim, from);
        bool fits = isRun && !from.byCapacity && _isCommitted(poolId, root, claim.totalWeight, claim.totalsHash, claim.responsesHash);
        if (!fits) revert Errors.Payouts_BadProof(poolId, claim.first);

        address[] memory payees = devices.payees(claim.key.portfolioId, claim.first, claim.weightWords.length);
        uint256[] memory amounts;
        (amounts, amount) = _takeShares(poolId, from.amount, claim);
        if (amount == 0) return 0;
        emit CollectedMany(poolId, claim.key.portfolioId, claim.first, payees, amounts);
        escrow.payMany(claim.currency, Flex.LockReason.Pool, poolId, payees, amounts);
    }

    /// @dev Shares of a run, those marked as collected that are not 0. A word of marks is read and written once.
    function _takeShares(
        bytes32 poolId,
        uint256 held,
        NeighboursClaim calldata claim
    ) private returns (uint256[] memory amounts, uint256 sum) {
        mapping(uint256 word => uint256 bits) storage marks = _collected[poolId];
        uint256 first = claim.first;
        uint256 end = first + claim.weightWords.length;
        amounts = new uint256[](claim.weightWords.length);
        for (uint256 index = first; index < end;) {
            uint256 word = index >> 8;
            uint256 before = marks[word];
            uint256 bits = before;
            for (; index < end && index >> 8 == word; ++index) {
                uint256 bit = 1 << (index & 0xff);
                if (bits & bit != 0) continue;
                uint256 share = _partOf(held, claim.weightWords[index - first] >> 128, claim.totalWeight);
                if (share == 0) continue;
                amounts[index - first] = share;
                sum += share;
                bits |= bit;
            }
            if (bits != before) marks[word] = bits;
        }
    }

    /// @dev `amount * part / total`, rounded down; nothing of a total of nothing.
    function _partOf(uint256 amount, uint256 part, uint256 total) private pure returns (uint256) {
        return total == 0 ? 0 : (amount * part).divDown(total);
    }

    /// @dev One place's part of a pool, which is marked as collected.
    function _takeShare(bytes32 poolId, uint256 index, uint256 amount, uint256 part, uint256 total) private returns (uint256 share) {
        mapping(uint256 word => uint256 bits) storage marks = _collected[poolId];
        uint256 bits = marks[index >> 8];
        uint256 bit = 1 << (index & 0xff);
        if (bits & bit != 0) revert Errors.Payouts_AlreadyCollected(poolId, index);
        share = _partOf(amount, part, total);
        if (share == 0) revert Errors.Payouts_NothingToCollect(poolId, index);
        marks[index >> 8] = bits | bit;
    }

    function _payOut(bytes32 poolId, bytes32 portfolioId, address currency, uint40 index, address payee, uint256 amount) private {
        emit Collected(poolId, portfolioId, index, payee, amount);
        escrow.pay(currency, Flex.LockReason.Pool, poolId, payee, amount);
    }
}
