"""The same of sampled submissions: what is handed on to Measurement and to the verifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flexbond.hashing import keccak
from flexbond.model.types import BaselineMethod
from tests.support.sampled import Sampled
from tests.unit.layouts.cases import SCHEDULE, Case
from tests.unit.spot_checks.past import open_past
from tests.unit.spot_checks.scene import FEE, Scene, open_scene

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tests.support.world import World

PLACE: Final = 2
"""The leaf that is demanded or challenged."""
SILENT: Final = 3
"""A leaf without records."""


def _by_anyone(world: World, name: str, *arguments: Any, is_handed_on: bool = False) -> Case:
    method = getattr(world.spot_checks, name)
    return Case(method=method, arguments=arguments, sender=world.accounts.second_buyer, is_handed_on=is_handed_on)


def _with_proof(name: str, shown: Sampled, place: int) -> Case:
    """The proof of a leaf is handed on."""
    arguments = shown.context, shown.leaf(place), shown.proof(place)
    return _by_anyone(shown.world, name, *arguments, is_handed_on=True)


# ------------------------------------------------------------------ submitting, accepting, ending


def submit(world: World) -> Case:
    """A submission."""
    honest = open_scene(world).honest
    arguments = (honest.submission.key, honest.tree.root, honest.totals)
    return Case(method=world.spot_checks.submit, arguments=arguments, sender=world.accounts.provider)


def _submitted(world: World, **changes: Any) -> Scene:
    scene = open_scene(world, **changes)
    scene.honest.submit()
    return scene


def accept(world: World) -> Case:
    """One of two buyers' consent."""
    scene = _submitted(world, second_units=3)
    arguments = (scene.story.product, scene.dispatch, scene.honest.commitment)
    return Case(method=world.settlement.accept, arguments=arguments, sender=scene.story.buyer)


def demand(world: World) -> Case:
    """A buyer's demand of a leaf."""
    scene = _submitted(world)
    arguments = (scene.story.product, scene.dispatch, PLACE)
    return Case(method=world.settlement.demandProof, arguments=arguments, sender=scene.story.buyer)


def fail(world: World) -> Case:
    """A submission whose points nobody drew."""
    honest = _submitted(world).honest
    world.evm.number += 300
    return _by_anyone(world, "fail", honest.submission.key, honest.claim)


def finalise(world: World) -> Case:
    """A submission under a nominated schedule, all points proven."""
    changes = {"baseline": BaselineMethod.NOMINATED, "baseline_periods": 0}
    honest = _submitted(world, schedule=SCHEDULE, **changes).honest
    honest.draw()
    honest.prove_all()
    honest.close_challenges()
    return _by_anyone(world, "finalise", honest.submission.key, honest.claim, SCHEDULE)


# ------------------------------------------------------------------ proving


def _proving(honest: Sampled) -> Case:
    honest.submit()
    honest.draw()
    places = honest.holders()
    assert len(places) > 1
    leaves, proofs = zip(*[(honest.leaf(place), honest.proof(place)) for place in places], strict=True)
    return _by_anyone(honest.world, "prove", honest.context, leaves, proofs, is_handed_on=True)


def prove(world: World) -> Case:
    """Points of several leaves, the first to be drawn too."""
    return _proving(open_scene(world, spot_checks=4).honest)


def prove_past(world: World) -> Case:
    """The same against past days."""
    return _proving(open_past(world).honest)


def prove_demanded(world: World) -> Case:
    """A leaf that a buyer has proven."""
    scene = _submitted(world)
    scene.demand(PLACE)
    return _with_proof("proveDemanded", scene.honest, PLACE)


def prove_silent(world: World) -> Case:
    """The same of one that shows no records."""
    scene = _submitted(world, silent=(SILENT,))
    scene.demand(SILENT)
    return _with_proof("proveDemanded", scene.honest, SILENT)


# ------------------------------------------------------------------ challenging


def _lied(world: World, **changes: Any) -> Sampled:
    """A leaf that its records contradict."""
    lie = open_scene(world, **changes).lie(PLACE)
    lie.submit()
    world.fund(world.accounts.second_buyer, FEE)
    return lie


def challenge_own(world: World) -> Case:
    """With records that the provider anchored: upheld."""
    lie = _lied(world, anchored_by=world.accounts.provider)
    return _with_proof("challengeRecords", lie, PLACE)


def challenge_other(world: World) -> Case:
    """With records that somebody else anchored: the leaf has to be proven."""
    lie = _lied(world, anchored_by=world.accounts.attacker)
    return _with_proof("challengeRecords", lie, PLACE)


def challenge_leaf(world: World) -> Case:
    """The last, whose prefixes are not the totals."""
    scene = open_scene(world)
    last = len(scene.honest.words) - 1
    lie = scene.honest.with_totals(weight=scene.honest.totals.weight + 1)
    lie.submit()
    return _by_anyone(world, "challengeLeaf", lie.submission.key, lie.claim, lie.leaf(last))


def challenge_neighbours(world: World) -> Case:
    """Two whose prefixes do not follow."""
    honest = open_scene(world).honest
    lie = honest.with_words({(PLACE, 1): honest.words[PLACE][1] + 1})
    lie.submit()
    leaves = lie.leaf(PLACE), lie.leaf(PLACE + 1)
    return _by_anyone(world, "challengeNeighbours", lie.submission.key, lie.claim, *leaves)


def challenge_form(world: World) -> Case:
    """A body of a leaf with one column too many."""
    honest = open_scene(world).honest
    leaf = honest.leaf(PLACE)
    columns = leaf.columns + bytes(32)
    body = PLACE.to_bytes(32, "big") + leaf.weight_word.to_bytes(32, "big") + keccak(columns)
    lie = honest.with_hashes({PLACE: keccak(body)})
    lie.submit()
    path = lie.tree.path(PLACE)
    return _by_anyone(world, "challengeForm", lie.submission.key, lie.claim, PLACE, body, columns, path)


CASES: Final[tuple[Callable[[World], Case], ...]] = (
    submit,
    accept,
    demand,
    fail,
    finalise,
    prove,
    prove_past,
    prove_demanded,
    prove_silent,
    challenge_own,
    challenge_other,
    challenge_leaf,
    challenge_neighbours,
    challenge_form,
)
