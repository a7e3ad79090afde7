"""What must come out of the demonstration's fleet chapters, whatever the chain and the size of the fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexbond.demo.fleet.lines import CHECKING, PROVE
from flexbond.demo.fleet.play import NEIGHBOURS

if TYPE_CHECKING:
    from flexbond.demo.fleet.result import FleetResult


def require_fleet(result: FleetResult, devices: int) -> None:
    """An evening of a fleet settled by sampling, a lie that cost more than it could gain, and every base unit accounted for."""
    honest, false = result.honest, result.false
    assert result.devices == devices
    assert len(honest.drawn) == result.rule.spot_checks
    assert honest.costs.proven == len({point.place for point in honest.drawn})
    assert honest.costs.gas_of(*CHECKING) - honest.costs.gas_of(PROVE) <= 650_000
    assert all(step.transactions > 0 for step in honest.costs.steps)
    relayed, own = honest.collected
    assert (relayed.homes, own.homes) == (min(NEIGHBOURS, devices // 2), 1)
    pool = next(party for party in result.parties if party.role == "pools")
    assert pool.locked == honest.settled.pool.amount - relayed.amount - own.amount
    assert false.false_leaves == devices // 10
    assert sum(false.claimed) - sum(false.true) > 0
    assert (false.said > false.showed, false.root != false.true_root) == (True, True)
    assert false.reward + false.for_buyers == false.bond
    assert sum(one.bond_share for one in false.buyers) == false.for_buyers
    assert sum(one.penalty for one in false.buyers) == false.penalty
    assert 0 < false.gain < false.bond < false.cost
    left = sum(party.free + party.locked for party in result.parties)
    assert result.deposited == result.withdrawn + left
    assert (result.owed, result.held) == (left, left)
    tower = next(party for party in result.parties if party.role == "watchtower")
    assert (tower.bonds, tower.withdrawn) == (false.reward, false.reward)
    assert [one.party for one in result.statements][:3] == [
        "Aggregator",
        "Distribution operator",
        "Transmission operator",
    ]
    for one in result.statements:
        assert one.opening.total + sum(line.amount for line in one.lines) == one.closing.total == one.final.total
