"""SpotChecks.challengeRecords under a baseline of past days: a challenger cannot choose the days."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flexbond.model.types import EventStatus, Fault, Silence
from tests.support.evm import reverts
from tests.unit.spot_checks.past import Past, open_past

if TYPE_CHECKING:
    from tests.support.world import World

PLACE = 2


@pytest.fixture
def past(world: World) -> Past:
    """Of the two days of the mean one must be complete; the provider anchored all records itself."""
    return open_past(world, min_days=1, anchored_by=world.accounts.provider)


def test_hidden_days_prove_nothing(past: Past) -> None:
    """Given a day withheld that the rule can do without, the baseline is another one, and the leaf is not contradicted by it."""
    past.honest.submit()
    hidden = [back for back in past.days if _is_needed(past, back)]
    assert len(hidden) == 2
    for back in hidden:
        with reverts("SpotChecks_Inconclusive", PLACE, Silence.OK):
            past.honest.challenge_records(PLACE, past.proof_without(PLACE, back))
    with reverts("SpotChecks_Inconclusive", PLACE, Silence.TOO_FEW_DAYS):
        past.honest.challenge_records(PLACE, past.proof_without(PLACE, *hidden))


def test_all_days_do(past: Past) -> None:
    """Given the same records, all of them, a leaf that claims one mWh more is contradicted, and a true one is not."""
    with past.honest.world.evm.rollback():
        past.honest.submit()
        with reverts("SpotChecks_NotContradicted", PLACE):
            past.honest.challenge_records(PLACE)
    lie = past.honest.with_entries(
        {
            (PLACE, 0): past.honest.entry(PLACE, 0) + 3_600,
            (PLACE, 4): past.honest.entry(PLACE, 4) + 1,
        }
    )
    lie.submit()
    rejected = lie.challenge_records(PLACE).only("SubmissionRejected")
    assert (rejected.fault, rejected.place) == (Fault.OTHER_RESPONSE, PLACE)
    assert lie.world.measurement.eventState.call(lie.event).status == EventStatus.UNMEASURED


def _is_needed(past: Past, back: int) -> bool:
    """Whether a day is one of those that the honest proof shows."""
    return len(past.proof_without(PLACE, back).records) < len(past.honest.proof(PLACE).records)
