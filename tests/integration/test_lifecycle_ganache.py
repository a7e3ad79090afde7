"""The life of an event on Ganache, shorter: enrolled, sold, called, attested, settled, collected, withdrawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flexbond.chain.node import NodeKind
from flexbond.model.types import EventStatus
from flexbond.operations import collecting, money, settlement
from tests.integration.stage import DEPOSIT, raised

if TYPE_CHECKING:
    from pathlib import Path


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
