"""The event log: read from a node, written, read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexbond.chain.artifacts import all_events
from flexbond.chain.codec import CodecError, Event, Parameter
from flexbond.chain.config import NetworkConfig
from flexbond.chain.deploy import AddressBook
from flexbond.chain.events import (
    EventLogError,
    EventRecord,
    decode_logs,
    export_events,
    from_line,
    load_events,
    read_events,
    to_line,
    write_events,
)
from flexbond.chain.rpc import RpcError
from flexbond.chain.send import Sender
from flexbond.chain.suite import Suite
from flexbond.model.types import Grid
from tests.python.chain.conftest import PEOPLE, WatchedRpc

EVENTS = [(contract, event) for contract, events in all_events().items() for event in events.values()]
EXPIRY = 2**40 - 1

# ------------------------------------------------------------------ any event there may be


def values(item: Parameter) -> st.SearchStrategy[Any]:
    """Values of a parameter as the ABI's decoder gives them."""
    if item.is_hashed:
        return st.binary(min_size=32, max_size=32)
    element = item.element()
    if element is not None:
        return st.lists(values(element), max_size=3)
    if item.components:
        return st.tuples(*(values(part) for part in item.components))
    if item.type == "address":
        return st.binary(min_size=20, max_size=20).map(lambda data: f"0x{data.hex()}")
    if item.type == "bool":
        return st.booleans()
    if item.type == "string":
        return st.text(max_size=20)
    if item.type.startswith("bytes"):
        size = int(item.type.removeprefix("bytes") or 40)
        return st.binary(min_size=size if size < 40 else 0, max_size=size)
    if item.internal.startswith("enum "):
        return st.integers(0, 1)
    if item.type.startswith("uint"):
        return st.integers(0, 2 ** int(item.type.removeprefix("uint")) - 1)
    bits = int(item.type.removeprefix("int"))
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


@st.composite
def records(draw: Any, contract: str, event: Event) -> EventRecord:
    return EventRecord(
        contract=contract,
        name=event.name,
        address=PEOPLE.buyer.address,
        args=event.build([draw(values(item)) for item in event.inputs]),
        block=draw(st.integers(0, 2**40)),
        transaction="0x" + draw(st.binary(min_size=32, max_size=32)).hex(),
        log_index=draw(st.integers(0, 10_000)),
        timestamp=draw(st.integers(0, 2**40)),
    )


@pytest.mark.parametrize(("contract", "event"), EVENTS, ids=[f"{name}.{event.name}" for name, event in EVENTS])
def test_line_round_trip(contract: str, event: Event) -> None:
    """Given any event of any contract, it comes back from its line as it was, to the last digit and type."""

    @settings(max_examples=15, deadline=None, database=None)
    @given(record=records(contract, event))
    def round_trip(record: EventRecord) -> None:
        line = to_line(record)
        again = from_line(line)
        assert again == record
        assert [type(value) for value in again.args] == [type(value) for value in record.args]
        assert "\n" not in line

    round_trip()


def test_large_integers_are_text() -> None:
    """Given an integer beyond 2^53, its line has it as text; up to that it is a number."""
    event = next(event for name, event in EVENTS if (name, event.name) == ("CollateralEscrow", "Deposited"))
    people = [PEOPLE.provider.address, PEOPLE.buyer.address, PEOPLE.relayer.address]

    def line(amount: int) -> str:
        return to_line(
            EventRecord(
                contract="CollateralEscrow",
                name="Deposited",
                address=people[0],
                args=event.build([*people, amount]),
                block=1,
                transaction="0x",
                log_index=0,
                timestamp=0,
            )
        )

    assert '"amount":9007199254740992}' in line(2**53)
    assert '"amount":"9007199254740993"}' in line(2**53 + 1)


@pytest.mark.parametrize(
    "line", ["", "{}", "null", "[1]", '{"contract":"Rulebook","event":"RulePublished"}', '{"contract":"X","event":"Y"}']
)
def test_no_line_of_a_log(line: str) -> None:
    """Given something else than a line of a log, it says so."""
    with pytest.raises(EventLogError):
        from_line(line)


# ------------------------------------------------------------------ on a node


@pytest.fixture
def busy(suite: Suite, rpc: WatchedRpc) -> Suite:
    """A suite with some events, in several blocks."""
    operator = Sender(rpc, PEOPLE.market_operator)
    operator.send(
        suite.devices.transaction("publishGrid", Grid(period_seconds=900, readings_per_slot=96, offset_seconds=0))
    )
    for number in range(5):
        for account in (PEOPLE.buyer, PEOPLE.second_buyer):
            salt = number.to_bytes(32, "big")
            operator.send(suite.participants.transaction("qualify", account, True, False, salt, EXPIRY))
    return suite


@pytest.mark.anvil
class TestReading:
    """Given a suite with events"""

    def test_structs_become_dataclasses(self, busy: Suite, deployed: AddressBook) -> None:
        """it gives the structs of events as dataclasses of the model."""
        (published,) = read_events(busy, first_block=deployed.first_block, name="GridPublished")
        assert published.grid == Grid(period_seconds=900, readings_per_slot=96, offset_seconds=0)
        assert published.contract == "DeviceRegistry"

    def test_has_the_time_of_its_block(self, busy: Suite, rpc: WatchedRpc) -> None:
        """it gives each event the time of its block, whether the node puts it into the log or not."""
        found = list(read_events(busy))
        for event in found[-3:]:
            block = rpc.once("eth_getBlockByNumber", hex(event.block), False)
            assert event.timestamp == int(block["timestamp"], 16)
        logs = rpc.once("eth_getLogs", {"address": busy.participants.address, "fromBlock": "0x0"})
        bare = [{key: value for key, value in log.items() if key != "blockTimestamp"} for log in logs]
        assert decode_logs(busy, bare) == decode_logs(busy, logs)

    @pytest.mark.parametrize("span", [1, 3, 1_000])
    def test_in_ranges(self, busy: Suite, span: int) -> None:
        """it gives the same in whatever ranges it is read, in order."""
        whole = list(read_events(busy))
        assert list(read_events(busy, span=span)) == whole
        assert sorted(whole, key=lambda item: (item.block, item.log_index)) == whole

    def test_of_a_node_that_gives_little(self, busy: Suite, rpc: WatchedRpc) -> None:
        """it asks for less, when the node refuses a range as too large."""
        whole = list(read_events(busy))

        def refuse(method: str, parameters: tuple[Any, ...]) -> None:
            if method == "eth_getLogs":
                query = parameters[0]
                if int(query["toBlock"], 16) - int(query["fromBlock"], 16) >= 4:
                    raise RpcError(method, {"code": -32005, "message": "query returned more than 4 blocks"})

        rpc.watch(before=refuse)
        assert list(read_events(busy)) == whole

    def test_a_node_that_refuses_always(self, busy: Suite, rpc: WatchedRpc) -> None:
        """it passes on the refusal of a single block."""

        def refuse(method: str, parameters: tuple[Any, ...]) -> None:
            if method == "eth_getLogs":
                raise RpcError(method, {"message": "no"})

        rpc.watch(before=refuse)
        with pytest.raises(RpcError, match="eth_getLogs"):
            list(read_events(busy))

    def test_where(self, busy: Suite) -> None:
        """it finds events by their indexed arguments."""
        found = list(
            read_events(
                busy,
                contract="ParticipantRegistry",
                name="ParticipantQualified",
                where={"account": PEOPLE.second_buyer},
            )
        )
        assert [event.account for event in found] == [PEOPLE.second_buyer.address] * 5

    def test_where_of_no_index(self, busy: Suite) -> None:
        """it refuses to look for what is not indexed, and names what is."""
        with pytest.raises(CodecError, match=r"no indexed buyer\. Indexed are account"):
            list(read_events(busy, contract="ParticipantRegistry", name="ParticipantQualified", where={"buyer": True}))

    def test_unknown_name(self, busy: Suite) -> None:
        """it refuses a name that no contract has."""
        with pytest.raises(CodecError, match="There is no event Nothing"):
            list(read_events(busy, name="Nothing"))


@pytest.mark.anvil
class TestExport:
    """Given a file of events"""

    def test_is_the_log(self, busy: Suite, tmp_path: Path) -> None:
        """it holds what the node has, and a second export adds nothing."""
        path = tmp_path / "events.jsonl"
        whole = list(read_events(busy))
        assert export_events(busy, path, span=7) == len(whole)
        assert list(load_events(path)) == whole
        assert export_events(busy, path) == 0
        assert list(load_events(path)) == whole

    def test_goes_on_wherever_it_was_killed(self, busy: Suite, tmp_path: Path) -> None:
        """it adds what is missing, wherever the file ends: between lines, in a line, in a block."""
        path = tmp_path / "events.jsonl"
        whole = list(read_events(busy))
        export_events(busy, path)
        content = path.read_bytes()
        for end in [0, 1, len(content) // 3, len(content) // 2, content.index(b"\n"), content.index(b"\n") + 1, -1]:
            path.write_bytes(content[:end])
            export_events(busy, path)
            assert path.read_bytes() == content
        assert list(load_events(path)) == whole

    def test_torn_line_is_left_out(self, busy: Suite, tmp_path: Path) -> None:
        """it leaves out a last line that was not finished, when it is only read."""
        path = tmp_path / "events.jsonl"
        whole = list(read_events(busy))
        write_events(path, whole)
        path.write_bytes(path.read_bytes()[:-10])
        assert list(load_events(path)) == whole[:-1]

    def test_of_another_deployment(self, busy: Suite, tmp_path: Path) -> None:
        """it refuses to add to the log of another deployment."""
        path = tmp_path / "events.jsonl"
        export_events(busy, path)
        other = Suite(busy.rpc, {name: f"0x{number:040x}" for number, name in enumerate(busy.addresses, start=0xABCD)})
        with pytest.raises(EventLogError, match="another deployment"):
            export_events(other, path)


@pytest.mark.anvil
def test_config_is_used(config: NetworkConfig, deployed: AddressBook) -> None:
    """Given the session's suite, its book says what it was made from."""
    assert deployed.config_hash == config.hash.hex()
