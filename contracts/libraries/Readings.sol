// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {MeterRecords} from "./MeterRecords.sol";
import {Openings} from "./Openings.sol";
import {Rounding} from "./Rounding.sol";

/// @title The settlement periods whose energy is needed of a device, and what its records show of them
/// @notice Nothing here reverts on what a record or an opening holds.
/// @dev What is unchecked stays in range: times are below NEVER plus a day, sums of 100 readings of 40 bits far below 128 bits.
library Readings {
    using MeterRecords for uint256;

    /// @dev Periods that are asked for together. Rows may share periods.
    struct Row {
        uint256 from; // UTC seconds; no period begins before it
        uint256 until; // and none ends after it
        uint256[] starts; // of each period, NEVER for one that does not exist; empty: they follow each other without a gap
        int256[] milliWh; // of each period; while records are added, the seconds covered times 2^128 on top
        uint256 present; // bit p: all readings of period p were shown
        int256 energy; // of the present ones together, mWh
    }

    struct Tally {
        uint256 periodSeconds;
        uint256 limit; // greatest energy of a period, mWh, either way
        bool estimatedAllowed;
        bool estimated; // whether a reading of the event is
        bool beyond; // whether a whole period has more than the limit
        uint256 readUntil; // readings before it were read: none counts twice
        uint256 eventsFrom; // no row of the event begins before it
        Row[] events; // a period without all its readings silences the device
        Row[] past; // by day, newest first; a period without all its readings is absent
        Row[] pastAdjusting; // as `past`
        uint256 pastLeft; // how many of `past` may still get readings, as records come oldest first
        uint256 adjustingLeft; // how many of `pastAdjusting`
        Shown shown; // what is being added
    }

    /// @dev What one record shows.
    struct Shown {
        uint256 head;
        uint256 at; // where its first block begins
        uint256 start; // of its slot
        uint256 step; // seconds of a reading
        uint256 places; // bit k: reading k
        uint256 estimated; // bit k: reading k
        uint256 first; // start of the first that is shown, UTC seconds
        uint256 last; // end of the last
    }

    /// @dev Later than every slot: no record reaches a period that begins then.
    uint256 internal constant NEVER = 1 << 64;

    uint256 private constant COVERED = 1 << 128;

    // ------------------------------------------------------------------ rows

    /// @notice Room for rows, each to be put in before it is read. `new Row[]` would make every one of them first.
    function room(uint256 count) internal pure returns (Row[] memory rows) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            rows := mload(0x40)
            mstore(rows, count)
            mstore(0x40, add(rows, shl(5, add(count, 1))))
        }
    }

    /// @notice A row of periods that follow each other.
    function rowFrom(uint256 start, uint256 periods, uint256 periodSeconds) internal pure returns (Row memory row) {
        row.milliWh = new int256[](periods);
        row.from = start;
        unchecked {
            row.until = start + periods * periodSeconds;
        }
    }

    /// @notice A row of periods that begin at any times, NEVER for one that does not exist; if none does, from 0 to 0.
    function rowOf(uint256[] memory starts, uint256 periodSeconds) internal pure returns (Row memory row) {
        row.starts = starts;
        row.milliWh = new int256[](starts.length);
        row.from = NEVER;
        unchecked {
            for (uint256 p = 0; p < starts.length; ++p) {
                uint256 start = starts[p];
                if (start == NEVER) continue;
                if (start < row.from) row.from = start;
                if (start >= row.until) row.until = start + periodSeconds;
            }
        }
        if (row.until == 0) row.from = 0;
    }

    /// @notice Whether all readings of all periods were shown.
    function isWhole(Row memory row) internal pure returns (bool) {
        return row.present == (1 << row.milliWh.length) - 1;
    }

    // ------------------------------------------------------------------ adding records

    /// @notice Adds what a record opens of `[from, until)`. False if its readings do not divide a settlement period.
    /// @param at where its first block begins in `records`
    function add(
        Tally memory tally,
        uint256 head,
        bytes calldata records,
        uint256 at,
        uint256 from,
        uint256 until
    ) internal pure returns (bool) {
        uint256 step = head.periodSeconds();
        if (step == 0 || tally.periodSeconds % step != 0) return false;
        Shown memory shown = tally.shown;
        uint256 first;
        uint256 end;
        (shown.places, shown.estimated, first, end) = Openings.shownOf(head, records, at);
        unchecked {
            uint256 start = head.slotStart();
            shown.head = head;
            shown.at = at;
            shown.start = start;
            shown.step = step;
            shown.first = start + first * step;
            shown.last = start + end * step;
            if (from < tally.readUntil) from = tally.readUntil;
            if (from > shown.first || until < shown.last) _narrow(shown, from, until);
            if (shown.places == 0) return true;

            if (shown.last > tally.eventsFrom) _addEvents(tally, shown, records);
            uint256 counted = tally.estimatedAllowed ? shown.places : shown.places & ~shown.estimated;
            tally.pastLeft = _addRows(tally, tally.past, tally.pastLeft, counted, records);
            if (tally.adjustingLeft != 0) {
                tally.adjustingLeft = _addRows(tally, tally.pastAdjusting, tally.adjustingLeft, counted, records);
            }
            tally.readUntil = shown.last;
        }
        return true;
    }

    /// @dev Adds to those rows of the event that readings reach into.
    function _addEvents(Tally memory tally, Shown memory shown, bytes calldata records) private pure {
        for (uint256 i = 0; i < tally.events.length; ++i) {
            Row memory row = tally.events[i];
            if (row.from >= shown.last || row.until <= shown.first) continue;
            if (_addRow(tally, row, shown.places, records) & shown.estimated != 0) tally.estimated = true;
        }
    }

    /// @dev Adds to those rows of past days that readings reach into.
    /// @param left how many of them may still get some
    /// @return how many may now
    function _addRows(
        Tally memory tally,
        Row[] memory rows,
        uint256 left,
        uint256 places,
        bytes calldata records
    ) private pure returns (uint256) {
        Shown memory shown = tally.shown;
        unchecked {
            for (uint256 i = left; i != 0; --i) {
                Row memory row = rows[i - 1];
                if (row.from >= shown.last) break;
                if (row.until > shown.first) _addRow(tally, row, places, records);
                // What comes now begins where this record ended.
                if (i == left && row.until <= shown.last) --left;
            }
        }
        return left;
    }

    /// @dev Keeps the readings that begin in `[from, until)`.
    function _narrow(Shown memory shown, uint256 from, uint256 until) private pure {
        unchecked {
            uint256 start = shown.start;
            uint256 step = shown.step;
            uint256 before = from > start ? Rounding.divUp(from - start, step) : 0;
            uint256 within = until > start ? Rounding.divUp(until - start, step) : 0;
            uint256 places = before > 255 ? 0 : (shown.places >> before) << before;
            if (within < 256) places &= (1 << within) - 1;
            shown.places = places;
            if (places == 0) return;
            shown.first = start + Math.log2(places & (~places + 1)) * step;
            shown.last = start + (Math.log2(places) + 1) * step;
        }
    }

    /// @dev Adds to those of a row's periods that the readings in `places` reach into.
    /// @return which of them it took
    function _addRow(Tally memory tally, Row memory row, uint256 places, bytes calldata records) private pure returns (uint256) {
        Shown memory shown = tally.shown;
        uint256 duration = tally.periodSeconds;
        unchecked {
            if (duration == shown.step && row.starts.length == 0 && row.from >= shown.first && row.until <= shown.last) {
                // By far the most: the whole row, each period of one reading. No other record can add to it.
                uint256 offset = row.from - shown.start;
                uint256 all = (1 << row.milliWh.length) - 1;
                uint256 wanted = all << (offset / duration);
                if (offset % duration == 0 && places & wanted == wanted) {
                    bool beyond;
                    (row.energy, beyond) = Openings.readInto(row.milliWh, shown.head, records, shown.at, offset / duration, tally.limit);
                    if (beyond) tally.beyond = true;
                    row.present = all;
                    return wanted;
                }
            }
        }
        return _addEach(row, shown, duration, places, records);
    }

    /// @dev Periods one by one.
    function _addEach(
        Row memory row,
        Shown memory shown,
        uint256 duration,
        uint256 places,
        bytes calldata records
    ) private pure returns (uint256 seen) {
        uint256[] memory starts = row.starts;
        unchecked {
            for (uint256 p = 0; p < row.milliWh.length; ++p) {
                uint256 start = starts.length == 0 ? row.from + p * duration : starts[p];
                if (start >= shown.last || start + duration <= shown.first) continue;
                (uint256 mask, int256 sum) = _energy(shown, start, start + duration, places, records);
                seen |= mask;
                row.milliWh[p] += sum;
            }
        }
    }

    /// @dev The readings in `places` that begin in `[from, until)`, and their sum, with the seconds they cover times 2^128 on top.
    function _energy(
        Shown memory shown,
        uint256 from,
        uint256 until,
        uint256 places,
        bytes calldata records
    ) private pure returns (uint256 mask, int256 sum) {
        unchecked {
            uint256 step = shown.step;
            uint256 start = shown.start;
            uint256 k = from > start ? Rounding.divUp(from - start, step) : 0;
            start += k * step;
            while (start < until && places >> k != 0) {
                if ((places >> k) & 1 == 1) {
                    sum += Openings.readingAt(shown.head, records, shown.at, k) + int256(step * COVERED);
                    mask |= 1 << k;
                }
                start += step;
                ++k;
            }
        }
    }

    // ------------------------------------------------------------------ what they add up to

    /// @notice Closes the tally: parts energy from what is covered. No record is added afterwards.
    /// @return missing whether a period of the event lacks a reading
    function close(Tally memory tally) internal pure returns (bool missing) {
        _closeAll(tally, tally.events);
        _closeAll(tally, tally.past);
        _closeAll(tally, tally.pastAdjusting);
        for (uint256 i = 0; i < tally.events.length; ++i) {
            if (!isWhole(tally.events[i])) missing = true;
        }
    }

    /// @dev Of rows that were read whole there is nothing to part.
    function _closeAll(Tally memory tally, Row[] memory rows) private pure {
        unchecked {
            uint256 count = rows.length;
            for (uint256 i = 0; i < count; ++i) {
                Row memory row = rows[i];
                if (row.present == 0) _close(tally, row);
            }
        }
    }

    function _close(Tally memory tally, Row memory row) private pure {
        int256[] memory milliWh = row.milliWh;
        uint256 limit = tally.limit;
        unchecked {
            uint256 whole = tally.periodSeconds * COVERED;
            for (uint256 p = 0; p < milliWh.length; ++p) {
                int256 word = milliWh[p];
                int256 value = int128(word);
                milliWh[p] = value;
                if (uint256(word - value) != whole) continue;
                row.present |= 1 << p;
                row.energy += value;
                if (uint256(value < 0 ? -value : value) > limit) tally.beyond = true;
            }
        }
    }

    /// @notice Adds one list of energies to another, which is as long.
    function addAll(int256[] memory sums, int256[] memory milliWh) internal pure {
        // Over the days of a mean, period by period: half the gas of the arrays' checks.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let to := add(sums, 32)
            let from := add(milliWh, 32)
            for {
                let end := add(to, shl(5, mload(sums)))
            } lt(to, end) {
                to := add(to, 32)
            } {
                mstore(to, add(mload(to), mload(from)))
                from := add(from, 32)
            }
        }
    }
}
