"""ParticipantRegistry.appointOperator and mayAct."""

from __future__ import annotations

from tests.support.world import World


def test_an_operator_may_act_until_its_time(world: World) -> None:
    """Given an operator appointed until a time, it may act for the account until then, exclusive, and for no other."""
    buyer, operator = world.accounts.buyer, world.accounts.attacker
    until = world.evm.time + 10
    event = world.participants.appointOperator.send(operator, until, sender=buyer).only("OperatorAppointed")

    assert (event.account, event.operator, event.until) == (buyer.address, operator.address, until)
    assert world.participants.mayAct.call(buyer, operator)
    assert not world.participants.mayAct.call(world.accounts.provider, operator)
    assert not world.participants.mayAct.call(operator, buyer)
    world.evm.time = until - 1
    assert world.participants.mayAct.call(buyer, operator)
    world.evm.time = until
    assert not world.participants.mayAct.call(buyer, operator)


def test_an_appointment_can_be_ended(world: World) -> None:
    """Given an operator, when it is appointed until 0, it may not act any more."""
    provider, operator = world.accounts.provider, world.accounts.provider_operator
    assert world.participants.mayAct.call(provider, operator)
    world.participants.appointOperator.send(operator, 0, sender=provider)
    assert not world.participants.mayAct.call(provider, operator)


def test_an_operator_cannot_appoint_another(world: World) -> None:
    """Given an operator, when it appoints a third, that one acts for the operator alone, not for its account."""
    provider, operator = world.accounts.provider, world.accounts.provider_operator
    third = world.accounts.attacker
    world.participants.appointOperator.send(third, world.evm.time + 10, sender=operator)
    assert world.participants.mayAct.call(operator, third)
    assert not world.participants.mayAct.call(provider, third)


def test_an_account_may_act_for_itself(world: World) -> None:
    """Given any account, it may act for itself."""
    stranger = world.accounts.attacker
    assert world.participants.mayAct.call(stranger, stranger)
