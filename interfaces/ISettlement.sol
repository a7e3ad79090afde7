// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../contracts/types/Flex.sol";

/// @title Dispatches and their money
/// @notice Each dispatch ends exactly once; `pay + refund = locked`, `penalty + released = collateral`, to the base unit.
interface ISettlement {
    event Dispatched(
        bytes32 indexed dispatchId,
        bytes32 indexed eventId,
        bytes32 indexed rightId,
        Flex.Dispatch dispatch,
        uint256 utilisationLocked
    );
    event DispatchChanged(bytes32 indexed dispatchId, bytes32 indexed eventId, Flex.Dispatch dispatch);
    event DispatchSettled(
        bytes32 indexed dispatchId,
        bytes32 indexed eventId,
        bytes32 indexed rightId,
        address holder,
        address provider,
        bool measured,
        Flex.Settled settled
    );
    /// @notice A holder's part of the bond of a rejected submission.
    event BondShared(bytes32 indexed dispatchId, bytes32 indexed eventId, address indexed holder, uint256 amount);
    event RightSettled(
        bytes32 indexed rightId,
        bytes32 indexed eventId,
        address indexed provider,
        uint256 availability,
        uint256 pool,
        uint256 released
    );

    /// @notice Calls units of a right. By the holder or its operator, from the gate's closing until the notification period and the ramp
    /// before the first ordered period. Utilisation is locked for the most it can be.
    /// @dev Errors: Flexbond_NotAllowed, Settlement_RuleDiffers, _TooEarly, _TooLate, _OrdersLength, _OrderTooLarge, _OrderInexact
    /// (power times period is no whole mWh), _NothingOrdered,
    /// _RunTooShort, _RunTooLong; FlexibilityRights_InsufficientUnits, _BelowMinimum, _Unavailable; CollateralEscrow_InsufficientFree.
    /// @param ordersW ordered power per period of the window, W; 0: not ordered; at most `units * lotW`
    /// @return dispatchId keccak256(abi.encode(rightId, holder, number))
    function dispatch(
        Flex.Product calldata product,
        Flex.Rule calldata rule,
        address holder,
        uint64 units,
        uint40[] calldata ordersW,
        Flex.DispatchKind kind
    ) external returns (bytes32 dispatchId);

    /// @notice Takes back the order from period `fromPeriod` on, which must not have begun; the minimum run is kept. By the holder or operator.
    /// @dev Errors: Flexbond_NotAllowed, Settlement_DispatchDiffers, _RightDiffers, _PeriodOutOfRange, _TooLate, _RunTooShort.
    function stop(Flex.Product calldata product, Flex.Rule calldata rule, Flex.Dispatch calldata dispatch_, uint256 fromPeriod) external;

    /// @notice Takes back the whole order before its first period begins; availability stays due. By the holder or its operator.
    function cancel(Flex.Product calldata product, Flex.Rule calldata rule, Flex.Dispatch calldata dispatch_) external;

    /// @notice Excuses periods: no penalty for them. By the holder or its operator, until settled.
    /// @dev Errors: Flexbond_NotAllowed, Settlement_DispatchDiffers, _RightDiffers, _PeriodOutOfRange.
    /// @param periodsMask bit p: period p of the window is excused; what was excused stays so
    function excuse(Flex.Product calldata product, Flex.Dispatch calldata dispatch_, uint96 periodsMask) external;

    /// @notice Demands the proof of a leaf of the event's submission, for the rule's fee from the holder's free balance. By the holder or its
    /// operator, for a dispatch that is not settled and still orders something.
    /// @dev Errors: Flexbond_NotAllowed, Settlement_DispatchDiffers, _RightDiffers, _NothingOrdered; those of ISpotChecks.demand.
    function demandProof(Flex.Product calldata product, Flex.Dispatch calldata dispatch_, uint40 place) external;

    /// @notice Accepts the event's submission: once the holders of all its dispatches did, nobody waits for challenges; what was drawn or
    /// demanded has to be proven all the same. By the holder or its operator, once.
    /// @dev Errors: Flexbond_NotAllowed, Settlement_DispatchDiffers, _RightDiffers, _AlreadyAccepted; those of ISpotChecks.accept.
    /// @param commitment of the submission that is meant
    function accept(Flex.Product calldata product, Flex.Dispatch calldata dispatch_, bytes32 commitment) external;

    /// @notice Settles a dispatch of an event that is Measured or Unmeasured. By anyone.
    /// @dev Per period as SettlementMath says. Pay is rounded down, the buyer gains; the penalty is rounded up, the buyer gains; the pool is
    /// rounded down, the provider gains. Unmeasured: no pay, no availability, the full deficiency up to the stop-loss. An order that was
    /// taken back whole earns its availability whole. With the event's last settlement its pool opens.
    /// Of a rejected submission each dispatch gets its part of the bond that is the buyers', by the energy that it ordered, rounded down; the
    /// event's last settlement gets what is left.
    /// Errors: Settlement_DispatchDiffers, _RightDiffers, _RuleDiffers, _NotFinal; Measurement_ResultDiffers.
    /// @param commitment of the measured event's submission; 0 if Unmeasured
    /// @param responsesMilliWh of the measured event, for every period of its window; empty if Unmeasured
    function settle(
        Flex.Product calldata product,
        Flex.Rule calldata rule,
        Flex.Dispatch calldata dispatch_,
        bytes32 commitment,
        int128[] calldata responsesMilliWh
    ) external returns (Flex.Settled memory);

    /// @notice Pays the availability of what was never called and frees its collateral, once the window is over. By anyone.
    /// @dev Errors: Settlement_TooEarly, FlexibilityRights_AlreadyExpired, _Unknown.
    function settleUncalled(Flex.Product calldata product, Flex.Rule calldata rule) external;

    /// @notice Hash of an open dispatch, `keccak256(abi.encode(dispatch))`; 0: none, or settled.
    function dispatchHash(bytes32 dispatchId) external view returns (bytes32);

    /// @notice Power ordered of the event in a period by all its dispatches, W; 0 once all are settled.
    function orderedW(bytes32 eventId, uint256 period) external view returns (uint256);

    /// @notice Dispatches of the event not yet settled.
    function pending(bytes32 eventId) external view returns (uint256);
}
