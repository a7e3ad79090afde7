// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {Flex} from "../contracts/types/Flex.sol";

/// @title Flexibility rights (ERC-1155): one id a product, one unit a lot for the whole service window
/// @notice Every unit is backed by locked collateral, and by capacity not promised elsewhere when it was issued. All rights of a portfolio
/// whose windows overlap have the same window, rule, direction and reference level: they are one event.
interface IFlexibilityRights is IERC1155 {
    event RightIssued(bytes32 indexed rightId, bytes32 indexed eventId, address indexed to, uint64 units, Flex.Product product);
    event RightConsumed(bytes32 indexed rightId, address indexed holder, uint64 units);
    event RightReleased(bytes32 indexed rightId, address indexed holder, uint64 units);
    event RightExpired(bytes32 indexed rightId, uint64 units);
    event UnavailabilityDeclared(bytes32 indexed eventId, bytes32 indexed portfolioId, uint40 windowStart);

    /// @notice Issues units to a buyer: pays the premium, locks the provider's collateral and the buyer's availability payment, then mints.
    /// Only the market.
    /// @dev Collateral of a unit: `ceil(windowEnergyMilliWh * shortfallPerMWh * collateralBps / (10^9 * 10^4))`, rounded up, the holder gains.
    /// Availability of a unit: `floor(lotW * windowSeconds * availabilityPerMWhour / (3600 * 10^6))`, rounded down, the buyer gains.
    /// Errors: FlexibilityRights_ProductInvalid names the field; _ZeroUnits; _NoticePassed; _WindowOverlaps; _WindowDiffers names the
    /// field; _BadPrevious; _CapacityExceeded; _Unavailable; _CalendarUnknown; ParticipantRegistry_NotProvider, _NotBuyer; DeviceRegistry_ShareTooLow;
    /// CollateralEscrow_InsufficientFree; Flexbond_Overflow (2^30 W or more promised in the window); EnforcedPause.
    /// @param premium for all units, base units
    /// @param previousStart start of the portfolio's last window before this one (`previousWindow`); 0 if none
    function issue(
        Flex.Product calldata product,
        uint64 units,
        address to,
        uint256 premium,
        uint40 previousStart
    ) external returns (bytes32 rightId);

    /// @notice Burns units for a dispatch. Only Settlement, which knows that the right is one of that window.
    /// The window keeps when it was first called, and the most that was called of the portfolio's capacity.
    /// @dev Errors: _ZeroUnits, _InsufficientUnits, _Unavailable, _BelowMinimum (under `minDispatchBps` of what was issued, unless all that
    /// is open).
    /// @param peakW most power ordered of the event in a period of this dispatch, W
    function consume(
        bytes32 rightId,
        bytes32 portfolioId,
        uint40 windowStart,
        address holder,
        uint64 units,
        uint16 minDispatchBps,
        uint256 peakW
    ) external;

    /// @notice Gives units up. Collateral goes back to the provider and capacity is free again; availability stays due, unless the provider
    /// declared itself unavailable: then the holder gets it back, at any time. By the holder or its operator.
    /// @dev Errors: Flexbond_NotAllowed, _InsufficientUnits, _AlreadyExpired (and not unavailable), _Unknown.
    function release(Flex.Product calldata product, address holder, uint64 units) external;

    /// @notice Declares the portfolio unavailable for a window, before its gate closes: no notice can be given, no availability is earned,
    /// collateral is freed as holders release or the right expires. By the provider or its operator.
    /// @dev Errors: Flexbond_NotAllowed, FlexibilityRights_GateClosed, FlexibilityRights_Unknown (no right was issued for it), _WindowDiffers
    /// names the field.
    /// @param key the event of that window
    function declareUnavailable(Flex.EventKey calldata key) external;

    /// @notice Marks a right as expired once its window is over. Only Settlement.
    /// @return backed units whose collateral is freed: neither dispatched nor released
    /// @return earning units whose availability is earned: backed ones, unless the provider declared itself unavailable, and those released
    /// before it did
    function expire(Flex.Product calldata product) external returns (uint64 backed, uint64 earning);

    /// @notice Pauses or resumes issue. Only GUARDIAN. Nothing under way is touched.
    function setPaused(bool paused) external;

    /// @notice keccak256(abi.encode(product)).
    function idOf(Flex.Product calldata product) external pure returns (bytes32);

    /// @notice The event that the product's rights belong to.
    function eventKeyOf(Flex.Product calldata product) external pure returns (Flex.EventKey memory);

    /// @notice Collateral of one unit, base units, rounded up.
    function collateralPerUnit(Flex.Product calldata product) external view returns (uint256);

    /// @notice Availability payment of one unit, base units, rounded down.
    function availabilityPerUnit(Flex.Product calldata product) external pure returns (uint256);

    /// @notice What was issued of a right, and what is neither dispatched nor released.
    function right(bytes32 rightId) external view returns (uint64 issued, uint64 open, uint64 released, bool transferable, bool expired);

    /// @notice A portfolio's window as stored.
    function window(
        bytes32 portfolioId,
        uint40 windowStart
    ) external view returns (uint40 windowEnd, uint40 next, uint32 promisedW, bool unavailable);

    /// @notice Where a window of the portfolio would stand: the start of the last one before it, 0 if none. Walks the portfolio's windows:
    /// for reading off chain.
    function previousWindow(bytes32 portfolioId, uint40 windowStart) external view returns (uint40);

    /// @notice The portfolio's called windows from `fromStart` on that start before `until`, ascending. `calledBps`: the most power ordered
    /// in a period, of the portfolio's capacity at the notice, rounded up, at most 65535; stopping or cancelling does not lower it.
    /// @dev Errors: FlexibilityRights_BadPrevious.
    /// @param fromStart start of a window of the portfolio, which is included; 0: from the first
    function callsFrom(bytes32 portfolioId, uint40 fromStart, uint40 until) external view returns (Flex.Call[] memory calls);
}
