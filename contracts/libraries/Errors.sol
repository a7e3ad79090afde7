// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Every error of the suite: `Contract_Condition(offending values)`
library Errors {
    // Any contract
    error Flexbond_NotMover(address caller);
    error Flexbond_NotAllowed(address caller, address account); // neither the account nor its operator
    error Flexbond_BadSignature(address account, bytes32 digest);
    error Flexbond_SignatureExpired(uint256 deadline, uint256 time);
    error Flexbond_ZeroAddress(string name);
    error Flexbond_Overflow(uint256 value, uint256 bits);

    // Rulebook: `field` is the field's name in Flex
    error Rulebook_OutOfBounds(string field, uint256 value);
    error Rulebook_Inconsistent(string field, string with);
    error Rulebook_AlreadyPublished(bytes32 ruleId);
    error Rulebook_Unknown(bytes32 ruleId);
    error Rulebook_CurrencyNotListed(address currency);
    error Rulebook_CalendarExists(bytes32 calendarId);
    error Rulebook_CalendarUnknown(bytes32 calendarId, uint256 day); // 0: the calendar, else the day
    error Rulebook_NextDayDiffers(bytes32 calendarId, uint256 next, uint256 given);

    // ParticipantRegistry
    error ParticipantRegistry_NotBuyer(address account);
    error ParticipantRegistry_NotProvider(address account);
    error ParticipantRegistry_BadExpiry(uint256 expiry, uint256 time);

    // DeviceRegistry
    error DeviceRegistry_GridInvalid(uint256 periodSeconds, uint256 readingsPerSlot, uint256 offsetSeconds);
    error DeviceRegistry_GridUnknown(uint256 gridId);
    error DeviceRegistry_GridsFull(uint256 grids);
    error DeviceRegistry_PortfolioExists(bytes32 portfolioId);
    error DeviceRegistry_PortfolioUnknown(bytes32 portfolioId);
    error DeviceRegistry_ShareInvalid(uint256 shareBps);
    error DeviceRegistry_ShareLowered(uint256 current, uint256 proposed);
    error DeviceRegistry_ShareTooLow(uint256 offered, uint256 required);
    error DeviceRegistry_NotMeterOperator(address account);
    error DeviceRegistry_StatementInvalid(bytes16 meteringPoint, string field);
    error DeviceRegistry_StatementOld(bytes16 meteringPoint, uint256 sequence, uint256 current);
    error DeviceRegistry_KeyNotProven(bytes16 meteringPoint, address signer);
    error DeviceRegistry_Unstated(bytes16 meteringPoint);
    error DeviceRegistry_Suspended(bytes16 meteringPoint);
    error DeviceRegistry_WrongCustomer(bytes16 meteringPoint, address customer);
    error DeviceRegistry_AlreadyEnrolled(bytes16 meteringPoint, bytes32 portfolioId);
    error DeviceRegistry_NotEnrolled(bytes16 meteringPoint);
    error DeviceRegistry_StillCommitted(bytes16 meteringPoint, uint256 until);
    error DeviceRegistry_EntryUnknown(bytes32 portfolioId, uint256 index);

    // CollateralEscrow
    error CollateralEscrow_TokenNotListed(address token);
    error CollateralEscrow_ReceivedDiffers(address token, uint256 expected, uint256 received);
    error CollateralEscrow_InsufficientFree(address token, address account, uint256 free, uint256 needed);
    error CollateralEscrow_InsufficientLock(bytes32 lockId, uint256 locked, uint256 needed);
    error CollateralEscrow_LockOwnerDiffers(bytes32 lockId, address owner, address given);
    error CollateralEscrow_ZeroAmount(address token);
    error CollateralEscrow_DuplicateMover(address mover);
    error CollateralEscrow_LengthsDiffer(uint256 accounts, uint256 amounts);

    // MeterOracle: `index` is the record's place in the batch
    error MeterOracle_EmptyBatch(uint256 length);
    error MeterOracle_Malformed(uint256 index, uint256 head);
    error MeterOracle_Unregistered(uint256 index, bytes16 meteringPoint);
    error MeterOracle_Suspended(uint256 index, bytes16 meteringPoint);
    error MeterOracle_Unstated(uint256 index, bytes16 meteringPoint, uint256 slotStart);
    error MeterOracle_OffGrid(uint256 index, bytes16 meteringPoint, uint256 slotStart);
    error MeterOracle_NotYetOver(uint256 index, uint256 slotEnd, uint256 time);
    error MeterOracle_WrongScheme(uint256 index, bytes16 meteringPoint);
    error MeterOracle_WrongSigner(uint256 index, bytes16 meteringPoint, address recovered);
    error MeterOracle_NoEquivocation(bytes16 meteringPoint);

    // FlexibilityRights
    error FlexibilityRights_ProductInvalid(string field);
    error FlexibilityRights_ZeroUnits(bytes32 rightId);
    error FlexibilityRights_RuleUnknown(bytes32 ruleId);
    error FlexibilityRights_CalendarUnknown(uint256 windowEnd, uint256 knownUntil);
    error FlexibilityRights_NoticePassed(uint256 latestNotice, uint256 time);
    error FlexibilityRights_WindowOverlaps(bytes32 portfolioId, uint256 windowStart, uint256 otherStart);
    error FlexibilityRights_WindowDiffers(bytes32 portfolioId, uint256 windowStart, string field);
    error FlexibilityRights_BadPrevious(bytes32 portfolioId, uint256 previousStart);
    error FlexibilityRights_CapacityExceeded(bytes32 portfolioId, uint256 capacityW, uint256 promisedW);
    error FlexibilityRights_NotTransferable(bytes32 rightId);
    error FlexibilityRights_InsufficientUnits(bytes32 rightId, address holder, uint256 held, uint256 needed);
    error FlexibilityRights_BelowMinimum(bytes32 rightId, uint256 units, uint256 minimum);
    error FlexibilityRights_Unavailable(bytes32 rightId);
    error FlexibilityRights_GateClosed(uint256 gate, uint256 time);
    error FlexibilityRights_AlreadyExpired(bytes32 rightId);
    error FlexibilityRights_Unknown(bytes32 rightId);

    // Measurement
    error Measurement_WrongStatus(bytes32 eventId, uint8 status);
    error Measurement_GateClosed(uint256 gate, uint256 time);
    error Measurement_ScheduleLength(uint256 given, uint256 periods);
    error Measurement_ScheduleDiffers(bytes32 eventId);
    error Measurement_ScheduleNotUsed(bytes32 ruleId);
    error Measurement_TooEarly(uint256 earliest, uint256 time);
    error Measurement_TooLate(uint256 deadline, uint256 time);
    error Measurement_NotProvider(bytes32 eventId, address caller);
    error Measurement_TooManyLeaves(uint256 leaves, uint256 spotChecks);
    error Measurement_TotalsLength(uint256 given, uint256 columns);
    error Measurement_EveryLeaf(uint256 leaves, uint256 spotChecks);
    error Measurement_TotalTooLarge(uint256 column, uint256 given, uint256 limit);
    error Measurement_TotalsInconsistent(uint256 weight, uint256 columns);
    error Measurement_CommitmentDiffers(bytes32 eventId, bytes32 computed);
    error Measurement_CursorDiffers(bytes32 eventId);
    error Measurement_LeafRefused(uint256 index, uint8 silence);
    error Measurement_TooManyProofs(uint256 next, uint256 given, uint256 leaves);
    error Measurement_ResultDiffers(bytes32 eventId);
    error Measurement_LookbackDiffers(bytes32 expected, bytes32 given);
    error Measurement_CallsFromTooLate(uint256 callsFrom, uint256 latest);

    // SpotChecks
    error SpotChecks_NotSubmitted(bytes32 eventId);
    error SpotChecks_CommitmentDiffers(bytes32 eventId, bytes32 computed);
    error SpotChecks_AlreadyDrawn(bytes32 eventId);
    error SpotChecks_TooEarlyToDraw(uint256 drawBlock, uint256 number);
    error SpotChecks_TooLateToDraw(uint256 drawBlock, uint256 number);
    error SpotChecks_NotDrawn(bytes32 eventId);
    error SpotChecks_TooEarly(uint256 earliest, uint256 time);
    error SpotChecks_TooLate(uint256 deadline, uint256 time);
    error SpotChecks_ProofsLength(uint256 given, uint256 leaves);
    error SpotChecks_NotInTree(uint256 place);
    error SpotChecks_EntriesDiffer(uint256 place, uint8 silence);
    error SpotChecks_PointElsewhere(uint256 point, uint256 column, uint256 at, uint256 place);
    error SpotChecks_AllProven(uint256 points);
    error SpotChecks_PointsLeft(uint256 proven, uint256 points);
    error SpotChecks_DemandsOpen(uint256 open);
    error SpotChecks_NotContradicted(uint256 place);
    error SpotChecks_Inconclusive(uint256 place, uint8 silence);
    error SpotChecks_NoSuchLeaf(uint256 place, uint256 leaves);
    error SpotChecks_NotDemanded(bytes32 eventId, uint256 place);
    error SpotChecks_AlreadyDemanded(bytes32 eventId, uint256 place);
    error SpotChecks_TooManyDemands(uint256 maxDemands);
    error SpotChecks_TooLateToDemand(uint256 latest, uint256 time);
    error SpotChecks_NotFailed(bytes32 eventId);
    error SpotChecks_NotRejected(bytes32 eventId);

    // Settlement
    error Settlement_RightDiffers(bytes32 rightId);
    error Settlement_RuleDiffers(bytes32 ruleId);
    error Settlement_TooEarly(uint256 earliest, uint256 time);
    error Settlement_TooLate(uint256 latest, uint256 time);
    error Settlement_OrdersLength(uint256 given, uint256 periods);
    error Settlement_OrderTooLarge(uint256 period, uint256 orderW, uint256 maxW);
    error Settlement_OrderInexact(uint256 period, uint256 orderW);
    error Settlement_NothingOrdered(bytes32 rightId);
    error Settlement_RunTooShort(uint256 firstPeriod, uint256 seconds_, uint256 minimum);
    error Settlement_RunTooLong(uint256 firstPeriod, uint256 seconds_, uint256 maximum);
    error Settlement_DispatchDiffers(bytes32 dispatchId);
    error Settlement_PeriodOutOfRange(uint256 period, uint256 periods);
    error Settlement_NotFinal(bytes32 eventId, uint8 status);
    error Settlement_AlreadyAccepted(bytes32 dispatchId);

    // Payouts
    error Payouts_NotOpen(bytes32 poolId);
    error Payouts_AlreadyCollected(bytes32 poolId, uint256 index);
    error Payouts_BadProof(bytes32 poolId, uint256 index);
    error Payouts_NothingToCollect(bytes32 poolId, uint256 index);
    error Payouts_PeriodNotOver(uint256 until, uint256 time);
    error Payouts_PeriodOver(uint256 until, uint256 time);
    error Payouts_RuleDiffers(bytes32 ruleId);
    error Payouts_EventDiffers(bytes32 poolId);

    // FlexibilityMarket
    error FlexibilityMarket_OfferExpired(uint256 expiry, uint256 time);
    error FlexibilityMarket_OfferCancelled(address provider, uint256 nonce);
    error FlexibilityMarket_OfferForOther(address buyer, address given);
    error FlexibilityMarket_Overfilled(address provider, uint256 nonce, uint256 remaining, uint256 units);
    error FlexibilityMarket_PremiumTooHigh(uint256 premium, uint256 limit);
}
