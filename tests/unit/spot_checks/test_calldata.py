"""SpotChecks.submit and finalise hand their arguments on as they lie: however those are laid out, they mean the same, or are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flexbond.ids import outcome_hash
from flexbond.model.types import EventStatus
from tests.support.evm import Receipt, Reverted, reverts
from tests.unit.spot_checks.scene import BOND, DELAY, STEP, Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.evm import Method

WORD = 32
HEAD = 8
"""Words before the totals of a submission: the key, the root, and where the totals are."""
JUNK = (1 << 256) - 1


def words_of(method: Method, *args: object) -> list[int]:
    """The arguments, as they are usually encoded."""
    data = method.encode(*args)[4:]
    return [int.from_bytes(data[at : at + WORD], "big") for at in range(0, len(data), WORD)]


def send(scene: Scene, method: Method, words: Sequence[int]) -> Receipt:
    """By the provider, with exactly these arguments."""
    data = method.function.selector + b"".join([word.to_bytes(WORD, "big") for word in words])
    output = scene.world.evm.execute(scene.story.provider, method.address, data)
    return Receipt(method.function, output, scene.world.evm.result, scene.world.evm.time)


def submission_of(scene: Scene) -> list[int]:
    """The honest one."""
    honest = scene.honest
    return words_of(scene.world.spot_checks.submit, honest.submission.key, honest.tree.root, honest.totals)


def assert_submitted(scene: Scene, receipt: Receipt) -> None:
    """As if the arguments had been encoded as usual."""
    log, bonded = receipt.only("EventSubmitted"), receipt.only("Bonded")
    assert (log.root, log.totals) == (scene.honest.tree.root, scene.honest.totals)
    assert (bonded.bond, bonded.draw_block) == (BOND, scene.world.evm.number + DELAY)
    assert scene.world.measurement.commitment.call(scene.event) == scene.honest.commitment


def test_lists_in_another_order(scene: Scene) -> None:
    """Given totals whose lists lie in another order, with words between and behind them, they are taken as they are meant."""
    words = submission_of(scene)
    count = len(scene.honest.totals.columns) + 1
    totals = words[HEAD:]
    columns, baseline, metered = (totals[4 + number * count : 4 + (number + 1) * count] for number in range(3))
    moved = [*words[: HEAD - 1], WORD * (HEAD + 2), JUNK, JUNK]
    places = [WORD * (5 + count), totals[1], WORD * (6 + 2 * count), WORD * 4]
    laid = [*moved, *places, *metered, JUNK, *columns, JUNK, *baseline, JUNK]
    assert_submitted(scene, send(scene, scene.world.spot_checks.submit, laid))


def test_one_list_for_two(scene: Scene) -> None:
    """Given two lists that are one in the arguments, both are what it holds."""
    scene = Scene(
        story=scene.story,
        dispatches=scene.dispatches,
        honest=scene.honest.with_totals(baseline_milli_wh=scene.honest.totals.metered_milli_wh),
        batch=scene.batch,
    )
    words = submission_of(scene)
    words[HEAD + 2] = words[HEAD + 3]
    assert_submitted(scene, send(scene, scene.world.spot_checks.submit, words))


@pytest.mark.parametrize("at", range(HEAD - 1))
def test_totals_within_the_head(scene: Scene, at: int) -> None:
    """Given totals that are said to lie among the other arguments, nothing is submitted."""
    words = submission_of(scene)
    words[HEAD - 1] = WORD * at
    with pytest.raises(Reverted):
        send(scene, scene.world.spot_checks.submit, words)
    assert scene.status is EventStatus.CALLED


@pytest.mark.parametrize("beyond", [1 << 127, (1 << 128) - 1, (1 << 256) - (1 << 127) - 1, 1 << 255])
@pytest.mark.parametrize("which", [1, 2])
def test_energies_beyond_their_type(scene: Scene, which: int, beyond: int) -> None:
    """Given one energy with more than 128 bits, at the end of its list, nothing is submitted; the last that fits is."""
    words = submission_of(scene)
    count = len(scene.honest.totals.columns) + 1
    last = HEAD + 4 + (which + 1) * count - 1
    words[last] = beyond
    with reverts(""):
        send(scene, scene.world.spot_checks.submit, words)
    for fits in ((1 << 127) - 1, (1 << 256) - (1 << 127)):
        words[last] = fits
        with scene.world.evm.rollback():
            send(scene, scene.world.spot_checks.submit, words)
            assert scene.status is EventStatus.SUBMITTED


def test_totals_beyond_their_type(scene: Scene) -> None:
    """Given a column or a weight with more than 128 bits, nothing is submitted."""
    for place in (HEAD + 1, HEAD + 5):
        words = submission_of(scene)
        words[place] |= 1 << 128
        name, args = ("", ()) if place == HEAD + 1 else ("Measurement_TotalTooLarge", (0, words[place], ...))
        with reverts(name, *args):
            send(scene, scene.world.spot_checks.submit, words)
    assert scene.status is EventStatus.CALLED


def test_less_than_it_says(scene: Scene) -> None:
    """Given arguments that end before their last list does, nothing is submitted."""
    with reverts(""):
        send(scene, scene.world.spot_checks.submit, submission_of(scene)[:-1])


def test_a_claim_elsewhere(scene: Scene) -> None:
    """Given a claim and a schedule in another order, with words between them, the event ends as claimed."""
    honest, finalise = scene.honest, scene.world.spot_checks.finalise
    honest.submit()
    honest.draw()
    honest.prove_all()
    honest.close_challenges()
    words = words_of(finalise, honest.submission.key, honest.claim, [])
    claim = words[HEAD:-1]
    laid = [*words[: HEAD - 2], WORD * (HEAD + 2), WORD * HEAD, 0, JUNK, *claim, JUNK]
    receipt = send(scene, finalise, laid)
    assert tuple(receipt.only("EventMeasured").responses_milli_wh) == (15 * STEP,) * 4
    committed = outcome_hash(honest.commitment, (15 * STEP,) * 4)
    assert scene.world.measurement.commitment.call(scene.event) == committed
    assert (scene.status, scene.bond) == (EventStatus.MEASURED, 0)
