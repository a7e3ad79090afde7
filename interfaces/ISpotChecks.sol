// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../contracts/types/Flex.sol";

/// @title Submissions of which not every leaf is proven: bonds, draws, demands and challenges
/// @notice A submission claims entries `c` and running totals of them for every leaf. Its columns, laid end to end and the weight last, are
/// one line, the weight stretched to the columns' unit. Points of it are drawn, one in each of as many equal parts as the rule has spot
/// checks, from the hash of a block that comes after the submission; the provider proves for each the leaf whose `[prefix - c, prefix)` holds
/// it, from its records. A point that nothing supports cannot be proven, so that a lie is found in proportion to what it claims. What the
/// draws miss, anybody who holds the data challenges. A rejected submission ends the event as never measured, and costs its bond. No step
/// depends on the number of devices.
interface ISpotChecks {
    /// @param drawBlock block whose hash draws; 0: nothing is drawn
    event Bonded(bytes32 indexed eventId, address indexed provider, uint256 bond, uint256 drawBlock);
    event PointsDrawn(bytes32 indexed eventId, bytes32 blockHash, uint96 seed);
    /// @param proven points so far
    event PointsProven(bytes32 indexed eventId, uint40[] places, uint256 proven);
    event LeafDemanded(bytes32 indexed eventId, uint40 indexed place, address indexed by, uint40 until, uint256 fee);
    event DemandMet(bytes32 indexed eventId, uint40 indexed place);
    event DemandRefunded(bytes32 indexed eventId, uint40 indexed place, address indexed by, uint256 fee);
    event SubmissionAccepted(bytes32 indexed eventId);
    /// @param reward part of the bond, to the challenger
    /// @param forBuyers the rest of it
    event SubmissionRejected(
        bytes32 indexed eventId,
        address indexed challenger,
        Flex.Fault fault,
        uint40 place,
        uint256 reward,
        uint256 forBuyers
    );

    /// @notice Where the checks of a submission stand.
    struct Check {
        uint40 submittedAt; // 0: none
        uint40 moment; // block that draws, until it did; then when it did, UTC seconds
        uint24 points; // proven so far
        uint8 demands; // by buyers so far
        uint24 open; // demanded leaves that are not proven yet
        uint16 accepted; // dispatches whose holders accept the submission; the type's greatest: all of them
        bool drawn; // or nothing to draw
        uint96 seed;
    }

    /// @notice A leaf that has to be proven.
    struct Demand {
        address by;
        uint40 until; // 0: never demanded
        bool met;
    }

    /// @notice What a proving transaction needs beside its leaves.
    struct Context {
        Flex.EventKey key;
        Flex.Claim claim; // as submitted
        Flex.Lookback lookback; // XOfY: the rule's; empty otherwise
        uint40 callsFrom; // as in IDeliveryVerifier.Occasion
    }

    // ------------------------------------------------------------------ by the provider

    /// @notice Submits an event and locks the bond from the provider's free balance. By the provider or its operator, once.
    /// @dev Errors as for IMeasurement.submitChecked; CollateralEscrow_InsufficientFree.
    function submit(Flex.EventKey calldata key, bytes32 root, Flex.Totals calldata totals) external;

    // ------------------------------------------------------------------ by anyone

    /// @notice Draws the points, within 256 blocks after the one whose hash draws.
    /// @dev Errors: SpotChecks_NotSubmitted, _AlreadyDrawn, _TooEarlyToDraw, _TooLateToDraw.
    function draw(bytes32 eventId) external;

    /// @notice Proves the next drawn points, in order, each leaf for as many as it holds, until `proofWindow` after the draw. Draws them
    /// first if nobody did.
    /// @dev Errors: SpotChecks_NotSubmitted, _ProofsLength, _TooLate, _CommitmentDiffers, _NotInTree (with columns of another length too),
    /// _EntriesDiffer (place and why the records do not count), _PointElsewhere (the next point and the leaf that does not hold it),
    /// _AllProven; those of `draw` and of IDeliveryVerifier.measureAll.
    /// @param proofs records of each leaf; empty ones prove a silent one
    function prove(Context calldata context, Flex.Leaf[] calldata leaves, Flex.DeviceProof[] calldata proofs) external;

    /// @notice Proves a demanded leaf, in time. The fee goes to the provider.
    /// @dev Errors: SpotChecks_NotDemanded; else as for `prove`.
    function proveDemanded(Context calldata context, Flex.Leaf calldata leaf, Flex.DeviceProof calldata proof) external;

    /// @notice Shows a hash in a leaf's place that is no leaf of it: it is zero, or its body is not 96 bytes, states another place, or
    /// hashes columns of another length. Upheld at once, or reverts.
    /// @dev Errors of all challenges: SpotChecks_NotSubmitted, _TooLate (`challengeWindow` after the submission), _CommitmentDiffers,
    /// _NotInTree, _NotContradicted.
    /// @param body what the hash is over; empty: the hash is zero
    /// @param columns what the hash of columns within the body is over; empty unless its length is what is wrong
    function challengeForm(
        Flex.EventKey calldata key,
        Flex.Claim calldata claim,
        uint40 place,
        bytes calldata body,
        bytes calldata columns,
        bytes32[] calldata path
    ) external;

    /// @notice Shows a leaf that cannot be: the first does not start at zero, the last is not the total, an entry is out of range, or the
    /// device is silent whatever its records say. Upheld at once, or reverts.
    function challengeLeaf(Flex.EventKey calldata key, Flex.Claim calldata claim, Flex.Leaf calldata leaf) external;

    /// @notice Shows two neighbours whose prefixes do not follow. Upheld at once, or reverts.
    function challengeNeighbours(
        Flex.EventKey calldata key,
        Flex.Claim calldata claim,
        Flex.Leaf calldata left,
        Flex.Leaf calldata right
    ) external;

    /// @notice Shows records that count and give a leaf other entries; nothing may be filled in for absent ones. If the provider itself
    /// anchored all of them, the challenge is upheld at once, unless their device was suspended or not stated at the reading deadline. Else
    /// the provider may hold others, and has to prove the leaf in time, as demanded, for the fee from the challenger's free balance; a leaf
    /// that claims silence is not contradicted so.
    /// @dev Further errors: SpotChecks_Inconclusive (why the records do not count; Ok: something absent was filled in), _TooLateToDemand (less
    /// than `proofWindow` is left of the challenge window), _AlreadyDemanded.
    function challengeRecords(Context calldata context, Flex.Leaf calldata leaf, Flex.DeviceProof calldata proof) external;

    /// @notice Ends an event as Measured: all points and demanded leaves are proven, and the challenge window is over or all buyers
    /// accepted. The bond is free again.
    /// @dev Errors: SpotChecks_NotSubmitted, _NotDrawn, _PointsLeft, _DemandsOpen, _TooEarly; those of IMeasurement.conclude.
    /// @param scheduleMilliWh as nominated; empty otherwise
    function finalise(Flex.EventKey calldata key, Flex.Claim calldata claim, int128[] calldata scheduleMilliWh) external;

    /// @notice Rejects a submission that was not drawn, or whose points were not proven, in time. The bond is the buyers'.
    /// @dev Errors: SpotChecks_NotSubmitted, _NotFailed.
    function fail(Flex.EventKey calldata key, Flex.Claim calldata claim) external;

    /// @notice Rejects a submission of which a demanded leaf was not proven in time. Who demanded it is the challenger.
    /// @dev Errors: SpotChecks_NotSubmitted, _NotDemanded, _NotFailed.
    function failDemand(Flex.EventKey calldata key, uint40 place) external;

    /// @notice Gives back the fee of a demand that was open when the submission was rejected.
    /// @dev Errors: SpotChecks_NotDemanded, _NotRejected.
    function refund(Flex.EventKey calldata key, uint40 place) external;

    // ------------------------------------------------------------------ by buyers, through Settlement

    /// @notice Demands the proof of a leaf, for a fee from the free balance of who demands it. Only Settlement.
    /// @dev Errors: SpotChecks_NotSubmitted, _TooManyDemands, _TooLateToDemand, _AlreadyDemanded, _NoSuchLeaf.
    function demand(Flex.EventKey calldata key, address by, uint40 place) external;

    /// @notice Counts a dispatch whose holder accepts the submission. Only Settlement.
    /// @dev Errors: SpotChecks_NotSubmitted, _CommitmentDiffers (another one than it meant).
    /// @param dispatches of the event: once as many accepted, the challenge window is not waited for
    function accept(bytes32 eventId, bytes32 commitment, uint256 dispatches) external;

    // ------------------------------------------------------------------ reading

    /// @notice Zero before the submission, and again once it is final or rejected.
    function check(bytes32 eventId) external view returns (Check memory);

    /// @notice Zero again once its fee went back.
    function demandOf(bytes32 eventId, uint40 place) external view returns (Demand memory);

    /// @notice Part of a lost bond that is the buyers', base units; 0: no submission was rejected.
    function forBuyers(bytes32 eventId) external view returns (uint96);

    /// @notice How many points are drawn of a claim: the rule's `spotChecks`, or the length of its line if that is less.
    /// @param weightScale how much of the line a unit of weight takes: 1 where each device is clamped by itself, 3 600 where the portfolio is,
    /// and 1 000 times the period's seconds times the number of ordered periods against a baseline of the portfolio
    function pointsOf(Flex.Claim calldata claim, uint256 spotChecks, uint256 weightScale) external pure returns (uint256);

    /// @notice Where point `number` of `points` lies on the line of a claim.
    /// @return column it lies in, ordered periods first, then the weight
    /// @return at where within the column, in its own unit
    function pointAt(
        Flex.Claim calldata claim,
        uint96 seed,
        uint256 number,
        uint256 points,
        uint256 weightScale
    ) external pure returns (uint256 column, uint256 at);
}
