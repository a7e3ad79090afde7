// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../contracts/types/Flex.sol";

/// @title All money of the suite: free balances and locks, per token
/// @notice `owed(token) <= token.balanceOf(escrow)`. Payments are credits, which their owner withdraws to where it says. The contracts
/// that may move locks are fixed at deployment; no role can add one. A lock's id is `keccak256(abi.encode(token, reason, key))`.
interface ICollateralEscrow {
    event TokenListed(address indexed token, bool listed);
    event Deposited(address indexed token, address indexed account, address indexed from, uint256 amount);
    event Withdrawn(address indexed token, address indexed account, address indexed to, uint256 amount);
    event Locked(bytes32 indexed lockId, address indexed owner, Flex.LockReason reason, address token, bytes32 key, uint256 amount);
    event Purchased(
        bytes32 indexed lockId,
        address indexed buyer,
        address indexed provider,
        address token,
        bytes32 key,
        uint256 premium,
        uint256 availability,
        uint256 collateral
    );
    /// @notice What is pooled went to the lock `(token, Pool, poolId)`, which is Payouts'; no `Locked` tells it again.
    event Divided(bytes32 indexed lockId, address indexed to, uint256 paid, uint256 unlocked, bytes32 poolId, uint256 pooled);
    event Paid(bytes32 indexed lockId, address indexed to, uint256 amount);
    event PaidMany(bytes32 indexed lockId, address[] to, uint256[] amounts);

    /// @notice Lists a token for deposits, or stops deposits of it; withdrawals always go on. Only MARKET_OPERATOR.
    /// @dev A token that takes fees is refused at deposit; one that rebases can only hurt those who hold it here.
    function listToken(address token, bool listed) external;

    /// @notice Deposits from the caller to `account`'s free balance.
    /// @dev Errors: CollateralEscrow_TokenNotListed, CollateralEscrow_ZeroAmount, CollateralEscrow_ReceivedDiffers (a token with fees),
    /// Flexbond_ZeroAddress.
    function deposit(address token, address account, uint256 amount) external;

    /// @notice Deposits with an ERC-2612 permit of the caller. A permit already used by somebody else does no harm.
    function depositWithPermit(address token, address account, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Withdraws from the caller's free balance to `to`. Operators cannot.
    /// @dev Errors: CollateralEscrow_InsufficientFree, CollateralEscrow_ZeroAmount, Flexbond_ZeroAddress.
    function withdraw(address token, address to, uint256 amount) external;

    /// @notice Free balance of `owner` to its lock `(token, reason, key)`, which it must own if it exists. Only movers. Zero does nothing.
    /// @dev Errors: Flexbond_NotMover, CollateralEscrow_InsufficientFree, CollateralEscrow_LockOwnerDiffers, Flexbond_Overflow.
    function lock(address token, address owner, Flex.LockReason reason, bytes32 key, uint256 amount) external;

    /// @notice What a purchase of rights moves: premium from the buyer's to the provider's free balance; availability from the buyer's and
    /// collateral from the provider's to the lock `(token, Rights, key)`, which is the provider's. The premium may serve as collateral. Only
    /// movers. Zero does nothing.
    /// @dev Errors: Flexbond_NotMover, CollateralEscrow_InsufficientFree, CollateralEscrow_LockOwnerDiffers, Flexbond_Overflow.
    function purchase(
        address token,
        address buyer,
        address provider,
        bytes32 key,
        uint256 premium,
        uint256 availability,
        uint256 collateral
    ) external;

    /// @notice Divides a part of a lock: `paid` to the free balance of `to`, `unlocked` to its owner's, `pooled` to the lock
    /// `(token, Pool, poolId)` of customers. Only movers. Zero does nothing.
    /// @dev Errors: Flexbond_NotMover, CollateralEscrow_InsufficientLock, Flexbond_Overflow.
    function divide(
        address token,
        Flex.LockReason reason,
        bytes32 key,
        address to,
        uint256 paid,
        uint256 unlocked,
        bytes32 poolId,
        uint256 pooled
    ) external;

    /// @notice As `divide`, the whole of a lock: what is neither paid nor pooled is unlocked. A lock that is none has nothing to divide.
    /// @dev Errors as `divide`.
    /// @return unlocked to the owner's free balance
    function divideAll(
        address token,
        Flex.LockReason reason,
        bytes32 key,
        address to,
        uint256 paid,
        bytes32 poolId,
        uint256 pooled
    ) external returns (uint256 unlocked);

    /// @notice The whole of a lock to its owner's free balance. Only movers. A lock that is none does nothing: zero owner and amount.
    /// @dev One `Paid`. Errors: Flexbond_NotMover.
    function release(address token, Flex.LockReason reason, bytes32 key) external returns (address owner, uint256 amount);

    /// @notice Lock to the free balance of `to`. Only movers. Zero does nothing.
    /// @dev Errors: Flexbond_NotMover, CollateralEscrow_InsufficientLock.
    function pay(address token, Flex.LockReason reason, bytes32 key, address to, uint256 amount) external;

    /// @notice The same to many accounts at once; zero amounts are passed over. Only movers.
    /// @dev One `PaidMany`. Errors: Flexbond_NotMover, CollateralEscrow_InsufficientLock, CollateralEscrow_LengthsDiffer.
    function payMany(address token, Flex.LockReason reason, bytes32 key, address[] calldata to, uint256[] calldata amounts) external;

    function isListed(address token) external view returns (bool);

    function isMover(address account) external view returns (bool);

    /// @notice Free balance, base units.
    function free(address token, address account) external view returns (uint256);

    /// @notice Sum of all free balances and locks of the token, base units.
    function owed(address token) external view returns (uint256);

    function lockId(address token, Flex.LockReason reason, bytes32 key) external pure returns (bytes32);

    /// @notice Zero owner and amount for a lock without money: it does not exist.
    function lockOf(bytes32 id) external view returns (address owner, uint256 amount);
}
