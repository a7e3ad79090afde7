"""MeterOracle: signed records, attested in batches or anchored unseen, and when they came."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from flexbond.hashing import ZERO_ADDRESS, ZERO_HASH
from flexbond.model.shown import ShownRecord
from flexbond.model.suite.base import ModelRevert, Part, Table, atomic, before, pushed
from flexbond.model.types import SignerScheme, SignerState, Silence
from flexbond.records import RecordHead, Standing, record_hash
from flexbond.trees import BatchTree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.openings import Inclusion, RecordOpening
    from flexbond.model.suite import Suite
    from flexbond.model.types import Grid

NEVER: Final = Standing(at=0, attested_at=0)
SCHEMES: Final = {64: SignerScheme.SECP256K1, 128: SignerScheme.P256}
"""How a signature of so many bytes was made."""

_SILENCES: Final = {
    "MeterOracle_Unregistered": Silence.UNSTATED,
    "MeterOracle_Suspended": Silence.UNSTATED,
    "MeterOracle_Unstated": Silence.UNSTATED,
    "MeterOracle_OffGrid": Silence.OFF_GRID,
    "MeterOracle_NotYetOver": Silence.TOO_EARLY,
}
"""What `attest` reverts with, and what an anchored record is silent for."""


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
    """Roots of records and revised slots."""

    def __init__(self, suite: Suite) -> None:
        super().__init__(suite)
        self.kept: Table[bytes, Standing] = self.table()
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
        known = self.standing(root)
        if not known.attested_at:
            self.kept[root] = replace(known, at=known.at or now, attested_at=now)
        return root

    @atomic
    def anchor(self, root: bytes, *, sender: str, now: int) -> None:
        """Keeps the root of a tree of records that nobody has seen."""
        if root == ZERO_HASH:
            raise ModelRevert("MeterOracle_EmptyBatch", 0)
        if root not in self.kept:
            self.kept[root] = Standing(at=now, attested_at=0, anchored_by=sender)

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

    def standing(self, root: bytes) -> Standing:
        """When a root came."""
        return self.kept.get(root, NEVER)

    def record_standing(self, record: BroughtRecord, at: int, *, scheme: SignerScheme | None) -> Silence:
        """Whether a record counts whose root was only anchored, at `at`, UTC seconds.

        `scheme` is that which the signature's length is of, None for another length.
        """
        if record.head & (1 << 40) - 1:
            return Silence.BAD_OPENING
        if record.bare.revision:
            return Silence.NOT_ATTESTED
        signer = self.suite.devices.signer_at(record.metering_point, at)
        try:
            self._check(0, record, signer, signer.scheme, at)
        except ModelRevert as refused:
            return _SILENCES[refused.name]
        if scheme is not signer.scheme:
            return Silence.BAD_OPENING
        return Silence.OK if record.recovered == signer.signer else Silence.WRONG_SIGNER

    def revision_before(self, metering_point: bytes, slot_start: int, at: int) -> int:
        """Highest revision of the slot attested before `at`; 0 if none was revised."""
        return before(self.revisions.get((metering_point, slot_start), ()), at) or 0

    def shown(
        self,
        opening: RecordOpening,
        inclusions: Sequence[Inclusion],
        *,
        first_notice: int,
        deadline: int,
        recovered: str = ZERO_ADDRESS,
    ) -> ShownRecord:
        """An opened record with what the oracle knows of it; `recovered` is who made the opening's signature."""
        record = BroughtRecord(head=opening.record_head, commitment=opening.commitment, recovered=recovered)
        head = record.bare
        root = inclusions[opening.inclusion].batch_root if opening.inclusion < len(inclusions) else ZERO_HASH
        standing = self.standing(root)
        kept_at, refusal = standing.attested_at, Silence.OK
        # Without signature it counts as attested; with one as anchored, as an attestation says nothing of the time before.
        if standing.at and not (standing.attested_at and not opening.signature):
            kept_at = standing.at
            refusal = self.record_standing(record, kept_at, scheme=SCHEMES.get(len(opening.signature)))
        return ShownRecord.of(
            opening,
            inclusions,
            kept_at=kept_at,
            refusal=refusal,
            latest_revision=self.revision_before(head.metering_point, head.slot_start, deadline),
            latest_before_notice=self.revision_before(head.metering_point, head.slot_start, first_notice),
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
