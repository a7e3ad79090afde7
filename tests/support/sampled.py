"""Submissions of which not every leaf is proven: honest ones, and what a liar makes of them.

    honest = Sampled.of(world, submission)
    honest.submit()
    honest.draw()
    honest.prove_all()
    honest.finalise()

    honest.overstated(2, 0, 3600)           # a leaf's entry, and all prefixes after it
    honest.with_words({(2, 0): word})       # one word, and nothing else
    honest.with_totals(weight=5)            # other totals over the same tree
    honest.with_hashes({2: bytes(32)})      # something else in a leaf's place

Columns are counted as on the line: the ordered periods ascending, then the weight.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flexbond.hashing import ZERO_HASH
from flexbond.ids import claim_of, commitment
from flexbond.model.sampling import draw, holds, points_of, totals_of, weight_scale, words_of
from flexbond.model.types import Claim, Context, Leaf, Totals
from flexbond.trees import SubmissionTree, columns_hash, leaf, word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from flexbond.model.types import DeviceProof
    from tests.support.evm import Receipt
    from tests.support.world import Submission, World

_LOW = (1 << 128) - 1


def halves(entry: int, prefix: int) -> int:
    """A column's word in a leaf, whatever a liar puts into it."""
    return entry << 128 | prefix


@dataclass(frozen=True, kw_only=True, eq=False)
class Sampled:
    """A submission as it is claimed, with the records that the provider can show."""

    world: World
    submission: Submission
    """The honest one: event, rule and records."""
    words: tuple[tuple[int, ...], ...]
    """Of every leaf: entry and prefix of each column."""
    totals: Totals
    hashes: Mapping[int, bytes] = field(default_factory=dict)
    """What stands in places where no leaf is, the padding's among them."""

    @classmethod
    def of(cls, world: World, submission: Submission) -> Sampled:
        """What the records give."""
        measured = submission.measured
        return cls(
            world=world,
            submission=submission,
            words=tuple(words_of(measured.leaf(place)) for place in range(len(measured.answers))),
            totals=measured.totals,
        )

    # ---------------------------------------------------------------- what a liar makes of it

    def with_entries(self, changes: Mapping[tuple[int, int], int]) -> Sampled:
        """Other entries by place and column, with the prefixes and totals that follow."""
        prefixes = [0] * len(self.words[0])
        rows = []
        for place, row in enumerate(self.words):
            entries = [changes.get((place, column), item >> 128) for column, item in enumerate(row)]
            prefixes = [before + entry for before, entry in zip(prefixes, entries, strict=True)]
            rows.append(tuple(map(word, entries, prefixes)))
        totals = replace(self.totals, columns=tuple(prefixes[:-1]), weight=prefixes[-1])
        return replace(self, words=tuple(rows), totals=totals)

    def overstated(self, place: int, column: int, by: int) -> Sampled:
        """A leaf that claims more, and all prefixes and totals after it."""
        return self.with_entries({(place, column): self.entry(place, column) + by})

    def with_words(self, changes: Mapping[tuple[int, int], int]) -> Sampled:
        """Other words by place and column; nothing follows them."""
        rows = [
            tuple(changes.get((place, column), item) for column, item in enumerate(row))
            for place, row in enumerate(self.words)
        ]
        return replace(self, words=tuple(rows))

    def with_totals(self, **changes: Any) -> Sampled:
        """Other totals over the same leaves."""
        return replace(self, totals=replace(self.totals, **changes))

    def with_hashes(self, hashes: Mapping[int, bytes]) -> Sampled:
        """Hashes in the places of leaves, or behind them."""
        return replace(self, hashes=hashes)

    # ---------------------------------------------------------------- what it consists of

    @property
    def event(self) -> bytes:
        """The event's id."""
        return self.submission.event

    @cached_property
    def tree(self) -> SubmissionTree:
        """Over what stands in the leaves' places."""
        hashes = {place: leaf(place, row[-1], columns_hash(row[:-1])) for place, row in enumerate(self.words)}
        whole = hashes | dict(self.hashes)
        return SubmissionTree.of([whole.get(place, ZERO_HASH) for place in range(max(whole) + 1)])

    @property
    def claim(self) -> Claim:
        """As it is shown when it is checked."""
        return claim_of(self.tree.root, self.totals)

    @property
    def commitment(self) -> bytes:
        """What Measurement keeps of it."""
        return commitment(self.tree.root, self.totals)

    def entry(self, place: int, column: int) -> int:
        """A leaf's entry of a column."""
        return self.words[place][column] >> 128

    def prefix(self, place: int, column: int) -> int:
        """A leaf's running total of a column."""
        return self.words[place][column] & _LOW

    def leaf(self, place: int) -> Leaf:
        """A leaf as it is shown."""
        row = self.words[place]
        columns = b"".join([item.to_bytes(32, "big") for item in row[:-1]])
        return Leaf(place=place, weight_word=row[-1], columns=columns, path=self.tree.path(place))

    def proof(self, place: int) -> DeviceProof:
        """The records of a leaf."""
        return self.submission.proofs[place]

    @property
    def context(self) -> Context:
        """What proving and challenging need beside leaves."""
        return Context(key=self.submission.key, claim=self.claim, lookback=self.submission.lookback)

    # ---------------------------------------------------------------- what is done with it

    def submit(self, sender: Any = None) -> Receipt:
        """By the provider, at the reading deadline if that is still to come."""
        world, rule = self.world, self.submission.rule
        world.evm.time = max(world.evm.time, self.submission.key.window_end + rule.reading_deadline)
        who = sender or world.accounts.provider
        return world.spot_checks.submit.send(self.submission.key, self.tree.root, self.totals, sender=who)

    def draw(self, sender: Any = None) -> Receipt:
        """In the first block in which it can be."""
        world = self.world
        world.evm.number = max(world.evm.number, world.spot_checks.check.call(self.event).moment + 1)
        return world.spot_checks.draw.send(self.event, sender=sender or world.accounts.relayer)

    def points(self) -> list[tuple[int, int]]:
        """Column and place within it of every point that was drawn."""
        seed = self.world.spot_checks.check.call(self.event).seed
        rule = self.submission.rule
        scale = weight_scale(rule, len(self.claim.columns))
        return draw(self.claim, seed, points_of(self.claim, rule.spot_checks, scale), scale)

    def holders(self) -> list[int]:
        """The places of the leaves that hold the points that are left, in order, each as often as it has to be shown."""
        left = self.points()[self.world.spot_checks.check.call(self.event).points :]
        places: list[int] = []
        for column, at in left:
            if not places or not holds(self.leaf(places[-1]), column, at):
                places.append(next(place for place in range(len(self.words)) if holds(self.leaf(place), column, at)))
        return places

    def prove(self, places: Iterable[int], proofs: Sequence[DeviceProof] | None = None, sender: Any = None) -> Receipt:
        """Shows leaves for the next points."""
        shown = list(places)
        given = [self.proof(place) for place in shown] if proofs is None else list(proofs)
        who = sender or self.world.accounts.relayer
        return self.world.spot_checks.prove.send(self.context, [self.leaf(place) for place in shown], given, sender=who)

    def prove_all(self) -> Receipt:
        """Shows the leaves of all points that are left."""
        return self.prove(self.holders())

    def prove_demanded(self, place: int, proof: DeviceProof | None = None) -> Receipt:
        """Shows a demanded leaf."""
        return self.world.spot_checks.proveDemanded.send(
            self.context,
            self.leaf(place),
            self.proof(place) if proof is None else proof,
            sender=self.world.accounts.relayer,
        )

    def challenge_records(self, place: int, proof: DeviceProof | None = None, sender: Any = None) -> Receipt:
        """Shows records against a leaf; those of the submission by default."""
        given = self.proof(place) if proof is None else proof
        who = sender or self.world.accounts.attacker
        return self.world.spot_checks.challengeRecords.send(self.context, self.leaf(place), given, sender=who)

    def challenge_leaf(self, place: int, sender: Any = None) -> Receipt:
        """Shows a leaf against itself."""
        who = sender or self.world.accounts.attacker
        return self.world.spot_checks.challengeLeaf.send(self.submission.key, self.claim, self.leaf(place), sender=who)

    def challenge_neighbours(self, left: int, right: int) -> Receipt:
        """Shows two leaves against each other."""
        leaves = self.leaf(left), self.leaf(right)
        who = self.world.accounts.attacker
        return self.world.spot_checks.challengeNeighbours.send(self.submission.key, self.claim, *leaves, sender=who)

    def close_challenges(self) -> None:
        """To the end of the challenge window."""
        submitted = self.world.spot_checks.check.call(self.event).submitted_at
        self.world.evm.time = submitted + self.submission.rule.challenge_window

    def finalise(self, sender: Any = None) -> Receipt:
        """Ends the event as measured."""
        who = sender or self.world.accounts.relayer
        return self.world.spot_checks.finalise.send(
            self.submission.key, self.claim, list(self.submission.schedule), sender=who
        )

    def fail(self) -> Receipt:
        """Ends the event as never measured, since what was due was not done."""
        return self.world.spot_checks.fail.send(self.submission.key, self.claim, sender=self.world.accounts.relayer)

    @property
    def length(self) -> int:
        """Length of the line."""
        return sum(totals_of(self.claim))
