"""CollateralEscrow.listToken: which tokens may come in."""

from __future__ import annotations

from flexbond.hashing import ZERO_ADDRESS
from tests.support.evm import reverts
from tests.support.world import World
from tests.unit.collateral_escrow.conftest import ADMIN, ALICE, Vault


def test_lists_a_token(world: World) -> None:
    """Given a token, when the market operator lists it, it is listed."""
    token = world.accounts.attacker.address
    assert not world.escrow.isListed.call(token)
    event = world.escrow.listToken.send(token, True, sender=world.accounts.market_operator).only("TokenListed")
    assert (event.token, event.listed) == (token, True)
    assert world.escrow.isListed.call(token)


def test_unlisting_stops_deposits_and_nothing_else(vault: Vault) -> None:
    """Given a token with money in, when it is unlisted, deposits are refused; locks and withdrawals go on."""
    token = vault.token.address
    event = vault.escrow.listToken.send(token, False, sender=ADMIN).only("TokenListed")
    assert (event.token, event.listed) == (token, False)
    vault.give(vault.token, ALICE, 5)
    with reverts("CollateralEscrow_TokenNotListed", token):
        vault.escrow.deposit.send(token, ALICE, 5, sender=ALICE)
    vault.lock(400)
    vault.escrow.withdraw.send(token, ALICE, 600, sender=ALICE)
    assert vault.token.balanceOf.call(ALICE) == 605


def test_refuses_the_zero_address(vault: Vault) -> None:
    """Given no token, it cannot be listed."""
    with reverts("Flexbond_ZeroAddress", "token"):
        vault.escrow.listToken.send(ZERO_ADDRESS, True, sender=ADMIN)


def test_refuses_anyone_but_the_market_operator(world: World) -> None:
    """Given another account, when it lists a token, it is not authorised."""
    for account in (world.accounts.attacker, world.accounts.admin, world.accounts.provider):
        with reverts("AccessManagedUnauthorized", account):
            world.escrow.listToken.send(world.token.address, False, sender=account)
