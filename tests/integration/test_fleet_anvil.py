"""A record book built into a fleet's submission by one command: the chain takes root, leaves, records and claims as they come out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.chain.node import NodeKind
from flexbond.fleet.built import Built
from flexbond.fleet.showing import context_of, proofs_of, proofs_of_draws
from flexbond.model.types import EventStatus, Silence
from flexbond.operations import collecting, settlement
from flexbond.operations.evidence import gather
from flexbond.operations.history import load_event
from flexbond.operations.progress import silent
from flexbond.operations.proving import prove_leaves
from tests.integration.shell import Shell
from tests.integration.stage import DAY, raised
from tests.integration.test_past_days_anvil import Anchored
from tests.integration.test_quote_chain import VARIANTS, Played, Variant

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anvil, pytest.mark.slow]


SAMPLING = {
    "spot_checks": 2,
    "draw_delay": 2,
    "challenge_window": 2 * DAY,
    "demand_fee": 1,
    "bond_per_mw": 10**6,
}
"""Two points of three leaves' lines."""


def variant_of(name: str) -> Variant:
    """A variant by its name."""
    return next(variant for variant in VARIANTS if variant.name == name)


def played(name: str) -> type[Played]:
    """The stage of a variant."""
    return Anchored if name == "anchored" else type("Chosen", (Played,), {"variant": variant_of(name)})


def sampled(name: str) -> type[Played]:
    """The stage of a variant, under a rule that has two points proven."""
    stage = played(name)
    return type("Sampled", (stage,), {"variant": replace(stage.variant, changes={**stage.variant.changes, **SAMPLING})})


def built_by_command(stage: Played, identity: bytes, folder: Path) -> tuple[Any, Built]:
    """What the command says, and the submission in the folder."""
    shell = Shell(stage.folder, network="anvil", url=stage.url)
    book = str(stage.book_path)
    told = shell.run("submit", "build", str(folder), "--event", f"0x{identity.hex()}", "--records", book)
    return told, Built.load(folder)


@pytest.mark.parametrize("name", ["anchored", "x-of-y-portfolio", "nominated", "before"])
def test_a_book_is_built_proven_and_collected(tmp_path: Path, name: str) -> None:
    """Given a provider's book, when its event is built from it, then every leaf is proven on chain and all shares are collected at once."""
    with raised(NodeKind.ANVIL, tmp_path, played(name)) as stage:
        assert isinstance(stage, Played)
        identity = stage.play()
        suite, provider = stage.suite, stage.sender(stage.people.provider)
        told, built = built_by_command(stage, identity, tmp_path / "evening")
        event = load_event(suite, identity)
        evidence = gather(suite, event, stage.book())
        assert told["claim"]["root"] == "0x" + evidence.measured.tree.root.hex()
        assert built.totals == evidence.measured.totals
        assert [row.reason for row in built.rows(range(built.leaves))] == list(evidence.reasons)
        assert Silence.OK in evidence.reasons
        provider.send(suite.measurement.transaction("submit", built.event.question.key, built.claim.root, built.totals))
        mine = replace(evidence, proofs=tuple(one.proof for one in proofs_of(built, range(built.leaves))))
        assert sum(prove_leaves(suite, provider, load_event(suite, identity), mine, first=0, progress=silent)) == 3
        assert settlement.settle_event(suite, provider, identity).is_done
        done = load_event(suite, identity)
        assert (done.status, done.responses_milli_wh) == (EventStatus.MEASURED, built.responses_milli_wh)
        if built.claim.weight:
            provider.send(suite.payouts.transaction("collectMany", [built.run_claim(0, built.leaves)]))
            collected = collecting.collect(suite, provider, identity)
            assert collected.credited == 0
            assert all(share.collected for share in collected.shares)


@pytest.mark.parametrize("name", ["anchored", "x-of-y-portfolio", "nominated", "before"])
def test_drawn_points_are_proven_by_the_built_submission(tmp_path: Path, name: str) -> None:
    """Given a rule with two spot checks, when the built submission is drawn from, then its proofs are taken and the event is measured."""
    with raised(NodeKind.ANVIL, tmp_path, sampled(name)) as stage:
        assert isinstance(stage, Played)
        identity = stage.play()
        suite, provider = stage.suite, stage.sender(stage.people.provider)
        checks = suite.spot_checks
        _, built = built_by_command(stage, identity, tmp_path / "evening")
        key, claim = built.event.question.key, built.claim
        provider.send(checks.transaction("submit", key, claim.root, built.totals))
        stage.rpc.request("anvil_mine", 3)
        provider.send(checks.transaction("draw", identity))
        seed = checks.read("check", identity).seed
        shown = proofs_of_draws(built, seed)
        leaves, proofs = [one.leaf for one in shown], [one.proof for one in shown]
        provider.send(checks.transaction("prove", context_of(built), leaves, proofs))
        assert checks.read("check", identity).points == 2
        stage.at(load_event(suite, identity).state.submitted_at + 2 * DAY)
        provider.send(checks.transaction("finalise", key, claim, list(built.event.schedule_milli_wh)))
        done = load_event(suite, identity)
        assert (done.status, done.responses_milli_wh) == (EventStatus.MEASURED, built.responses_milli_wh)
