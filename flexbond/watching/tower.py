"""A watchtower that runs: look at the chain, judge what is new, act, report, and again."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from flexbond.chain.errors import ChainError
from flexbond.chain.rpc import RpcError
from flexbond.ids import commitment_of
from flexbond.model.types import EventStatus
from flexbond.operations.history import rule_of
from flexbond.operations.progress import Progress, silent
from flexbond.watching.acting import RETRY_SECONDS, Actor, Deeds, Duties
from flexbond.watching.errors import NodeBehindError
from flexbond.watching.findings import Judgement, Kind
from flexbond.watching.following import follow
from flexbond.watching.gathering import UNREADABLE
from flexbond.watching.judging import Case, judge
from flexbond.watching.seen import Seen
from flexbond.watching.shelf import Shelf

if TYPE_CHECKING:
    from pathlib import Path

    from flexbond.chain.suite import Suite
    from flexbond.model.types import Rule
    from flexbond.watching.spending import ThriftySender
    from flexbond.watching.state import State

RETRY_NODE_SECONDS: Final = 2.0
"""Least between two tries while a node is away."""


@dataclass(frozen=True, kw_only=True)
class Attended:
    """A submission that was looked at, what was found, and what was done."""

    seen: Seen
    status: EventStatus
    """Of the event, after what was done."""
    challenge_until: int
    """UTC seconds, exclusive."""
    judgement: Judgement
    deeds: Deeds

    @property
    def is_wrong(self) -> bool:
        """Whether it is false, or something about it could not be done, or it was overdue."""
        return bool(self.judgement.is_false or self.deeds.blocked or self.deeds.has_ended)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        judgement = self.judgement
        return {
            "eventId": self.seen.event_id,
            "provider": self.seen.provider,
            "commitment": commitment_of(self.seen.claim),
            "block": self.seen.block,
            "status": self.status.name,
            "challengeUntil": self.challenge_until,
            "done": self.deeds.done,
            "blocked": self.deeds.blocked,
            "checked": judgement.checked.value,
            "rules": {name: asdict(rule) for name, rule in judgement.rules.items()},
            "findings": [
                {
                    "kind": found.kind.value,
                    "fault": found.fault.name,
                    "place": found.place,
                    "excess": found.excess,
                    "isExcused": found.is_excused,
                }
                for found in judgement.findings
            ],
            "falseLeaves": judgement.false_leaves,
            **{
                name: getattr(judgement, name)
                for name in ("leaves", "source", "silent", "withheld", "unheard", "notes")
            },
        }


@dataclass(frozen=True, kw_only=True)
class Report:
    """One look."""

    block: int
    dropped: int
    """Blocks that the chain had dropped since the look before."""
    spent_wei: int
    """By this state, ever; what may still be spent included."""
    attended: tuple[Attended, ...]
    refunded: tuple[str, ...]

    @property
    def is_wrong(self) -> bool:
        """Whether somebody should look."""
        return any(one.is_wrong for one in self.attended)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "block": self.block,
            "droppedBlocks": self.dropped,
            "spentWei": self.spent_wei,
            "isWrong": self.is_wrong,
            "refunded": list(self.refunded),
            "events": [one.as_json() for one in self.attended],
        }


@dataclass(kw_only=True)
class Tower:
    """A watchtower; without a sender it only watches."""

    suite: Suite
    state: State
    data: tuple[Path, ...]
    work: Path
    """Folder for what is recomputed; it holds readings in clear."""
    sender: ThriftySender | None = None
    duties: Duties = field(default_factory=Duties)
    progress: Progress = silent
    _rules: dict[bytes, Rule] = field(default_factory=dict)
    _actor: Actor | None = None
    _said: set[str] = field(default_factory=set)
    _unjudged: dict[tuple[bytes, str], tuple[float, Judgement]] = field(default_factory=dict)
    """What could not be judged, and when that was tried."""

    def look(self) -> Report:
        """Looks once, and does what is to be done. Raises ChainError, NodeBehindError, RpcError: then look again later."""
        followed = follow(self.suite, self.state, progress=self.progress)
        actor = self._acting()
        if actor is not None:
            actor.sender.reconcile(followed.before)
        shelf = Shelf.of(self.data)
        attended = tuple(self._attend(event_id, shelf, actor) for event_id in self.state.open_events())
        refunded = tuple(actor.refund()) if actor else ()
        self._tidy()
        return Report(
            block=followed.block,
            dropped=followed.dropped,
            spent_wei=self.state.spent_wei(),
            attended=attended,
            refunded=refunded,
        )

    def run(self, *, poll_seconds: float) -> None:
        """Looks again and again until it is interrupted; a node that goes away is waited for."""
        told = ""
        while True:
            wait = poll_seconds
            try:
                report = self.look()
            except (ChainError, RpcError, NodeBehindError) as error:
                wait = max(RETRY_NODE_SECONDS, poll_seconds)
                if str(error) != told:
                    told = str(error)
                    self.progress(f"{told} Trying again every {wait:g} s.")
            else:
                if told:
                    self.progress(f"The node answers again, at block {report.block:,}.")
                told = ""
                for one in report.attended:
                    for sentence in one.deeds.blocked:
                        self._say_once(f"Event 0x{one.seen.event_id.hex()[:10]}: not done. {sentence}")
            time.sleep(wait)

    # ------------------------------------------------------------------ one submission

    def _attend(self, event_id: bytes, shelf: Shelf, actor: Actor | None) -> Attended:
        seen = Seen.of(self.state, event_id)
        if seen.key.rule_id not in self._rules:
            self._rules[seen.key.rule_id] = rule_of(self.suite, seen.key.rule_id)
        rule = self._rules[seen.key.rule_id]
        case = Case(
            suite=self.suite,
            event_id=event_id,
            claim=seen.claim,
            leaves=seen.leaves,
            shelf=shelf,
            folder=self.work / event_id.hex(),
        )
        judgement = self._judge(seen, case)
        deeds = actor.act(seen, rule, case, judgement) if actor else Deeds()
        status = self.suite.measurement.read("eventState", event_id).status
        return Attended(
            seen=seen,
            status=status,
            challenge_until=seen.submitted_at + rule.challenge_window,
            judgement=judgement,
            deeds=deeds,
        )

    def _judge(self, seen: Seen, case: Case) -> Judgement:
        mark = case.shelf.mark_of(seen.event_id)
        known = self.state.judgement(seen.event_id, mark)
        if known is not None and (case.is_prepared() or all(one.kind is not Kind.RECORDS for one in known.findings)):
            return known
        at, failed = self._unjudged.get((seen.event_id, mark), (-RETRY_SECONDS, None))
        if failed is not None and time.monotonic() - at < RETRY_SECONDS:
            return failed
        try:
            judgement = judge(case, progress=self.progress)
        except (ChainError, RpcError):
            raise
        except UNREADABLE as error:
            failed = Judgement(leaves=case.leaves, notes=(f"It could not be judged: {error}",))
            self._unjudged[seen.event_id, mark] = time.monotonic(), failed
            self._say_once(f"Event 0x{seen.event_id.hex()[:10]}: {failed.notes[0]}")
            return failed
        self.state.keep(seen.event_id, seen.block, mark, judgement)
        found = f"{judgement.false_leaves} leaves are false" if judgement.is_false else "nothing false was found"
        self.progress(
            f"Event 0x{seen.event_id.hex()[:10]}, submitted in block {seen.block:,}: {judgement.checked.value}, {found}."
        )
        return judgement

    # ------------------------------------------------------------------ around

    def _acting(self) -> Actor | None:
        if self._actor is None and self.sender is not None:
            self._actor = Actor(
                suite=self.suite, state=self.state, sender=self.sender, duties=self.duties, progress=self.progress
            )
        return self._actor

    def _tidy(self) -> None:
        """Removes what was recomputed of submissions that have ended."""
        kept = {event_id.hex() for event_id in self.state.open_events()}
        if self.work.is_dir():
            for folder in self.work.iterdir():
                if folder.name not in kept:
                    shutil.rmtree(folder, ignore_errors=True)

    def _say_once(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            self.progress(sentence)
