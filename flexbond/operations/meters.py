"""Signing interval data into the record book, and attesting the book's records in batches; see `anchoring` for the other way."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flexbond import metering
from flexbond.chain.errors import ContractRevert, GasLimitError
from flexbond.chain.rpc import RpcError
from flexbond.model.types import Grid, SignerScheme
from flexbond.operations.booked import BookedRecord
from flexbond.operations.common import oracle_domain, time_of, titled
from flexbond.operations.errors import NotYoursError, OperationError, RecordsDifferError
from flexbond.operations.history import grids_of
from flexbond.operations.progress import Progress, silent
from flexbond.operations.proving import is_for_size
from flexbond.operations.rehearsal import DrySender
from flexbond.records import MeterRecord, Standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flexbond.chain.send import Sender
    from flexbond.chain.suite import Suite, Transaction
    from flexbond.metering import IntervalSeries, Slot
    from flexbond.model.types import SignerState
    from flexbond.operations.recordbook import RecordBook
    from flexbond.signing.devices import DeviceKey

MAX_BATCH: Final = 200
"""Most records attested in one transaction."""
MARGIN_PERCENT: Final = 15
"""Added to the estimated gas of a batch, which was estimated a moment before it is sent."""


@dataclass(frozen=True, kw_only=True)
class Signing:
    """What became of a series."""

    metering_point: bytes
    signed: int
    """Records that are new in the book."""
    known: int
    """Records that were in it."""
    incomplete: int
    """Slots at the ends of the series that lack readings, and were left out."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A record that the oracle does not accept."""

    metering_point: bytes
    slot_start: int
    """UTC seconds."""
    revision: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Attested:
    """What became of the book's records."""

    records: int
    """Attested now."""
    batches: tuple[bytes, ...]
    """Roots attested now."""
    known: int
    """Records that were attested or anchored before."""
    not_over: int
    """Records whose slot has not ended yet."""
    refused: tuple[Refused, ...]


def grid_of(suite: Suite, metering_point: bytes) -> Grid:
    """The grid that a metering point's records lie on. Raises OperationError if it is not stated."""
    return _grid(suite, _state_of(suite, metering_point))


def scheme_of(suite: Suite, metering_point: bytes) -> SignerScheme:
    """How the stated device of a metering point signs. Raises OperationError if it is not stated."""
    return _state_of(suite, metering_point).scheme


def sign_series(
    suite: Suite,
    book: RecordBook,
    series: IntervalSeries,
    metering_point: bytes,
    device: DeviceKey,
    *,
    revision: int = 0,
    progress: Progress = silent,
) -> Signing:
    """Signs the whole slots of a series with the device's key, into the book; what is in it is left as it is.

    Readings that differ from those in the book need a higher `revision`. Raises NotYoursError (another key is stated),
    OperationError, RecordsDifferError, GridError.
    """
    state = _state_of(suite, metering_point)
    if (state.scheme, state.signer) != (device.signer.scheme, device.signer.address):
        raise NotYoursError(
            f"Metering point 0x{metering_point.hex()} is stated with the {state.scheme.name} key {state.signer}, "
            f"not with {device.signer.address}.",
            "Sign with the stated key, or have this one stated.",
        )
    grid = _grid(suite, state)
    cut = metering.slots(series, metering.Grid(**dataclasses.asdict(grid)))
    domain = oracle_domain(suite)
    new, known = [], 0
    for slot in cut.complete:
        if _is_known(book, metering_point, slot, revision):
            known += 1
            continue
        record = _record(metering_point, slot, grid, device, revision)
        new.append(BookedRecord.of(record, device.sign(domain, record)))
    book.add(new)
    if cut.incomplete:
        progress(f"{len(cut.incomplete)} slots at the ends of the data lack readings and were left out.")
    progress(f"Signed {len(new)} records of metering point 0x{metering_point.hex()}; {known} were in the book.")
    return Signing(metering_point=metering_point, signed=len(new), known=known, incomplete=len(cut.incomplete))


def attest(
    suite: Suite, sender: Sender, book: RecordBook, *, max_batch: int = MAX_BATCH, progress: Progress = silent
) -> Attested:
    """Brings all records of the book to the oracle that it has in neither way, in batches below the gas cap. By anyone.

    An anchored revision does not count, so that it is attested too. A batch is written into the book before it is sent; one whose root
    the oracle knows is not sent again. A record that is refused is left out and named. Raises GasLimitError if not even one record fits,
    NodeUnreachableError.
    """
    sender.recover()
    known = kept_numbers(book, standings(suite, book))
    now = time_of(suite)
    open_numbers = [number for number in range(len(book)) if number not in known]
    ready = [number for number in open_numbers if book.records[number].record.head.slot_end <= now]
    roots: list[bytes] = []
    refused: list[Refused] = []
    sent = 0
    for scheme in (SignerScheme.SECP256K1, SignerScheme.P256):
        numbers = [number for number in ready if book.records[number].scheme is scheme]
        size = max_batch
        while numbers:
            part, gas, size = _fitting(suite, sender, book, numbers, size, refused, progress)
            numbers = [number for number in numbers if number not in set(part)]
            if gas == 0:
                continue
            roots.append(_send_batch(suite, sender, book, part, gas))
            sent += len(part)
            progress(f"Attested {len(part)} records ({sent} of {len(ready)}).")
    return Attested(
        records=sent,
        batches=tuple(roots),
        known=len(known),
        not_over=len(open_numbers) - len(ready),
        refused=tuple(refused),
    )


def standings(suite: Suite, book: RecordBook) -> dict[bytes, Standing]:
    """When each root of the book came to the oracle; those that never did are left out."""
    roots = book.roots
    found = suite.oracle.read_many("standing", [(root,) for root in roots])
    times = [Standing(at=kept.at, attested_at=kept.attested_at, anchored_by=kept.anchored_by) for kept in found]
    return {root: time for root, time in zip(roots, times, strict=True) if time.at}


def kept_numbers(book: RecordBook, known: Mapping[bytes, Standing]) -> set[int]:
    """Numbers of the book's records that the oracle has, in a way that counts."""
    attested = {number for batch in book.batches if batch.root in known for number in batch.records}
    anchored = {number for anchor in book.anchors if anchor.root in known for leaf in anchor.leaves for number in leaf}
    return attested | {number for number in anchored if book.records[number].record.head.revision == 0}


def _fitting(
    suite: Suite,
    sender: Sender,
    book: RecordBook,
    numbers: Sequence[int],
    size: int,
    refused: list[Refused],
    progress: Progress,
) -> tuple[list[int], int, int]:
    """The first records that fit into one transaction, its gas, and the size that was found to fit.

    A record that is refused comes back alone, with no gas, and is noted.
    """
    part = list(numbers[:size])
    while True:
        try:
            return part, sender.rehearse(_transaction(suite, book, part)).gas, size
        except (ContractRevert, GasLimitError, RpcError) as error:
            if is_for_size(error) and len(part) > 1:
                size = len(part) // 2
                part = part[:size]
                continue
            if not isinstance(error, ContractRevert) or not error.name.startswith("MeterOracle_"):
                raise
            number = part[error.args[0]]
            head = book.records[number].record.head
            refused.append(
                Refused(
                    metering_point=head.metering_point,
                    slot_start=head.slot_start,
                    revision=head.revision,
                    reason=error.message,
                )
            )
            progress(f"Left out a record of metering point 0x{head.metering_point.hex()}: {error.message}")
            return [number], 0, size


def _send_batch(suite: Suite, sender: Sender, book: RecordBook, part: Sequence[int], gas: int) -> bytes:
    transaction = dataclasses.replace(
        _transaction(suite, book, part), gas=min(gas + gas * MARGIN_PERCENT // 100, sender.settings.gas_cap)
    )
    if isinstance(sender, DrySender):
        sender.send(transaction)
    batch = book.plan(part)
    sender.send(transaction)
    return batch.root


def _transaction(suite: Suite, book: RecordBook, part: Sequence[int]) -> Transaction:
    records = [book.records[number] for number in part]
    function = "attest" if records[0].scheme is SignerScheme.SECP256K1 else "attestP256"
    transaction = suite.oracle.transaction(function, [booked.signed for booked in records])
    return titled(transaction, f"Attest {len(records)} records")


def _state_of(suite: Suite, metering_point: bytes) -> SignerState:
    state: SignerState = suite.devices.read("signer", metering_point)
    if state.scheme not in (SignerScheme.SECP256K1, SignerScheme.P256):
        raise OperationError(
            f"No statement of metering point 0x{metering_point.hex()} is in force.", "Have the meter operator state it."
        )
    return state


def _grid(suite: Suite, state: SignerState) -> Grid:
    published = grids_of(suite)
    if state.grid_id not in published:
        raise OperationError(f"Grid {state.grid_id} was never published.", "Have the market operator publish it.")
    return published[state.grid_id]


def _is_known(book: RecordBook, metering_point: bytes, slot: Slot, revision: int) -> bool:
    booked = book.find((metering_point, slot.start, revision))
    if booked is None:
        return False
    if (booked.record.readings_milli_wh, booked.record.estimated) != (slot.readings, slot.estimated):
        raise RecordsDifferError(
            f"The book has other readings of metering point 0x{metering_point.hex()} for the slot from {slot.start}.",
            "Sign corrected readings with a higher --revision: two records of one revision suspend the device.",
        )
    return True


def _record(metering_point: bytes, slot: Slot, grid: Grid, device: DeviceKey, revision: int) -> MeterRecord:
    return MeterRecord.of(
        metering_point=metering_point,
        slot_start=slot.start,
        period_seconds=grid.period_seconds,
        readings_milli_wh=slot.readings,
        estimated=[place for place, flag in enumerate(slot.estimated) if flag],
        secret=device.secret,
        revision=revision,
    )
