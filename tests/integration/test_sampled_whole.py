"""A sampled submission from its submission to the last payment, by the provider and by anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flexbond.chain.send import Receipt, Sender
from flexbond.chain.suite import Transaction
from flexbond.model.sampling import draw, seed_of
from flexbond.model.types import EventStatus, Fault, LockReason
from flexbond.operations import collecting, errors, status
from flexbond.operations.leaves import leaves_of_book
from flexbond.operations.rehearsal import DrySender, NothingSentError
from tests.integration.sampled import BOND, POINTS
from tests.integration.stage import DAY

if TYPE_CHECKING:
    from tests.integration.sampled import SampledCase

pytestmark = pytest.mark.anvil


def test_the_whole_way(sampled: SampledCase) -> None:
    """Given twelve homes and four checks, when everybody settles in turn, then each does what is its part, and all is paid as measured."""
    stage, provider = sampled.stage, sampled.stage.people.provider.address
    submitted = sampled.settle()
    assert (submitted.status, submitted.submitted, submitted.drawn) == (EventStatus.SUBMITTED, True, False)
    assert "sampled: 12 leaves, of which at most 4" in " ".join(sampled.said)
    block = sampled.checks.draw_block
    assert submitted.waiting is not None
    assert (submitted.waiting.block, sampled.checks.bond) == (block + 1, BOND)
    locks = {lock.reason: lock.amount for lock in status.locks_of(stage.suite, provider)}
    assert locks[LockReason.BOND] == BOND

    stage.mine(block - stage.rpc.block_number())
    assert not sampled.settle(sampled.stranger).drawn, "the block that draws has to be over"
    stage.mine(1)
    drawn = sampled.settle(sampled.stranger)
    assert (drawn.drawn, drawn.proven) == (True, 0)
    assert drawn.waiting is not None
    assert drawn.waiting.until == sampled.checks.proof_until
    checks = sampled.checks
    hashed = stage.rpc.request("eth_getBlockByNumber", hex(block), False)["hash"]
    assert checks.block_hash == bytes.fromhex(hashed[2:])
    assert checks.seed == seed_of(checks.block_hash, sampled.event)

    proven = sampled.settle()
    checks = sampled.checks
    assert 0 < proven.proven == len(checks.proven_places) <= POINTS == checks.proven
    assert len(draw(checks.claim, checks.seed, checks.points, sampled.scale)) == POINTS
    assert proven.waiting is not None
    assert proven.waiting.until == checks.challenge_until == checks.submitted_at + 2 * DAY

    stage.at(checks.challenge_until)
    ended = sampled.settle(sampled.stranger)
    assert (ended.status, ended.finalised, len(ended.dispatches)) == (EventStatus.MEASURED, True, 2)
    assert ended.is_done
    assert sampled.checks.is_released
    summary = status.event_status(stage.suite, sampled.event)
    # Eleven homes fall by 3 kWh an hour and one by 2: all of the 8 kW, and no more, is paid.
    assert summary.responses_milli_wh == (35_000_000, 35_000_000)
    assert summary.penalties == 0
    again = sampled.settle(sampled.stranger)
    assert (again.drawn, again.finalised, again.dispatches) == (False, False, ())


def test_with_as_many_checks_as_leaves_every_leaf_is_proven(sampled: SampledCase) -> None:
    """Given who submits by hand what has to be sampled, then the contract says where; a stranger with the book may not submit at all."""
    assert not sampled.settle(sampled.stranger, sampled.stage.book()).submitted
    assert sampled.history.status is EventStatus.CALLED


def test_a_stranger_with_the_records_proves(sampled: SampledCase) -> None:
    """Given a drawn submission, when somebody else who holds the records settles, then it is proven; with other records it is refused."""
    stage = sampled.stage
    sampled.settle()
    stage.to_draw(sampled.event)
    content = stage.book_path.read_bytes()
    missing = f"0x{stage.homes[3].point.hex()}".encode()
    lines = content.splitlines(keepends=True)
    stage.book_path.write_bytes(b"".join(line for line in lines if missing not in line and b'"batch"' not in line))
    with pytest.raises(errors.RecordsDifferError, match="other records"):
        sampled.settle(sampled.stranger, stage.book())
    stage.book_path.write_bytes(content)
    assert sampled.settle(sampled.stranger, stage.book()).proven
    assert sampled.checks.proven == POINTS


def test_two_prove_at_once(sampled: SampledCase) -> None:
    """Given a prover that is overtaken by another one just before it sends, then it goes on with what is left, and says so."""
    stage = sampled.stage
    sampled.settle()
    stage.to_draw(sampled.event)
    sampled.settle(sampled.stranger)

    class Overtaken(Sender):
        """Somebody else proves the first leaf while this one tries to."""

        def send(self, transaction: Transaction) -> Receipt:
            if transaction.title.startswith("Prove") and not sampled.checks.proven:
                other = stage.sender(stage.people.relayer)
                shown = leaves_of_book(stage.suite, sampled.history, stage.book())
                place = shown.holder(*draw(shown.claim, sampled.checks.seed, POINTS, sampled.scale)[0])
                [(leaf, proof)] = shown.shown([place])
                other.send(stage.suite.spot_checks.transaction("prove", shown.context, [leaf], [proof]))
            return super().send(transaction)

    done = sampled.settle(Overtaken(stage.rpc, stage.people.attacker, stage.settings), stage.book())
    assert "Somebody else proves meanwhile." in sampled.said
    assert sampled.checks.proven == POINTS
    assert len(sampled.checks.proven_places) == done.proven + 1


def test_not_drawn_in_time(sampled: SampledCase) -> None:
    """Given a submission that nobody draws, when the block is forgotten, then anybody rejects it, and the bond is the buyers'."""
    stage = sampled.stage
    sampled.settle()
    before = _free(sampled)
    stage.mine(sampled.checks.draw_block + 256 - stage.rpc.block_number())
    late = sampled.settle(sampled.stranger)
    assert late.waiting is not None
    assert (late.failed, late.waiting.block) == (False, sampled.checks.draw_block + 257)
    stage.mine(1)
    ended = sampled.settle(sampled.stranger)
    assert (ended.status, ended.failed, len(ended.dispatches)) == (EventStatus.UNMEASURED, True, 2)
    _require_rejected(sampled, Fault.NOT_DRAWN, before)


def test_not_proven_in_time(sampled: SampledCase) -> None:
    """Given drawn points that nobody proves, when the time is over, then anybody rejects it, and the bond is the buyers'."""
    stage = sampled.stage
    sampled.settle()
    stage.to_draw(sampled.event)
    sampled.settle(sampled.stranger)
    before = _free(sampled)
    until = sampled.checks.proof_until
    assert until is not None
    stage.at(until)
    assert sampled.settle().failed
    _require_rejected(sampled, Fault.NOT_PROVEN, before)


def test_a_dry_run_of_each_step(sampled: SampledCase) -> None:
    """Given a sampled event at each of its steps, when it is settled dry, then the next transaction is named and no block is made."""
    stage, titles = sampled.stage, []

    def rehearse() -> None:
        dry = DrySender(stage.rpc, stage.people.provider, stage.settings)
        before = stage.rpc.block_number()
        with pytest.raises(NothingSentError) as nothing:
            sampled.settle(dry, stage.book())
        titles.extend(item.title for item in nothing.value.rehearsals)
        assert stage.rpc.block_number() == before

    rehearse()
    sampled.settle()
    stage.to_draw(sampled.event)
    rehearse()
    sampled.settle(sampled.stranger)
    rehearse()
    sampled.settle()
    stage.at(sampled.checks.challenge_until)
    rehearse()
    places = len(sampled.checks.proven_places)
    expected = [
        "Submit the event with 12 leaves",
        "Draw the points",
        f"Prove {places} drawn leaves",
        "Finalise the submission",
    ]
    assert titles == expected


def test_customers_are_paid_from_the_same_root(sampled: SampledCase) -> None:
    """Given a settled sampled event, when the book's holder collects for all, then each gets its share by weight, once."""
    stage = sampled.stage
    sampled.up_to_proven()
    sampled.to_the_end()
    with pytest.raises(errors.OperationError, match="--records"):
        collecting.collect(stage.suite, sampled.stranger, sampled.event)
    own = collecting.collect(stage.suite, sampled.stranger, sampled.event, records=stage.book())
    pool = own.amount
    # Two hours of 3 kWh, and 2 kWh of the third home: 70 kWh in all.
    assert [share.amount for share in own.shares] == [
        pool * (4 if number == 2 else 6) // 70 for number in range(len(stage.homes))
    ]
    assert all(share.collected for share in own.shares)
    assert collecting.collect(stage.suite, sampled.stranger, sampled.event, records=stage.book()).credited == 0


def _free(sampled: SampledCase) -> list[int]:
    """Of both buyers, base units."""
    people = sampled.stage.people
    accounts = [people.buyer.address, people.second_buyer.address]
    return [sampled.stage.suite.escrow.read("free", sampled.stage.token, account) for account in accounts]


def _require_rejected(sampled: SampledCase, fault: Fault, before: list[int]) -> None:
    """The bond went to the buyers by what they ordered, 6 and 2 kW, beside penalty and refund."""
    rejection = sampled.checks.rejection
    assert rejection is not None
    assert (rejection.fault, rejection.challenger) == (fault, None)
    assert (rejection.reward, rejection.for_buyers) == (0, BOND)
    shares = [called.bond_share for called in sampled.history.dispatches]
    assert shares == [BOND * 6 // 8, BOND * 2 // 8]
    for called, free, had in zip(sampled.history.dispatches, _free(sampled), before, strict=True):
        assert called.settled is not None
        settled = called.settled
        got = settled.penalty + settled.utilisation_refund + settled.availability_refund
        assert free - had == got + called.bond_share
