"""The life of an event on Ganache, shorter: enrolled, sold, called, attested, settled, collected, withdrawn; sampled as well."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flexbond.chain.clock import mine_blocks
from flexbond.chain.node import NodeKind
from flexbond.model.types import EventStatus
from flexbond.operations import collecting, money, relaying, settlement
from tests.integration.sampled import sampled_rule
from tests.integration.stage import DEPOSIT, Stage, raised

if TYPE_CHECKING:
    from pathlib import Path

    from flexbond.model.types import Rule


@pytest.mark.ganache
@pytest.mark.slow
def test_a_life_on_ganache(tmp_path: Path) -> None:
    """Given an empty Ganache, when an event is settled there, then everybody is paid and no base unit is lost."""
    with raised(NodeKind.GANACHE, tmp_path) as stage:
        event = stage.up_to_called()
        suite, people = stage.suite, stage.people
        outcome = settlement.settle_event(suite, stage.sender(people.provider), event, records=stage.book())
        assert (outcome.status, outcome.proven, len(outcome.dispatches)) == (EventStatus.MEASURED, 3, 2)
        assert outcome.is_done

        collections = collecting.collect_event(suite, stage.sender(people.relayer), event)
        shares = [sum(share.amount for share in item.shares) for item in collections]
        left = [item.amount - shared for item, shared in zip(collections, shares, strict=True)]
        assert all(0 <= rest < 3 for rest in left)

        withdrawn = sum(
            money.withdraw(suite, stage.sender(account), stage.token).amount
            for account in (
                people.provider,
                people.buyer,
                people.second_buyer,
                *(home.customer for home in stage.homes),
            )
        )
        assert withdrawn + sum(left) == 3 * DEPOSIT
        assert suite.escrow.read("owed", stage.token) == sum(left)


class TwoPoints(Stage):
    """The stage's three homes, of whose submission two points are drawn."""

    def rule(self) -> Rule:
        """Sampled."""
        return replace(sampled_rule(self.token, self.people.unclaimed.address), spot_checks=2)


@pytest.mark.ganache
@pytest.mark.slow
def test_a_sampled_life_on_ganache(tmp_path: Path) -> None:
    """Given an event on Ganache whose submission is sampled, when it is settled in its steps, then it is final, and all are credited."""
    with raised(NodeKind.GANACHE, tmp_path, TwoPoints) as stage:
        event = stage.up_to_called()
        suite, provider = stage.suite, stage.sender(stage.people.provider)
        drawn = proven = 0
        while True:
            outcome = settlement.settle_event(suite, provider, event, records=stage.book())
            drawn, proven = drawn + outcome.drawn, proven + outcome.proven
            if outcome.waiting is None:
                break
            if outcome.waiting.block:
                assert (
                    mine_blocks(stage.rpc.w3, outcome.waiting.block - stage.rpc.block_number()) == outcome.waiting.block
                )
            else:
                stage.at(outcome.waiting.until)
        assert (outcome.status, outcome.finalised, drawn) == (EventStatus.MEASURED, True, 1)
        assert 0 < proven <= 2
        relayed = relaying.relay(suite, stage.sender(stage.people.relayer), [event], records=stage.book())
        # Each home's share of the event, and of the unit that nobody called.
        assert (relayed.places, relayed.left) == (6, 0)
