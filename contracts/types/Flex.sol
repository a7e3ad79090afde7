// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title All structs and enums of Flexbond, in one namespace
/// @notice Units: power in watt (`W`), energy in milliwatt-hour (`MilliWh`, `+` import, `-` export), money in base units of
/// the token, ratios in basis points (`Bps`, 10 000 = 1), time in UTC seconds. Every interval is half-open `[start, end)`,
/// every deadline exclusive.
library Flex {
    // ------------------------------------------------------------------ what is promised

    /// @dev Shed: less demand or more generation (upward regulation). Absorb: the opposite. A sign never carries it.
    enum Direction {
        Shed,
        Absorb
    }

    /// @notice What one right promises. `rightId = keccak256(abi.encode(product))`.
    struct Product {
        uint16 schema; // version of the hashed structs
        address provider; // who promises
        bytes32 portfolioId; // with what
        bytes32 zone; // where; the portfolio's zone
        Direction direction;
        uint40 windowStart; // service window, UTC seconds, on the rule's period grid
        uint40 windowEnd;
        uint32 noticeSeconds; // notification period: least time from notice to the start of the ramp
        uint32 rampSeconds; // from the end of the notification period to full power, before the first ordered period
        uint32 minRunSeconds; // least length of consecutive ordered periods
        uint32 maxRunSeconds; // greatest length of consecutive ordered periods
        uint32 lotW; // power of one unit, W
        uint96 availabilityPerMWhour; // base units per MW and hour
        uint96 utilisationPerMWh; // base units per MWh
        uint96 shortfallPerMWh; // base units per MWh
        address currency; // the rule's currency
        bytes32 ruleId;
        int40 referenceW; // REFERENCE_LEVEL: contracted level of the portfolio, W, `+` import; else 0
        bool transferable; // whether holders may pass it on to qualified buyers
        bytes32 termsHash; // hash of the legal text
        bytes32 externalRef; // hash of an order's original signed bytes elsewhere
    }

    /// @notice One portfolio in one service window, measured once whoever bought. `eventId = keccak256(abi.encode(key))`.
    struct EventKey {
        bytes32 portfolioId;
        uint40 windowStart;
        uint40 windowEnd;
        bytes32 ruleId;
        Direction direction;
        int40 referenceW;
    }

    // ------------------------------------------------------------------ how it is measured and paid

    enum BaselineMethod {
        Nominated, // a schedule for the portfolio, committed before the gate closes
        ReferenceLevel, // a contracted level of the portfolio
        MeterBefore, // per device: mean of the last periods before the first notice
        XOfY // per device: mean, period by period, of `x` of the last `y` eligible days
    }

    /// @dev Which `x` of the `y` days, by energy in the window's periods, `+` import: the highest, the middle or the lowest.
    enum DaySelection {
        High,
        Mid,
        Low
    }

    /// @dev How the mean of past days is moved to the event's own day.
    enum Adjustment {
        None,
        Additive,
        Multiplicative
    }

    /// @notice Which local days are compared with each other, and how many of them.
    struct DayClass {
        uint8 kinds; // bits 0 to 6: Monday to Sunday that are no holiday; bit 7: holidays
        DaySelection selection;
        uint8 x; // days in the mean
        uint8 y; // last eligible days they are chosen from
        uint8 minDays; // of which at least so many must be complete, else the device is silent
    }

    /// @notice How past days make a baseline (XOfY). `rule.lookbackHash = keccak256(abi.encode(lookback))`.
    struct Lookback {
        bytes32 calendarId;
        DayClass[] classes; // every kind of day in exactly one
        bool holidaysEligible; // whether holidays count as past days of their class
        uint8 lookBackDays; // local days looked at
        uint8 maxExcludedDays; // of called days at most so many do not count, the latest first
        uint16 minEventBps; // a call counts from this share of the portfolio's capacity on
        Adjustment adjustment;
        uint8 adjustmentPeriods; // length of its window, settlement periods; else 0
        uint32 adjustmentLead; // from its end to the start of the service window, seconds
        uint32 adjustmentCapBps; // most it may move a baseline, of it; 0: uncapped
    }

    /// @notice Local time. `calendarId = keccak256(abi.encode(calendar))`; its days are appended in pages of 256.
    struct Calendar {
        bytes32 zone; // name, as in the IANA time zone database, ASCII, left-aligned
        bytes32 holidays; // whose holidays, ASCII, left-aligned
        int32 offsetSeconds; // local standard time minus UTC
        uint16 summerSeconds; // added in summer time; 0: none
        uint24 springAt; // local standard time of day at which summer time begins, seconds
        uint24 autumnAt; // local standard time of day at which it ends, seconds
    }

    /// @notice The days of a calendar that a question needs. Day d is the d-th local day after 1970-01-01.
    struct CalendarDays {
        Calendar calendar;
        uint24 firstDay; // day of bit 0 of the first word, a multiple of 256
        uint256[] summer; // bit: summer time at the start of the day
        uint256[] holidays; // bit: the day is a holiday
    }

    /// @notice A window for which a notice was given.
    struct Call {
        uint40 windowStart;
        uint40 windowEnd;
        uint40 firstNotice;
        uint16 calledBps; // most power ordered in a period, of the portfolio's capacity, rounded up
    }

    /// @dev Device: `R = sum(max(0, response_i))`, a silent device gives 0.
    /// Portfolio: `R = sum(response_i)`, a silent device gives its worst.
    enum ClampLevel {
        Device,
        Portfolio
    }

    /// @dev Steps: the payment of the last point reached. Linear: between points. Both: nothing below the first point.
    enum CurveKind {
        Steps,
        Linear
    }

    struct CurvePoint {
        uint16 ratioBps;
        uint16 payBps;
    }

    enum PayBase {
        Delivered,
        Ordered
    }

    /// @dev Deductible: always deducted from the deficiency. Threshold: only while the deficiency stays within it.
    enum ToleranceKind {
        Deductible,
        Threshold
    }

    /// @dev Escrowed: the buyer's money is locked. Statement: the buyer pays in arrears off chain, the result is final.
    enum Funding {
        Escrowed,
        Statement
    }

    /// @dev In order of assurance, least first.
    enum DeviceKind {
        DataCollector,
        Gateway,
        Device
    }

    /// @notice How rights are measured and paid. Published once, immutable. `ruleId = keccak256(abi.encode(rule))`.
    struct Rule {
        uint16 schema; // version of the hashed structs
        uint24 periodSeconds; // settlement period
        address currency; // token of all money under this rule
        BaselineMethod baseline;
        uint8 baselinePeriods; // MeterBefore: how many whole periods before the first notice; else 0
        bytes32 lookbackHash; // XOfY: of the Lookback; else 0
        ClampLevel clampLevel;
        bool estimatedAllowed; // whether readings flagged as estimated count
        DeviceKind minAssurance; // least kind of device accepted
        PayBase payBase;
        uint32 overDeliveryCapBps; // delivered at most this share of ordered
        CurveKind payCurveKind;
        CurvePoint[] payCurve; // ratio of a period -> share of its pay
        ToleranceKind toleranceKind;
        uint16 toleranceBps; // of ordered
        bool deficiencyUncapped; // whether a deficiency may exceed what was ordered
        uint16 stopLossBps; // greatest penalty, of the dispatch's part of the collateral
        uint24 collateralBps; // collateral, of window energy times shortfall price
        CurveKind availabilityCurveKind;
        CurvePoint[] availabilityCurve; // ratio of the dispatch -> share of its availability
        uint16 minDispatchBps; // least units of a dispatch, of what was issued of its right
        uint16 minCustomerShareBps; // least share of pay and availability that a portfolio must give its customers
        Funding funding;
        address unclaimedTo; // who gets what customers never collect; never the provider
        uint32 gateSeconds; // before the window starts: nominations and unavailability until then, notices from then on
        uint32 readingDeadline; // seconds after the window's end until which records count
        uint32 submissionDeadline; // seconds after the window's end until which a submission may be made
        uint32 proofWindow; // seconds after the submission until which its leaves may be proven
        uint32 collectPeriod; // seconds after the event's last settlement until which customers may collect
        uint32 spotChecks; // points of a submission that are drawn and proven; from the number of leaves on, every leaf is
        // How a submission is checked of which not every leaf is proven; all zero: every leaf has to be.
        uint16 drawDelay; // from the submission's block to that whose hash draws
        uint32 challengeWindow; // seconds after the submission during which it may be challenged
        uint8 maxDemands; // leaves of a submission that its buyers may have proven
        uint96 demandFee; // base units a leaf, from who has it proven to the provider
        uint96 bondPerMW; // base units per MW of the portfolio's capacity, locked at submission, rounded up
        uint16 challengerShareBps; // of a lost bond, to who showed that the submission is wrong; the rest is the buyers'
    }

    /// @notice The part of a rule that measuring needs, kept in storage by the Rulebook, see library PackedTerms.
    struct MeasuringTerms {
        uint24 periodSeconds; // 0: no such rule
        BaselineMethod baseline;
        uint8 baselinePeriods;
        ClampLevel clampLevel;
        bool estimatedAllowed;
        DeviceKind minAssurance;
        uint32 readingDeadline;
        uint32 submissionDeadline;
        uint32 proofWindow;
        uint32 challengeWindow;
        uint16 drawDelay;
        uint8 maxDemands;
        uint32 spotChecks;
        uint32 gateSeconds; // Nominated; else 0
        bytes32 lookbackHash; // XOfY; else 0
    }

    /// @notice The part of a rule that says what a submission stakes, kept in storage by the Rulebook: zero where every leaf has to be proven.
    struct Stakes {
        address currency; // of bond and fee
        uint96 bondPerMW;
        uint96 demandFee;
        uint16 challengerShareBps;
    }

    /// @notice The part of a rule that issuing needs, kept in storage by the Rulebook.
    struct RuleTerms {
        uint24 periodSeconds;
        uint24 collateralBps;
        uint16 minCustomerShareBps;
        uint32 number; // 1 for the first published; 0 is none
        address currency;
        uint32 gateSeconds;
        Funding funding;
        BaselineMethod baseline;
        address unclaimedTo;
        uint40 knownUntil; // how far the rule's calendar reaches, UTC seconds: windows must end by then; without one the type's greatest
    }

    // ------------------------------------------------------------------ who measures

    enum SignerScheme {
        None,
        Secp256k1,
        P256,
        Suspended
    }

    /// @notice A fixed grid of record slots: slot k is `[offset + k * L, offset + (k + 1) * L)`, `L = periodSeconds * readingsPerSlot`.
    struct Grid {
        uint24 periodSeconds;
        uint8 readingsPerSlot; // 1 to 100
        uint32 offsetSeconds; // below L, a multiple of periodSeconds
    }

    /// @notice What the meter operator states of a metering point (EIP-712).
    struct Statement {
        bytes16 meteringPoint; // salted commitment or pseudonym, never a bare meter number
        address customer;
        SignerScheme scheme;
        address signer; // secp256k1: the address; P-256: the low 20 bytes of keccak256(x, y)
        DeviceKind kind;
        uint48 capacityW; // flexible capacity
        uint48 connectionW; // capacity of the connection: no reading can exceed it
        uint8 gridId;
        uint40 validFrom; // over the whole slot of every record
        uint40 validUntil;
        uint32 sequence; // greater than that of the statement it replaces
    }

    /// @notice The customer's consent to enrol a metering point (EIP-712).
    struct Consent {
        bytes16 meteringPoint;
        bytes32 portfolioId;
        address customer;
        address payee; // who collects
        uint16 customerShareBps; // least share of the portfolio the customer accepts
        uint256 nonce;
        uint40 deadline;
    }

    /// @notice What `attest` reads for each record, in one storage slot.
    struct SignerState {
        address signer;
        uint40 validFrom;
        uint40 validUntil;
        uint8 gridId;
        SignerScheme scheme;
    }

    struct MeteringPoint {
        address customer;
        DeviceKind kind;
        uint40 suspendedAt; // 0: not suspended
        uint32 sequence;
        uint48 capacityW;
        uint48 connectionW;
        uint40 entryIndex; // place in the portfolio; after leaving, in the one left last
        uint40 committedUntil; // end of the last notified window it may be counted in elsewhere
        bytes32 portfolioId; // 0: in none
    }

    /// @notice One place of a portfolio's append-only list: leaf `i` of every submission is entry `i`.
    struct Entry {
        bytes16 meteringPoint;
        uint40 joinedAt;
        uint40 leftAt; // 0: still in
        uint48 capacityW;
        address payee;
        uint48 connectionW;
        DeviceKind kind;
    }

    /// @notice Where a place was that a metering point closed.
    struct Stay {
        bytes32 portfolioId;
        uint40 index;
    }

    struct Portfolio {
        address provider;
        uint16 customerShareBps; // of pay and availability, never lowered
        uint40 committedUntil; // end of the last window for which a notice was given
        bytes32 zone;
    }

    /// @notice A portfolio's sums at a moment: as they stood just before it.
    struct PortfolioSums {
        uint40 entries; // length of the list, left ones included
        uint64 capacityW; // of those that were in
        uint64 connectionW; // of those that were in
    }

    // ------------------------------------------------------------------ what was measured

    /// @notice A record signed with secp256k1. `head`: see library MeterRecords.
    struct SignedRecord {
        uint256 head;
        bytes32 commitment; // of the salted readings
        bytes32 r;
        bytes32 vs; // EIP-2098
    }

    /// @notice A record signed with P-256, with the signer's public key.
    struct P256Record {
        uint256 head;
        bytes32 commitment;
        bytes32 r;
        bytes32 s;
        bytes32 x;
        bytes32 y;
    }

    /// @notice Why a device counts as silent. Ok: it does not.
    enum Silence {
        Ok,
        NoRecord, // no records shown
        Inactive, // not in the portfolio at the first notice
        Suspended, // suspended before the reading deadline
        LowAssurance, // a kind below the rule's
        WrongPoint, // record of another metering point
        NotAttested, // under no root that was attested or anchored
        Late, // attested or anchored after the deadline
        Superseded, // a higher revision was attested in time
        BadOpening, // blocks do not give the commitment, or malformed
        MissingReading, // a needed period is not opened
        Estimated, // a needed reading is estimated and the rule does not allow it
        OutOfRange, // a reading beyond the connection's capacity
        TooFewDays, // fewer complete past days than the rule demands
        Unstated, // no statement over the record's slot when it was anchored
        OffGrid, // not on the device's grid when it was anchored
        WrongSigner, // not signed by who signed for the device when it was anchored
        TooEarly // anchored before its slot ended
    }

    /// @notice One device of an event, as shown to the verifier: packed, since every byte of a proof is paid for. `records` empty: claimed
    /// silent.
    struct DeviceProof {
        // Each: a root that the oracle keeps, attested or anchored (32 bytes), how many hashes follow as the path to it (1), how many as a
        // history (1), the path (32 each, sorted pairs, lowest first), the history (32 each; none: the leaf under the root is the record;
        // else these are the hashes of all records of the history leaf, in order).
        bytes inclusions;
        // All that hold a needed reading, ascending by slot, then revision. Each: the head (32), the signature, every block in order: its
        // hash (32), or where it is opened its salt (32), flags (2) and readings (5 each). In the head, in bits that a record leaves zero:
        // which blocks are opened (bit 24 the first; to 39), length of the signature in words (23..16; 0 if every record under the root was
        // verified; r, vs of secp256k1; r, s, x, y of P-256), number of the inclusion (15..8), place in its history (7..0).
        bytes records;
        uint40[] pastFrom; // XOfY, for stays in other portfolios within the look-back: the window from which to gather calls, each
    }

    /// @notice One leaf of a submission, as shown: `keccak256(abi.encode(place, weightWord, keccak256(columns)))`, see library DeliveryTree.
    struct Leaf {
        uint40 place; // which one; also stated in the leaf
        uint256 weightWord; // entry (high half) and prefix, its own entry included, of the weight column
        bytes columns; // the same word of each ordered period, ascending
        bytes32[] path; // siblings, lowest first
    }

    /// @notice What a submission claims, as far as it is checked. Its commitment is `keccak256(abi.encode(root, weight, totalsHash))`,
    /// `totalsHash = keccak256(abi.encode(columns, energiesHash))`.
    struct Claim {
        bytes32 root;
        uint128 weight; // last prefix of the weight column
        uint128[] columns; // last prefix of each period's column
        bytes32 energiesHash; // keccak256(abi.encode(baselineMilliWh, meteredMilliWh))
    }

    /// @notice Why a submission was rejected.
    enum Fault {
        None,
        NotDrawn, // nobody drew its points while their block's hash was known
        NotProven, // a drawn point was not proven in time
        DemandNotMet, // a demanded leaf was not proven in time
        Malformed, // a leaf that is none, or states another place than its own
        WrongStart, // a first leaf whose prefixes are not its entries
        WrongEnd, // a last leaf whose prefixes are not the totals
        Jump, // neighbours whose prefixes do not follow
        OutOfRange, // entries that no record could give
        NotSilent, // entries of a device that is silent whatever its records say
        OtherResponse // entries that the provider's own records contradict
    }

    /// @notice What a submission commits to beside its root: per ordered period, ascending.
    struct Totals {
        uint128[] columns; // last prefix of each period's column
        uint128 weight; // last prefix of the weight column
        int128[] baselineMilliWh; // sum over devices; zero where the baseline is the portfolio's
        int128[] meteredMilliWh; // sum over devices that are not silent
    }

    /// @notice What is submitted of an event.
    struct Submitted {
        EventKey key;
        bytes32 root; // over all leaves
        Totals totals;
    }

    /// @notice Where the proving of all leaves stands: kept as a hash, carried by the caller.
    struct Cursor {
        uint40 next; // index of the next leaf
        bytes32[] frontier; // roots of the full subtrees so far, lowest first; zero where none
        Totals totals; // sums so far
    }

    enum EventStatus {
        Open,
        Called,
        Submitted,
        Measured,
        Unmeasured
    }

    struct EventState {
        EventStatus status;
        uint40 firstNotice;
        uint40 submittedAt;
        uint32 leaves; // of the submission
        uint32 proven; // leaves proven so far, where every one is
        uint96 orderedMask; // bit p: period p of the window was ordered by some dispatch
    }

    // ------------------------------------------------------------------ what is paid

    enum DispatchKind {
        Live,
        Test
    }

    /// @notice A called block of units: kept as a hash, carried by the caller, rebuilt from the log.
    struct Dispatch {
        bytes32 rightId;
        address holder;
        uint64 units;
        uint16 number; // of the event's dispatches, from 0
        DispatchKind kind;
        uint40 noticeAt;
        uint40[] ordersW; // ordered power per period of the window
        uint96 excusedMask; // bit p: period p carries no penalty
        bool accepted; // the holder accepts the submission without waiting for challenges
    }

    /// @notice How one dispatch ended. Money in base units.
    struct Settled {
        uint256 pay; // utilisation earned
        uint256 availability; // availability earned
        uint256 penalty; // from the collateral to the holder
        uint256 pool; // part of pay and availability that is the customers'
        uint256 utilisationRefund; // locked and not earned, to the holder
        uint256 availabilityRefund; // locked and not earned, to the holder
        uint256 released; // collateral back to the provider
    }

    enum LockReason {
        Rights, // of an event: collateral posted by the provider, availability posted by buyers
        Utilisation, // of a dispatch, posted by its holder
        Pool, // of customers
        Bond, // of a submission, posted by the provider
        Demand // of a leaf to be proven, posted by who demands it
    }

    /// @notice A provider's signed offer (EIP-712).
    struct Offer {
        Product product;
        uint64 units; // most that may be taken over all fills of this nonce
        uint256 premiumPerUnit; // base units, paid to the provider at purchase
        address buyer; // zero: any qualified buyer
        uint40 expiry;
        uint64 nonce; // offers with one nonce share its fill: taking one uses up the other
    }
}
