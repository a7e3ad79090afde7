// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../contracts/types/Flex.sol";

/// @title Customers' pools, and who collected
/// @notice Nobody collects twice, and all can collect in any order. Shares are rounded down; the remainder goes, with what is never
/// collected, to the party that the rule names.
/// Two kinds of pool: of an event (`poolId = eventId`), split by the weight of each leaf, or by capacity if no leaf has weight; of a
/// right never called (`poolId = rightId`), split by capacity as it stood just before the window.
interface IPayouts {
    event PoolFunded(bytes32 indexed poolId, bytes32 indexed eventId, uint256 amount);
    event PoolOpened(bytes32 indexed poolId, bytes32 indexed eventId, uint40 openedAt, bool byCapacity);
    event Collected(bytes32 indexed poolId, bytes32 indexed portfolioId, uint40 indexed index, address payee, uint256 amount);
    /// @notice Shares of leaves `first` on, 0 for those passed over.
    event CollectedMany(bytes32 indexed poolId, bytes32 indexed portfolioId, uint40 indexed first, address[] payees, uint256[] amounts);
    event PoolSwept(bytes32 indexed poolId, address indexed to, uint256 amount);

    /// @notice Notes money that Settlement moved to the pool: the lock holds it, nothing is stored here. Only Settlement.
    function fund(bytes32 poolId, Flex.EventKey calldata key, uint256 amount) external;

    /// @notice Opens a pool for collection with all that its lock holds: nothing more is added. Without money it stays shut. Only Settlement.
    /// @param currency of the event's rule
    /// @param last what Settlement moved to the pool just now, noted as by `fund`; may be 0
    /// @param byCapacity split by capacity just before the window, not by weight
    function open(bytes32 poolId, Flex.EventKey calldata key, address currency, uint256 last, bool byCapacity) external;

    /// @notice One leaf's share of an event's pool, shown under the submission's root.
    struct WeightClaim {
        Flex.EventKey key;
        address currency;
        uint40 index;
        uint256 weightWord; // entry and prefix of the weight column
        bytes32 columnsHash; // hash of the leaf's other columns
        bytes32[] path; // siblings, lowest first: the root they lead to is that of the submission
        uint128 totalWeight; // as submitted
        bytes32 totalsHash; // as in Flex.Claim
        bytes32 responsesHash; // keccak256(abi.encode(responsesMilliWh)) of the measured event
    }

    /// @notice The shares of neighbouring leaves of an event's pool, shown together.
    struct NeighboursClaim {
        Flex.EventKey key;
        address currency;
        uint40 first; // index of the first leaf
        uint256[] weightWords; // of each leaf
        bytes32[] columnsHashes; // of each leaf
        bytes32[] path; // siblings of the run, lowest level first, at each level the left one before the right one
        uint128 totalWeight;
        bytes32 totalsHash;
        bytes32 responsesHash;
    }

    /// @notice One place's share of a pool split by capacity. The last four only for a measured event's pool: they show that no leaf has weight.
    struct CapacityClaim {
        bytes32 poolId;
        Flex.EventKey key;
        address currency;
        uint40 index;
        bytes32 root;
        uint128 totalWeight; // 0
        bytes32 totalsHash;
        bytes32 responsesHash;
    }

    /// @notice Credits one leaf's share `floor(pool * weight / total)` to its payee. By anyone, until `collectPeriod` after the pool opened
    /// (and after it, until it is swept).
    /// @dev Errors: Payouts_NotOpen, _AlreadyCollected, _BadProof, _NothingToCollect.
    function collect(WeightClaim calldata claim) external returns (uint256 amount);

    /// @notice Credits the shares of many leaves of many events, each as `collect`. By anyone: a relay. Leaves that collected before, or
    /// have nothing to collect, are passed over, so that nobody can make a relay revert by collecting first.
    /// @dev Errors: Payouts_NotOpen, _BadProof (the first leaf of the claim), with nothing changed.
    /// @return amount credited in all, base units
    function collectMany(NeighboursClaim[] calldata claims) external returns (uint256 amount);

    /// @notice Credits one place's share `floor(pool * capacityW / sum)` to its payee. By anyone.
    /// @dev Errors as `collect`; Payouts_NothingToCollect for a place that was not in the portfolio then.
    function collectByCapacity(CapacityClaim calldata claim) external returns (uint256 amount);

    /// @notice After the collection period: what is left goes to the rule's `unclaimedTo`. By anyone.
    /// @dev Errors: Payouts_NotOpen, _EventDiffers, _RuleDiffers, _PeriodNotOver.
    function sweep(bytes32 poolId, Flex.EventKey calldata key, Flex.Rule calldata rule) external;

    /// @notice What the pool held when it was opened, base units; all zero before, and after it was swept.
    function pool(bytes32 poolId) external view returns (uint256 amount, uint40 openedAt, bool byCapacity);

    function hasCollected(bytes32 poolId, uint256 index) external view returns (bool);
}
