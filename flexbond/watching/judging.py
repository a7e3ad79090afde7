"""Whether a submission is true, as far as the data that is there can say."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from flexbond.fleet.building import build
from flexbond.fleet.built import Built
from flexbond.fleet.exporting import Places
from flexbond.fleet.tables import Devices
from flexbond.model.types import Fault, Silence
from flexbond.operations.history import load_event
from flexbond.operations.progress import Progress, silent
from flexbond.watching.findings import MOST, Finding, Judgement, Kind, Rule
from flexbond.watching.gathering import UNREADABLE, gather
from flexbond.watching.leafrules import claim_silence, rules_of_leaves
from flexbond.watching.owning import proofs_against, stands_behind
from flexbond.watching.published import Published

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from flexbond.chain.suite import Suite
    from flexbond.fleet.submission import FleetFiles, Submission
    from flexbond.model.types import Claim
    from flexbond.watching.shelf import Shelf

BUILT: Final = "built"
"""Folder of what the records give, within that of the submission."""


@dataclass(frozen=True)
class Case:
    """A submission with the data there is of it."""

    suite: Suite
    event_id: bytes
    claim: Claim
    leaves: int
    shelf: Shelf
    folder: Path
    """Of the work on it; it holds readings in clear."""

    @cached_property
    def published(self) -> tuple[Published | None, list[str]]:
        """The leaves that lead to its root, if any do, and what is wrong with the others."""
        notes: list[str] = []
        for folder in self.shelf.builds_of(self.event_id):
            try:
                return Published.load(folder, self.claim, self.leaves), []
            except UNREADABLE as error:
                notes.append(str(error))
        return None, notes

    @property
    def built(self) -> Built:
        """What the records give, as `judge` built it. Raises DocumentError, FleetError."""
        return Built.load(self.folder / BUILT)

    def is_prepared(self) -> bool:
        """Whether what challenges by records need is still there."""
        return (self.folder / BUILT / "submission.json").exists()


def judge(case: Case, *, progress: Progress = silent) -> Judgement:
    """Checks everything that can be checked. Raises UnknownError, NodeUnreachableError."""
    published, notes = case.published
    if case.leaves == 0:
        return Judgement(leaves=0, notes=("The portfolio was empty.",))
    if published is None:
        why = notes or ["No data directory has leaves of it."]
        return Judgement(leaves=case.leaves, notes=(*why, "A buyer of the event can demand single leaves."))
    shutil.rmtree(case.folder, ignore_errors=True)
    case.folder.mkdir(parents=True, mode=0o700)
    event = load_event(case.suite, case.event_id)
    places = Places.of(case.suite, event)
    gathered = gather(places, case.shelf, case.folder)
    notice = places.asked.question.first_notice
    devices = Devices.load(gathered.files.devices, joined_before=notice, groups=len(places.asked.groups))
    rules, findings, is_false = rules_of_leaves(places.asked, devices, published)
    judgement = Judgement(
        leaves=case.leaves,
        source=str(published.folder),
        rules=rules,
        findings=tuple(findings),
        notes=tuple(gathered.notes),
    )
    unknown = int((~published.known).sum()) - len(published.malformed)
    if unknown:
        said = f"{unknown} leaves are not as published, though their hashes are: a buyer can demand them."
        judgement = replace(judgement, notes=(*judgement.notes, said))
    if gathered.rows:
        mine = _measured(gathered.files, case.folder / BUILT, progress)
        silence = claim_silence(places.asked, devices, published)
        judgement = against_records(judgement, published, mine, is_false=is_false, claims_silence=silence)
        return _without_excuse(case, event.provider, places.asked.deadline, judgement)
    said = "No records of it are in the data directories: leaves were checked by themselves only."
    rules = {**rules, "records": Rule(checked=0, of=case.leaves)}
    return replace(judgement, rules=rules, notes=(*judgement.notes, said), false_leaves=int(is_false.sum()))


def _measured(files: FleetFiles, folder: Path, progress: Progress) -> Submission:
    """What the records give."""
    return build(files, folder, processes=1, checks_history=True, progress=progress)


def against_records(
    judgement: Judgement,
    published: Published,
    mine: Submission,
    *,
    is_false: NDArray[np.bool_],
    claims_silence: NDArray[np.bool_],
) -> Judgement:
    """The judgement with every leaf compared with what its records give; `mine` is that of all of them."""
    words = np.hstack((mine.column_words, mine.weight_words)).reshape(len(published), -1, 32)
    true, claimed, known = words[:, :, :16], published.entries, published.known
    same = (true == claimed).all(axis=(1, 2)) & known
    heard = mine.reasons == Silence.OK
    against = ~same & heard & known
    worst = sorted((-_excess(claimed[at], true[at]), int(at)) for at in np.flatnonzero(against))
    # What claims nothing comes last, whatever its records say.
    worst.sort(key=lambda one: bool(claims_silence[one[1]]))
    found = [
        Finding(
            kind=Kind.RECORDS,
            fault=Fault.OTHER_RESPONSE,
            place=place,
            excess=-less,
            is_excused=bool(claims_silence[place]),
        )
        for less, place in worst[:MOST]
    ]
    is_false = is_false | against & ~claims_silence
    unheard = ~same & ~heard & known & ~is_false
    return replace(
        judgement,
        rules={
            **judgement.rules,
            "records": Rule(checked=int((known & ~unheard | is_false).sum()), of=len(published)),
        },
        silent=int((same & ~heard).sum()),
        withheld=int((against & claims_silence).sum()),
        unheard=int(unheard.sum()),
        findings=(*judgement.findings, *found),
        false_leaves=int(is_false.sum()),
    )


def _without_excuse(case: Case, provider: str, deadline: int, judgement: Judgement) -> Judgement:
    """The judgement where silence is no excuse for a provider that anchored the records itself."""
    excused = [one for one in judgement.findings if one.is_excused]
    if not excused:
        return judgement
    built = case.built
    proofs = proofs_against(built, [one.place for one in excused], [])
    points = {row.place: row.metering_point for row in built.rows(sorted(proofs))}
    own = {
        place for place, proof in proofs.items() if stands_behind(case.suite, provider, points[place], deadline, proof)
    }
    findings = tuple(replace(one, is_excused=one.is_excused and one.place not in own) for one in judgement.findings)
    return replace(
        judgement,
        findings=findings,
        withheld=judgement.withheld - len(own),
        false_leaves=judgement.false_leaves + len(own),
    )


def _excess(claimed: NDArray[np.uint8], true: NDArray[np.uint8]) -> int:
    """By how much the entries of a leaf are too large, those that are too small aside."""
    pairs = zip(claimed, true, strict=True)
    return sum(max(0, int.from_bytes(bytes(a), "big") - int.from_bytes(bytes(b), "big")) for a, b in pairs)
