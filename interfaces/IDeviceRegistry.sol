// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../contracts/types/Flex.sol";

/// @title Metering points, their signers, and the portfolios they are in
/// @notice A metering point is in one active portfolio at a time. Portfolios are append-only lists; every change of a place closes it
/// and opens another, so what stood at any moment can be read later.
interface IDeviceRegistry {
    event GridPublished(uint8 indexed gridId, Flex.Grid grid);
    event PortfolioCreated(bytes32 indexed portfolioId, address indexed provider, bytes32 zone, uint16 customerShareBps);
    event CustomerShareRaised(bytes32 indexed portfolioId, uint16 customerShareBps);
    event Stated(bytes16 indexed meteringPoint, address indexed meterOperator, Flex.Statement statement);
    event StatementVoided(bytes16 indexed meteringPoint, address indexed by);
    event DeviceSuspended(bytes16 indexed meteringPoint, address indexed by);
    event Joined(
        bytes32 indexed portfolioId,
        bytes16 indexed meteringPoint,
        uint40 index,
        address payee,
        uint48 capacityW,
        uint48 connectionW,
        Flex.DeviceKind kind
    );
    event Left(bytes32 indexed portfolioId, bytes16 indexed meteringPoint, uint40 index);
    event PayeeChanged(bytes32 indexed portfolioId, uint40 indexed index, address payee);
    event PortfolioCommitted(bytes32 indexed portfolioId, uint40 until);

    /// @notice Publishes a grid of record slots. Only MARKET_OPERATOR. Ids count from 1.
    /// @dev Errors: DeviceRegistry_GridInvalid (period 0 or above a day, readings not 1 to 100, offset not below the slot's length or
    /// not a multiple of the period), DeviceRegistry_GridsFull after 255.
    function publishGrid(Flex.Grid calldata grid) external returns (uint8 gridId);

    /// @notice Creates a portfolio of `provider`, empty. Called by the provider or its operator.
    /// @dev Errors: Flexbond_NotAllowed, DeviceRegistry_ShareInvalid above 10 000, DeviceRegistry_PortfolioExists, Flexbond_ZeroAddress.
    /// @return portfolioId keccak256(abi.encode(provider, zone, salt))
    function createPortfolio(address provider, bytes32 zone, uint16 customerShareBps, bytes32 salt) external returns (bytes32 portfolioId);

    /// @notice Raises the customers' share, from the next settlement on. By the provider or its operator.
    /// @dev Errors: DeviceRegistry_ShareLowered (not above the present), DeviceRegistry_ShareInvalid, Flexbond_NotAllowed.
    function raiseCustomerShare(bytes32 portfolioId, uint16 customerShareBps) external;

    /// @notice Records what a meter operator states of a metering point, with the device's proof of its key. Anyone may bring it.
    /// @dev The key signs EIP-712 `KeyProof(bytes16 meteringPoint,bytes32 statementHash)`; the operator signs the statement. A changed
    /// capacity closes the point's place in its portfolio and opens a new one; a changed customer makes it leave. Ends a suspension.
    /// Errors: DeviceRegistry_StatementInvalid names the field; DeviceRegistry_GridUnknown; DeviceRegistry_StatementOld;
    /// DeviceRegistry_NotMeterOperator (the signer lacks the role); Flexbond_BadSignature; DeviceRegistry_KeyNotProven.
    /// @param meterOperator who signed the statement: an account or a contract (ERC-1271)
    /// @param keyProof secp256k1: 65 bytes; P-256: r, s, x, y (128 bytes)
    function state(
        Flex.Statement calldata statement,
        address meterOperator,
        bytes calldata operatorSignature,
        bytes calldata keyProof
    ) external;

    /// @notice Voids a metering point's statement, so that nothing more is accepted from its key until it is stated anew (rotation, loss).
    /// By its customer or an account with METER_OPERATOR.
    /// @dev Errors: DeviceRegistry_Unstated (unknown or void already), Flexbond_NotAllowed.
    function voidStatement(bytes16 meteringPoint) external;

    /// @notice Suspends a device: it is silent in every event whose reading deadline is still to come. By METER_OPERATOR, or the oracle on
    /// equivocation.
    /// @dev Errors: DeviceRegistry_NotMeterOperator, DeviceRegistry_Unstated (unknown), DeviceRegistry_Suspended (already).
    function suspend(bytes16 meteringPoint) external;

    /// @notice Enrols a metering point in a portfolio on its customer's consent. By the provider or its operator, unless paused.
    /// @dev Errors: Flexbond_SignatureExpired, Flexbond_BadSignature, Flexbond_NotAllowed, DeviceRegistry_Unstated,
    /// DeviceRegistry_Suspended, DeviceRegistry_WrongCustomer, DeviceRegistry_AlreadyEnrolled, DeviceRegistry_ShareTooLow,
    /// DeviceRegistry_StillCommitted while a window notified in its last portfolio runs, and in the second in which it left that one, as a
    /// notice of that second still counts it: no watt-hour is sold twice;
    /// DeviceRegistry_PortfolioUnknown; Flexbond_ZeroAddress (no payee); InvalidAccountNonce; EnforcedPause. A statement that has run out
    /// is none.
    /// @return index the metering point's place in the portfolio
    function enrol(Flex.Consent calldata consent, bytes calldata customerSignature) external returns (uint40 index);

    /// @notice Takes a metering point out of its portfolio, for events not yet notified. By its customer, or the provider or its operator.
    /// @dev Errors: DeviceRegistry_NotEnrolled, Flexbond_NotAllowed.
    function leave(bytes16 meteringPoint) external;

    /// @notice Changes who collects for a place of a portfolio, for everything not yet collected. Called by the present payee, or by
    /// anyone with its EIP-712 signature `PayeeChange(bytes32 portfolioId,uint40 index,address payee,uint256 nonce,uint40 deadline)`.
    /// @dev Errors: Flexbond_ZeroAddress, Flexbond_SignatureExpired, Flexbond_BadSignature, DeviceRegistry_EntryUnknown.
    /// @param signature ignored when the payee itself calls
    function changePayee(bytes32 portfolioId, uint40 index, address payee, uint40 deadline, bytes calldata signature) external;

    /// @notice Notes that a notice was given for a window of the portfolio ending at `until`. Only Measurement. Never lowers.
    /// @dev Errors: Flexbond_NotAllowed.
    function commit(bytes32 portfolioId, uint40 until) external;

    /// @notice Pauses or resumes enrolment. Only GUARDIAN. Nothing under way is touched.
    /// @dev Errors: EnforcedPause, ExpectedPause if it is so already.
    function setPaused(bool paused) external;

    /// @notice The next nonce of an account's consents and payee changes.
    function nonces(address account) external view returns (uint256);

    /// @dev Errors: DeviceRegistry_GridUnknown.
    function grid(uint8 gridId) external view returns (Flex.Grid memory);

    /// @notice Scheme None for a point that is unknown or whose statement is void; a void one keeps its signer.
    function signer(bytes16 meteringPoint) external view returns (Flex.SignerState memory);

    /// @notice The same for many at once, in their order, each in one word: library SignerWord. Zero for a point that is unknown.
    function signers(bytes16[] calldata meteringPoints) external view returns (uint256[] memory words);

    /// @notice The word that held in the second `at`, UTC, and the seconds in which it did; one that was replaced, voided or suspended in a
    /// second held no more. Before the first statement, that of the first statement: an anchor that somebody brings too soon must not spoil
    /// the records under it. Zero for a point that is unknown.
    /// @return word library SignerWord
    /// @return from first second in which it held; 0 for the first word
    /// @return until second from which it held no more; the greatest uint40 for the present word
    function signerWordAt(bytes16 meteringPoint, uint40 at) external view returns (uint256 word, uint256 from, uint256 until);

    /// @notice The places that a metering point closed, by leaving or by a new statement, oldest first.
    function pastStays(bytes16 meteringPoint) external view returns (Flex.Stay[] memory);

    /// @notice When the metering point's device was suspended, UTC seconds; 0: it is not. Cheaper than all that is known of it.
    function suspendedAt(bytes16 meteringPoint) external view returns (uint40);

    function meteringPoint(bytes16 id) external view returns (Flex.MeteringPoint memory);

    /// @notice Whose a portfolio is. Reverts with DeviceRegistry_PortfolioUnknown.
    function providerOf(bytes32 portfolioId) external view returns (address);

    /// @notice What a portfolio gives its customers of pay and availability, Bps. Reverts with DeviceRegistry_PortfolioUnknown.
    function customerShareOf(bytes32 portfolioId) external view returns (uint16);

    /// @dev Errors: DeviceRegistry_PortfolioUnknown.
    function portfolio(bytes32 portfolioId) external view returns (Flex.Portfolio memory);

    /// @dev Errors: DeviceRegistry_EntryUnknown.
    function entry(bytes32 portfolioId, uint256 index) external view returns (Flex.Entry memory);

    /// @notice Who collects for a place.
    /// @dev Errors: DeviceRegistry_EntryUnknown.
    function payeeOf(bytes32 portfolioId, uint256 index) external view returns (address);

    /// @notice Who collects for `count` neighbouring places from `first` on.
    /// @dev Errors: DeviceRegistry_EntryUnknown (the first that is none).
    function payees(bytes32 portfolioId, uint256 first, uint256 count) external view returns (address[] memory);

    /// @notice The portfolio's sums as they stand now.
    function sums(bytes32 portfolioId) external view returns (Flex.PortfolioSums memory);

    /// @notice The portfolio's sums as they stood just before `at`: what happens at `at` itself does not count, in whatever order.
    function sumsBefore(bytes32 portfolioId, uint40 at) external view returns (Flex.PortfolioSums memory);
}
