// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Blocks} from "./Blocks.sol";
import {MeterRecords} from "./MeterRecords.sol";
import {Rounding} from "./Rounding.sol";
import {Rows} from "./Rows.sol";

/// @title What the records of a device show of the settlement periods whose energy is needed of it
/// @notice Nothing here reverts on what a record or an opening holds.
/// @dev What is unchecked stays in range: times are below NEVER plus a day, sums of 100 readings of 40 bits far below 128 bits.
library Readings {
    using MeterRecords for uint256;
    using Rows for Rows.Row;

    struct Tally {
        uint256 periodSeconds;
        uint256 limit; // greatest energy of a period, mWh, either way
        bool estimatedAllowed;
        bool estimated; // whether a reading of the event is
        bool beyond; // whether a whole period has more than the limit
        uint256 readUntil; // readings before it were read: none counts twice
        uint256 eventsFrom; // no row of the event begins before it
        Rows.Row[] events; // a period without all its readings silences the device
        Rows.Row[] past; // by day, newest first; a period without all its readings is absent
        Rows.Row[] pastAdjusting; // as `past`
        uint256 pastLeft; // how many of `past` may still get readings, as records come oldest first
        uint256 adjustingLeft; // how many of `pastAdjusting`
        uint256 wholeDays; // how many of `past` were read whole at once
        Shown shown; // what is being added
        Shape shape; // of the last record that was added as one row of past days
    }

    /// @dev How a record opens just the blocks of one whole row of past days, each period of one reading. Most are alike in it.
    struct Shape {
        uint256 head; // of such a record; 0: none yet
        uint256 offset; // from the start of its slot to the row, seconds
        uint256 place; // of the row's first reading
        uint256 first; // from the start of its slot to the first that is shown, seconds
        uint256 last; // and to the end of the last
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

    uint256 private constant COVERED = 1 << 128;
    // Period, number of readings and opened blocks within a head.
    uint256 private constant SHAPE = (((1 << 32) - 1) << 56) | (0xffff << 24);

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
        if (_addPastRow(tally, head, records, at, from, until)) return true;
        uint256 step = head.periodSeconds();
        if (step == 0 || tally.periodSeconds % step != 0) return false;
        Shown memory shown = tally.shown;
        uint256 first;
        uint256 end;
        (shown.places, shown.estimated, first, end) = Blocks.shownOf(head, records, at);
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
            uint256 left = tally.pastLeft;
            if (left != 0) tally.pastLeft = _addRows(tally, shown, tally.past, left, counted, records);
            left = tally.adjustingLeft;
            if (left != 0) tally.adjustingLeft = _addRows(tally, shown, tally.pastAdjusting, left, counted, records);
            tally.readUntil = shown.last;
        }
        return true;
    }

    /// @dev Adds a record that opens just the blocks of one whole row of past days, each period of one reading, and reaches into no other row:
    /// by far the most do. False, and nothing is added, if it is none of these.
    function _addPastRow(
        Tally memory tally,
        uint256 head,
        bytes calldata records,
        uint256 at,
        uint256 from,
        uint256 until
    ) private pure returns (bool) {
        uint256 left = tally.pastLeft;
        if (left == 0 || tally.adjustingLeft != 0) return false;
        unchecked {
            Rows.Row memory row = tally.past[left - 1];
            Shape memory shape = tally.shape;
            uint256 start = head.slotStart();
            bool isAlike = (head ^ shape.head) & SHAPE == 0 && row.from - start == shape.offset && shape.last != 0;
            if (!isAlike && !_shape(shape, head, row, row.from - start, tally.periodSeconds)) return false;
            uint256 first = start + shape.first;
            uint256 last = start + shape.last;
            if (first < from || first < tally.readUntil || last > until || last > tally.eventsFrom) return false;
            if (row.starts.length != 0 || (left != 1 && tally.past[left - 2].from < last)) return false;
            if (!_readWhole(tally, row, head, records, at, shape.place)) return false;
            tally.pastLeft = left - 1;
            ++tally.wholeDays;
            tally.readUntil = last;
            return true;
        }
    }

    /// @dev Takes on the shape of a record. False, and nothing is changed, if it has another.
    /// @param offset from the start of its slot to the row, wrapped around if the row begins before it
    function _shape(Shape memory shape, uint256 head, Rows.Row memory row, uint256 offset, uint256 step) private pure returns (bool) {
        unchecked {
            uint256 place = offset / step;
            uint256 end = place + row.milliWh.length;
            uint256 count = head.readings();
            if (head.periodSeconds() != step || place * step != offset || end > count || place > end) return false;
            uint256 first = place >> 4;
            uint256 last = ((end - 1) >> 4) + 1;
            if (uint16(head >> 24) != (1 << last) - (1 << first)) return false;
            shape.head = head;
            shape.offset = offset;
            shape.place = place;
            shape.first = (first << 4) * step;
            shape.last = (last << 4 < count ? last << 4 : count) * step;
        }
        return true;
    }

    /// @dev Reads a row of past days whole, unless one of its readings is estimated and those do not count.
    function _readWhole(
        Tally memory tally,
        Rows.Row memory row,
        uint256 head,
        bytes calldata records,
        uint256 at,
        uint256 place
    ) private pure returns (bool) {
        int256[] memory milliWh = row.milliWh;
        (int256 energy, bool beyond, uint256 estimated) = Blocks.readInto(milliWh, head, records, at, place, tally.limit);
        if (estimated != 0 && !tally.estimatedAllowed) {
            // As if nothing had been read.
            // solhint-disable-next-line no-inline-assembly
            assembly ("memory-safe") {
                calldatacopy(add(milliWh, 32), calldatasize(), shl(5, mload(milliWh)))
            }
            return false;
        }
        row.energy = energy;
        if (beyond) tally.beyond = true;
        unchecked {
            row.present = (1 << milliWh.length) - 1;
        }
        return true;
    }

    /// @dev Adds to those rows of the event that readings reach into.
    function _addEvents(Tally memory tally, Shown memory shown, bytes calldata records) private pure {
        for (uint256 i = 0; i < tally.events.length; ++i) {
            Rows.Row memory row = tally.events[i];
            if (row.from >= shown.last || row.until <= shown.first) continue;
            if (_addRow(tally, shown, row, shown.places, records) & shown.estimated != 0) tally.estimated = true;
        }
    }

    /// @dev Adds to those rows of past days that readings reach into.
    /// @param left how many of them may still get some
    /// @return how many may now
    function _addRows(
        Tally memory tally,
        Shown memory shown,
        Rows.Row[] memory rows,
        uint256 left,
        uint256 places,
        bytes calldata records
    ) private pure returns (uint256) {
        uint256 last = shown.last;
        unchecked {
            for (uint256 i = left; i != 0; --i) {
                Rows.Row memory row = rows[i - 1];
                if (row.from >= last) break;
                if (row.until > shown.first) _addRow(tally, shown, row, places, records);
                // What comes now begins where this record ended.
                if (i == left && row.until <= last) --left;
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

    /// @dev Adds to those of a row's periods that the readings in `places` reach into. The row begins before the last of them ends.
    /// @return which of them it took
    function _addRow(
        Tally memory tally,
        Shown memory shown,
        Rows.Row memory row,
        uint256 places,
        bytes calldata records
    ) private pure returns (uint256) {
        uint256 duration = tally.periodSeconds;
        unchecked {
            uint256 from = row.from;
            if (duration == shown.step && from >= shown.first && row.starts.length == 0) {
                uint256 offset = from - shown.start;
                uint256 place = offset / duration;
                uint256 all = (1 << row.milliWh.length) - 1;
                uint256 wanted = all << place;
                // By far the most: the whole row, each period of one reading. No other record can add to it.
                if (place * duration == offset && places & wanted == wanted) {
                    bool beyond;
                    (row.energy, beyond, ) = Blocks.readInto(row.milliWh, shown.head, records, shown.at, place, tally.limit);
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
        Rows.Row memory row,
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
                    sum += Blocks.readingAt(shown.head, records, shown.at, k) + int256(step * COVERED);
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
        if (tally.wholeDays != tally.past.length) _closeAll(tally, tally.past);
        _closeAll(tally, tally.pastAdjusting);
        for (uint256 i = 0; i < tally.events.length; ++i) {
            if (!tally.events[i].isWhole()) missing = true;
        }
    }

    /// @dev Of rows that were read whole there is nothing to part.
    function _closeAll(Tally memory tally, Rows.Row[] memory rows) private pure {
        unchecked {
            uint256 count = rows.length;
            for (uint256 i = 0; i < count; ++i) {
                Rows.Row memory row = rows[i];
                if (row.present == 0) _close(tally, row);
            }
        }
    }

    function _close(Tally memory tally, Rows.Row memory row) private pure {
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
}
