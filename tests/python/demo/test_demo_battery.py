"""The battery model: energy is conserved, limits hold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexbond.demo.battery import HOME_BATTERY, Battery, BatteryError

BATTERIES = st.builds(
    Battery,
    capacity_milli_wh=st.integers(1, 10**8),
    power_w=st.integers(1, 10**5).map(lambda tens: tens * 36),
    efficiency_bps=st.integers(1, 10_000),
)
PERIODS = st.sampled_from([300, 900, 1_800, 3_600])
COMMANDS = st.lists(st.integers(-(10**9), 10**9), max_size=40)


@given(battery=BATTERIES, period=PERIODS, commands=COMMANDS, share=st.integers(0, 10_000))
def test_conserves_energy_and_keeps_its_limits(battery: Battery, period: int, commands: list[int], share: int) -> None:
    """Given any battery, filling and commands, when it runs, then what came in is stored or lost, and no limit is passed."""
    stored = battery.capacity_milli_wh * share // 10_000
    flows = battery.run(commands, stored_milli_wh=stored, period_seconds=period)
    limit = battery.power_w * period * 1_000 // 3_600
    before = stored
    for flow, command in zip(flows, commands, strict=True):
        assert flow.grid_milli_wh == flow.stored_milli_wh - before + flow.lost_milli_wh
        assert 0 <= flow.stored_milli_wh <= battery.capacity_milli_wh
        assert flow.lost_milli_wh >= 0
        assert abs(flow.grid_milli_wh) <= min(limit, abs(command))
        assert flow.grid_milli_wh * command >= 0
        before = flow.stored_milli_wh
    assert sum(flow.grid_milli_wh for flow in flows) == before - stored + sum(flow.lost_milli_wh for flow in flows)


@given(battery=BATTERIES, period=PERIODS, share=st.integers(0, 10_000))
def test_does_all_it_can(battery: Battery, period: int, share: int) -> None:
    """Given a command beyond everything, when it runs one period, then power, fullness or emptiness stops it, nothing else."""
    stored = battery.capacity_milli_wh * share // 10_000
    limit = battery.power_w * period * 1_000 // 3_600
    taken = battery.step(stored_milli_wh=stored, command_milli_wh=10**12, period_seconds=period)
    assert taken.grid_milli_wh == limit or taken.stored_milli_wh == battery.capacity_milli_wh
    given_back = battery.step(stored_milli_wh=stored, command_milli_wh=-(10**12), period_seconds=period)
    assert given_back.grid_milli_wh == -limit or given_back.stored_milli_wh == 0


def test_a_cycle_gives_back_the_stated_share() -> None:
    """Given an empty home battery, when it takes 5 kWh and is emptied, then 4.5 kWh come back."""
    flows = HOME_BATTERY.run([5_000_000, -9_000_000], stored_milli_wh=0, period_seconds=3_600)
    assert [flow.grid_milli_wh for flow in flows] == [5_000_000, -4_500_000]
    assert flows[0].lost_milli_wh == 500_000


def test_a_full_battery_takes_nothing() -> None:
    """Given a full battery, when it is told to charge, then nothing flows and nothing is lost."""
    flow = HOME_BATTERY.step(stored_milli_wh=6_400_000, command_milli_wh=1, period_seconds=3_600)
    assert (flow.grid_milli_wh, flow.stored_milli_wh, flow.lost_milli_wh) == (0, 6_400_000, 0)


@pytest.mark.parametrize("field", ["capacity_milli_wh", "power_w", "efficiency_bps"])
def test_refuses_what_is_no_battery(field: str) -> None:
    """Given a capacity, power or efficiency of zero, when it is built, then it is refused."""
    with pytest.raises(BatteryError, match="is no battery"):
        replace(HOME_BATTERY, **{field: 0})


def test_refuses_a_filling_that_cannot_be() -> None:
    """Given more stored than fits, when it steps, then it is refused."""
    with pytest.raises(BatteryError, match="cannot hold 6400001 mWh"):
        HOME_BATTERY.step(stored_milli_wh=6_400_001, command_milli_wh=0, period_seconds=3_600)
