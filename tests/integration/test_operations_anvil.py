"""Operations around the story: what is next for whom, delays of the operator, payees, unavailability, local chains."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from flexbond.chain.config import Appointment, load_config
from flexbond.chain.errors import ContractRevert
from flexbond.chain.node import LocalNode, NodeKind, NodeSettings, clone_root, free_port
from flexbond.model.types import LockReason
from flexbond.operations import dispatching, enrolment, errors, governing, market, money, settlement, status
from flexbond.operations.history import find_events
from tests.integration.shell import Shell
from tests.integration.stage import (
    DAY,
    DEPOSIT,
    FOREVER,
    GRID,
    HOUR,
    START,
    WINDOW_END,
    WINDOW_START,
    Stage,
    raised,
)
from tests.support.undoing import undone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.anvil


@pytest.fixture(scope="module")
def sold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, bytes]]:
    """A stage with nine units sold to two buyers."""
    with raised(NodeKind.ANVIL, tmp_path_factory.mktemp("operations")) as stage:
        stage.open_market()
        stage.enrol_homes()
        yield stage, stage.sell()


@pytest.fixture
def stage(sold: tuple[Stage, bytes]) -> Iterator[Stage]:
    """The same for every test."""
    with undone(sold[0].rpc):
        yield sold[0]


def test_what_is_next_for_a_holder(stage: Stage, sold: tuple[Stage, bytes]) -> None:
    """Given units held, when time goes on, then the status says what can be done with them and until when."""
    _, right = sold
    latest = WINDOW_END - HOUR - 1_800
    steps = [
        (START + HOUR, "Notice can be given from", WINDOW_START - 2 * HOUR),
        (WINDOW_START - 2 * HOUR, "Notice can be given (", latest + 1),
        (latest + 1, "Too late", WINDOW_END),
        (WINDOW_END, "settle", None),
    ]
    for time, what, until in steps:
        stage.at(time)
        held = status.account_status(stage.suite, stage.people.buyer.address).rights
        assert [(item.right_id, item.units) for item in held] == [(right, 6)]
        assert what in held[0].next.what
        assert held[0].next.until == until


def test_money_of_an_account(stage: Stage) -> None:
    """Given a provider that sold, then its status shows what is free and what is locked for what."""
    provider = status.account_status(stage.suite, stage.people.provider.address)
    assert provider.is_provider
    assert provider.free == {stage.token: DEPOSIT + 9 * 50_000 - 5_400_000}
    locked = {lock.reason: lock.amount for lock in provider.locks}
    assert locked[LockReason.RIGHTS] == 9 * (600_000 + 16_000)


def test_unavailable_and_released(stage: Stage, sold: tuple[Stage, bytes]) -> None:
    """Given unavailability declared twice, when the holder releases, then it gets its availability back, and nothing is earned."""
    suite, people, (_, right) = stage.suite, stage.people, sold
    event = next(iter(find_events(suite)))
    provider, buyer = stage.sender(people.provider), stage.sender(people.buyer)
    for expected in (1, 0):
        before = stage.rpc.block_number()
        dispatching.declare_unavailable(suite, provider, event)
        assert stage.rpc.block_number() - before == expected
    held = status.account_status(suite, people.buyer.address).rights
    assert "release" in held[0].next.what
    before_release = money.free_balance(suite, stage.token, people.buyer.address)
    assert dispatching.release(suite, buyer, right, units=6) == 0
    assert money.free_balance(suite, stage.token, people.buyer.address) - before_release == 6 * 16_000
    stage.at(WINDOW_END)
    outcome = settlement.settle_event(suite, stage.sender(people.attacker), event)
    assert outcome.rights == (right,)
    assert outcome.is_done


def test_after_the_gate_and_before_it(stage: Stage, sold: tuple[Stage, bytes]) -> None:
    """Given the gate, when something comes on its wrong side, then the error says when the right one is or was."""
    suite, people, (_, right) = stage.suite, stage.people, sold
    event = next(iter(find_events(suite)))
    buyer = stage.sender(people.buyer)
    with pytest.raises(errors.TooEarlyError) as early:
        dispatching.dispatch(suite, buyer, right, units=6, orders_w=[6_000, 0])
    assert early.value.at == WINDOW_START - 2 * HOUR
    stage.at(early.value.at)
    with pytest.raises(errors.TooLateError, match="could be stated until"):
        dispatching.declare_unavailable(suite, stage.sender(people.provider), event)
    with pytest.raises(errors.NotYoursError):
        dispatching.dispatch(suite, buyer, right, units=3, orders_w=[3_000, 0], holder=people.second_buyer.address)
    with pytest.raises(errors.OperationError, match="holds 6 units"):
        dispatching.dispatch(suite, buyer, right, units=7, orders_w=[6_000, 0])
    called = dispatching.dispatch(suite, buyer, right, units=6, orders_w=[6_000, 0])
    for expected in (1, 0):
        before = stage.rpc.block_number()
        assert dispatching.cancel(suite, buyer, called.dispatch_id).dispatch.orders_w == (0, 0)
        assert stage.rpc.block_number() - before == expected


def test_offers_are_taken_once_and_cancelled_once(stage: Stage) -> None:
    """Given offers, when they are overdrawn, cancelled or cancelled again, then each has its sentence or does nothing."""
    suite, people = stage.suite, stage.people
    buyer, provider = stage.sender(people.buyer), stage.sender(people.provider)
    with pytest.raises(errors.OperationError, match="0 units are left"):
        market.take(suite, buyer, stage.offer(), units=7)
    other = stage.offer(units=2, nonce=5)
    with pytest.raises(errors.NotYoursError):
        market.cancel_offer(suite, buyer, people.provider.address, 5)
    for cancel in (market.cancel_offer, market.cancel_offers):
        for expected in (1, 0):
            before = stage.rpc.block_number()
            cancel(suite, provider, people.provider.address, 5 if cancel is market.cancel_offer else 6)
            assert stage.rpc.block_number() - before == expected
    with pytest.raises(errors.TooLateError, match="cancelled"):
        market.take(suite, buyer, other, units=1)
    elsewhere = dataclasses.replace(other, chain_id=1)
    with pytest.raises(errors.DocumentDomainError):
        market.take(suite, buyer, elsewhere, units=1)


def test_a_payee_changes_by_its_own_word(stage: Stage) -> None:
    """Given a payee's signed word, when anybody brings it twice, then it is done once; a stranger's word is refused."""
    suite, people, customer = stage.suite, stage.people, stage.homes[0].customer
    heir = stage.homes[1].customer
    word = {"portfolio": stage.portfolio, "index": 0, "payee": heir.address, "deadline": FOREVER}
    false = enrolment.make_payee_change(suite, people.attacker, **word)
    with pytest.raises(ContractRevert, match="signature"):
        enrolment.change_payee(suite, stage.sender(people.relayer), false)
    signed = enrolment.make_payee_change(suite, customer, **word)
    for expected in (1, 0):
        before = stage.rpc.block_number()
        enrolment.change_payee(suite, stage.sender(people.relayer), signed)
        assert stage.rpc.block_number() - before == expected
    assert suite.devices.read("entry", stage.portfolio, 0).payee == heir.address


def test_statements_are_voided_and_shares_only_raised(stage: Stage) -> None:
    """Given a stated point and a portfolio, when they are voided, raised or lowered, then only what may happen does."""
    suite, people = stage.suite, stage.people
    point = stage.homes[0].point
    for expected in (1, 0):
        before = stage.rpc.block_number()
        enrolment.void_statement(suite, stage.sender(people.meter_operator), point)
        assert stage.rpc.block_number() - before == expected
    provider = stage.sender(people.provider)
    terms = {"zone": b"zone".ljust(32, b"\0")}
    raised_share = enrolment.create_portfolio(
        suite, provider, people.provider.address, customer_share_bps=7_000, **terms
    )
    assert raised_share == stage.portfolio
    assert enrolment.share_of(suite, stage.portfolio) == 7_000
    with pytest.raises(errors.OperationError, match="never lowered"):
        enrolment.create_portfolio(suite, provider, people.provider.address, customer_share_bps=6_000, **terms)


def test_an_operator_with_a_delay_announces_first(tmp_path: Path) -> None:
    """Given a market operator with a delay, when it publishes, then it is announced, and done by the same call later."""
    config = load_config("anvil", clone_root() / "config")
    operator = Appointment(account=config.market_operators[0].account, delay_seconds=HOUR)
    with LocalNode(NodeSettings(timestamp=START)) as node:
        stage = Stage(node, dataclasses.replace(config, market_operators=(operator,)), tmp_path)
        sender = stage.sender(stage.people.market_operator)
        due = 0
        for expected in (1, 0):
            before = stage.rpc.block_number()
            with pytest.raises(errors.TooEarlyError, match="announced") as early:
                governing.publish_grid(stage.suite, sender, GRID)
            assert stage.rpc.block_number() - before == expected
            due = early.value.at
        stage.at(due)
        assert governing.publish_grid(stage.suite, sender, GRID) == 1
        assert governing.publish_grid(stage.suite, sender, GRID) == 1
        with pytest.raises(errors.NotYoursError):
            governing.publish_rule(stage.suite, stage.sender(stage.people.provider), stage.rule())


def test_a_local_chain_goes_up_and_down(tmp_path: Path) -> None:
    """Given no chain, when one is started, then it answers until it is stopped, and stopping again does no harm."""
    port = free_port()
    shell = Shell(tmp_path, network="anvil", url=f"http://127.0.0.1:{port}")
    assert shell.run("chain", "status")["running"] is False
    begin = ("--begin", "2016-08-01T00:00Z")
    started = shell.run("chain", "up", "--port", str(port), *begin)
    try:
        told = shell.run("chain", "status")
        assert (told["running"], told["url"], told["pid"]) == (True, started["url"], started["pid"])
        assert START <= told["time"] < START + DAY
        assert shell.attempt("chain", "up", "--port", str(port))[0] == 1
        assert shell.run("chain", "mine", "7")["block"] == told["block"] + 7
        code, out, err = shell.attempt("status")
        assert (code, "Nothing is deployed" in err, "Traceback" in out + err) == (1, True, False)
    finally:
        assert shell.run("chain", "down")["stopped"] is True
    assert shell.run("chain", "down")["stopped"] is False
