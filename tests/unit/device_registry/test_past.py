"""DeviceRegistry.signerWordAt and pastStays: who signed at any time, and the places that were closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexbond.hashing import keccak
from flexbond.model.types import SignerScheme
from tests.support.evm import Reverted

if TYPE_CHECKING:
    from tests.support.world import Home, World

STEP = st.tuples(st.sampled_from(["state", "same", "void", "suspend"]), st.integers(0, 2))


@pytest.fixture
def home(world: World) -> Home:
    """A home that was never stated."""
    return world.home(0)


def word_at(world: World, home: Home, at: int) -> int:
    """The word of a second."""
    word, held_from, held_until = world.devices.signerWordAt.call(home.metering_point, at)
    assert held_from <= at <= held_until
    for moment, holds in ((held_from, True), (held_until - 1, True), (held_from - 1, False), (held_until, False)):
        if 0 <= moment < 2**40 - 1:
            again = world.devices.signerWordAt.call(home.metering_point, moment)
            assert (again == (word, held_from, held_until)) is holds
    return int(word)


def present(world: World, home: Home) -> int:
    """The word of now."""
    return int(world.devices.signers.call([home.metering_point])[0])


def stays(world: World, home: Home) -> list[tuple[bytes, int]]:
    """The places that were closed."""
    return [stay.as_tuple() for stay in world.devices.pastStays.call(home.metering_point)]


# ------------------------------------------------------------------ signers


def test_nobody_signs_for_an_unknown_point(world: World, home: Home) -> None:
    """Given a point that was never stated, its word is zero at any time."""
    assert word_at(world, home, 0) == word_at(world, home, 2**40 - 1) == 0


def test_the_first_statement_counts_from_the_beginning(world: World, home: Home) -> None:
    """Given one statement, its word is that of every second, those before it included."""
    world.state(home)
    word = present(world, home)
    assert SignerScheme(word >> 248) is SignerScheme.SECP256K1
    assert [word_at(world, home, at) for at in (0, world.evm.time - 1, world.evm.time, 2**40 - 1)] == [word] * 4


def test_a_word_ends_with_the_second_of_its_change(world: World, home: Home) -> None:
    """Given a statement that is voided and stated anew, each word holds up to the second of the next change."""
    world.state(home)
    words, times = [present(world, home)], []
    for change in (
        lambda: world.devices.voidStatement.send(home.metering_point, sender=home.customer),
        lambda: world.state(home, world.statement(home, sequence=2, valid_from=5)),
        lambda: world.devices.suspend.send(home.metering_point, sender=world.accounts.meter_operator),
    ):
        world.evm.time += 10
        change()
        times.append(world.evm.time)
        words.append(present(world, home))
    schemes = [SignerScheme(word >> 248) for word in words]
    assert schemes == [SignerScheme.SECP256K1, SignerScheme.NONE, SignerScheme.SECP256K1, SignerScheme.SUSPENDED]
    for number, time in enumerate(times):
        assert word_at(world, home, time - 1) == words[number]
        assert word_at(world, home, time) == words[number + 1]


def test_stating_the_same_signer_again_costs_no_history(world: World, home: Home) -> None:
    """Given a statement that changes nothing about the signer, nothing is kept of it."""
    world.state(home)
    word, first = present(world, home), world.statement(home)
    world.evm.time += 10
    receipt = world.state(home, world.statement(home, sequence=2, capacity_w=4_000))
    assert first.signer == home.device.address
    assert word_at(world, home, 0) == present(world, home) == word
    world.evm.time += 10
    longer = world.statement(home, sequence=3, valid_until=first.valid_until + 1)
    assert world.state(home, longer).gas_used > receipt.gas_used + 40_000


@given(steps=st.lists(STEP, min_size=1, max_size=20))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_second_has_the_last_word_written_up_to_it(world: World, steps: list[tuple[str, int]]) -> None:
    """Given any changes, at every second the word is the last one of it or before; before all, the first that ended later."""
    home, operator = world.home(0), world.accounts.meter_operator
    with world.evm.rollback():
        began, written = world.evm.time, {}
        for number, (action, seconds) in enumerate([("state", 0), *steps], start=1):
            try:
                if action in ("state", "same"):
                    until = 2**40 - 1 - (number if action == "state" else 0)
                    world.state(home, world.statement(home, sequence=number, valid_from=5, valid_until=until))
                elif action == "void":
                    world.devices.voidStatement.send(home.metering_point, sender=home.customer)
                else:
                    world.devices.suspend.send(home.metering_point, sender=operator)
            except Reverted:
                pass  # what is refused changes nothing
            written[world.evm.time] = present(world, home)
            world.evm.time += seconds
        for at in range(began, world.evm.time + 2):
            last = max(time for time in written if time <= at)
            assert word_at(world, home, at) == written[last]


# ------------------------------------------------------------------ stays


def test_who_never_left_has_no_past(world: World, home: Home) -> None:
    """Given a point that is unknown, stated or enrolled, it closed no place."""
    assert stays(world, home) == []
    world.portfolio_of([home])
    assert stays(world, home) == []


def test_every_closed_place_is_known(world: World, home: Home) -> None:
    """Given a point that leaves, joins another portfolio, gets a new place there and a new customer, all places are listed."""
    first, second = world.portfolio_of([world.home(1), home]), world.create_portfolio(salt=keccak(b"second"))
    world.devices.leave.send(home.metering_point, sender=home.customer)
    assert stays(world, home) == [(first, 1)]
    world.evm.time += 1
    world.enrol(home, world.consent(home, second))
    assert stays(world, home) == [(first, 1)]
    world.state(home, world.statement(home, sequence=2, capacity_w=4_000))
    assert stays(world, home) == [(first, 1), (second, 0)]
    world.state(home, world.statement(home, sequence=3, capacity_w=4_000, customer=world.accounts.buyer.address))
    assert stays(world, home) == [(first, 1), (second, 0), (second, 1)]
    for portfolio, index in stays(world, home):
        entry = world.devices.entry.call(portfolio, index)
        assert entry.metering_point == home.metering_point
        assert entry.left_at > 0
