"""MeterOracle: batches of signed records, and when they came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.hashing import ZERO_ADDRESS
from flexbond.model.delivery import ShownRecord
from flexbond.model.suite.base import ModelRevert, Part, Table, atomic, before, pushed
from flexbond.model.types import RecordOpening, SignerScheme, SignerState
from flexbond.records import RecordHead, record_hash
from flexbond.trees import BatchTree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.suite import Suite
    from flexbond.model.types import Grid


@dataclass(frozen=True, kw_only=True)
class BroughtRecord:
    """A record as it is brought, with what its signature recovers."""

    head: int
    commitment: bytes
    recovered: str
    """Who signed; zero if nobody did."""

    @property
    def metering_point(self) -> bytes:
        """Of the head."""
        return (self.head >> 128).to_bytes(16, "big")

    @property
    def bare(self) -> RecordHead:
        """The head without bits beyond its fields."""
        return RecordHead.unpack(self.head >> 40 << 40)

    @property
    def leaf(self) -> bytes:
        """Its leaf in a batch."""
        return record_hash(self.head, self.commitment)


class Oracle(Part):
    """Attested batches and revised slots."""

    def __init__(self, suite: Suite) -> None:
        super().__init__(suite)
        self.times: Table[bytes, int] = self.table()
        self.revisions: Table[tuple[bytes, int], tuple[tuple[int, int], ...]] = self.table()

    @atomic
    def attest(
        self, records: Sequence[BroughtRecord], *, scheme: SignerScheme = SignerScheme.SECP256K1, now: int
    ) -> bytes:
        """Verifies records of one scheme; the batch's root."""
        for index, record in enumerate(records):
            signer = self.suite.devices.signer(record.metering_point)
            self._check(index, record, signer, scheme, now)
            self._require_signed(index, record, signer.signer)
            if record.bare.revision:
                self._revise(record.bare, now)
        if not records:
            raise ModelRevert("MeterOracle_EmptyBatch", 0)
        root = BatchTree.of([record.leaf for record in records]).root
        if root not in self.times:
            self.times[root] = now
        return root

    @atomic
    def report_equivocation(
        self, a: BroughtRecord, b: BroughtRecord, *, scheme: SignerScheme = SignerScheme.SECP256K1, now: int
    ) -> None:
        """Two records of one slot and revision: suspends the device."""
        if a.head != b.head or a.commitment == b.commitment:
            raise ModelRevert("MeterOracle_NoEquivocation", a.metering_point)
        signer = self.suite.devices.signer(a.metering_point)
        if signer.scheme is SignerScheme.NONE:
            # Voiding a statement does not hide what was signed under it.
            signer = SignerState.from_tuple((*signer.as_tuple()[:-1], scheme))
        self._check(0, a, signer, scheme, now)
        self._require_signed(0, a, signer.signer)
        self._require_signed(1, b, signer.signer)
        self.suite.devices.suspend(a.metering_point, sender=self.suite.addresses.oracle, now=now)

    def attested_at(self, root: bytes) -> int:
        """When the batch was first attested, UTC seconds; 0: never."""
        return self.times.get(root, 0)

    def revision_before(self, metering_point: bytes, slot_start: int, at: int) -> int:
        """Highest revision of the slot attested before `at`; 0 if none was revised."""
        return before(self.revisions.get((metering_point, slot_start), ()), at) or 0

    def shown(self, opening: RecordOpening, deadline: int) -> ShownRecord:
        """An opened record with what the oracle knows of it."""
        head = RecordHead.unpack(opening.head >> 40 << 40)
        return ShownRecord.of(
            opening,
            attested_at=self.attested_at(opening.batch_root),
            latest_revision=self.revision_before(head.metering_point, head.slot_start, deadline),
        )

    def _check(self, index: int, record: BroughtRecord, signer: SignerState, scheme: SignerScheme, now: int) -> None:
        """All that can be said of a record without its signature."""
        head, point_id = record.bare, record.metering_point
        if record.head & (1 << 40) - 1:
            raise ModelRevert("MeterOracle_Malformed", index, record.head)
        if signer.signer == ZERO_ADDRESS:
            raise ModelRevert("MeterOracle_Unregistered", index, point_id)
        if signer.scheme is SignerScheme.SUSPENDED:
            raise ModelRevert("MeterOracle_Suspended", index, point_id)
        stated = signer.valid_from <= head.slot_start and head.slot_end <= signer.valid_until
        if signer.scheme is SignerScheme.NONE or not stated:
            raise ModelRevert("MeterOracle_Unstated", index, point_id, head.slot_start)
        if not _is_on_grid(head, self.suite.devices.grids[signer.grid_id]):
            raise ModelRevert("MeterOracle_OffGrid", index, point_id, head.slot_start)
        if head.slot_end > now:
            raise ModelRevert("MeterOracle_NotYetOver", index, head.slot_end, now)
        if signer.scheme is not scheme:
            raise ModelRevert("MeterOracle_WrongScheme", index, point_id)

    def _require_signed(self, index: int, record: BroughtRecord, signer: str) -> None:
        if record.recovered != signer:
            raise ModelRevert("MeterOracle_WrongSigner", index, record.metering_point, record.recovered)

    def _revise(self, head: RecordHead, now: int) -> None:
        key = (head.metering_point, head.slot_start)
        trace = self.revisions.get(key, ())
        if not trace or head.revision > trace[-1][1]:
            self.revisions[key] = pushed(trace, now, head.revision)


def _is_on_grid(head: RecordHead, grid: Grid) -> bool:
    if (head.period_seconds, head.readings) != (grid.period_seconds, grid.readings_per_slot):
        return False
    return head.slot_start >= grid.offset_seconds and (head.slot_start - grid.offset_seconds) % grid.slot_seconds == 0
