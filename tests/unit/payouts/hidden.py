"""A submission of five homes that nobody challenged, whose tree hides a leaf that is no home's, and its settled event.

The first home did nothing, so that no point is ever drawn in its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flexbond.ids import responses_hash, totals_hash
from flexbond.model.types import ClampLevel, NeighboursClaim, WeightClaim
from flexbond.trees import leaf
from tests.unit.spot_checks.scene import STEP, Scene, open_scene

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.sampled import Sampled
    from tests.support.world import World

COLUMNS: Final = b"\x11" * 32
"""Hash of the hidden leaf's columns, whatever they are."""


@dataclass(frozen=True, kw_only=True)
class Hidden:
    """The event and what was submitted of it."""

    scene: Scene
    submitted: Sampled
    responses: tuple[int, ...]

    @property
    def weight_word(self) -> int:
        """All of the weight."""
        total = self.submitted.totals.weight
        return total << 128 | total

    def claim(self, index: int, path: tuple[bytes, ...]) -> WeightClaim:
        """Of the hidden leaf."""
        return WeightClaim(
            key=self.submitted.submission.key,
            currency=self.scene.story.rule.currency,
            index=index,
            weight_word=self.weight_word,
            columns_hash=COLUMNS,
            path=path,
            total_weight=self.submitted.totals.weight,
            totals_hash=totals_hash(self.submitted.totals),
            responses_hash=responses_hash(self.responses),
        )

    def run(self, first: int, path: tuple[bytes, ...]) -> NeighboursClaim:
        """Of the hidden leaf alone, as a run."""
        claim = self.claim(first, path)
        return NeighboursClaim(
            key=claim.key,
            currency=claim.currency,
            first=first,
            weight_words=(claim.weight_word,),
            columns_hashes=(claim.columns_hash,),
            path=path,
            total_weight=claim.total_weight,
            totals_hash=claim.totals_hash,
            responses_hash=claim.responses_hash,
        )


def called(world: World) -> Scene:
    """Ready to be submitted, with a sixth home that joined after the event."""
    scene = open_scene(world, responses=[STEP * number for number in range(5)], clamp_level=ClampLevel.DEVICE)
    world.enrol_home(world.home(5), scene.story.portfolio)
    return scene


def hidden_leaf(index: int, scene: Scene) -> bytes:
    """Hash of a leaf of that index that has all of the weight."""
    total = scene.honest.totals.weight
    return leaf(index, total << 128 | total, COLUMNS)


def settled(scene: Scene, hashes: Mapping[int, bytes]) -> Hidden:
    """Submitted with these hashes in places of leaves, proven where it was drawn, final and settled."""
    submitted = scene.honest.with_hashes(hashes)
    submitted.submit()
    submitted.draw()
    submitted.prove_all()
    submitted.close_challenges()
    responses = scene.world.note_measured(submitted.finalise())
    scene.story.settle(scene.dispatch, responses)
    return Hidden(scene=scene, submitted=submitted, responses=responses)


__all__ = ["Hidden", "called", "hidden_leaf", "settled"]
