"""Customers of two sampled events, settled from built folders, collect: by a claim of their own, and by a relay for all of them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.chain.node import NodeKind
from flexbond.model.types import EventStatus
from flexbond.operations import collecting, dispatching, errors, market, meters, money, relaying, settlement
from flexbond.operations.history import find_events, load_event
from tests.integration.sampled import HOMES, SampledStage
from tests.integration.shell import Shell
from tests.integration.stage import DAY, FOREVER, NOTICE, START, WINDOW_START, raised
from tests.support.undoing import undone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flexbond.metering import IntervalSeries
    from flexbond.operations.collecting import Collection
    from tests.integration.stage import Home

pytestmark = [pytest.mark.anvil, pytest.mark.slow]


class TwoEvenings(SampledStage):
    """The evening of the stage, and the next one; the fifth home has no records."""

    def series(self, each: Home) -> IntervalSeries:
        """Three days, the last two with a window."""
        told = super().series(each)
        readings = (*told.readings, *told.readings[24:])
        return dataclasses.replace(told, readings=readings, estimated=(False,) * len(readings))

    def call_next(self) -> None:
        """Four units of the next evening, all of them called."""
        people, buyer = self.people, self.sender(self.people.buyer)
        product = self.product(window_start=WINDOW_START + DAY)
        made = market.make_offer(
            self.suite, people.provider, product, units=4, premium_per_unit=0, expiry=FOREVER, nonce=9
        )
        right = market.take(self.suite, buyer, made, units=4).right_id
        self.at(NOTICE + DAY)
        dispatching.dispatch(self.suite, buyer, right, units=4, orders_w=[4_000, 4_000])

    def play(self) -> list[bytes]:
        """Up to the reading deadline of the second evening, all records attested; the events by their windows."""
        self.open_market()
        self.enrol_homes()
        self.call(self.sell())
        self.call_next()
        silent = self.homes.pop(4)
        for days in (2, 3):
            self.at(max(self.rpc.now() + 1, START + days * DAY + 60))
            for each in self.homes:
                series = self.series(each).window(START, START + days * DAY)
                meters.sign_series(self.suite, self.book(), series, each.point, each.device)
            self.attest_signed()
        self.homes.insert(4, silent)
        return list(find_events(self.suite))


class Ended:
    """Both events settled, each from its folder."""

    def __init__(self, stage: TwoEvenings, folder: Path) -> None:
        self.stage = stage
        people = stage.people
        keys = {"provider": people.provider, "relayer": people.relayer, "customer": stage.homes[6].customer}
        self.shell = Shell(stage.folder, network="anvil", url=stage.url, keys=keys)
        self.events = stage.play()
        self.builds = {event: folder / f"evening{number}" for number, event in enumerate(self.events)}
        for event in self.events:
            self.submit(event)
        for event in self.events:
            self.settle(event)

    def submit(self, event: bytes) -> None:
        """By the command, once no more records count."""
        stage, folder = self.stage, self.builds[event]
        identity = f"0x{event.hex()}"
        stage.at(max(stage.rpc.now(), load_event(stage.suite, event).key.window_end + DAY))
        self.shell.run("submit", "build", str(folder), "--event", identity, "--records", str(stage.book_path))
        done = self.shell.run("submit", "run", identity, "--build", str(folder), key="provider")
        assert (done["status"], done["submitted"]) == ("SUBMITTED", True)
        stage.to_draw(event)
        assert self.shell.run("submit", "run", identity, "--build", str(folder), key="provider")["proven"]

    def settle(self, event: bytes) -> None:
        """As often as there is something to wait for."""
        stage, folder = self.stage, self.builds[event]
        provider = stage.sender(stage.people.provider)
        while True:
            outcome = settlement.settle_event(stage.suite, provider, event, build=folder)
            if outcome.waiting is None:
                assert outcome.status is EventStatus.MEASURED
                return
            stage.at(outcome.waiting.until)

    def own(self, event: bytes, sender: Any) -> Collection:
        """What the event's own pool comes to."""
        found = collecting.collect_event(
            self.stage.suite, sender, event, payees=["0x" + 40 * "1"], build=self.builds[event]
        )
        return next(one for one in found if one.pool_id == event)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    """Two evenings."""
    folder = tmp_path_factory.mktemp("relay")
    with raised(NodeKind.ANVIL, folder, TwoEvenings) as stage:
        assert isinstance(stage, TwoEvenings)
        yield Ended(stage, folder)


@pytest.fixture
def here(ended: Ended) -> Iterator[Ended]:
    """The same for every test."""
    with undone(ended.stage.rpc):
        yield ended


def test_one_transaction_for_all_customers(here: Ended) -> None:
    """Given two settled evenings, when somebody relays, then all get what each would collect alone, neighbours in one transaction."""
    stage, suite = here.stage, here.stage.suite
    relayer = stage.sender(stage.people.relayer)
    expected = {event: here.own(event, relayer) for event in here.events}
    # The unit that nobody called has a pool of its own, which is split by capacity, one by one.
    before = {each.number: _free(here, each) for each in stage.homes}
    done = relaying.relay(suite, relayer, here.events, builds=here.builds)
    assert (done.places, done.before, done.left) == (2 * (HOMES - 1) + HOMES, 0, 0)
    assert done.transactions == 1 + HOMES
    own = {each.number: _free(here, each) - before[each.number] for each in stage.homes}
    shares = [{share.index: share.amount for share in expected[event].shares} for event in here.events]
    alone = own[4]
    assert alone > 0, "the silent home gets its part by capacity alone"
    for number, amount in own.items():
        assert amount == alone + sum(part.get(number, 0) for part in shares)
    assert sum(own.values()) == done.credited[stage.token]
    block = stage.rpc.block_number()
    again = relaying.relay(suite, relayer, here.events, builds=here.builds)
    assert (again.places, again.before, again.gas_per_place) == (0, 3 * HOMES - 2, 0)
    assert stage.rpc.block_number() == block


def test_a_customer_collects_with_its_claim(here: Ended) -> None:
    """Given a claim from the provider's folder, when the customer sends it twice, then it is credited once, and a relay leaves it alone."""
    stage, each = here.stage, here.stage.homes[6]
    event, folder = here.events[0], here.builds[here.events[0]]
    claim, other = stage.folder / "claim.json", stage.folder / "other.json"
    point = ("--point", f"0x{each.point.hex()}")
    here.shell.run("collect", "proof", str(folder), *point, "--out", str(claim))
    book = ("--records", str(stage.book_path))
    here.shell.run("collect", "proof", "--event", f"0x{event.hex()}", *book, *point, "--out", str(other))
    assert claim.read_text() == other.read_text()
    code, _, err = here.shell.attempt("collect", "proof", "--event", f"0x{event.hex()}", *point)
    assert (code, "--build" in err) == (1, True)

    before = _free(here, each)
    credited = here.shell.run("collect", "run", "--claim", str(claim), key="customer")[0]["credited"]
    assert _free(here, each) - before == credited > 0
    assert here.shell.run("collect", "run", "--claim", str(claim), key="customer")[0]["credited"] == 0
    said = here.shell.attempt("collect", "run", key="customer", as_json=False)
    assert said[0] == 0
    assert "was sampled" in said[1]
    build = ("--build", str(folder))
    relayed = here.shell.run("collect", "relay", f"0x{event.hex()}", *build, "--most", "5", key="relayer")
    assert (relayed["places"], relayed["before"], relayed["left"]) == (5, 1, HOMES - 2 - 5 + HOMES)
    rest = here.shell.run("collect", "relay", f"0x{event.hex()}", *build, key="relayer")
    assert (rest["before"], rest["left"]) == (6, 0)
    mine = here.shell.run("collect", "run", f"0x{event.hex()}", *build, key="customer")
    assert [item["credited"] for item in mine] == [0, 0]


def test_a_folder_of_another_event(here: Ended) -> None:
    """Given the folder of the other evening, when it is named for this one, then it is refused; without any data too."""
    stage, suite = here.stage, here.stage.suite
    first, second = here.events
    relayer = stage.sender(stage.people.relayer)
    with pytest.raises(errors.RecordsDifferError, match="another event"):
        relaying.relay(suite, relayer, [first], builds={first: here.builds[second]})
    with pytest.raises(errors.LeavesUnknownError, match=first.hex()):
        relaying.relay(suite, relayer, [first])


def _free(here: Ended, each: Home) -> int:
    return money.free_balance(here.stage.suite, here.stage.token, each.customer.address)
