"""What a watchtower remembers: over restarts, over dropped blocks, and what it may still spend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flexbond.chain.artifacts import all_events
from flexbond.chain.events import EventRecord
from flexbond.model.types import Fault
from flexbond.watching.errors import StateError
from flexbond.watching.findings import Finding, Judgement, Kind, Rule
from flexbond.watching.seen import demands_of
from flexbond.watching.state import Fate, Sent, State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVENT, OTHER = bytes([1]) * 32, bytes([2]) * 32
HERE = "31337:0xSpotChecks:0xAccount"
BY = "0x" + 40 * "0"
JUDGED = Judgement(
    leaves=3,
    rules={"form": Rule(checked=2, of=3)},
    findings=(Finding(kind=Kind.LEAF, fault=Fault.WRONG_END, place=2, excess=1 << 130),),
    notes=("Something.",),
)


def log(name: str, block: int, event_id: bytes = EVENT, *args: object) -> EventRecord:
    """An event of SpotChecks or Measurement."""
    for contract in ("SpotChecks", "Measurement"):
        for event in all_events()[contract].values():
            if event.name == name:
                return EventRecord(
                    contract=contract,
                    name=name,
                    address=BY,
                    args=event.build([event_id, *args]),
                    block=block,
                    transaction="0x",
                    log_index=block,
                    timestamp=1000 + block,
                )
    raise AssertionError(name)


def sent(number: int, nonce: int, most: int) -> Sent:
    """A transaction that was just signed."""
    return Sent(
        hash=f"0x{number}",
        nonce=nonce,
        event_id=EVENT,
        what="draw",
        place=0,
        most_wei=most,
        fee_wei=None,
        block=None,
        fate=Fate.OPEN,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of the state's file."""
    return tmp_path / "below" / "watch.sqlite"


@pytest.fixture
def state(path: Path) -> Iterator[State]:
    """A new state."""
    found = State.open(path, deployment=HERE)
    yield found
    found.close()


def test_all_is_there_after_a_restart(path: Path, state: State) -> None:
    state.advance(5, "0x5", [log("Bonded", 4, EVENT, BY, 10, 7)])
    state.keep(EVENT, 4, "mark", JUDGED)
    state.announce(sent(1, 0, 10**25))
    state.close()
    again = State.open(path, deployment=HERE)
    assert list(again.blocks()) == [(5, "0x5")]
    assert [(item.name, item.bond, item.timestamp) for item in again.logs("Bonded")] == [("Bonded", 10, 1004)]
    assert again.judgement(EVENT, "mark") == JUDGED
    assert again.judgement(EVENT, "other") is None
    assert again.judgement(OTHER, "mark") is None
    assert (again.spent_wei(), len(again.sent(Fate.OPEN, event_id=EVENT))) == (10**25, 1)
    again.close()


def test_what_stood_on_dropped_blocks_is_forgotten(state: State) -> None:
    state.advance(5, "0x5", [log("Bonded", 4, EVENT, BY, 10, 7)])
    state.advance(9, "0x9", [log("Bonded", 8, OTHER, BY, 10, 7), log("EventUnmeasured", 7, EVENT)])
    state.keep(EVENT, 4, "mark", JUDGED)
    state.keep(OTHER, 8, "mark", JUDGED)
    for number, block in ((1, 5), (2, 8)):
        state.announce(sent(number, number, 100))
        state.settle(f"0x{number}", Fate.MINED, block=block, fee_wei=60)
    assert state.open_events() == [OTHER]
    assert state.spent_wei() == 120
    state.rewind(5)
    assert list(state.blocks()) == [(5, "0x5")]
    assert state.open_events() == [EVENT]
    assert (state.judgement(EVENT, "mark"), state.judgement(OTHER, "mark")) == (JUDGED, None)
    assert [one.fate for one in state.sent()] == [Fate.MINED, Fate.OPEN]
    assert state.spent_wei() == 160


def test_of_one_number_only_one_transaction_can_happen(state: State) -> None:
    state.announce(sent(1, 0, 100))
    state.announce(sent(2, 0, 130))
    state.announce(sent(3, 1, 50))
    assert state.spent_wei() == 180
    assert state.spent_wei(without_nonce=0) == 50
    state.settle("0x2", Fate.MINED, block=3, fee_wei=70)
    state.settle("0x1", Fate.LOST)
    state.settle("0x3", Fate.UNDONE, block=4, fee_wei=20)
    assert state.spent_wei() == 90


def test_demands_are_open_until_they_are_met_or_refunded(state: State) -> None:
    demanded = [log("LeafDemanded", block, EVENT, place, BY, 99, 5) for block, place in ((1, 7), (2, 8), (3, 9))]
    state.advance(6, "0x6", [*demanded, log("DemandMet", 4, EVENT, 7), log("DemandRefunded", 5, EVENT, 8, BY, 5)])
    assert [(one.place, one.is_open, one.fee) for one in demands_of(state, EVENT)] == [
        *((7, False, 5), (8, False, 5), (9, True, 5))
    ]
    assert demands_of(state, OTHER) == []


def test_a_state_is_for_one_tower_of_one_deployment(path: Path, state: State) -> None:
    with pytest.raises(StateError, match="Stop the other watchtower"):
        State.open(path, deployment=HERE)
    state.close()
    with pytest.raises(StateError, match="another deployment, chain or account"):
        State.open(path, deployment="1:0xSpotChecks:-")
    other = path.with_name("text.sqlite")
    other.write_text("This is no state." * 100)
    with pytest.raises(StateError, match="cannot be used as the state"):
        State.open(other, deployment=HERE)
