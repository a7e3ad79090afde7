// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../contracts/types/Flex.sol";

/// @title Events: called, submitted, measured once
/// @notice What a portfolio did in a service window is one measurement, whoever bought. Measuring knows no money.
interface IMeasurement {
    event EventCalled(bytes32 indexed eventId, bytes32 indexed portfolioId, Flex.EventKey key, uint40 firstNotice, uint96 orderedMask);
    /// @notice A later call ordered more periods: all that are ordered now.
    event PeriodsOrdered(bytes32 indexed eventId, uint96 orderedMask);
    event Nominated(bytes32 indexed eventId, bytes32 indexed portfolioId, Flex.EventKey key, int128[] scheduleMilliWh);
    event EventSubmitted(bytes32 indexed eventId, address indexed sender, bytes32 root, uint40 leaves, Flex.Totals totals);
    event LeafProven(
        bytes32 indexed eventId,
        uint40 indexed index,
        bytes16 indexed meteringPoint,
        Flex.Silence silence,
        uint128 weight,
        uint128[] columns,
        int128[] baselineMilliWh,
        int128[] meteredMilliWh
    );
    event EventMeasured(bytes32 indexed eventId, bytes32 commitment, int128[] responsesMilliWh);
    event EventUnmeasured(bytes32 indexed eventId);

    /// @notice Notes a dispatch's ordered periods; the first is the event's first notice. Only Settlement.
    /// @param orderedMask bit p: period p of the window is ordered
    function call(Flex.EventKey calldata key, uint96 orderedMask) external;

    /// @notice Commits the portfolio's schedule for a window (rule with Nominated), again and again until the gate closes. By the provider
    /// or its operator.
    /// @dev Errors: Rulebook_Unknown, Measurement_ScheduleNotUsed, _ScheduleLength, _GateClosed, _NotProvider.
    /// @param scheduleMilliWh per settlement period of the window, mWh, `+` import
    function nominate(Flex.EventKey calldata key, int128[] calldata scheduleMilliWh) external;

    /// @notice Submits an event of which every leaf is then proven: one root over all leaves and the totals of their columns. By the provider
    /// or its operator, once, from the reading deadline until the submission deadline. With more leaves than the rule's `spotChecks`,
    /// SpotChecks takes the submission.
    /// @dev Leaf i is entry i of the portfolio as it stood just before the first notice; DeliveryTree has the tree.
    /// Errors: Measurement_WrongStatus, _TooEarly, _TooLate, _NotProvider, _TooManyLeaves (above `spotChecks`), _TotalsLength,
    /// _TotalTooLarge (more than the portfolio's connections could carry).
    function submit(Flex.EventKey calldata key, bytes32 root, Flex.Totals calldata totals) external;

    /// @notice The same for a submission that SpotChecks checks. Only SpotChecks.
    /// @dev Errors as for `submit`; Measurement_EveryLeaf where every leaf has to be proven, by the rule or as there are no more than
    /// `spotChecks`; _TotalsInconsistent where each device is clamped by itself and the weight is not the sum of the columns.
    /// @param sender who submits
    /// @return provider of the portfolio
    /// @return capacityW of the portfolio just before the first notice
    /// @return points how many are drawn of the submission
    /// @return drawDelay of the rule
    function submitChecked(
        address sender,
        Flex.Submitted calldata submitted
    ) external returns (address provider, uint256 capacityW, uint256 points, uint256 drawDelay);

    /// @notice What a proving transaction needs beside its leaves.
    struct ProofContext {
        Flex.EventKey key;
        int128[] scheduleMilliWh; // with the last leaf, as nominated; empty otherwise
        Flex.Lookback lookback; // XOfY: the rule's; empty otherwise
        uint40 callsFrom; // XOfY: the window to gather the portfolio's calls from, one that starts by the first day looked at; 0: the first
        Flex.Cursor cursor; // where proving stands; `next = 0` and empty starts (anew)
    }

    /// @notice Proves the next leaves, in order, in as many transactions as it takes; with the last the event is Measured. By the provider
    /// or its operator, until `proofWindow` after the submission. Starting anew is always possible.
    /// @dev Each leaf is recomputed from its records and appended; with the last the root and totals must come out as submitted, else the
    /// transaction reverts and the event stays Submitted. A leaf without records is silent.
    /// Errors: Measurement_WrongStatus, _NotProvider, _TooLate, _CursorDiffers, _TooManyProofs, _LeafRefused (index and why),
    /// _CommitmentDiffers (root and totals as computed), _ScheduleDiffers; those of IDeliveryVerifier.measureAll.
    function prove(ProofContext calldata context, Flex.DeviceProof[] calldata proofs) external;

    /// @notice Ends an event as Unmeasured: none submitted in time, or, where every leaf is proven, not proven in time. By anyone.
    /// @dev Errors: Measurement_WrongStatus, _TooEarly.
    function fail(Flex.EventKey calldata key) external;

    /// @notice Ends an event as Measured, as its submission claims. Only SpotChecks.
    /// @dev Errors: Measurement_CommitmentDiffers, _ScheduleDiffers.
    /// @param scheduleMilliWh as nominated; empty otherwise
    /// @return points how many are drawn of the submission
    /// @return challengeWindow of the rule
    function conclude(
        Flex.EventKey calldata key,
        Flex.Claim calldata claim,
        int128[] calldata scheduleMilliWh
    ) external returns (uint256 points, uint256 challengeWindow);

    /// @notice Ends an event whose submission was rejected as Unmeasured. Only SpotChecks.
    function reject(bytes32 eventId) external;

    /// @notice keccak256(abi.encode(key)).
    function idOf(Flex.EventKey calldata key) external pure returns (bytes32);

    function eventState(bytes32 eventId) external view returns (Flex.EventState memory);

    /// @notice Hash of the committed schedule, `keccak256(abi.encode(scheduleMilliWh))`; 0: none.
    function scheduleHash(bytes32 eventId) external view returns (bytes32);

    /// @notice What a submission commits to, see Flex.Claim. Measured: `keccak256(abi.encode(commitment,
    /// keccak256(abi.encode(responsesMilliWh))))`, one response for every period of the window. 0: no submission.
    function commitment(bytes32 eventId) external view returns (bytes32);

    /// @notice `keccak256(abi.encode(cursor))` while proving; 0 before.
    function cursorHash(bytes32 eventId) external view returns (bytes32);
}
