"""Sending: every transaction once, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from flexbond.chain.errors import (
    ContractRevert,
    GasLimitError,
    InsufficientFundsError,
    NodeUnreachableError,
    NonceTakenError,
    NotMinedError,
)
from flexbond.chain.events import decode_logs
from flexbond.chain.rpc import RequestLostError, Rpc, RpcError
from flexbond.chain.send import Sender, SendSettings
from flexbond.chain.suite import Suite, Transaction
from flexbond.signing.keys import development_device
from tests.python.chain.conftest import PEOPLE, WatchedRpc

pytestmark = pytest.mark.anvil
OPERATOR = PEOPLE.market_operator
SEND = "eth_sendRawTransaction"
EXPIRY = 2**40 - 1


def qualify(suite: Suite, number: int = 0) -> Transaction:
    """A transaction that leaves one event with the number in it."""
    return suite.participants.transaction("qualify", PEOPLE.buyer, True, False, number.to_bytes(32, "big"), EXPIRY)


def numbers(suite: Suite, receipts: list[Any]) -> list[int]:
    """The numbers of those that happened, in their order on the chain."""
    events = [event for receipt in receipts for event in decode_logs(suite, receipt.logs)]
    events.sort(key=lambda event: (event.block, event.log_index))
    return [int.from_bytes(event.credential_hash, "big") for event in events]


def failing(method: str, times: int, error: Callable[[], Exception]) -> Callable[[str, Any], None]:
    """A hook that raises for the first `times` requests of a method."""
    left = [times]

    def hook(made: str, parameters: Any) -> None:
        if made == method and left[0]:
            left[0] -= 1
            raise error()

    return hook


def lost() -> Exception:
    return RequestLostError("No answer.")


@pytest.fixture
def sender(rpc: WatchedRpc, monkeypatch: pytest.MonkeyPatch) -> Sender:
    monkeypatch.setattr("flexbond.chain.send.FIRST_WAIT", 0.001)
    monkeypatch.setattr("flexbond.chain.rpc.FIRST_WAIT", 0.001)
    return Sender(rpc, OPERATOR, SendSettings(poll_seconds=0.02))


class TestSend:
    """Given a node that works"""

    def test_happens(self, sender: Sender, suite: Suite) -> None:
        """it happens, and the receipt has its event."""
        receipt = sender.send(qualify(suite, 7))
        (event,) = decode_logs(suite, receipt.logs)
        assert (event.name, event.account, event.buyer) == ("ParticipantQualified", PEOPLE.buyer.address, True)
        assert receipt.gas_used > 21_000
        assert receipt.fee_wei > 0
        assert receipt.contract is None

    def test_old_style_price(self, rpc: WatchedRpc, suite: Suite) -> None:
        """it pays the configured gas price."""
        price = 3 * 10**9
        receipt = Sender(rpc, OPERATOR, SendSettings(gas_price_wei=price)).send(qualify(suite))
        sent = rpc.once("eth_getTransactionByHash", receipt.transaction)
        assert (int(sent["type"], 16), int(sent["gasPrice"], 16)) == (0, price)
        assert receipt.fee_wei == receipt.gas_used * price

    def test_new_style_price(self, sender: Sender, rpc: WatchedRpc, suite: Suite) -> None:
        """it offers at most twice the base fee and a tip."""
        sent = rpc.once("eth_getTransactionByHash", sender.send(qualify(suite)).transaction)
        assert int(sent["type"], 16) == 2

    def test_gas_has_a_margin(self, sender: Sender, rpc: WatchedRpc, suite: Suite) -> None:
        """it allows a quarter more than the estimate."""
        estimate = sender.rehearse(qualify(suite, 1)).gas
        sent = rpc.once("eth_getTransactionByHash", sender.send(qualify(suite, 1)).transaction)
        assert int(sent["gas"], 16) == estimate + estimate // 4

    def test_many_in_flight(self, sender: Sender, rpc: WatchedRpc, suite: Suite) -> None:
        """it sends several before the first is mined, and all happen in their order."""
        rpc.once("evm_setAutomine", False)
        rpc.watch(before=lambda method, _: method == "eth_getTransactionReceipt" and Rpc.once(rpc, "evm_mine"))
        first = rpc.nonce(OPERATOR.address)
        receipts = sender.send_all(qualify(suite, number) for number in range(40))
        assert numbers(suite, receipts) == list(range(40))
        assert rpc.made[: rpc.made.index("eth_getTransactionReceipt")].count(SEND) == sender.settings.in_flight
        assert rpc.nonce(OPERATOR.address) == first + 40

    def test_one_that_needs_another(self, rpc: WatchedRpc, suite: Suite) -> None:
        """it waits for the earlier ones where a later one would revert without them."""
        rpc.once("evm_setAutomine", False)
        rpc.watch(before=lambda method, _: method == "eth_getTransactionReceipt" and Rpc.once(rpc, "evm_mine"))
        token = suite.token(suite.addresses["MockStablecoin"])
        sender = Sender(rpc, PEOPLE.buyer, SendSettings(poll_seconds=0.02))
        sender.send_all(
            [
                token.transaction("mint", PEOPLE.buyer, 5),
                token.transaction("transfer", PEOPLE.relayer, 5),
            ]
        )
        assert token.read("balanceOf", PEOPLE.relayer) == 5


class TestRefused:
    """Given a transaction that cannot be"""

    def test_revert_is_named_and_nothing_sent(self, sender: Sender, rpc: WatchedRpc, suite: Suite) -> None:
        """it names the error and its values, and sends nothing."""
        wrong = suite.participants.transaction("qualify", PEOPLE.buyer, True, False, bytes(32), 5)
        with pytest.raises(ContractRevert) as caught:
            sender.send(wrong)
        assert caught.value.name == "ParticipantRegistry_BadExpiry"
        assert caught.value.args[0] == 5
        assert SEND not in rpc.made

    def test_revert_in_a_block_is_named(self, sender: Sender, suite: Suite) -> None:
        """it names the error too, when it comes only in the block."""
        wrong = suite.participants.transaction("qualify", PEOPLE.buyer, True, False, bytes(32), 5)
        with pytest.raises(ContractRevert) as caught:
            sender.send(replace(wrong, gas=200_000))
        assert caught.value.name == "ParticipantRegistry_BadExpiry"

    def test_out_of_gas(self, sender: Sender, suite: Suite) -> None:
        """it says that the gas was not enough."""
        with pytest.raises(GasLimitError, match="ran out of its 30000 gas"):
            sender.send(replace(qualify(suite), gas=30_000))

    def test_too_much_gas(self, rpc: WatchedRpc, suite: Suite) -> None:
        """it sends nothing that needs more than a transaction may use."""
        sender = Sender(rpc, OPERATOR, SendSettings(gas_cap=40_000))
        with pytest.raises(GasLimitError, match="a transaction may use 40000"):
            sender.send(qualify(suite))
        assert SEND not in rpc.made

    def test_no_coin(self, rpc: WatchedRpc, suite: Suite) -> None:
        """it says who cannot pay."""
        poor = development_device(b"poor", 0)
        token = suite.token(suite.addresses["MockStablecoin"])
        with pytest.raises(InsufficientFundsError, match=poor.address):
            Sender(rpc, poor).send(replace(token.transaction("mint", PEOPLE.buyer, 5), gas=100_000))

    def test_rehearsal_sends_nothing(self, sender: Sender, rpc: WatchedRpc, suite: Suite) -> None:
        """it estimates and gives back what the function would return."""
        function = suite.devices.function("createPortfolio")
        rehearsed = sender.rehearse(suite.devices.transaction("createPortfolio", OPERATOR, bytes(32), 1, bytes(32)))
        assert len(function.decode(rehearsed.output)) == 32
        assert rehearsed.gas > 21_000
        assert rehearsed.most_fee_wei >= rehearsed.gas
        assert SEND not in rpc.made

    def test_rehearsal_names_the_error(self, sender: Sender, suite: Suite) -> None:
        """it names the error of what would be undone."""
        with pytest.raises(ContractRevert) as caught:
            sender.rehearse(suite.devices.transaction("createPortfolio", OPERATOR, bytes(32), 10_001, bytes(32)))
        assert (caught.value.name, caught.value.args) == ("DeviceRegistry_ShareInvalid", (10_001,))


class TestLostAnswers:
    """Given a connection that breaks"""

    def test_before_the_node_has_it(self, sender: Sender, rpc: WatchedRpc, suite: Suite) -> None:
        """it is sent again, and happens once."""
        first = rpc.nonce(OPERATOR.address)
        rpc.watch(before=failing(SEND, 3, lost))
        sender.send(qualify(suite))
        assert rpc.made.count(SEND) == 4
        assert rpc.nonce(OPERATOR.address) == first + 1

    def test_after_the_node_has_it(self, sender: Sender, rpc: WatchedRpc, suite: Suite) -> None:
        """it is found by its hash and not sent again."""
        first = rpc.nonce(OPERATOR.address)
        rpc.watch(after=failing(SEND, 1, lost))
        sender.send(qualify(suite))
        assert rpc.made.count(SEND) == 1
        assert rpc.nonce(OPERATOR.address) == first + 1

    @pytest.mark.parametrize("text", ["already known", "nonce too low"])
    def test_refused_though_it_was_sent(self, sender: Sender, rpc: WatchedRpc, suite: Suite, text: str) -> None:
        """it takes the node's refusal of what it has for what it is."""
        first = rpc.nonce(OPERATOR.address)
        rpc.watch(after=failing(SEND, 1, lambda: RpcError(SEND, {"message": text})))
        sender.send(qualify(suite))
        assert rpc.made.count(SEND) == 1
        assert rpc.nonce(OPERATOR.address) == first + 1

    def test_reading_is_tried_again(self, sender: Sender, rpc: WatchedRpc, suite: Suite) -> None:
        """it asks again for everything else."""
        for method in ("eth_estimateGas", "eth_getBlockByNumber", "eth_getTransactionReceipt", "eth_call"):
            rpc.watch(before=failing(method, 5, lost))
            sender.send(qualify(suite))
            assert suite.participants.read("isBuyer", PEOPLE.buyer)

    def test_for_good(self, sender: Sender, rpc: WatchedRpc, suite: Suite) -> None:
        """it gives up after some tries."""
        rpc.watch(before=failing(SEND, 1_000, lost))
        with pytest.raises(NodeUnreachableError, match="whether it was sent is not known"):
            sender.send(qualify(suite))

    def test_nobody_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """it says so, when nothing listens."""
        monkeypatch.setattr("flexbond.chain.rpc.FIRST_WAIT", 0.001)
        with pytest.raises(NodeUnreachableError, match="No answer from the node"):
            Rpc.at("http://127.0.0.1:9").chain_id()


class TestNonce:
    """Given other transactions of the same account"""

    def test_taken_meanwhile(self, sender: Sender, rpc: WatchedRpc, suite: Suite) -> None:
        """it goes on with the next nonce, if another sender took one."""
        sender.send(qualify(suite, 1))
        Sender(rpc, OPERATOR).send(qualify(suite, 2))
        receipt = sender.send(qualify(suite, 3))
        assert numbers(suite, [receipt]) == [3]

    def test_fixed_nonce_is_not_exchanged(self, sender: Sender, suite: Suite) -> None:
        """it refuses, if it was to be that nonce or none."""
        sender.send(qualify(suite, 1))
        used = sender.rpc.nonce(OPERATOR.address) - 1
        with pytest.raises(NonceTakenError):
            sender.submit(qualify(suite, 2), nonce=used)

    def test_recover_waits_for_an_earlier_run(self, sender: Sender, rpc: WatchedRpc, suite: Suite) -> None:
        """it waits until what was under way is mined, before anything new."""
        rpc.once("evm_setAutomine", False)
        first = rpc.nonce(OPERATOR.address)
        for number in range(3):
            sender.submit(qualify(suite, number))
        asked = [0]

        def mine(method: str, parameters: Any) -> None:
            asked[0] += method == "eth_getTransactionCount"
            if asked[0] == 5:
                Rpc.once(rpc, "evm_mine")

        rpc.watch(before=mine)
        assert Sender(rpc, OPERATOR).recover() == first + 3

    def test_recover_replaces_what_is_stuck(self, sender: Sender, rpc: WatchedRpc, suite: Suite) -> None:
        """it replaces by nothing what is never mined, so that it can never happen later."""
        rpc.once("evm_setAutomine", False)
        first = rpc.nonce(OPERATOR.address)
        stuck = [sender.submit(qualify(suite, number)) for number in range(2)]
        sends = rpc.made.count(SEND)

        def mine(method: str, parameters: Any) -> None:
            if method == SEND and rpc.made.count(SEND) == sends + 2:
                Rpc.once(rpc, "evm_mine")

        rpc.watch(after=mine)
        fresh = Sender(rpc, OPERATOR, SendSettings(replace_seconds=0.05, poll_seconds=0.02))
        assert fresh.recover() == first + 2
        for pending in stuck:
            assert rpc.once("eth_getTransactionReceipt", pending.hashes[0]) is None


class TestNotMined:
    """Given a transaction that no block takes"""

    def test_is_replaced_at_a_higher_price(self, rpc: WatchedRpc, suite: Suite) -> None:
        """it is sent again under its nonce for more, and happens once."""
        rpc.once("evm_setAutomine", False)
        first = rpc.nonce(OPERATOR.address)
        sender = Sender(rpc, OPERATOR, SendSettings(replace_seconds=0.05, poll_seconds=0.02))
        pending = sender.submit(qualify(suite, 9))
        price = pending.fees["maxFeePerGas"]
        sends = rpc.made.count(SEND)
        rpc.watch(
            after=lambda method, _: method == SEND and rpc.made.count(SEND) == sends + 2 and Rpc.once(rpc, "evm_mine")
        )
        receipt = sender.wait(pending)
        assert len(pending.hashes) == 3
        assert receipt.transaction == pending.hashes[-1]
        assert pending.fees["maxFeePerGas"] > price
        assert rpc.nonce(OPERATOR.address) == first + 1
        assert numbers(suite, [receipt]) == [9]

    def test_gives_up(self, rpc: WatchedRpc, suite: Suite) -> None:
        """it says so after a time, with the hash."""
        rpc.once("evm_setAutomine", False)
        sender = Sender(rpc, OPERATOR, SendSettings(timeout_seconds=0.05, poll_seconds=0.02))
        pending = sender.submit(qualify(suite))
        with pytest.raises(NotMinedError, match=pending.hashes[0]):
            sender.wait(pending)

    def test_place_taken_by_another(self, rpc: WatchedRpc, suite: Suite) -> None:
        """it says so, if another transaction of the account was mined in its place."""
        rpc.once("evm_setAutomine", False)
        sender = Sender(rpc, OPERATOR, SendSettings(replace_seconds=0.02, poll_seconds=0.01))
        pending = sender.submit(qualify(suite, 1))
        rpc.once("anvil_dropAllTransactions")
        rpc.once("evm_setAutomine", True)
        Sender(rpc, OPERATOR).send(qualify(suite, 2))
        with pytest.raises(NonceTakenError, match="took its place"):
            sender.wait(pending)
