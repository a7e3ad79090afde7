"""What was found of a submission, as it is kept and reported."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, Final, Self

from flexbond.model.types import Fault


class Kind(Enum):
    """How something false is shown on chain."""

    FORM = "form"
    """No leaf stands in a place: `challengeForm`."""
    LEAF = "leaf"
    """One leaf against itself: `challengeLeaf`."""
    NEIGHBOURS = "neighbours"
    """A leaf against the one before it: `challengeNeighbours`."""
    RECORDS = "records"
    """A leaf against its records: `challengeRecords`."""


class Checked(Enum):
    """How much of a submission could be checked."""

    FULLY = "fully"
    PARTLY = "partly"
    NOT = "not checkable"


AT_ONCE: Final = (Kind.FORM, Kind.LEAF, Kind.NEIGHBOURS)
"""What is upheld in the transaction that shows it, whoever the records are of."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is false."""

    kind: Kind
    fault: Fault
    place: int
    """Of the leaf; of neighbours, the right one."""
    excess: int = 0
    """RECORDS: by how much its columns and weight say more than the records, those that say less aside."""
    is_excused: bool = False
    """RECORDS: it claims silence, and the provider did not anchor these records: it may not have them, and gains nothing."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule that was checked, and on how many of the leaves it applies to."""

    checked: int
    of: int


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the data that was there said of a submission."""

    leaves: int
    """Of the submission."""
    source: str = ""
    """Folder of the published leaves that lead to its root; empty: there was none."""
    rules: dict[str, Rule] = field(default_factory=dict)
    """`form`, `start`, `end`, `neighbours`, `range` (or silence, by the registry) and `records`."""
    silent: int = 0
    """Leaves that claim silence while no records of them count: they can always be proven."""
    withheld: int = 0
    """Leaves that claim silence while records here count, and are excused."""
    unheard: int = 0
    """Leaves that claim something of which no records here count."""
    findings: tuple[Finding, ...] = ()
    """Of each kind the worst ones first; at most MOST of a kind."""
    false_leaves: int = 0
    """How many leaves are false, or follow falsely."""
    notes: tuple[str, ...] = ()
    """What could not be checked, and why."""

    @property
    def checked(self) -> Checked:
        """How much could be checked."""
        if not self.rules:
            return Checked.NOT
        return Checked.FULLY if all(rule.checked == rule.of for rule in self.rules.values()) else Checked.PARTLY

    @property
    def is_false(self) -> bool:
        """Whether something was claimed that is not so."""
        return any(not one.is_excused for one in self.findings)

    def as_json(self) -> dict[str, Any]:
        """All of it, for a file or a report."""
        return {
            **asdict(self),
            "findings": [
                {**asdict(one), "kind": one.kind.value, "fault": one.fault.name, "excess": str(one.excess)}
                for one in self.findings
            ],
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """What `as_json` gave."""
        rules = {name: Rule(**given) for name, given in content["rules"].items()}
        findings = tuple(
            Finding(**{**one, "kind": Kind(one["kind"]), "fault": Fault[one["fault"]], "excess": int(one["excess"])})
            for one in content["findings"]
        )
        return cls(**{**content, "rules": rules, "findings": findings, "notes": tuple(content["notes"])})


MOST: Final = 32
"""Findings of a kind that are kept."""
