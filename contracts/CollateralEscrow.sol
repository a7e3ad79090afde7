// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {ICollateralEscrow} from "../interfaces/ICollateralEscrow.sol";
import {Errors} from "./libraries/Errors.sol";
import {Flex} from "./types/Flex.sol";

/// @title All money of the suite: free balances and locks, per token
contract CollateralEscrow is ICollateralEscrow, AccessManaged, ReentrancyGuard {
    using SafeERC20 for IERC20;

    /// @dev One slot. A lock without money does not exist and has no owner.
    struct Lock {
        address owner;
        uint96 amount; // base units
    }

    address private immutable _rights;
    address private immutable _spotChecks;
    address private immutable _settlement;
    address private immutable _payouts;

    mapping(address token => bool) private _listed;
    mapping(address token => uint256) private _owed;
    mapping(address token => mapping(address account => uint256)) private _free;
    mapping(bytes32 lockId => Lock) private _locks;

    modifier onlyMover() {
        if (!isMover(msg.sender)) revert Errors.Flexbond_NotMover(msg.sender);
        _;
    }

    /// @param movers FlexibilityRights, SpotChecks, Settlement, Payouts: the only contracts that ever move a lock
    constructor(address governance, address[4] memory movers) AccessManaged(governance) {
        if (governance == address(0)) revert Errors.Flexbond_ZeroAddress("governance");
        for (uint256 i = 0; i < movers.length; i++) {
            if (movers[i] == address(0)) revert Errors.Flexbond_ZeroAddress("movers");
            for (uint256 j = 0; j < i; j++) {
                if (movers[i] == movers[j]) revert Errors.CollateralEscrow_DuplicateMover(movers[i]);
            }
        }
        _rights = movers[0];
        _spotChecks = movers[1];
        _settlement = movers[2];
        _payouts = movers[3];
    }

    /// @inheritdoc ICollateralEscrow
    function listToken(address token, bool listed) external restricted {
        if (token == address(0)) revert Errors.Flexbond_ZeroAddress("token");
        _listed[token] = listed;
        emit TokenListed(token, listed);
    }

    /// @inheritdoc ICollateralEscrow
    function deposit(address token, address account, uint256 amount) external nonReentrant {
        _deposit(token, account, amount);
    }

    /// @inheritdoc ICollateralEscrow
    function depositWithPermit(
        address token,
        address account,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant {
        if (!_listed[token]) revert Errors.CollateralEscrow_TokenNotListed(token);
        // Whoever used the permit first gave the same allowance; without one the transfer fails by itself.
        try IERC20Permit(token).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        _deposit(token, account, amount);
    }

    /// @inheritdoc ICollateralEscrow
    function withdraw(address token, address to, uint256 amount) external nonReentrant {
        if (to == address(0)) revert Errors.Flexbond_ZeroAddress("to");
        if (amount == 0) revert Errors.CollateralEscrow_ZeroAmount(token);

        _takeFree(token, msg.sender, amount);
        _owed[token] -= amount;
        emit Withdrawn(token, msg.sender, to, amount);

        IERC20(token).safeTransfer(to, amount);
    }

    /// @inheritdoc ICollateralEscrow
    function lock(address token, address owner, Flex.LockReason reason, bytes32 key, uint256 amount) external onlyMover {
        if (amount == 0) return;
        bytes32 id = lockId(token, reason, key);
        _takeFree(token, owner, amount);
        _addToLock(id, owner, amount);
        emit Locked(id, owner, reason, token, key, amount);
    }

    /// @inheritdoc ICollateralEscrow
    function purchase(
        address token,
        address buyer,
        address provider,
        bytes32 key,
        uint256 premium,
        uint256 availability,
        uint256 collateral
    ) external onlyMover {
        uint256 locked = availability + collateral;
        if (premium + locked == 0) return;
        bytes32 id = lockId(token, Flex.LockReason.Rights, key);
        if (premium + availability != 0) _takeFree(token, buyer, premium + availability);
        uint256 balance = _free[token][provider] + premium;
        if (balance < collateral) revert Errors.CollateralEscrow_InsufficientFree(token, provider, balance, collateral);
        _free[token][provider] = balance - collateral;
        if (locked != 0) _addToLock(id, provider, locked);
        emit Purchased(id, buyer, provider, token, key, premium, availability, collateral);
    }

    /// @inheritdoc ICollateralEscrow
    function divide(
        address token,
        Flex.LockReason reason,
        bytes32 key,
        address to,
        uint256 paid,
        uint256 unlocked,
        bytes32 poolId,
        uint256 pooled
    ) external onlyMover {
        uint256 sum = paid + unlocked + pooled;
        if (sum == 0) return;
        bytes32 id = lockId(token, reason, key);
        address owner = _takeFromLock(id, sum);
        _divide(token, id, owner, to, paid, unlocked, poolId, pooled);
    }

    /// @inheritdoc ICollateralEscrow
    function divideAll(
        address token,
        Flex.LockReason reason,
        bytes32 key,
        address to,
        uint256 paid,
        bytes32 poolId,
        uint256 pooled
    ) external onlyMover returns (uint256 unlocked) {
        uint256 sum = paid + pooled;
        (bytes32 id, address owner, uint256 amount) = _takeLock(token, reason, key);
        if (amount < sum) revert Errors.CollateralEscrow_InsufficientLock(id, amount, sum);
        if (amount == 0) return 0;
        unlocked = amount - sum;
        _divide(token, id, owner, to, paid, unlocked, poolId, pooled);
    }

    /// @inheritdoc ICollateralEscrow
    function release(address token, Flex.LockReason reason, bytes32 key) external onlyMover returns (address owner, uint256 amount) {
        bytes32 id;
        (id, owner, amount) = _takeLock(token, reason, key);
        if (amount == 0) return (owner, amount);
        _free[token][owner] += amount;
        emit Paid(id, owner, amount);
    }

    /// @inheritdoc ICollateralEscrow
    function pay(address token, Flex.LockReason reason, bytes32 key, address to, uint256 amount) external onlyMover {
        if (amount == 0) return;
        bytes32 id = lockId(token, reason, key);
        _takeFromLock(id, amount);
        _free[token][to] += amount;
        emit Paid(id, to, amount);
    }

    /// @inheritdoc ICollateralEscrow
    function payMany(
        address token,
        Flex.LockReason reason,
        bytes32 key,
        address[] calldata to,
        uint256[] calldata amounts
    ) external onlyMover {
        if (to.length != amounts.length) revert Errors.CollateralEscrow_LengthsDiffer(to.length, amounts.length);
        uint256 sum = 0;
        for (uint256 i = 0; i < amounts.length; ++i) {
            sum += amounts[i];
        }
        if (sum == 0) return;
        bytes32 id = lockId(token, reason, key);
        _takeFromLock(id, sum);
        mapping(address account => uint256) storage balances = _free[token];
        for (uint256 i = 0; i < amounts.length; ++i) {
            if (amounts[i] != 0) balances[to[i]] += amounts[i];
        }
        emit PaidMany(id, to, amounts);
    }

    /// @inheritdoc ICollateralEscrow
    function isListed(address token) external view returns (bool) {
        return _listed[token];
    }

    /// @inheritdoc ICollateralEscrow
    function isMover(address account) public view returns (bool) {
        return account == _payouts || account == _settlement || account == _rights || account == _spotChecks;
    }

    /// @inheritdoc ICollateralEscrow
    function free(address token, address account) external view returns (uint256) {
        return _free[token][account];
    }

    /// @inheritdoc ICollateralEscrow
    function owed(address token) external view returns (uint256) {
        return _owed[token];
    }

    /// @inheritdoc ICollateralEscrow
    function lockOf(bytes32 id) external view returns (address owner, uint256 amount) {
        Lock storage stored = _locks[id];
        return (stored.owner, stored.amount);
    }

    /// @inheritdoc ICollateralEscrow
    function lockId(address token, Flex.LockReason reason, bytes32 key) public pure returns (bytes32) {
        return keccak256(abi.encode(token, reason, key));
    }

    /// @dev The effects follow the transfer because what was received is known only then: while the token runs, less is owed than is
    /// held, never more. Callers hold the reentrancy guard.
    function _deposit(address token, address account, uint256 amount) private {
        if (!_listed[token]) revert Errors.CollateralEscrow_TokenNotListed(token);
        if (account == address(0)) revert Errors.Flexbond_ZeroAddress("account");
        if (amount == 0) revert Errors.CollateralEscrow_ZeroAmount(token);

        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 afterwards = IERC20(token).balanceOf(address(this));
        uint256 received = afterwards > before ? afterwards - before : 0;
        if (received != amount) revert Errors.CollateralEscrow_ReceivedDiffers(token, amount, received);

        _owed[token] += amount;
        _free[token][account] += amount;
        emit Deposited(token, account, msg.sender, amount);
    }

    function _takeFree(address token, address account, uint256 amount) private {
        uint256 balance = _free[token][account];
        if (balance < amount) revert Errors.CollateralEscrow_InsufficientFree(token, account, balance, amount);
        unchecked {
            _free[token][account] = balance - amount;
        }
    }

    function _takeFromLock(bytes32 id, uint256 amount) private returns (address owner) {
        Lock memory held = _locks[id];
        if (held.amount < amount) revert Errors.CollateralEscrow_InsufficientLock(id, held.amount, amount);
        owner = held.owner;
        if (held.amount == amount) {
            delete _locks[id];
        } else {
            _locks[id].amount = uint96(held.amount - amount);
        }
    }

    /// @dev All of a lock, which is none then; nothing of none.
    function _takeLock(address token, Flex.LockReason reason, bytes32 key) private returns (bytes32 id, address owner, uint256 amount) {
        id = lockId(token, reason, key);
        Lock storage held = _locks[id];
        (owner, amount) = (held.owner, held.amount);
        if (amount != 0) delete _locks[id];
    }

    /// @dev To whom it is due what was taken from a lock.
    function _divide(
        address token,
        bytes32 id,
        address owner,
        address to,
        uint256 paid,
        uint256 unlocked,
        bytes32 poolId,
        uint256 pooled
    ) private {
        if (paid != 0) _free[token][to] += paid;
        if (unlocked != 0) _free[token][owner] += unlocked;
        if (pooled != 0) _addToLock(lockId(token, Flex.LockReason.Pool, poolId), _payouts, pooled);
        emit Divided(id, to, paid, unlocked, poolId, pooled);
    }

    function _addToLock(bytes32 id, address owner, uint256 amount) private {
        Lock memory held = _locks[id];
        if (held.amount != 0 && held.owner != owner) {
            revert Errors.CollateralEscrow_LockOwnerDiffers(id, held.owner, owner);
        }
        uint256 sum = held.amount + amount;
        if (sum > type(uint96).max) revert Errors.Flexbond_Overflow(sum, 96);
        _locks[id] = Lock({owner: owner, amount: uint96(sum)});
    }
}
