"""The event log of a deployment: read from a node, written as JSON lines, read back exactly.

    for event in read_events(suite, first_block=book.first_block):
        if event.name == "DispatchSettled":
            print(event.dispatch_id, event.settled.pay)

An event's arguments are attributes in snake case; structs are the dataclasses of `flexbond.model.types`.

A line of the file is an object with `contract`, `event`, `address`, `block`, `transaction`, `logIndex`, `timestamp` and `args`
under their names in Solidity. Integers beyond 2^53 are texts of decimal digits, so that every reader keeps them exactly,
bytes are `0x` and hexadecimal digits, addresses are checksummed, enums are their numbers, structs are objects.
"""

# Arguments and JSON are anything.

from __future__ import annotations

import json
import os
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flexbond.chain.artifacts import all_events
from flexbond.chain.codec import CodecError, snake
from flexbond.chain.errors import ChainError
from flexbond.chain.rpc import RpcError
from flexbond.hashing import checksum_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from flexbond.chain.codec import Event, Parameter
    from flexbond.chain.rpc import Rpc
    from flexbond.chain.suite import Suite

SPAN: Final = 10_000
"""Most blocks asked for at once; less if the node finds that too much."""
EXACT: Final = 2**53
"""Integers up to this are numbers in JSON, larger ones text."""


class EventLogError(ChainError):
    """A file that is no event log, or one of another deployment."""


@dataclass(frozen=True, kw_only=True)
class EventRecord:
    """One event. Its arguments are attributes too: `event.portfolio_id` is `event.args.portfolio_id`."""

    contract: str
    """Name in Solidity."""
    name: str
    address: str
    args: Any
    """A named tuple, in snake case."""
    block: int
    transaction: str
    """Its hash."""
    log_index: int
    """Place in the block."""
    timestamp: int
    """Of the block, UTC seconds."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "args":
            raise AttributeError(name)
        return getattr(self.args, name)


# ------------------------------------------------------------------ reading from a node


def read_events(
    suite: Suite,
    *,
    first_block: int = 0,
    last_block: int | None = None,
    contract: str | None = None,
    name: str | None = None,
    where: Mapping[str, Any] | None = None,
    span: int = SPAN,
) -> Iterator[EventRecord]:
    """The events of the suite in their order, all or those of a contract, of a name, or with indexed arguments.

    `where` gives indexed arguments by their name in snake case and needs `contract` and `name`. `last_block` is included;
    by default it is the latest. Raises CodecError for unknown names, NodeUnreachableError.
    """
    end = suite.rpc.block_number() if last_block is None else last_block
    addresses = [suite.addresses[contract]] if contract else list(suite.addresses.values())
    topics = _topics(contract, name, where or {})
    start, width = first_block, span
    while start <= end:
        stop = min(end, start + width - 1)
        query = {"address": addresses, "fromBlock": hex(start), "toBlock": hex(stop), "topics": topics}
        try:
            logs = suite.rpc.request("eth_getLogs", query)
        except RpcError:
            if width == 1:
                raise
            width = max(1, width // 4)
            continue
        yield from decode_logs(suite, logs)
        start, width = stop + 1, min(span, width * 2)


def decode_logs(suite: Suite, logs: Sequence[Mapping[str, Any]]) -> list[EventRecord]:
    """The suite's events among logs as a node gives them, such as those of a receipt."""
    names = {address.lower(): name for name, address in suite.addresses.items()}
    mine = [log for log in logs if str(log["address"]).lower() in names and not log.get("removed")]
    times = _timestamps(suite.rpc, mine)
    records = []
    for log in mine:
        contract = names[str(log["address"]).lower()]
        topics = [bytes.fromhex(str(item)[2:]) for item in log["topics"]]
        event = all_events()[contract].get(topics[0]) if topics else None
        if event is None:
            continue
        block = int(log["blockNumber"], 16)
        records.append(
            EventRecord(
                contract=contract,
                name=event.name,
                address=checksum_address(str(log["address"])),
                args=event.decode(topics, bytes.fromhex(str(log["data"])[2:])),
                block=block,
                transaction=str(log["transactionHash"]),
                log_index=int(log["logIndex"], 16),
                timestamp=times[block],
            )
        )
    return records


def _topics(contract: str | None, name: str | None, where: Mapping[str, Any]) -> list[Any]:
    if name is None:
        if where:
            raise CodecError("Arguments are given without an event.", next_step="Name contract and event.")
        return []
    found = [
        event
        for owner, events in all_events().items()
        if contract in (None, owner)
        for event in events.values()
        if event.name == name
    ]
    if not found:
        raise CodecError(f"There is no event {name}.", next_step="Check the name.")
    topics: list[Any] = [sorted({f"0x{event.hash.hex()}" for event in found})]
    if where:
        if contract is None:
            raise CodecError(f"Arguments of {name} are given without its contract.", next_step="Name the contract.")
        topics += _indexed(found[0], dict(where))
    return topics


def _indexed(event: Event, where: dict[str, Any]) -> list[Any]:
    words: list[Any] = []
    for item in event.inputs:
        if item.indexed:
            given = where.pop(snake(item.name), None)
            words.append(None if given is None else f"0x{event.topic(item.name, given).hex()}")
    if where:
        raise CodecError(
            f"{event.name} has no indexed {', '.join(sorted(where))}.",
            next_step=f"Indexed are {', '.join(snake(item.name) for item in event.inputs if item.indexed)}.",
        )
    while words and words[-1] is None:
        words.pop()
    return words


def _timestamps(rpc: Rpc, logs: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Time of every block that has a log, UTC seconds."""
    times: dict[int, int] = {}
    for log in logs:
        if log.get("blockTimestamp"):
            times[int(log["blockNumber"], 16)] = int(log["blockTimestamp"], 16)
    missing = sorted({int(log["blockNumber"], 16) for log in logs} - set(times))
    for start in range(0, len(missing), 200):
        part = missing[start : start + 200]
        blocks = rpc.batch("eth_getBlockByNumber", [(hex(number), False) for number in part])
        times.update((number, int(block["timestamp"], 16)) for number, block in zip(part, blocks, strict=True))
    return times


# ------------------------------------------------------------------ JSON lines


def to_line(record: EventRecord) -> str:
    """The record as one line of JSON, without its end."""
    event = _event(record.contract, record.name)
    pairs = zip(event.inputs, record.args, strict=True)
    content = {
        "contract": record.contract,
        "event": record.name,
        "address": record.address,
        "block": record.block,
        "transaction": record.transaction,
        "logIndex": record.log_index,
        "timestamp": record.timestamp,
        "args": {_key(item, place): _to_json(item, value) for place, (item, value) in enumerate(pairs)},
    }
    return json.dumps(content, separators=(",", ":"))


def from_line(line: str) -> EventRecord:
    """The record of a line. Raises EventLogError."""
    try:
        content = json.loads(line)
        event = _event(str(content["contract"]), str(content["event"]))
        args = content["args"]
        wire = [_from_json(item, args[_key(item, place)]) for place, item in enumerate(event.inputs)]
        return EventRecord(
            contract=str(content["contract"]),
            name=event.name,
            address=checksum_address(content["address"]),
            args=event.build(wire),
            block=int(content["block"]),
            transaction=str(content["transaction"]),
            log_index=int(content["logIndex"]),
            timestamp=int(content["timestamp"]),
        )
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise EventLogError(
            f"This is no line of an event log: {line[:80]!r}.", next_step="Export the log again."
        ) from error


def write_events(path: Path, records: Iterable[EventRecord]) -> int:
    """Appends records to a file, which is made if it is not there; how many."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("a", encoding="utf-8") as file:
        for record in records:
            file.write(to_line(record) + "\n")
            count += 1
    return count


def load_events(path: Path) -> Iterator[EventRecord]:
    """The records of a file, in order. A last line that was not written to its end is left out. Raises EventLogError."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield from_line(line)


def export_events(suite: Suite, path: Path, *, first_block: int = 0, span: int = SPAN) -> int:
    """Brings a file up to the latest block, from where it ends; how many records were added.

    May be stopped at any moment and started again. Raises EventLogError if the file is of another deployment.
    """
    last: EventRecord | None = None
    if path.exists():
        _cut_torn_line(path)
        tail = deque(load_events(path), maxlen=1)
        last = tail[0] if tail else None
    if last is not None and suite.addresses.get(last.contract) != last.address:
        raise EventLogError(f"{path} is the log of another deployment.", next_step="Choose another file.")
    start = last.block if last else first_block
    done = (last.block, last.log_index) if last else (-1, -1)
    records = read_events(suite, first_block=start, span=span)
    return write_events(path, (item for item in records if (item.block, item.log_index) > done))


def _cut_torn_line(path: Path) -> None:
    """Takes off what was not written to its end when the program was killed."""
    with path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            size = min(end, 65_536)
            file.seek(end - size)
            found = file.read(size).rfind(b"\n")
            if found >= 0:
                file.truncate(end - size + found + 1)
                return
            end -= size
        file.truncate(0)


def _event(contract: str, name: str) -> Event:
    for event in all_events().get(contract, {}).values():
        if event.name == name:
            return event
    raise EventLogError(f"There is no event {contract}.{name}.", next_step="Use the version that wrote the log.")


def _key(item: Parameter, place: int) -> str:
    return item.name or f"value{place}"


def _to_json(item: Parameter, value: Any) -> Any:
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value) if -EXACT <= value <= EXACT else str(int(value))
    element = item.element()
    if element is not None:
        return [_to_json(element, entry) for entry in value]
    if item.components and not item.is_hashed:
        values = value.as_tuple() if hasattr(value, "as_tuple") else value
        return {part.name: _to_json(part, entry) for part, entry in zip(item.components, values, strict=True)}
    return value


def _from_json(item: Parameter, value: Any) -> Any:
    """The value as the ABI's decoder gives it."""
    if item.is_hashed:
        return bytes.fromhex(value[2:])
    element = item.element()
    if element is not None:
        return [_from_json(element, entry) for entry in value]
    if item.components:
        return tuple(_from_json(part, value[part.name]) for part in item.components)
    if item.type.startswith("bytes"):
        return bytes.fromhex(value[2:])
    if item.type.startswith(("uint", "int")):
        return int(value)
    return value
