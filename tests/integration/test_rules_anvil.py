"""Rules from file to chain and back, with the command and on a real node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flexbond.calendars import build
from flexbond.chain.node import NodeKind
from flexbond.operations import governing
from flexbond.operations.rulebook import CalendarUnpublishedError, publish_file, published_file
from flexbond.rules import load, names, preset
from flexbond.rules.rulefile import RuleIncompleteError
from tests.integration.shell import Shell
from tests.integration.stage import raised

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.stage import Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A node with the suite, nothing published."""
    with raised(NodeKind.ANVIL, tmp_path_factory.mktemp("rules")) as made:
        yield made


@pytest.mark.anvil
def test_every_preset_goes_there_and_back(stage: Stage) -> None:
    """Given a chain without calendars, when presets are published, then those over past days wait for their calendar, each is
    published once, and what the event log holds of it is the preset's rule, look-back and calendar."""
    suite, people = stage.suite, stage.people
    sender = stage.sender(people.market_operator)
    for name in names():
        file = preset(name).filled(currency=stage.token, unclaimed_to=people.unclaimed.address)
        if file.calendar is not None and not suite.rulebook.read("nextDay", file.lookback.calendar_id):
            with pytest.raises(CalendarUnpublishedError, match=f"--zone {file.zone}"):
                publish_file(suite, sender, file)
            governing.publish_calendar(suite, sender, build(file.zone, file.holidays, 2016, 2017))
        identity = publish_file(suite, sender, file)
        back = published_file(suite, identity)
        assert (back.rule, back.lookback, back.calendar) == (file.rule, file.lookback, file.calendar)
        nonce = stage.rpc.nonce(sender.address, "pending")
        assert publish_file(suite, sender, file) == identity
        assert stage.rpc.nonce(sender.address, "pending") == nonce


@pytest.mark.anvil
def test_the_command_publishes_and_shows(stage: Stage, tmp_path: Path) -> None:
    """Given a preset, when it is published and shown into a file by the command, then that file reads as the published rule."""
    people = stage.people
    shell = Shell(stage.folder, network="anvil", url=stage.url, keys={"market_operator": people.market_operator})
    published = shell.run(
        *("rules", "publish", "uftp", "--unclaimed", people.unclaimed.address), key="market_operator"
    )["ruleId"]
    out = tmp_path / "published.yaml"
    shell.run("rules", "show", published[:14], "--out", str(out))
    expected = preset("uftp").filled(currency=stage.token, unclaimed_to=people.unclaimed.address)
    assert load(out).rule == expected.rule
    with pytest.raises(RuleIncompleteError, match="currency"):
        publish_file(stage.suite, stage.sender(people.market_operator), preset("uftp"))
