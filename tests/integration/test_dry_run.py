"""`--dry-run`: every command that sends is tried where it would succeed, and sends nothing."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.calendars import build
from flexbond.chain.node import NodeKind
from flexbond.model.types import BaselineMethod, ClampLevel
from flexbond.operations import collecting, dispatching, enrolment, governing, market, meters, settlement
from flexbond.operations.common import oracle_domain
from flexbond.operations.history import find_events, products_of
from flexbond.operations.recordbook import RecordBook
from flexbond.rules import rule_file_of, to_yaml
from flexbond.units import format_time
from tests.integration.shell import Shell
from tests.integration.stage import CAPACITY_W, DAY, HOUR, NOTICE, START, WINDOW_END, WINDOW_START, raised
from tests.python.cli.commands import commands, options

if TYPE_CHECKING:
    from pathlib import Path

    from flexbond.model.types import Product
    from tests.integration.stage import Stage

SENDING = {" ".join(path) for path, item in commands().items() if "--dry-run" in options(item)} - {"watch"}
"""A watchtower is tried by leaving its budget out."""
PEOPLE = ("deployer", "market_operator", "provider", "buyer", "second_buyer", "relayer")


class Rehearsals:
    """Dry runs of commands, and which there were."""

    def __init__(self, stage: Stage) -> None:
        keys = {name: getattr(stage.people, name) for name in PEOPLE}
        self.shell = Shell(stage.folder, network="anvil", url=stage.url, keys=keys)
        self.stage = stage
        self.seen: set[str] = set()

    def files(self) -> dict[Path, bytes]:
        """Every file of the stage."""
        return {path: path.read_bytes() for path in self.stage.folder.rglob("*") if path.is_file()}

    def __call__(self, command: str, *arguments: str, key: str) -> None:
        """Try a command; it must say what it would send, and change neither the chain nor a file."""
        rpc, address = self.stage.rpc, getattr(self.stage.people, key).address
        before = (rpc.block_number(), rpc.nonce(address, "pending"), self.files())
        told: Any = self.shell.run(*command.split(), *arguments, "--dry-run", key=key)
        assert told["dryRun"] is True
        assert told["transactions"]
        assert all(item["gas"] > 21_000 and item["title"] for item in told["transactions"])
        assert (rpc.block_number(), rpc.nonce(address, "pending"), self.files()) == before
        self.seen.add(command)


def with_schedules(stage: Stage) -> bytes:
    """A right of a second evening under a rule with schedules and fewer checks than there are homes; its event."""
    suite, people = stage.suite, stage.people
    rule = dataclasses.replace(
        stage.rule(),
        baseline=BaselineMethod.NOMINATED,
        baseline_periods=0,
        clamp_level=ClampLevel.PORTFOLIO,
        spot_checks=2,
        draw_delay=1,
        challenge_window=2 * DAY,
        max_demands=1,
        demand_fee=10**6,
        bond_per_mw=10**9,
    )
    rule_id = governing.publish_rule(suite, stage.sender(people.market_operator), rule)
    product = dataclasses.replace(stage.product(window_start=WINDOW_START + DAY), rule_id=rule_id)
    offer = market.make_offer(suite, people.provider, product, units=2, expiry=START + 9 * DAY, nonce=2)
    market.take(suite, stage.sender(people.buyer), offer, units=2)
    return next(item for item, key in find_events(suite).items() if key.window_start == product.window_start)


def before_the_sale(stage: Stage, dry: Rehearsals) -> None:
    """What the operator and the provider prepare."""
    folder, people = stage.folder, stage.people
    dry("deploy", key="deployer")
    dry("grid publish", "--period", "15 min", "--readings", "96", key="market_operator")
    drafted = rule_file_of(dataclasses.replace(stage.rule(), spot_checks=17), name="drafted")
    (folder / "rule.yaml").write_text(to_yaml(drafted), encoding="utf-8")
    dry("rules publish", str(folder / "rule.yaml"), key="market_operator")
    dry("calendar publish", "--zone", "Asia/Tokyo", "--from", "2016", "--until", "2017", key="market_operator")
    tokyo = build("Asia/Tokyo", "", 2016, 2017)
    calendar = governing.publish_calendar(stage.suite, stage.sender(people.market_operator), tokyo)
    dry("calendar extend", f"0x{calendar.hex()}", "--until", "2019", key="market_operator")
    until = ("--until", "2030-01-01T00:00Z")
    dry("participant qualify", people.relayer.address, "--buyer", *until, key="market_operator")
    dry("deposit", "5 MUSD", "--mint", key="buyer")
    dry("withdraw", "5 MUSD", key="buyer")
    dry("portfolio create", "--zone", "elsewhere", "--customer-share", "70 %", key="provider")
    home = stage.homes[0]
    stage.statement(home, sequence=2).save(folder / "statement.json")
    enrolment.leave(stage.suite, stage.sender(people.provider), home.point)
    stage.at(stage.rpc.now() + 60)
    stage.consent(home).save(folder / "consent.json")
    dry("enrol", str(folder / "consent.json"), "--statement", str(folder / "statement.json"), key="provider")
    stage.enrol_homes()
    dry("leave", f"0x{home.point.hex()}", key="provider")


def around_the_notice(stage: Stage, dry: Rehearsals) -> bytes:
    """What is sold and called; the event."""
    folder = stage.folder
    stage.offer().save(folder / "offer.json")
    dry("buy", str(folder / "offer.json"), "--units", "2", key="buyer")
    dry("offer cancel", "--nonce", "7", key="provider")
    right = stage.sell()
    scheduled = f"0x{with_schedules(stage).hex()}"
    dry("nominate", scheduled, "12 kWh", "12.5 kWh", key="provider")
    dry("unavailable", scheduled, key="provider")
    dry("release", f"0x{right.hex()}", "--units", "1", key="buyer")
    stage.at(NOTICE)
    dry("dispatch", f"0x{right.hex()}", "--units", "2", "--power", "1.5 kW", key="buyer")
    called, _ = stage.call(right)
    identity = f"0x{called.dispatch_id.hex()}"
    dry("stop", identity, "--from", format_time(WINDOW_START + HOUR), key="buyer")
    dry("cancel", identity, key="buyer")
    dry("excuse", identity, key="buyer")
    return called.event_id


def call_scheduled(stage: Stage) -> tuple[bytes, Product]:
    """Notice for the second evening; its event and product."""
    buyer = stage.sender(stage.people.buyer)
    right, product = next(
        (right, product)
        for right, product in products_of(stage.suite).items()
        if product.window_start == WINDOW_START + DAY
    )
    stage.at(NOTICE + DAY)
    called = dispatching.dispatch(stage.suite, buyer, right, units=2, orders_w=[2_000, 2_000])
    return called.event_id, product


def another_book(stage: Stage) -> Path:
    """Other readings of the first home, signed by its device all the same."""
    book = RecordBook.open(stage.folder / "another.jsonl", oracle=oracle_domain(stage.suite))
    each = stage.homes[0]
    told = stage.series(each)
    halved = dataclasses.replace(told, readings=tuple(reading // 2 for reading in told.readings))
    meters.sign_series(stage.suite, book, halved, each.point, each.device)
    return book.path


def after_the_event(stage: Stage, dry: Rehearsals, event: bytes) -> None:
    """What is attested, submitted, settled and collected."""
    suite, people, identity = stage.suite, stage.people, f"0x{event.hex()}"
    stage.at(START + 2 * DAY + 60)
    stage.sign(stage.book())
    records = ("--records", str(stage.book_path))
    dry("meter anchor", *records, key="relayer")
    dry("meter attest", *records, key="relayer")
    stage.attest_signed()
    dry("meter report", str(stage.book_path), str(another_book(stage)), key="relayer")
    scheduled, product = call_scheduled(stage)
    stage.at(WINDOW_END + DAY + 60)
    dry("submit run", identity, *records, key="provider")
    dry("settle", identity, *records, key="provider")
    settlement.settle_event(suite, stage.sender(people.provider), event, records=stage.book())
    dry("collect run", identity, "--payee", stage.homes[0].customer.address, key="relayer")
    dry("collect relay", identity, key="relayer")
    stage.at(product.window_end + DAY)
    provider = stage.sender(people.provider)
    settlement.settle_event(suite, provider, scheduled, records=stage.book(), accept_silence=True)
    dry("event demand", f"0x{scheduled.hex()}", "--place", "1", key="buyer")
    dry("event accept", f"0x{scheduled.hex()}", "--yes", key="buyer")
    stage.at(collecting.pool_of(suite, event).opened_at + 31 * DAY)
    dry("sweep", identity, key="relayer")


@pytest.mark.anvil
@pytest.mark.slow
def test_no_dry_run_sends_anything(tmp_path: Path) -> None:
    """Given a story at each of its steps, when the next command is run dry, then it says what it would send and changes nothing."""
    with raised(NodeKind.ANVIL, tmp_path) as stage:
        dry = Rehearsals(stage)
        stage.open_market()
        stage.enrol_homes()
        before_the_sale(stage, dry)
        event = around_the_notice(stage, dry)
        after_the_event(stage, dry, event)
        assert dry.seen == SENDING
        assert stage.suite.devices.read("sums", stage.portfolio).capacity_w == len(stage.homes) * CAPACITY_W
