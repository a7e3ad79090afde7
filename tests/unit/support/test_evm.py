"""The in-process EVM itself: a helper that passes too easily would hide everything else."""

from __future__ import annotations

import pytest

from flexbond.chain.development import development_accounts
from tests.support.evm import Contract, Evm, Reverted, reverts

PEOPLE = development_accounts()
ALICE, BOB = PEOPLE.buyer, PEOPLE.second_buyer


@pytest.fixture
def token(evm: Evm) -> Contract:
    deployed = evm.deploy("MockStablecoin", sender=PEOPLE.deployer)
    deployed.mint.send(ALICE, 10, sender=ALICE)
    return deployed


class TestReverts:
    """Given a call that reverts with ERC20InsufficientBalance(alice, 10, 11)"""

    def overdraw(self, token: Contract) -> None:
        token.transfer.send(BOB, 11, sender=ALICE)

    def test_accepts_the_exact_error(self, token: Contract) -> None:
        """it accepts the error with its values, an account standing for its address, and dots for any value."""
        with reverts("ERC20InsufficientBalance", ALICE, 10, 11):
            self.overdraw(token)
        with reverts("ERC20InsufficientBalance", ALICE.address.lower(), ..., 11):
            self.overdraw(token)

    @pytest.mark.parametrize("args", [(BOB, 10, 11), (ALICE, 10, 12), (ALICE, 10), (ALICE, 10, 11, 0)])
    def test_refuses_other_values(self, token: Contract, args: tuple[object, ...]) -> None:
        """it refuses other values, and other numbers of them."""
        with pytest.raises(AssertionError, match="reverted with ERC20InsufficientBalance"):  # noqa: SIM117
            with reverts("ERC20InsufficientBalance", *args):
                self.overdraw(token)

    def test_refuses_another_error(self, token: Contract) -> None:
        """it refuses another error."""
        with pytest.raises(AssertionError, match="expected ERC20InvalidSender"):  # noqa: SIM117
            with reverts("ERC20InvalidSender"):
                self.overdraw(token)

    def test_refuses_none(self, token: Contract) -> None:
        """it refuses a block in which nothing reverts."""
        with pytest.raises(AssertionError, match="reverted with nothing"), reverts("ERC20InsufficientBalance"):
            token.transfer.send(BOB, 10, sender=ALICE)

    def test_lets_other_exceptions_through(self) -> None:
        """it lets through what is no revert."""
        with pytest.raises(ZeroDivisionError), reverts("ERC20InsufficientBalance"):
            raise ZeroDivisionError

    def test_out_of_gas(self, token: Contract) -> None:
        """it calls what ran out of gas a halt."""
        with reverts("Halt", ...):
            token.transfer.send(BOB, 1, sender=ALICE, gas=22_000)

    def test_unknown_error(self, evm: Evm, token: Contract) -> None:
        """it gives the data of an error that no ABI has, and an empty name where there is none."""
        evm.put_code("0x" + "99" * 20, bytes.fromhex("63deadbeef5f526004601cfd"))
        with reverts("Unknown", bytes.fromhex("deadbeef")):
            evm.execute(ALICE, "0x" + "99" * 20, b"")
        with reverts(""):
            evm.execute(ALICE, token.address, b"\x01\x02\x03\x04")

    def test_a_failed_transaction_changes_nothing(self, token: Contract) -> None:
        """it leaves everything as it was."""
        with pytest.raises(Reverted):
            self.overdraw(token)
        assert token.balanceOf.call(ALICE) == 10


class TestEvents:
    """Given a transaction with events"""

    def test_are_named_with_their_arguments(self, token: Contract) -> None:
        """it gives the arguments as attributes, and the contract."""
        event = token.transfer.send(BOB, 4, sender=ALICE).only("Transfer")
        assert (event.from_, event.to, event.value) == (ALICE.address, BOB.address, 4)
        assert event.address == token.address

    def test_only_means_one(self, token: Contract) -> None:
        """it refuses `only` where there are none of that name."""
        receipt = token.transfer.send(BOB, 4, sender=ALICE)
        with pytest.raises(AssertionError, match="0 events Approval"):
            receipt.only("Approval")
        assert receipt.all("Approval") == []

    def test_are_of_their_transaction(self, token: Contract) -> None:
        """it keeps the events of each transaction apart, also when they are read later."""
        first = token.transfer.send(BOB, 4, sender=ALICE)
        second = token.transfer.send(BOB, 5, sender=ALICE)
        assert (first.only("Transfer").value, second.only("Transfer").value) == (4, 5)


class TestUndoing:
    """Given something that is undone"""

    def test_rollback(self, evm: Evm, token: Contract) -> None:
        """it restores storage, time, block and nonces, inner blocks included."""
        before = (evm.time, evm.number, evm.nonce(PEOPLE.deployer))
        with evm.rollback():
            evm.time += 100
            token.transfer.send(BOB, 4, sender=ALICE)
            with evm.rollback():
                token.transfer.send(BOB, 6, sender=ALICE)
                evm.deploy("MockStablecoin", sender=PEOPLE.deployer)
            assert (token.balanceOf.call(BOB), evm.time) == (4, before[0] + 100)
        assert token.balanceOf.call(BOB) == 0
        assert (evm.time, evm.number, evm.nonce(PEOPLE.deployer)) == before

    def test_rollback_after_an_error(self, evm: Evm, token: Contract) -> None:
        """it restores when the block ends in an error."""
        with pytest.raises(Reverted), evm.rollback():  # noqa: PT012
            token.transfer.send(BOB, 4, sender=ALICE).only("Transfer")
            token.transfer.send(BOB, 7, sender=ALICE)
        assert token.balanceOf.call(BOB) == 0

    def test_call_changes_nothing(self, token: Contract) -> None:
        """it undoes what a tried transaction changes, and gives its result."""
        assert token.transfer.call(BOB, 4, sender=ALICE) is True
        assert token.balanceOf.call(BOB) == 0

    def test_what_is_stored(self, evm: Evm, token: Contract) -> None:
        """it tells states apart by what is stored, which reading and what was undone do not change."""
        before = evm.stored()
        with evm.rollback():
            token.transfer.send(BOB, 4, sender=ALICE)
            changed = evm.stored() - before
            assert sorted(item.rpartition(" ")[2] for item in changed) == ["4", "6"]
            assert all(item.startswith(f"{token.address.lower()} ") for item in changed)
        assert token.balanceOf.call(PEOPLE.deployer) == 0
        assert evm.stored() == before

    def test_many_times(self, evm: Evm, token: Contract) -> None:
        """it goes on working after thousands of times."""
        for _ in range(3_000):
            with evm.rollback():
                token.transfer.send(BOB, 4, sender=ALICE)
        assert token.balanceOf.call(ALICE) == 10


class TestImpersonation:
    """Given a contract"""

    def test_sends_itself(self, evm: Evm, token: Contract) -> None:
        """it sends as itself, and is what it was afterwards."""
        code = evm.code(token.address)
        other = evm.deploy("MockStablecoin", sender=ALICE)
        other.mint.send(token, 5, sender=ALICE)
        with evm.rollback():
            with evm.impersonated(token) as sender:
                other.transfer.send(BOB, 5, sender=sender)
            assert other.balanceOf.call(BOB) == 5
        assert (evm.code(token.address), token.balanceOf.call(ALICE)) == (code, 10)


class TestTime:
    """Given the time"""

    def test_is_what_was_set(self, evm: Evm, token: Contract) -> None:
        """it is exactly what was set, until it is set again."""
        evm.time = 1_800_000_000
        deadline = 1_799_999_999
        with reverts("ERC2612ExpiredSignature", deadline):
            token.permit.send(ALICE, BOB, 1, deadline, 27, bytes(32), bytes(32), sender=BOB)
        token.transfer.send(BOB, 1, sender=ALICE)
        assert evm.time == 1_800_000_000
