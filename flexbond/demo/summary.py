"""A run for machines, as far as all chapters are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from flexbond.demo.result import ChapterResult, SettledLine


def chapter_summary(result: ChapterResult, events: Path) -> dict[str, Any]:
    """What every chapter has for machines. Money in base units."""
    return {
        "chainId": result.chain_id,
        "events": str(events),
        "token": {"symbol": result.token.symbol, "decimals": result.token.decimals},
        "parties": [
            {
                "name": party.name,
                "address": party.address,
                "deposited": party.deposited,
                "earned": party.earned,
                "withdrawn": party.withdrawn,
                "free": party.free,
                "locked": party.locked,
            }
            for party in result.parties
        ],
        "comparisons": result.comparisons,
    }


def sums_of(event: SettledLine) -> dict[str, Any]:
    """A window's energy and money for machines, mWh and base units."""
    return {
        "orderedMilliWh": [line.ordered for line in event.periods],
        "responseMilliWh": [line.response for line in event.periods],
        "pay": sum(line.settled.pay for line in event.dispatches),
        "availability": sum(line.settled.availability for line in event.dispatches) + event.uncalled_availability,
        "penalty": sum(line.settled.penalty for line in event.dispatches),
        "pool": event.pool.amount,
    }
