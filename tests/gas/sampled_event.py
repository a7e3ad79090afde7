"""One event of a fleet on Anvil, with every step of its submission: what `sampled_scenario` takes for each size and window."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from flexbond.chain.development import customer_signer
from flexbond.hashing import keccak
from flexbond.ids import commitment, event_id
from flexbond.model.rules import measuring_terms_of
from flexbond.model.sampling import draw, points_of, weight_scale
from flexbond.model.types import Context, DeviceProof, Dispatch
from tests.gas.alike import Alike, Lie
from tests.support.proofs import show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.model.types import Answer, Leaf, Product
    from tests.gas.sampled_scenario import Fleet
    from tests.support.evm import Receipt
    from tests.support.proofs import Batch

NEIGHBOURS: Final = 100
"""Places that a relay collects for, where there are as many."""
RICH: Final = 10**20
"""Base units."""
ZERO_BYTE, BYTE = 4, 16
"""Gas of a byte of calldata."""


class Event:
    """One event of a fleet, from its records to what customers collect."""

    def __init__(
        self, fleet: Fleet, product: Product, called: Dispatch, batches: Sequence[Batch], *, is_first: bool
    ) -> None:
        self.fleet = fleet
        self.world, self.evm, self.rule = fleet.world, fleet.evm, fleet.rule
        self.product, self.called = product, called
        self.key = product.event_key
        self.event = event_id(self.key)
        self.is_first = is_first
        self.periods = len(called.orders_w)
        self.own, self.others = batches
        self.honest = Alike(answer=self._answer(), leaves=fleet.size)
        self.context = Context(key=self.key, claim=self.honest.claim)
        self.middle = fleet.size // 4 * 2
        """A place in the midst, an even one."""

    def note(self, name: str, gas: int | None = None) -> None:
        """Keeps what the last transaction cost, or this."""
        self.fleet.note(name, self.periods, gas)

    def tell(self) -> None:
        """All of it."""
        self.evm.time = max(self.evm.time, self.product.window_end + self.rule.reading_deadline)
        for challenge in (self.form, self.leaf, self.neighbours, self.records):
            with self.evm.rollback():
                challenge()
        self.submit(self.honest)
        self.note("submit")
        with self.evm.rollback():
            self.pass_blocks(256)
            self.world.spot_checks.fail.send(self.key, self.honest.claim, sender=self.world.accounts.relayer)
            self.note("fail: not drawn")
        self.pass_blocks()
        drawing = self.draw_by_proof()
        self.draw()
        self.note("draw")
        self.demands()
        self.proofs()
        self.note("draw: by the first proof", drawing - self.fleet.cost("prove: one leaf", self.periods))
        responses = self.end()
        self.money(responses)

    # ---------------------------------------------------------------- what is submitted

    def _answer(self) -> Answer:
        """What every device did."""
        world, terms = self.world, measuring_terms_of(self.rule)
        question = world.question(self.product, rule=self.rule)
        # An earlier event may have drawn the place, and put another home there.
        home = self.fleet.stand([0])[0]
        entry = world.devices.entry.call(self.key.portfolio_id, 0)
        answer: Answer = world.measuring.measure.call(terms, question, entry, self.proof(home))
        return answer

    def proof(self, home: int, batch: Batch | None = None) -> DeviceProof:
        """The records of a home."""
        starts = self.world.needed_starts(self.product, rule=self.rule)
        return show([batch or self.own], self.fleet.homes[home], starts)

    def submit(self, claimed: Alike | Lie) -> None:
        """By the provider."""
        sender = self.world.accounts.provider
        self.world.spot_checks.submit.send(self.key, claimed.root, claimed.totals, sender=sender)

    def pass_blocks(self, more: int = 0) -> None:
        """To the first block in which points can be drawn, or later."""
        self.evm.number = self.world.spot_checks.check.call(self.event).moment + 1 + more

    def draw(self) -> None:
        """By anyone."""
        self.world.spot_checks.draw.send(self.event, sender=self.world.accounts.relayer)

    def draw_by_proof(self) -> int:
        """Gas of a proof of one leaf that draws first; undone."""
        with self.evm.rollback():
            self.draw()
            place = self.places()[0]
        with self.evm.rollback():
            self.prove([place], self.fleet.stand([place]))
            return int(self.evm.result.gas_used)

    # ---------------------------------------------------------------- challenges

    def form(self) -> None:
        """A leaf over one column too many."""
        true = self.honest.leaf(self.middle)
        columns = true.columns + true.columns[-32:]
        body = b"".join([item.to_bytes(32, "big") for item in (self.middle, true.weight_word)]) + keccak(columns)
        lie = Lie(honest=self.honest, place=self.middle, hash=keccak(body), shown=true)
        self.submit(lie)
        self.world.spot_checks.challengeForm.send(
            self.key, lie.claim, self.middle, body, columns, true.path, sender=self.world.accounts.attacker
        )
        self.note("challengeForm")

    def leaf(self) -> None:
        """A leaf beyond what its device can have."""
        lie = Lie.of(self.honest, self.middle, 10**12)
        self.fleet.stand([self.middle])
        self.submit(lie)
        self.world.spot_checks.challengeLeaf.send(self.key, lie.claim, lie.shown, sender=self.world.accounts.attacker)
        self.note("challengeLeaf")

    def neighbours(self) -> None:
        """A leaf after which the next one does not follow."""
        lie = Lie.of(self.honest, self.middle, 3_600)
        self.submit(lie)
        self.world.spot_checks.challengeNeighbours.send(
            self.key, lie.claim, lie.shown, lie.neighbour, sender=self.world.accounts.attacker
        )
        self.note("challengeNeighbours")

    def records(self) -> None:
        """A leaf that records contradict, which the provider anchored, or somebody else."""
        lie = Lie.of(self.honest, self.middle, 3_600)
        home = self.fleet.stand([self.middle])[self.middle]
        self.world.fund(self.world.accounts.attacker, RICH)
        self.submit(lie)
        context = Context(key=self.key, claim=lie.claim)
        for batch, name in ((self.own, "the provider's own"), (self.others, "a demand follows")):
            with self.evm.rollback():
                self.world.spot_checks.challengeRecords.send(
                    context, lie.shown, self.proof(home, batch), sender=self.world.accounts.attacker
                )
                self.note(f"challengeRecords: {name}")

    # ---------------------------------------------------------------- demands

    def demand(self, place: int) -> None:
        """By the buyer."""
        sender = self.world.accounts.buyer
        self.world.settlement.demandProof.send(self.product, self.called, place, sender=sender)

    def demands(self) -> None:
        """Two by the buyer, met, not met, and given back; all undone."""
        checks, relayer = self.world.spot_checks, self.world.accounts.relayer
        place, other = self.middle, self.middle - 1
        with self.evm.rollback():
            self.demand(place)
            self.note("demand: first")
            self.demand(other)
            self.note("demand: second")
            home = self.fleet.stand([place])[place]
            with self.evm.rollback():
                checks.proveDemanded.send(self.context, self.honest.leaf(place), self.proof(home), sender=relayer)
                self.note("proveDemanded")
            self.evm.time += self.rule.proof_window
            with self.evm.rollback():
                checks.fail.send(self.key, self.honest.claim, sender=relayer)
                self.note("fail: not proven")
            checks.failDemand.send(self.key, place, sender=relayer)
            self.note("failDemand")
            checks.refund.send(self.key, other, sender=relayer)
            self.note("refund")
            self.world.settle(self.product, self.called, rule=self.rule)
            self.note("settle: rejected, first and last")

    # ---------------------------------------------------------------- proofs

    def places(self) -> list[int]:
        """Of the leaves that hold the points, in order."""
        claim, honest = self.honest.claim, self.honest
        scale = weight_scale(self.rule, self.periods)
        points = points_of(claim, self.rule.spot_checks, scale)
        seed = self.world.spot_checks.check.call(self.event).seed
        holders = [honest.holder(column, at) for column, at in draw(claim, seed, points, scale)]
        return [place for place, _ in groupby(holders)]

    def prove(self, places: Sequence[int], homes: dict[int, int]) -> None:
        """Shows leaves for the next points."""
        leaves, proofs = self._shown(places, homes)
        self.world.spot_checks.prove.send(self.context, leaves, proofs, sender=self.world.accounts.relayer)

    def proofs(self) -> None:
        """One leaf alone, all but the last, and all; what the last one cost beyond its records."""
        places = self.places()
        homes = self.fleet.stand(places)
        gas, measured = {}, {}
        for count in (1, len(places) - 1):
            with self.evm.rollback():
                self.prove(places[:count], homes)
                gas[count] = self.evm.result.gas_used
                measured[count] = self.evm.spent_within(self.world.verifier.check)
        self.prove(places, homes)
        gas[len(places)] = self.evm.result.gas_used
        judged = self.evm.calls_within(self.world.oracle.judge)[-1]
        checked = self.evm.spent_within(self.world.verifier.check) - measured[len(places) - 1]
        whole = gas[len(places)] - gas[len(places) - 1]
        leaves, given = self._shown(places, homes)
        encode = self.world.spot_checks.prove.encode
        records = _calldata(encode(self.context, leaves, given)) - _calldata(encode(self.context, leaves, given[:-1]))
        short = [*leaves[:-1], replace(leaves[-1], path=())]
        path = _calldata(encode(self.context, leaves, given)) - _calldata(encode(self.context, short, given))
        self.note("prove: one leaf", gas[1])
        self.note("prove: all leaves", gas[len(places)])
        self.note("prove: each of all leaves", -(-gas[len(places)] // len(places)))
        self.note("prove: last leaf of a batch, the whole", whole)
        self.note("prove: last leaf of a batch, bytes of its records", records)
        self.note("prove: last leaf of a batch, judging them", judged)
        self.note("prove: last leaf of a batch, bytes of its path", path)
        self.note("prove: last leaf of a batch, measuring it", checked)
        self.note("prove: last leaf of a batch, beyond its records", whole - records - judged)
        self.note("prove: last leaf of a batch, beyond its records and measuring", whole - records - checked)

    def _shown(self, places: Sequence[int], homes: dict[int, int]) -> tuple[list[Leaf], list[DeviceProof]]:
        return [self.honest.leaf(place) for place in places], [self.proof(homes[place]) for place in places]

    # ---------------------------------------------------------------- the end

    def finalise(self) -> Receipt:
        """Ends the event as measured."""
        sender = self.world.accounts.relayer
        return self.world.spot_checks.finalise.send(self.key, self.honest.claim, [], sender=sender)

    def end(self) -> tuple[int, ...]:
        """Accepted, or the challenge window awaited; the responses."""
        committed = commitment(self.honest.root, self.honest.totals)
        with self.evm.rollback():
            buyer = self.world.accounts.buyer
            self.world.settlement.accept.send(self.product, self.called, committed, sender=buyer)
            self.note("accept: by all")
            self.finalise()
            self.note("finalise: accepted")
        submitted = self.world.spot_checks.check.call(self.event).submitted_at
        self.evm.time = submitted + self.rule.challenge_window
        responses = self.world.note_measured(self.finalise())
        self.note("finalise")
        self.world.settle(self.product, self.called, responses, rule=self.rule)
        self.note("settle: first and last")
        for drawing, name in (("draw: by the first proof", "drawn by the first proof"), ("draw", "drawn apart")):
            steps = ("dispatch", "submit", drawing, "finalise", "settle: first and last")
            way = sum(self.fleet.cost(step, self.periods) for step in steps)
            self.note(f"the whole way beyond the proofs, {name}", way)
        return responses

    def money(self, responses: Sequence[int]) -> None:
        """Customers collect, one alone and neighbours through a relay: their first money after the first event."""
        payouts, relayer = self.world.payouts, self.world.accounts.relayer
        count = min(NEIGHBOURS, self.fleet.size // 2 - 1)
        first = self.middle
        for number in range(count):
            self.fleet.list.put(
                first + number, (first + number) % len(self.fleet.homes), customer_signer(1_000 + number).address
            )
        state = "all slots new" if self.is_first else "the payee has a balance"
        with self.evm.rollback():
            if not self.is_first:
                self._collect(first + 1, responses)
            self._collect(first, responses)
            self.note(f"collect: {state}" if self.is_first else f"collect: others collected before, {state}")
        claim = self.honest.run_claim(self.key, self.rule.currency, first, count, responses)
        payouts.collectMany.send([claim], sender=relayer)
        self.note(f"collectMany: each of {count} neighbours, {state}", -(-self.evm.result.gas_used // count))

    def _collect(self, place: int, responses: Sequence[int]) -> None:
        claim = self.honest.weight_claim(self.key, self.rule.currency, place, responses)
        self.world.payouts.collect.send(claim, sender=self.world.accounts.relayer)


def _calldata(data: bytes) -> int:
    """What a transaction pays for its data, gas."""
    zeros = data.count(0)
    return ZERO_BYTE * zeros + BYTE * (len(data) - zeros)
