"""A whole life of an event by commands alone, on Anvil: from an empty chain to money in the customers' wallets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flexbond.chain.clock import set_time
from flexbond.chain.development import customer_signer, development_accounts
from flexbond.chain.node import LocalNode, NodeKind, NodeSettings
from flexbond.chain.rpc import Rpc
from flexbond.rules import rule_file_of, to_json
from flexbond.units import format_time
from tests.integration.shell import Shell
from tests.integration.stage import DAY, HOUR, START, WINDOW_END, WINDOW_START, home, rule_in

if TYPE_CHECKING:
    from collections.abc import Iterator

FOREVER = "2099-01-01T00:00Z"
BOOK = "records.jsonl"


class Story:
    """The commands of the story, and the ids that they gave."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.rpc = Rpc.at(shell.environment["FLEXBOND_RPC"])
        self.people = development_accounts()
        self.folder = shell.folder
        self.portfolio = self.rule = self.right = self.event = ""
        self.dispatches: list[str] = []

    def at(self, time: int) -> None:
        """Set the chain's time."""
        set_time(self.rpc.w3, time)

    def file(self, name: str) -> str:
        """A file of the story."""
        return str(self.folder / name)

    def prepare(self) -> None:
        """Deploy, publish, qualify, deposit."""
        run, people = self.shell.run, self.people
        contracts = run("deploy", key="deployer")["contracts"]
        assert run("grid", "publish", "--period", "1 h", "--readings", "24", key="market_operator")["gridId"] == 1
        rule = rule_in(contracts["MockStablecoin"], people.unclaimed.address)
        (self.folder / "rule.json").write_text(to_json(rule_file_of(rule, name="lifecycle")), encoding="utf-8")
        self.rule = run("rules", "publish", self.file("rule.json"), key="market_operator")["ruleId"]
        for name, part in (("provider", "--provider"), ("buyer", "--buyer"), ("second_buyer", "--buyer")):
            account = getattr(people, name).address
            run("participant", "qualify", account, part, "--until", FOREVER, key="market_operator")
            assert run("deposit", "1000 MUSD", "--mint", "--up-to", key=name)["free"] == 1_000 * 10**6

    def enrol(self) -> None:
        """Three homes, the third with a P-256 device: statement, key proof, consent, enrolment."""
        run = self.shell.run
        created = run("portfolio", "create", "--zone", "feeder 7", "--customer-share", "60 %", key="provider")
        self.portfolio = created["portfolioId"]
        for number in range(3):
            each, device = home(number), ("--device-key", f"env:KEY_DEVICE{number}")
            point, statement = f"0x{each.point.hex()}", self.file(f"statement{number}.json")
            run(
                *("meter", "state", point, "--customer", each.customer.address, "--signer", each.device.signer.address),
                *("--scheme", each.device.signer.scheme.name.lower(), "--capacity", "5 kW", "--connection", "12 kW"),
                *("--grid", "1", "--from", "2016-01-01T00:00Z", "--out", statement),
                key="meter_operator",
            )
            run("meter", "prove", statement, *device)
            consent = self.file(f"consent{number}.json")
            run(
                *("consent", point, "--portfolio", self.portfolio, "--share", "60%", "--until", FOREVER),
                *("--out", consent),
                key=f"customer{number}",
            )
            done = run("enrol", consent, "--statement", statement, key="provider")
            assert done["index"] == number

    def sell(self) -> None:
        """An offer of nine units, of which two buyers take six and three."""
        run = self.shell.run
        run(
            *("offer", "sign", "--portfolio", self.portfolio, "--rule", self.rule[:12], "--direction", "shed"),
            *("--from", format_time(WINDOW_START), "--to", format_time(WINDOW_END), "--lot", "1 kW", "--units", "9"),
            *("--utilisation", "300 /MWh", "--shortfall", "300 /MWh", "--availability", "8 /MW/h"),
            *("--premium", "0.05 MUSD", "--expiry", FOREVER, "--nonce", "1", "--out", self.file("offer.json")),
            key="provider",
        )
        self.right = run("buy", self.file("offer.json"), "--units", "6", key="buyer")["rightId"]
        assert run("buy", self.file("offer.json"), "--units", "3", key="second_buyer")["units"] == 3

    def call(self) -> None:
        """Both buyers call; the second stops after an hour and excuses the first."""
        run = self.shell.run
        self.at(WINDOW_START - HOUR - 60)
        first = run("dispatch", self.right, "--units", "6", key="buyer")
        second = run("dispatch", self.right, "--units", "3", key="second_buyer")
        self.event = first["eventId"]
        self.dispatches = [first["dispatchId"], second["dispatchId"]]
        stopped = run("stop", second["dispatchId"], "--from", format_time(WINDOW_START + HOUR), key="second_buyer")
        assert stopped["dispatch"]["ordersW"] == [3_000, 0]
        excused = run("excuse", second["dispatchId"], "--to", format_time(WINDOW_START + HOUR), key="second_buyer")
        assert excused["dispatch"]["excusedMask"] == 1

    def write_readings(self) -> None:
        """Two days of hourly readings; the third home falls only half as far."""
        for number in range(3):
            low = "2.0" if number == 2 else "1.0"
            lines = ["# sign=import-positive", "# stamp=start", "# unit=kWh", "device,start,kwh"]
            for hour in range(48):
                value = low if hour in (42, 43) else "4.0"
                lines.append(f"home-{number},{format_time(START + hour * HOUR)},{value}")
            (self.folder / f"home{number}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def meter(self) -> None:
        """Sign the data of all homes, and attest the records."""
        run = self.shell.run
        self.write_readings()
        self.at(START + 2 * DAY + 60)
        for number in range(3):
            done = run(
                *("meter", "sign", self.file(f"home{number}.csv"), "--point", f"0x{home(number).point.hex()}"),
                *("--device-key", f"env:KEY_DEVICE{number}", "--records", self.file(BOOK)),
            )
            assert done["signed"] == 2
        done = run("meter", "attest", "--records", self.file(BOOK), key="relayer")
        assert (done["records"], len(done["batches"]), done["refused"]) == (6, 2, [])

    def settle(self) -> None:
        """The provider submits and proves; a stranger settles; a relayer collects for all."""
        run = self.shell.run
        waiting = run("settle", self.event, "--records", self.file(BOOK), key="provider")[0]
        assert waiting["status"] == "CALLED"
        assert waiting["waiting"]["until"] == WINDOW_END + DAY
        self.at(WINDOW_END + DAY)
        measured = run("submit", "run", self.event, "--records", self.file(BOOK), key="provider")
        assert (measured["status"], measured["proven"]) == ("MEASURED", 3)
        settled = run("settle", self.event, key="relayer")[0]
        assert settled["dispatches"] == self.dispatches
        assert settled["waiting"] is None
        assert run("settle", self.event, key="relayer")[0]["dispatches"] == []


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """An empty chain, on which everybody used the command until all was settled."""
    people = development_accounts()
    keys = {name: getattr(people, name) for name in people.__dataclass_fields__}
    keys |= {f"customer{number}": customer_signer(number) for number in range(3)}
    with LocalNode(NodeSettings(kind=NodeKind.ANVIL, timestamp=START)) as node:
        shell = Shell(tmp_path_factory.mktemp("story"), network="anvil", url=node.url, keys=keys)
        for number in range(3):
            shell.environment[f"KEY_DEVICE{number}"] = (bytes([number + 1]) * 32).hex()
        story = Story(shell)
        for chapter in (story.prepare, story.enrol, story.sell, story.call, story.meter, story.settle):
            chapter()
        yield story


@pytest.mark.anvil
def test_a_whole_life_by_commands(story: Story) -> None:
    """Given an empty chain, when everybody uses the command, then all are paid what the rules say, to the base unit."""
    run = story.shell.run
    event = run("status", story.event)
    # 8 kWh in both hours; ordered 9 kW in the first, 6 kW in the second.
    assert event["responsesMilliWh"] == [8_000_000, 8_000_000]
    first, second = (item["settled"] for item in event["dispatches"])
    # floor(8e6 * 6 / 9) and all 6 kWh at 300 per MWh; the missing 666 667 mWh at 300 per MWh, rounded up.
    assert (first["pay"], first["penalty"]) == (5_333_333 * 300 // 1_000 + 1_800_000, 200_001)
    # floor(8e6 * 3 / 9) in one period, which is excused.
    assert (second["pay"], second["penalty"]) == (2_666_666 * 300 // 1_000, 0)
    for settled, locked in zip((first, second), event["dispatches"], strict=True):
        assert settled["pay"] + settled["utilisationRefund"] == locked["utilisationLocked"]

    pool = first["pool"] + second["pool"]
    collected = run("collect", "run", story.event, key="customer0")
    assert [(item["amount"], item["credited"]) for item in collected] == [(pool, pool * 3 // 8)]
    shares = [share["amount"] for share in collected[0]["shares"]]
    # Weights 3, 3 and 2 kWh in each hour.
    assert shares == [pool * 3 // 8, pool * 3 // 8, pool * 2 // 8]
    assert run("collect", "run", story.event, key="customer0")[0]["credited"] == 0
    relayed = run("collect", "relay", story.event, key="relayer")
    assert (relayed["places"], relayed["before"], relayed["left"], relayed["transactions"]) == (2, 1, 0, 1)
    assert relayed["credited"] == {story.shell.run("status", story.event)["token"]["address"]: sum(shares[1:])}
    assert run("collect", "relay", story.event, key="relayer")["places"] == 0

    balances = []
    for name in ("provider", "buyer", "second_buyer", "customer0", "customer1", "customer2"):
        balances.append(run("withdraw", key=name)["amount"])
    assert sum(balances) + (pool - sum(shares)) == 3 * 1_000 * 10**6


@pytest.mark.anvil
def test_the_log_tells_it_all(story: Story) -> None:
    """Given the story, when the log is exported twice, then the file has every settlement once."""
    path = story.file("events.jsonl")
    added = story.shell.run("events", "--out", path)["added"]
    assert story.shell.run("events", "--out", path)["added"] == 0
    lines = story.shell.run("events")
    assert len(lines) == added
    assert sum(1 for line in lines if line["event"] == "DispatchSettled") == 2
