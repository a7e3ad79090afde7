"""A sampled event that waits for its submission, and a watchtower with data of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flexbond.fleet.built import Built
from flexbond.model.types import EventStatus, Fault
from flexbond.operations import anchoring, meters
from flexbond.operations.history import logs_of
from tests.integration.shell import Shell
from tests.integration.stage import DAY, HOUR, START, Stage
from tests.integration.test_fleet_anvil import SAMPLING
from tests.python.watching.lying import LIES, Told

if TYPE_CHECKING:
    from pathlib import Path

    from flexbond.model.types import Rule
    from flexbond.operations.recordbook import RecordBook
    from tests.integration.killing_proxy import KillingProxy


class Sampled(Stage):
    """The stage under a rule with two spot checks; the provider anchors two homes' records, the third's are attested openly."""

    def rule(self) -> Rule:
        """The stage's, sampled."""
        return replace(super().rule(), **SAMPLING, challenger_share_bps=5_000, proof_window=6 * HOUR)

    def attest(self) -> RecordBook:
        """The day after the event."""
        self.at(START + 2 * DAY + 60)
        book = self.book()
        for each in self.homes[:2]:
            meters.sign_series(self.suite, book, self.series(each), each.point, each.device)
        anchoring.anchor(self.suite, self.sender(self.people.provider), book)
        meters.sign_series(
            self.suite, self.book(), self.series(self.homes[2]), self.homes[2].point, self.homes[2].device
        )
        self.attest_signed()
        return self.book()


class Scene:
    """An event that waits for its submission, the honest build of it, and a watchtower that has the records."""

    def __init__(self, stage: Stage, event: bytes, folder: Path, proxy: KillingProxy) -> None:
        self.stage, self.event, self.folder, self.proxy = stage, event, folder, proxy
        self.shell = Shell(stage.folder, network="anvil", url=stage.url, keys={"tower": stage.people.attacker})
        self.data = folder / "data"
        self.checks = stage.suite.spot_checks

    @property
    def built(self) -> Built:
        """What the records give."""
        return Built.load(self.stage.folder / "honest")

    def submit(self, told: Told) -> Told:
        """By the provider, who publishes it too."""
        self.publish(told)
        key = told.built.event.question.key
        sender = self.stage.sender(self.stage.people.provider)
        sender.send(self.checks.transaction("submit", key, told.claim.root, told.totals))
        return told

    def publish(self, told: Told) -> None:
        """Into the watchtower's data, beside the records."""
        told.publish(self.data / "leaves")
        shutil.copy(self.stage.book_path, self.data)

    def lie(self, name: str) -> Told:
        """Submits a lie."""
        return self.submit(LIES[name](Told.honestly(self.built)))

    @property
    def arguments(self) -> list[str]:
        """Of the command."""
        return ["watch", "--data", str(self.data), "--state", str(self.folder / "watch.sqlite")]

    def watch(self, *more: str, budget: str = "1 ether", expected: int | None = None) -> Any:
        """One look; the report."""
        code, out, err = self.shell.attempt(*self.arguments, "--once", "--budget", budget, *more, key="tower")
        assert expected in (None, code), out + err
        return json.loads(out)

    def rejected(self) -> tuple[Fault, str] | None:
        """Why the submission was rejected, and by whom."""
        found = logs_of(self.stage.suite, "SpotChecks", "SubmissionRejected", event_id=self.event)
        return (Fault(found[0].fault), found[0].challenger) if found else None

    def reorganise(self, depth: int) -> None:
        """Replaces the latest blocks by as many empty ones, and forgets their transactions."""
        rpc = self.stage.rpc
        rpc.request("anvil_reorg", depth, [])
        rpc.request("anvil_dropAllTransactions")

    @property
    def status(self) -> EventStatus:
        """Of the event."""
        state = self.stage.suite.measurement.read("eventState", self.event)
        return EventStatus(state.status)
