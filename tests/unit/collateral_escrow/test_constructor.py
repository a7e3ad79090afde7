"""CollateralEscrow's constructor: the movers are sealed with it."""

from __future__ import annotations

from flexbond.hashing import ZERO_ADDRESS
from tests.support.evm import Evm, artifacts, reverts
from tests.unit.collateral_escrow.conftest import ADMIN, ALICE, MOVERS, Vault

ADDRESSES = [mover.address for mover in MOVERS]


def test_the_movers_are_those_given(vault: Vault) -> None:
    """Given four movers, each of them is one, and nobody else is."""
    assert all(vault.escrow.isMover.call(mover) for mover in MOVERS)
    assert not any(vault.escrow.isMover.call(account) for account in (ADMIN, ALICE, ZERO_ADDRESS))


def test_no_function_could_add_a_mover() -> None:
    """Given the contract's interface, nothing but what moves, lists and pays changes it, whatever the role."""
    functions = artifacts()["CollateralEscrow"].abi.functions
    changing = {name for name, function in functions.items() if not function.is_view and "(" not in name}
    assert changing == {
        *("listToken", "deposit", "depositWithPermit", "withdraw"),
        *("lock", "purchase", "divide", "divideAll", "pay", "payMany", "release"),
        "setAuthority",  # by the authority alone, and the authority guards nothing but listToken
    }


def test_refuses_the_zero_address(evm: Evm) -> None:
    """Given no governance, or a mover that is zero, when it is deployed, the error names what is missing."""
    with reverts("Flexbond_ZeroAddress", "governance"):
        evm.deploy("CollateralEscrow", ZERO_ADDRESS, ADDRESSES, sender=ADMIN)
    for place in range(4):
        movers = [*ADDRESSES[:place], ZERO_ADDRESS, *ADDRESSES[place + 1 :]]
        with reverts("Flexbond_ZeroAddress", "movers"):
            evm.deploy("CollateralEscrow", ALICE.address, movers, sender=ADMIN)


def test_refuses_a_mover_given_twice(evm: Evm) -> None:
    """Given the same mover in two places, when it is deployed, the error names it."""
    for first in range(4):
        for second in range(first + 1, 4):
            movers = list(ADDRESSES)
            movers[second] = movers[first]
            with reverts("CollateralEscrow_DuplicateMover", movers[first]):
                evm.deploy("CollateralEscrow", ALICE.address, movers, sender=ADMIN)
