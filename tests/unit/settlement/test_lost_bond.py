"""Settlement.settle after a rejected submission: the bond's part for the buyers, by the energy they ordered."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from flexbond.model.types import Funding
from tests.unit.settlement.bonded import BOND, Bonded, bonded

if TYPE_CHECKING:
    from tests.support.world import World

THREE = [3_000] * 4
TWO_HALF = [2_000, 2_000, 0, 0]
ONE = [1_000] * 4


@pytest.fixture
def case(world: World) -> Bonded:
    """Two buyers, three dispatches of 12, 4 and 4 kW quarter hours."""
    people = world.accounts
    return bonded(world, [(people.buyer, THREE), (people.second_buyer, TWO_HALF), (people.buyer, ONE)])


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_shares_by_what_was_ordered(case: Bonded, order: tuple[int, ...]) -> None:
    """Given any order of settlements, each gets its part rounded down, the last one what is left, and nothing stays."""
    case.reject_undrawn()
    people = case.world.accounts
    holders = (people.buyer, people.second_buyer, people.buyer)
    parts = [BOND * energy // 20 for energy in (12, 4, 4)]
    assert sum(parts) == BOND - 1
    parts[order[-1]] += 1
    left = BOND
    for number in order:
        before = case.world.free(holders[number])
        receipt = case.settle(number)
        log = receipt.only("BondShared")
        assert (log.dispatch_id, log.event_id) == (case.name(number), case.story.event)
        assert (log.holder, log.amount) == (holders[number].address, parts[number])
        settled, left = receipt.value, left - parts[number]
        gain = settled.penalty + settled.utilisation_refund + settled.availability_refund + parts[number]
        assert case.world.free(holders[number]) == before + gain
        assert case.locked == left
    assert case.locked == 0
    assert case.world.spot_checks.forBuyers.call(case.story.event) == BOND


def test_ends_as_if_nothing_was_submitted(world: World, case: Bonded) -> None:
    """Given the same event without a submission, all but the bond is the same."""
    with world.evm.rollback():
        case.story.fail()
        alone = [case.settle(number) for number in range(3)]
    assert not any(receipt.all("BondShared") for receipt in alone)
    case.reject_undrawn()
    assert [case.settle(number).value for number in range(3)] == [receipt.value for receipt in alone]


def test_a_challengers_reward_is_not_shared(case: Bonded) -> None:
    """Given a challenge that was upheld, the buyers share what its reward left."""
    world = case.world
    liar = case.honest.with_words({(0, 0): case.honest.words[0][0] + 1})
    liar.submit()
    assert liar.challenge_leaf(0).only("SubmissionRejected").reward == BOND // 2
    rest = BOND - BOND // 2
    assert world.free(world.accounts.attacker) == BOND // 2
    shares = [case.settle(number).only("BondShared").amount for number in range(3)]
    assert shares == [rest * 12 // 20, rest * 4 // 20, rest - rest * 12 // 20 - rest * 4 // 20]
    assert case.locked == 0


def test_what_was_taken_back_does_not_count(world: World) -> None:
    """Given one dispatch stopped and one cancelled, each counts with what it still orders, the cancelled one not at all."""
    people = world.accounts
    orders = [(people.buyer, THREE), (people.second_buyer, ONE), (people.second_buyer, [2_000] * 4)]
    case = bonded(world, orders, taken_back={0: 2, 1: 0})
    case.reject_undrawn()
    assert case.settle(0).only("BondShared").amount == BOND * 6 // 14
    assert case.settle(1).all("BondShared") == []
    assert case.settle(2).only("BondShared").amount == BOND - BOND * 6 // 14
    assert case.locked == 0


def test_a_long_window_counts_whole(world: World) -> None:
    """Given orders in the first and in the last of 20 periods, the bond is shared by both together."""
    people = world.accounts
    early, late = [1_000] * 2 + [0] * 18, [0] * 17 + [2_000] * 3
    case = bonded(world, [(people.buyer, early), (people.second_buyer, late)])
    case.reject_undrawn()
    assert case.settle(0).only("BondShared").amount == BOND * 2 // 8
    assert case.settle(1).only("BondShared").amount == BOND - BOND * 2 // 8


def test_a_cancelled_dispatch_has_no_part(world: World) -> None:
    """Given the only order that counts settled before a cancelled one, nothing is left for that one."""
    people = world.accounts
    case = bonded(world, [(people.buyer, THREE), (people.second_buyer, ONE)], taken_back={1: 0})
    case.reject_undrawn()
    assert case.settle(0).only("BondShared").amount == BOND
    assert case.settle(1).all("BondShared") == []


def test_if_all_was_cancelled_the_last_gets_it(world: World) -> None:
    """Given orders that were all taken back, no part can be told, and the last settlement gets the bond."""
    people = world.accounts
    case = bonded(world, [(people.buyer, THREE), (people.second_buyer, ONE)], taken_back={0: 0, 1: 0})
    case.reject_undrawn()
    assert case.settle(0).all("BondShared") == []
    assert case.settle(1).only("BondShared").amount == BOND
    assert case.locked == 0


def test_whatever_pays_for_utilisation(world: World) -> None:
    """Given a rule under which utilisation is not locked, the bond is shared all the same."""
    case = bonded(world, [(world.accounts.buyer, THREE)], funding=Funding.STATEMENT)
    case.reject_undrawn()
    assert case.settle(0).only("BondShared").amount == BOND


def test_a_measured_events_bond_is_the_providers(case: Bonded) -> None:
    """Given a submission that stands, the bond is free again and settlements share nothing."""
    world, provider = case.world, case.story.provider
    case.honest.submit()
    free = world.free(provider)
    case.honest.draw()
    case.honest.prove_all()
    case.honest.close_challenges()
    responses = world.note_measured(case.honest.finalise())
    assert (case.locked, world.free(provider)) == (0, free + BOND)
    assert not any(case.settle(number, responses).all("BondShared") for number in range(3))


def test_a_part_of_nothing_is_not_logged(world: World) -> None:
    """Given a bond of one base unit and two buyers, the first part is rounded to nothing, and the last is all."""
    people = world.accounts
    case = bonded(world, [(people.buyer, ONE), (people.second_buyer, ONE)], bond_per_mw=1)
    case.honest.submit()
    world.evm.number += 300
    case.honest.fail()
    assert case.settle(1).all("BondShared") == []
    assert case.settle(0).only("BondShared").amount == 1


def test_of_an_excused_dispatch_too(case: Bonded) -> None:
    """Given periods that were excused, they were ordered, and count."""
    case.reject_undrawn()
    story, world = case.story, case.world
    arguments = (story.product, case.dispatches[0], 0b1111)
    receipt = world.settlement.excuse.send(*arguments, sender=world.accounts.buyer)
    case.dispatches[0] = receipt.only("DispatchChanged").dispatch
    assert case.dispatches[0] == replace(case.dispatches[0], excused_mask=0b1111)
    assert case.settle(0).only("BondShared").amount == BOND * 12 // 20
