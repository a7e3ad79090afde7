"""Settlement.demandProof and accept: what buyers do about a submission, each through its dispatch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flexbond.ids import demand_key, dispatch_hash, right_id
from flexbond.model.types import EventStatus, LockReason
from tests.support.evm import reverts
from tests.support.world import FOREVER
from tests.unit.settlement.bonded import FEE, Bonded, bonded, other

if TYPE_CHECKING:
    from tests.support.world import World

THREE = [3_000] * 4


@pytest.fixture
def case(world: World) -> Bonded:
    """Two buyers, a dispatch each, submitted."""
    people = world.accounts
    made = bonded(world, [(people.buyer, THREE), (people.second_buyer, [1_000] * 4)])
    made.honest.submit()
    return made


# ------------------------------------------------------------------ demanding


def test_demands_for_the_holders_money(case: Bonded) -> None:
    """Given a holder, or its operator, the fee is the holder's, and the demand is the holder's."""
    world, buyer, operator = case.world, case.world.accounts.buyer, case.world.accounts.relayer
    world.participants.appointOperator.send(operator, FOREVER, sender=buyer)
    free = world.free(buyer)
    for place, sender in ((4, buyer), (1, operator)):
        log = case.demand(0, place, sender).only("LeafDemanded")
        assert (log.event_id, log.place, log.by, log.fee) == (case.story.event, place, buyer.address, FEE)
        assert world.spot_checks.demandOf.call(case.story.event, place).by == buyer.address
        assert case.story.locked(LockReason.DEMAND, demand_key(case.story.event, place)) == FEE
    assert world.free(buyer) == free - 2 * FEE


def test_demands_leave_the_dispatch_as_it_is(case: Bonded) -> None:
    """Given a demand, the dispatch's hash stays."""
    case.demand(0, 4, case.world.accounts.buyer)
    assert case.world.settlement.dispatchHash.call(case.name(0)) == dispatch_hash(case.dispatches[0])


def test_only_the_holder_demands(case: Bonded) -> None:
    """Given anyone else, another buyer of the event and the provider among them, it is refused."""
    world, buyer = case.world, case.world.accounts.buyer
    for account in (world.accounts.second_buyer, case.story.provider, world.accounts.attacker):
        with reverts("Flexbond_NotAllowed", account, buyer):
            case.demand(0, 4, account)


def test_only_for_an_open_dispatch_of_the_event(case: Bonded) -> None:
    """Given a dispatch that was never called so, another product, or a dispatch that is settled, it is refused."""
    world, story, buyer = case.world, case.story, case.world.accounts.buyer
    demand = world.settlement.demandProof
    with reverts("Settlement_DispatchDiffers", case.name(0)):
        demand.send(story.product, other(case.dispatches[0]), 4, sender=buyer)
    product = replace(story.product, utilisation_per_mwh=1)
    with reverts("Settlement_RightDiffers", right_id(product)):
        demand.send(product, case.dispatches[0], 4, sender=buyer)
    world.evm.number += 300
    case.honest.fail()
    case.settle(0)
    with reverts("Settlement_DispatchDiffers", case.name(0)):
        case.demand(0, 4, buyer)


def test_not_for_a_dispatch_that_orders_nothing(world: World) -> None:
    """Given a cancelled dispatch, its holder has nothing at stake and demands nothing."""
    people = world.accounts
    case = bonded(world, [(people.buyer, THREE), (people.second_buyer, [1_000] * 4)], taken_back={0: 0})
    case.honest.submit()
    with reverts("Settlement_NothingOrdered", case.story.right):
        case.demand(0, 4, people.buyer)
    case.demand(1, 4, people.second_buyer)


def test_not_before_the_submission(world: World) -> None:
    """Given nothing submitted, there is nothing to demand or accept."""
    case = bonded(world, [(world.accounts.buyer, THREE)])
    with reverts("SpotChecks_NotSubmitted", case.story.event):
        case.demand(0, 4, world.accounts.buyer)
    with reverts("SpotChecks_NotSubmitted", case.story.event):
        case.accept(0, world.accounts.buyer)


# ------------------------------------------------------------------ accepting


def test_accepting_is_kept_with_the_dispatch(case: Bonded) -> None:
    """Given an acceptance, the dispatch says so from then on, and is known by nothing else."""
    called, buyer = case.dispatches[0], case.world.accounts.buyer
    log = case.accept(0, buyer).only("DispatchChanged")
    accepted = replace(called, accepted=True)
    assert (log.dispatch_id, log.event_id, log.dispatch) == (case.name(0), case.story.event, accepted)
    assert case.world.settlement.dispatchHash.call(case.name(0)) == dispatch_hash(accepted)
    with reverts("Settlement_DispatchDiffers", case.name(0)):
        case.story.settle(called)


def test_a_dispatch_is_called_without_acceptance(case: Bonded) -> None:
    """Given a new dispatch, it accepts nothing."""
    assert [dispatch.accepted for dispatch in case.dispatches] == [False, False]


def test_when_all_accepted_nobody_waits(case: Bonded) -> None:
    """Given acceptance for every dispatch, the event ends as soon as what was drawn is proven; with one missing, it waits."""
    world, people = case.world, case.world.accounts
    assert case.accept(0, people.buyer).all("SubmissionAccepted") == []
    earliest = world.evm.time + case.story.rule.challenge_window
    case.honest.draw()
    case.honest.prove_all()
    with reverts("SpotChecks_TooEarly", earliest, world.evm.time):
        case.honest.finalise()
    assert case.accept(1, people.second_buyer).only("SubmissionAccepted").event_id == case.story.event
    responses = world.note_measured(case.honest.finalise())
    assert world.measurement.eventState.call(case.story.event).status is EventStatus.MEASURED
    settled = [case.settle(number, responses).only("DispatchSettled") for number in range(2)]
    assert all(log.measured for log in settled)
    assert world.settlement.pending.call(case.story.event) == 0


def test_once_for_each_dispatch(case: Bonded) -> None:
    """Given a dispatch that accepted, it does not count again, as it was or as it is."""
    buyer = case.world.accounts.buyer
    before = case.dispatches[0]
    case.accept(0, buyer)
    with reverts("Settlement_AlreadyAccepted", case.name(0)):
        case.accept(0, buyer)
    with reverts("Settlement_DispatchDiffers", case.name(0)):
        case.world.settlement.accept.send(case.story.product, before, case.honest.commitment, sender=buyer)
    assert case.world.spot_checks.check.call(case.story.event).accepted == 1


def test_by_the_operator(case: Bonded) -> None:
    """Given the holder's operator, it accepts for it."""
    world = case.world
    world.participants.appointOperator.send(world.accounts.relayer, FOREVER, sender=world.accounts.buyer)
    assert case.accept(0, world.accounts.relayer).only("DispatchChanged").dispatch.accepted is True


def test_only_the_holder_accepts(case: Bonded) -> None:
    """Given anyone else, it is refused."""
    world, buyer = case.world, case.world.accounts.buyer
    for account in (world.accounts.second_buyer, case.story.provider, world.accounts.attacker):
        with reverts("Flexbond_NotAllowed", account, buyer):
            case.accept(0, account)


def test_only_what_was_meant(case: Bonded) -> None:
    """Given another submission than that of the event, or another dispatch or product, it is refused."""
    story, buyer, committed = case.story, case.world.accounts.buyer, case.honest.commitment
    meant = case.honest.overstated(0, 0, 3600).commitment
    with reverts("SpotChecks_CommitmentDiffers", story.event, meant):
        case.accept(0, buyer, committed=meant)
    accept = case.world.settlement.accept
    with reverts("Settlement_DispatchDiffers", case.name(0)):
        accept.send(story.product, other(case.dispatches[0]), committed, sender=buyer)
    forged = replace(case.dispatches[0], accepted=True)
    with reverts("Settlement_DispatchDiffers", case.name(0)):
        accept.send(story.product, forged, committed, sender=buyer)
    product = replace(story.product, utilisation_per_mwh=1)
    with reverts("Settlement_RightDiffers", right_id(product)):
        accept.send(product, case.dispatches[0], committed, sender=buyer)


def test_excusing_keeps_the_acceptance(case: Bonded) -> None:
    """Given an accepted dispatch whose periods are excused, it stays accepted and settles."""
    buyer = case.world.accounts.buyer
    case.accept(0, buyer)
    receipt = case.world.settlement.excuse.send(case.story.product, case.dispatches[0], 1, sender=buyer)
    changed = receipt.only("DispatchChanged").dispatch
    assert (changed.accepted, changed.excused_mask) == (True, 1)
    with reverts("Settlement_AlreadyAccepted", case.name(0)):
        case.world.settlement.accept.send(case.story.product, changed, case.honest.commitment, sender=buyer)


def test_a_cancelled_dispatch_is_asked_too(world: World) -> None:
    """Given a cancelled dispatch, the event waits for its acceptance or for the window, as for any other."""
    people = world.accounts
    case = bonded(world, [(people.buyer, THREE), (people.second_buyer, [1_000] * 4)], taken_back={1: 0})
    case.honest.submit()
    assert case.accept(0, people.buyer).all("SubmissionAccepted") == []
    assert case.accept(1, people.second_buyer).all("SubmissionAccepted") != []
