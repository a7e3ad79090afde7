// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ICollateralEscrow} from "../interfaces/ICollateralEscrow.sol";
import {IRulebook} from "../interfaces/IRulebook.sol";
import {Calendars} from "./libraries/Calendars.sol";
import {Errors} from "./libraries/Errors.sol";
import {PackedTerms} from "./libraries/PackedTerms.sol";
import {RuleBounds} from "./libraries/RuleBounds.sol";
import {Flex} from "./types/Flex.sol";

/// @title Rules: published once, never changed; and the calendars they look back on, to which days are only added
contract Rulebook is IRulebook, AccessManaged {
    uint256 private constant PAGE = Calendars.PAGE;
    /// @dev 717 years. With the latest first day, every start of a day fits 40 bits.
    uint256 private constant MAX_PAGES = 1024;
    uint256 private constant LATEST_FIRST_DAY = 2 ** 16;

    ICollateralEscrow public immutable escrow;

    /// @notice Number of rules published so far.
    uint32 public count;

    /// @dev See library PackedTerms.
    struct Packed {
        uint256 fields;
        bytes32 extra;
    }

    struct Page {
        uint256 summer;
        uint256 holidays;
    }

    struct Book {
        // The numbers of the calendar with those of its days, so that all are read at once. Its names are in the log, and bound by its id.
        int32 offsetSeconds;
        uint16 summerSeconds;
        uint24 springAt;
        uint24 autumnAt;
        uint24 firstDay; // never 0
        uint24 pages;
        mapping(uint256 number => Page) page;
    }

    mapping(bytes32 ruleId => Flex.RuleTerms) private _terms;
    mapping(bytes32 ruleId => Packed) private _measuring;
    mapping(bytes32 ruleId => Flex.Stakes) private _stakes;
    mapping(bytes32 ruleId => bytes32 calendarId) private _calendarOf;
    mapping(bytes32 calendarId => Book) private _books;

    constructor(address governance, address escrow_) AccessManaged(governance) {
        if (governance == address(0)) revert Errors.Flexbond_ZeroAddress("governance");
        if (escrow_ == address(0)) revert Errors.Flexbond_ZeroAddress("escrow");
        escrow = ICollateralEscrow(escrow_);
    }

    // ------------------------------------------------------------------ rules

    /// @inheritdoc IRulebook
    function publish(Flex.Rule calldata rule, Flex.Lookback calldata lookback) external restricted returns (bytes32 ruleId) {
        RuleBounds.check(rule, lookback);
        if (!escrow.isListed(rule.currency)) revert Errors.Rulebook_CurrencyNotListed(rule.currency);
        ruleId = idOf(rule);
        if (isPublished(ruleId)) revert Errors.Rulebook_AlreadyPublished(ruleId);
        if (rule.baseline == Flex.BaselineMethod.XOfY) {
            _requireCalendar(lookback, rule.periodSeconds);
            _calendarOf[ruleId] = lookback.calendarId;
        }

        uint32 number = ++count;
        _terms[ruleId] = Flex.RuleTerms({
            periodSeconds: rule.periodSeconds,
            collateralBps: rule.collateralBps,
            minCustomerShareBps: rule.minCustomerShareBps,
            number: number,
            currency: rule.currency,
            gateSeconds: rule.gateSeconds,
            funding: rule.funding,
            baseline: rule.baseline,
            unclaimedTo: rule.unclaimedTo,
            knownUntil: type(uint40).max
        });
        _keepMeasuring(ruleId, rule);
        emit RulePublished(ruleId, number, rule, lookback);
    }

    /// @inheritdoc IRulebook
    function measuringTerms(bytes32 ruleId) external view returns (Flex.MeasuringTerms memory) {
        (uint256 fields, bytes32 extra) = packedTerms(ruleId);
        return PackedTerms.unpack(fields, extra);
    }

    /// @inheritdoc IRulebook
    function packedTerms(bytes32 ruleId) public view returns (uint256 fields, bytes32 extra) {
        Packed storage kept = _measuring[ruleId];
        fields = kept.fields;
        if (fields == 0) revert Errors.Rulebook_Unknown(ruleId);
        if (PackedTerms.hasExtra(fields)) extra = kept.extra;
    }

    /// @inheritdoc IRulebook
    function stakes(bytes32 ruleId) external view returns (Flex.Stakes memory) {
        return _stakes[ruleId];
    }

    /// @inheritdoc IRulebook
    function bondTerms(bytes32 ruleId) external view returns (address currency, uint96 bondPerMW) {
        Flex.Stakes storage kept = _stakes[ruleId];
        return (kept.currency, kept.bondPerMW);
    }

    /// @inheritdoc IRulebook
    function terms(bytes32 ruleId) external view returns (Flex.RuleTerms memory kept) {
        if (!isPublished(ruleId)) revert Errors.Rulebook_Unknown(ruleId);
        kept = _terms[ruleId];
        if (kept.baseline == Flex.BaselineMethod.XOfY) kept.knownUntil = _knownUntil(_books[_calendarOf[ruleId]]);
    }

    /// @inheritdoc IRulebook
    function isPublished(bytes32 ruleId) public view returns (bool) {
        return _terms[ruleId].number != 0;
    }

    /// @inheritdoc IRulebook
    function idOf(Flex.Rule calldata rule) public pure returns (bytes32) {
        return keccak256(abi.encode(rule));
    }

    // ------------------------------------------------------------------ calendars

    /// @inheritdoc IRulebook
    function publishCalendar(Flex.Calendar calldata calendar, uint24 firstDay) external restricted returns (bytes32 calendarId) {
        RuleBounds.check(calendar);
        RuleBounds.within("firstDay", firstDay, PAGE, LATEST_FIRST_DAY);
        if (firstDay % PAGE != 0) revert Errors.Rulebook_OutOfBounds("firstDay", firstDay);
        calendarId = Calendars.idOf(calendar);
        Book storage book = _books[calendarId];
        if (book.firstDay != 0) revert Errors.Rulebook_CalendarExists(calendarId);
        book.offsetSeconds = calendar.offsetSeconds;
        book.summerSeconds = calendar.summerSeconds;
        book.springAt = calendar.springAt;
        book.autumnAt = calendar.autumnAt;
        book.firstDay = firstDay;
        emit CalendarPublished(calendarId, calendar, firstDay);
    }

    /// @inheritdoc IRulebook
    function extendCalendar(
        bytes32 calendarId,
        uint24 firstDay,
        uint256[] calldata summer,
        uint256[] calldata holidays
    ) external restricted {
        Book storage book = _books[calendarId];
        uint256 next = _nextDay(book);
        if (next == 0) revert Errors.Rulebook_CalendarUnknown(calendarId, firstDay);
        if (firstDay != next) revert Errors.Rulebook_NextDayDiffers(calendarId, next, firstDay);
        if (holidays.length != summer.length) revert Errors.Rulebook_Inconsistent("holidays", "summer");
        if (summer.length == 0) revert Errors.Rulebook_OutOfBounds("summer", 0);
        uint256 pages = book.pages;
        RuleBounds.within("summer", pages + summer.length, 1, MAX_PAGES);
        bool hasSummer = book.summerSeconds != 0;
        for (uint256 i = 0; i < summer.length; i++) {
            if (summer[i] != 0 && !hasSummer) revert Errors.Rulebook_Inconsistent("summer", "summerSeconds");
            book.page[pages + i] = Page({summer: summer[i], holidays: holidays[i]});
        }
        book.pages = uint24(pages + summer.length);
        emit CalendarExtended(calendarId, firstDay, summer, holidays);
    }

    /// @inheritdoc IRulebook
    function calendarDays(bytes32 calendarId, uint256 fromDay, uint256 untilDay) external view returns (Flex.CalendarDays memory local) {
        Book storage book = _books[calendarId];
        uint256 first = book.firstDay;
        uint256 next = _nextDay(book);
        if (fromDay < first || fromDay >= next) revert Errors.Rulebook_CalendarUnknown(calendarId, fromDay);
        if (untilDay > next) revert Errors.Rulebook_CalendarUnknown(calendarId, untilDay - 1);
        if (untilDay <= fromDay) revert Errors.Rulebook_OutOfBounds("untilDay", untilDay);
        uint256 number = (fromDay - first) / PAGE;
        uint256 pages = (untilDay - 1 - first) / PAGE + 1 - number;
        local.calendar = _calendarIn(book);
        local.firstDay = uint24(first + PAGE * number);
        local.summer = new uint256[](pages);
        local.holidays = new uint256[](pages);
        for (uint256 i = 0; i < pages; i++) {
            Page storage page = book.page[number + i];
            local.summer[i] = page.summer;
            local.holidays[i] = page.holidays;
        }
    }

    /// @inheritdoc IRulebook
    function nextDay(bytes32 calendarId) external view returns (uint256) {
        return _nextDay(_books[calendarId]);
    }

    function _keepMeasuring(bytes32 ruleId, Flex.Rule calldata rule) private {
        (uint256 fields, bytes32 extra) = PackedTerms.pack(rule);
        _measuring[ruleId] = Packed({fields: fields, extra: extra});
        if (rule.challengeWindow == 0) return;
        _stakes[ruleId] = Flex.Stakes({
            currency: rule.currency,
            bondPerMW: rule.bondPerMW,
            demandFee: rule.demandFee,
            challengerShareBps: rule.challengerShareBps
        });
    }

    /// @dev Rights are issued for windows to come, so that none ever looks back on a day before this one's look-back.
    function _requireCalendar(Flex.Lookback calldata lookback, uint256 periodSeconds) private view {
        Book storage book = _books[lookback.calendarId];
        uint256 first = book.firstDay;
        if (first == 0) revert Errors.Rulebook_CalendarUnknown(lookback.calendarId, 0);
        // So that every period of a past day lies on the grid of settlement periods.
        if (book.summerSeconds % periodSeconds != 0) {
            revert Errors.Rulebook_Inconsistent("periodSeconds", "calendar.summerSeconds");
        }
        uint256 today = Calendars.standardDayOf(_calendarIn(book), block.timestamp);
        uint256 length = lookback.lookBackDays;
        if (first + length > today) {
            revert Errors.Rulebook_CalendarUnknown(lookback.calendarId, today < length ? 0 : today - length);
        }
    }

    function _calendarIn(Book storage book) private view returns (Flex.Calendar memory) {
        return
            Flex.Calendar({
                zone: 0,
                holidays: 0,
                offsetSeconds: book.offsetSeconds,
                summerSeconds: book.summerSeconds,
                springAt: book.springAt,
                autumnAt: book.autumnAt
            });
    }

    /// @dev 0 for a calendar that was never published.
    function _nextDay(Book storage book) private view returns (uint256) {
        return book.firstDay + PAGE * book.pages;
    }

    /// @dev Start of the last known day: of every window that ends by then, the day after is known. 0 without days.
    function _knownUntil(Book storage book) private view returns (uint40) {
        uint256 pages = book.pages;
        if (pages == 0) return 0;
        Flex.CalendarDays memory local;
        local.calendar = _calendarIn(book);
        uint256 next = _nextDay(book);
        local.firstDay = uint24(next - PAGE);
        local.summer = new uint256[](1);
        local.summer[0] = book.page[pages - 1].summer;
        return uint40(Calendars.startOf(local, next - 1));
    }
}
