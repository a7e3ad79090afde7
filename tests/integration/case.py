"""A called event of the stage, and ways to settle it in whole or in part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexbond.model.types import Cursor, DeviceProof, ProofContext, Totals
from flexbond.operations import settlement
from flexbond.operations.evidence import Evidence, gather
from flexbond.operations.history import load_event

if TYPE_CHECKING:
    from flexbond.chain.send import Sender
    from flexbond.operations.recordbook import RecordBook
    from flexbond.operations.settlement import Outcome
    from tests.integration.stage import Stage


class Case:
    """A stage with its event, and what was said."""

    def __init__(self, stage: Stage, event: bytes) -> None:
        self.stage = stage
        self.event = event
        self.said: list[str] = []

    @property
    def provider(self) -> Sender:
        """Who sends for the provider."""
        return self.stage.sender(self.stage.people.provider)

    @property
    def stranger(self) -> Sender:
        """Who sends for nobody."""
        return self.stage.sender(self.stage.people.attacker)

    def settle(self, sender: Sender | None = None, records: RecordBook | None = None) -> Outcome:
        """As the provider with its book, or as somebody else."""
        if sender is None:
            sender, records = self.provider, records or self.stage.book()
        suite = self.stage.suite
        return settlement.settle_event(suite, sender, self.event, records=records, progress=self.said.append)

    def prove(self, proofs: tuple[DeviceProof, ...], cursor: Cursor | None = None) -> None:
        """Prove leaves by hand, from the beginning."""
        suite = self.stage.suite
        event = load_event(suite, self.event)
        none = Totals(columns=(), weight=0, baseline_milli_wh=(), metered_milli_wh=())
        context = ProofContext(key=event.key, cursor=cursor or Cursor(next=0, frontier=(), totals=none))
        self.provider.send(suite.measurement.transaction("prove", context, proofs))


def submit_alone(case: Case) -> Evidence:
    """Submit by hand."""
    suite = case.stage.suite
    event = load_event(suite, case.event)
    evidence = gather(suite, event, case.stage.book())
    measured = evidence.measured
    case.provider.send(suite.measurement.transaction("submit", event.key, measured.tree.root, measured.totals))
    return evidence
