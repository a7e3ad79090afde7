"""An event against past days that were only anchored, from the record book to the last dispatch, on Anvil."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from flexbond.chain.node import NodeKind
from flexbond.model.types import EventStatus, Silence
from flexbond.operations import anchoring, meters, settlement
from flexbond.operations.common import oracle_domain
from flexbond.operations.evidence import gather
from flexbond.operations.history import answers_of, load_event
from flexbond.operations.recordbook import RecordBook
from tests.integration.stage import START, raised
from tests.integration.test_quote_chain import VARIANTS, Played

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.integration.stage import Home, Stage

pytestmark = [pytest.mark.anvil, pytest.mark.slow]


class Anchored(Played):
    """The story of past days, kept before the event as one history of each home."""

    variant = next(variant for variant in VARIANTS if variant.name == "x-of-y")

    def sign_until(self, end: int, homes: Sequence[Home]) -> None:
        """Anchors what comes before the story; attests the rest."""
        if end != START:
            super().sign_until(end, homes)
            return
        book = self.book()
        for each in homes:
            series = self.series(each)
            meters.sign_series(self.suite, book, series.window(series.start, end), each.point, each.device)
        done = anchoring.anchor(self.suite, self.sender(self.people.relayer), book, history=True)
        assert done.leaves == len(homes)

    def revise(self, each: Home) -> None:
        """Nothing: an attested revision after the notice is another test's."""


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, bytes]]:
    """The stage, and its event, called and over."""
    folder: Path = tmp_path_factory.mktemp("anchored")
    with raised(NodeKind.ANVIL, folder, Anchored) as stage:
        assert isinstance(stage, Anchored)
        yield stage, stage.play()


def test_a_book_without_the_past_is_silent_by_name(called: tuple[Stage, bytes], tmp_path: Path) -> None:
    """Given a book that lacks the anchored roots, gathering names too few days for every home."""
    stage, identity = called
    lines = stage.book_path.read_text(encoding="utf-8").splitlines(keepends=True)
    path = tmp_path / "records.jsonl"
    path.write_text("".join(line for line in lines if "anchor" not in json.loads(line)), encoding="utf-8")
    book = RecordBook.open(path, oracle=oracle_domain(stage.suite))
    evidence = gather(stage.suite, load_event(stage.suite, identity), book)
    assert evidence.reasons == (Silence.TOO_FEW_DAYS,) * 3
    assert all(not proof.records for proof in evidence.proofs)


def test_histories_are_shown_and_settled(called: tuple[Stage, bytes]) -> None:
    """Given anchored histories, each home shows its past days under one leaf with their signatures, and the event is settled."""
    stage, identity = called
    event = load_event(stage.suite, identity)
    evidence = gather(stage.suite, event, stage.book())
    assert evidence.reasons == (Silence.OK,) * 3
    for proof in evidence.proofs:
        (history,) = [inclusion for inclusion in proof.inclusions if inclusion.history]
        under = [record for record in proof.records if proof.inclusions[record.inclusion] == history]
        assert len(under) == 4
        assert all(len(record.signature) in (64, 128) for record in under)
        assert all(record.signature == b"" for record in proof.records if record not in under)
    provider = stage.sender(stage.people.provider)
    done = settlement.settle_event(stage.suite, provider, identity, records=stage.book())
    assert done.is_done
    measured = load_event(stage.suite, identity)
    assert measured.status is EventStatus.MEASURED
    assert answers_of(stage.suite, measured) == list(evidence.measured.answers)
