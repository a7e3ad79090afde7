"""DeviceRegistry.sums and sumsBefore: always the sums over the places that were taken, whatever happened."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexbond.hashing import keccak
from tests.support.evm import Contract, Reverted
from tests.support.world import World

STEP = st.tuples(
    st.sampled_from(["enrol", "leave", "capacity", "customer"]),
    st.integers(0, 2),  # home
    st.integers(0, 1),  # portfolio
    st.integers(0, 2),  # seconds until the next
)


@given(steps=st.lists(STEP, min_size=1, max_size=25))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sums_are_those_of_the_places(world: World, steps: list[tuple[str, int, int, int]]) -> None:
    """INV-12. Given any joining, leaving and stating anew, at every moment the sums are those over the places then taken."""
    with world.evm.rollback():
        homes = [world.home(number) for number in range(3)]
        for home in homes:
            world.state(home)
        portfolios = [world.create_portfolio(), world.create_portfolio(salt=keccak(b"second"))]
        began = world.evm.time
        for sequence, (action, number, target, seconds) in enumerate(steps, start=2):
            home = homes[number]
            customer = world.devices.meteringPoint.call(home.metering_point).customer
            try:
                if action == "enrol":
                    world.enrol(home, world.consent(home, portfolios[target]))
                elif action == "leave":
                    world.devices.leave.send(home.metering_point, sender=world.accounts.provider)
                elif action == "capacity":
                    world.state(home, world.statement(home, sequence=sequence, customer=customer, capacity_w=sequence))
                else:
                    moved_in = homes[target].customer.address
                    world.state(home, world.statement(home, sequence=sequence, customer=moved_in))
            except Reverted:
                pass  # what is refused changes nothing
            world.evm.time += seconds

        open_places: list[bytes] = []
        for portfolio in portfolios:
            _check(world.devices, portfolio, range(began, world.evm.time + 2), open_places)
        assert len(open_places) == len(set(open_places)), "INV-12: a metering point is open in one portfolio at most"


def _check(devices: Contract, portfolio: bytes, moments: range, open_places: list[bytes]) -> None:
    count = devices.sums.call(portfolio).entries
    entries = [devices.entry.call(portfolio, index) for index in range(count)]
    open_places += [entry.metering_point for entry in entries if not entry.left_at]
    for moment in moments:
        taken = [entry for entry in entries if entry.was_in_before(moment)]
        expected = (
            sum(entry.joined_at < moment for entry in entries),
            sum(entry.capacity_w for entry in taken),
            sum(entry.connection_w for entry in taken),
        )
        assert devices.sumsBefore.call(portfolio, moment).as_tuple() == expected, f"INV-12 at {moment}"
    now = [entry for entry in entries if not entry.left_at]
    sums = (count, sum(entry.capacity_w for entry in now), sum(entry.connection_w for entry in now))
    assert devices.sums.call(portfolio).as_tuple() == sums, "INV-12"
