"""How what is false is shown on chain: tried on the node before anything is paid for, what is cheapest and upheld at once first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.chain.errors import ContractRevert, GasLimitError
from flexbond.fleet.showing import context_of
from flexbond.model.types import Context
from flexbond.operations.common import titled
from flexbond.watching.findings import AT_ONCE, Finding, Kind
from flexbond.watching.owning import proofs_against, stands_behind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flexbond.chain.send import Sender
    from flexbond.chain.suite import Suite, Transaction
    from flexbond.model.types import DeviceProof, EventKey
    from flexbond.watching.findings import Judgement
    from flexbond.watching.judging import Case
    from flexbond.watching.published import Published


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """A challenge that the contract upholds, as things stand."""

    finding: Finding
    transaction: Transaction
    gas: int
    """Estimated."""
    is_demand: bool
    """Whether the provider may still prove the leaf, for the fee."""


@dataclass(frozen=True, kw_only=True)
class Challenger:
    """Makes the challenges of one submission."""

    case: Case
    key: EventKey
    provider: str
    deadline: int
    """Of readings, UTC seconds."""
    sender: Sender

    @property
    def suite(self) -> Suite:
        """The contracts."""
        return self.case.suite

    def at_once(self, judgement: Judgement) -> tuple[Challenge | None, list[str]]:
        """The cheapest challenge that is upheld at once, and what spoke against those that are not."""
        published, _ = self.case.published
        if published is None:
            return None, []
        found: list[Challenge] = []
        refusals: list[str] = []
        for kind in AT_ONCE:
            mine = [one for one in judgement.findings if one.kind is kind]
            found += self._first(((one, self._shown(published, one)) for one in mine), refusals)
        return min(found, key=lambda one: one.gas, default=None), refusals

    def by_records(self, judgement: Judgement, *, passed_over: frozenset[int]) -> tuple[list[Challenge], list[str]]:
        """What its records say against leaves: one challenge that is upheld at once, or else all that lead to demands.

        `passed_over`: places that were demanded already.
        """
        published, _ = self.case.published
        mine = [one for one in judgement.findings if one.kind is Kind.RECORDS and one.place not in passed_over]
        if published is None or not mine:
            return [], []
        refusals: list[str] = []
        built = self.case.built
        proofs = proofs_against(built, [one.place for one in mine], refusals)
        context = self._context()
        shown = {
            one.place: self._records(published, context, one, proofs[one.place]) for one in mine if one.place in proofs
        }
        points = {row.place: row.metering_point for row in built.rows(sorted(shown))}
        own = [
            one
            for one in mine
            if one.place in shown
            and stands_behind(self.suite, self.provider, points[one.place], self.deadline, proofs[one.place])
        ]
        at_once = self._first(((one, shown[one.place]) for one in own), refusals)
        if at_once:
            return at_once, refusals
        others = [one for one in mine if one.place in shown and one not in own and not one.is_excused]
        demands = [self._tried(one, shown[one.place], refusals, is_demand=True) for one in others]
        return [one for one in demands if one is not None], refusals

    # ------------------------------------------------------------------ what is shown

    def _shown(self, published: Published, finding: Finding) -> Transaction:
        checks, place, claim = self.suite.spot_checks, finding.place, self.case.claim
        if finding.kind is Kind.FORM:
            form = published.malformed[place]
            path = published.tree.path(place)
            made = checks.transaction("challengeForm", self.key, claim, place, form.body, form.columns, path)
        elif finding.kind is Kind.LEAF:
            made = checks.transaction("challengeLeaf", self.key, claim, published.leaf(place))
        else:
            leaves = published.leaf(place - 1), published.leaf(place)
            made = checks.transaction("challengeNeighbours", self.key, claim, *leaves)
        return titled(made, f"Challenge leaf {place} ({finding.fault.name.lower().replace('_', ' ')})")

    def _records(self, published: Published, context: Context, finding: Finding, proof: DeviceProof) -> Transaction:
        made = self.suite.spot_checks.transaction("challengeRecords", context, published.leaf(finding.place), proof)
        return titled(made, f"Challenge leaf {finding.place} by its records")

    def _context(self) -> Context:
        asked = context_of(self.case.built)
        return Context(key=asked.key, claim=self.case.claim, lookback=asked.lookback, calls_from=asked.calls_from)

    # ------------------------------------------------------------------ what is tried

    def _first(self, tried: Iterable[tuple[Finding, Transaction]], refusals: list[str]) -> list[Challenge]:
        """The first that is upheld."""
        for finding, transaction in tried:
            found = self._tried(finding, transaction, refusals)
            if found is not None:
                return [found]
        return []

    def _tried(
        self, finding: Finding, transaction: Transaction, refusals: list[str], *, is_demand: bool = False
    ) -> Challenge | None:
        try:
            gas = self.sender.rehearse(transaction).gas
        except (ContractRevert, GasLimitError) as error:
            refusals.append(f"{transaction.title}: {error}")
            return None
        return Challenge(finding=finding, transaction=transaction, gas=gas, is_demand=is_demand)
