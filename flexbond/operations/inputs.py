"""The inputs of an event from the chain and a record book, for whoever wants to quote it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flexbond.model.types import BaselineMethod, EventStatus, Silence
from flexbond.operations.common import token_at
from flexbond.operations.errors import OperationError
from flexbond.operations.history import answers_of, calendar_of, load_event, lookback_of
from flexbond.operations.inputfiles import EventInputs, InputDispatch, InputRight, KeptReading
from flexbond.operations.leaves import leaves_of_book, require_submitted
from flexbond.operations.meters import standings
from flexbond.quoting.calls import KnownCall
from flexbond.quoting.devices import Device

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flexbond.chain.suite import Suite
    from flexbond.model.types import Entry, MeteringPoint
    from flexbond.operations.history import EventHistory
    from flexbond.operations.recordbook import RecordBook
    from flexbond.records import Standing

FOREVER: Final = 2**40 - 1


def inputs_of(suite: Suite, event_id: bytes, book: RecordBook) -> EventInputs:
    """What an event is measured and paid from.

    The readings are those that the book can show; of a device that was proven silent there are none, since the chain saw none.
    Raises UnknownError, RecordsDifferError (sampled and submitted with another book), OperationError.
    """
    event = load_event(suite, event_id)
    names = {right.id: f"right-{number}" for number, right in enumerate(event.rights, start=1)}
    token = token_at(suite, event.rule.currency)
    entries, devices = _devices(suite, event)
    looks_back = event.rule.baseline is BaselineMethod.X_OF_Y
    lookback = lookback_of(suite, event.key.rule_id)
    window = suite.rights.read("window", event.key.portfolio_id, event.key.window_start)
    return EventInputs(
        name=f"event-{event_id.hex()[:10]}",
        key=event.key,
        rule=event.rule,
        lookback=lookback,
        calendar=calendar_of(suite, lookback.calendar_id) if looks_back else None,
        devices=devices,
        readings=tuple(_readings(suite, event, book, entries)),
        rights=tuple(
            InputRight(
                name=names[right.id],
                product=right.product,
                uncalled=right.released + (0 if window.unavailable else right.open),
            )
            for right in event.rights
        ),
        dispatches=tuple(
            InputDispatch(
                right=names[called.dispatch.right_id],
                buyer=called.dispatch.holder,
                noticed=called.noticed,
                settled=called.dispatch,
            )
            for called in event.dispatches
        ),
        schedule_milli_wh=event.schedule_milli_wh,
        is_measured=_is_measured(event),
        customer_share_bps=suite.devices.read("portfolio", event.key.portfolio_id).customer_share_bps,
        symbol=token.symbol,
        decimals=token.decimals,
        calls=tuple(_calls(suite, event, entries)) if looks_back else (),
    )


def _is_measured(event: EventHistory) -> bool:
    if event.status in (EventStatus.CALLED, EventStatus.SUBMITTED):
        raise OperationError("The event is not at its end.", "Settle it first, or write the orders by hand.")
    return event.status is EventStatus.MEASURED


def _devices(suite: Suite, event: EventHistory) -> tuple[list[Entry], tuple[Device, ...]]:
    """All places of the portfolio, whoever came later included: they may share what is split by capacity."""
    portfolio = event.key.portfolio_id
    count = suite.devices.read("sumsBefore", portfolio, FOREVER).entries
    entries: list[Entry] = suite.devices.read_many("entry", [(portfolio, index) for index in range(count)])
    points: list[MeteringPoint] = suite.devices.read_many("meteringPoint", [(item.metering_point,) for item in entries])
    devices = tuple(
        Device(
            name=_name(entry.metering_point),
            capacity_w=entry.capacity_w,
            connection_w=entry.connection_w,
            kind=entry.kind,
            joined_at=entry.joined_at,
            left_at=entry.left_at,
            suspended_at=point.suspended_at,
            payee=entry.payee,
        )
        for entry, point in zip(entries, points, strict=True)
    )
    return entries, devices


def _readings(suite: Suite, event: EventHistory, book: RecordBook, entries: list[Entry]) -> Iterator[KeptReading]:
    """Of every record of the portfolio's devices that the oracle had by the reading deadline."""
    deadline = event.key.window_end + event.rule.reading_deadline
    known = standings(suite, book)
    silent = _silent(suite, event, book)
    wanted = {entry.metering_point for index, entry in enumerate(entries) if index not in silent}
    for number, booked in enumerate(book.records):
        record, head = booked.record, booked.record.head
        received = _received(book, number, known)
        if head.metering_point not in wanted or not 0 < received < deadline:
            continue
        for place, reading in enumerate(record.readings_milli_wh):
            yield KeptReading(
                device=_name(head.metering_point),
                start=head.slot_start + place * head.period_seconds,
                seconds=head.period_seconds,
                milli_wh=reading,
                estimated=record.estimated[place],
                revision=head.revision,
                received=received,
            )


def _received(book: RecordBook, number: int, known: Mapping[bytes, Standing]) -> int:
    """When a record first came to the oracle in a way that counts, UTC seconds; 0: never."""
    revision = book.records[number].record.head.revision
    batches = [known[batch.root] for batch, _ in book.batches_of(number) if batch.root in known]
    times = [standing.attested_at if revision else standing.at for standing in batches]
    if not revision:
        times += [known[anchor.root].at for anchor, _, _ in book.anchors_of(number) if anchor.root in known]
    return min((time for time in times if time), default=0)


def _silent(suite: Suite, event: EventHistory, book: RecordBook) -> set[int]:
    """Leaves that count as silent without a record: by the log, or by the book where the submission was sampled."""
    if event.status is not EventStatus.MEASURED:
        return set()
    if event.checks is None:
        answers = answers_of(suite, event)
    else:
        leaves = leaves_of_book(suite, event, book)
        require_submitted(suite, event, leaves)
        answers = list(leaves.measured.answers)
    return {index for index, answer in enumerate(answers) if answer.silence is Silence.NO_RECORD}


def _calls(suite: Suite, event: EventHistory, entries: list[Entry]) -> Iterator[KnownCall]:
    """Calls before the window: of the portfolio, and of other portfolios while one of its devices was there."""
    until, here = event.key.window_start, event.key.portfolio_id
    for call in suite.rights.read("callsFrom", here, 0, until):
        yield KnownCall(call=call)
    for point in dict.fromkeys(entry.metering_point for entry in entries):
        for portfolio, index in suite.devices.read("pastStays", point):
            if portfolio == here:
                continue
            stay: Entry = suite.devices.read("entry", portfolio, index)
            for call in suite.rights.read("callsFrom", portfolio, 0, until):
                if stay.was_in_before(call.first_notice):
                    yield KnownCall(call=call, device=_name(point))


def _name(metering_point: bytes) -> str:
    return f"0x{metering_point.hex()}"
