"""The suite on the chain and its model side by side: every step is made on both and must come out alike."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from flexbond import ids
from flexbond.model.suite import Addresses, ModelRevert, Role, Suite
from flexbond.model.types import NO_LOOKBACK, LockReason
from tests.support.evm import Reverted
from tests.support.world import FOREVER, GRID, MONEY, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Mirror:
    """A world and its model."""

    def __init__(self, world: World) -> None:
        self.world = world
        contracts = world.addresses
        people = world.accounts
        self.suite = Suite(
            Addresses(
                escrow=contracts["CollateralEscrow"],
                rulebook=contracts["Rulebook"],
                participants=contracts["ParticipantRegistry"],
                devices=contracts["DeviceRegistry"],
                oracle=contracts["MeterOracle"],
                rights=contracts["FlexibilityRights"],
                market=contracts["FlexibilityMarket"],
                measurement=contracts["Measurement"],
                spot_checks=contracts["SpotChecks"],
                settlement=contracts["Settlement"],
                payouts=contracts["Payouts"],
            ),
            {
                Role.MARKET_OPERATOR: frozenset([people.market_operator.address]),
                Role.METER_OPERATOR: frozenset([people.meter_operator.address]),
                Role.GUARDIAN: frozenset([people.guardian.address]),
            },
        )
        self.steps: Counter[str] = Counter()
        self.token = world.token.address
        self._catch_up()

    @property
    def now(self) -> int:
        """UTC seconds."""
        return self.world.evm.time

    def _catch_up(self) -> None:
        """What `World.settle_in` did."""
        people, suite, now = self.world.accounts, self.suite, self.now
        operator = people.market_operator.address
        suite.escrow.list_token(self.token, True, sender=operator)
        for account, buyer, provider in (
            (people.provider, False, True),
            (people.buyer, True, False),
            (people.second_buyer, True, False),
        ):
            suite.participants.qualify(account.address, buyer, provider, bytes(32), FOREVER, sender=operator, now=now)
        provider = people.provider.address
        suite.participants.appoint_operator(people.provider_operator.address, FOREVER, sender=provider)
        for account in (people.provider, people.buyer, people.second_buyer):
            suite.tokens.mint(self.token, account.address, MONEY)
            suite.tokens.approve(self.token, suite.addresses.escrow, MONEY, sender=account.address)
            suite.escrow.deposit(self.token, account.address, MONEY, sender=account.address)
        suite.devices.publish_grid(GRID, sender=operator)
        suite.rulebook.publish(self.world.rule(), NO_LOOKBACK, sender=operator, now=now)

    def both(self, name: str, chain: Callable[[], Any], model: Callable[[], Any]) -> tuple[bool, Any]:
        """Makes a step on both; whether it went through, and what the chain returned."""
        refused: ModelRevert | None = None
        expected: Any = None
        try:
            expected = model()
        except ModelRevert as error:
            refused = error
        try:
            receipt = chain()
        except Reverted as reverted:
            says = f"{name}: chain {reverted}, model {refused}"
            assert refused is not None, says
            assert refused.matches(reverted.name, reverted.args), says
            self.steps[f"{name}: {reverted.name}"] += 1
            return False, None
        assert refused is None, f"{name}: chain went through, model {refused}"
        if expected is not None:
            assert receipt.value == expected, name
        self.steps[name] += 1
        return True, receipt.value

    def compare(self, accounts: Iterable[str]) -> None:
        """Money of everyone, and the sum of it."""
        world, suite = self.world, self.suite
        for account in accounts:
            assert world.escrow.free.call(self.token, account) == suite.escrow.free(self.token, account), account
            assert world.token.balanceOf.call(account) == suite.tokens.balance_of(self.token, account), account
        for lock_id, lock in suite.escrow.locks.items():
            assert tuple(world.escrow.lockOf.call(lock_id)) == (lock.owner, lock.amount)
        held = world.token.balanceOf.call(world.escrow.address)
        assert world.escrow.owed.call(self.token) == suite.escrow.owed(self.token) == suite.held(self.token) == held

    def compare_events(self) -> None:
        """Events, rights, windows, portfolios and pools."""
        world, suite = self.world, self.suite
        for event_id, state in suite.measurement.events.items():
            assert world.measurement.eventState.call(event_id) == state
            committed = suite.measurement.commitments.get(event_id, bytes(32))
            assert world.measurement.commitment.call(event_id) == committed
            assert world.settlement.pending.call(event_id) == suite.settlement.pending(event_id)
            for period, order in enumerate(suite.settlement.orders.get(event_id, ())):
                assert world.settlement.orderedW.call(event_id, period) == order
            cursor = suite.measurement.cursors.get(event_id)
            assert world.measurement.cursorHash.call(event_id) == (ids.cursor_hash(cursor) if cursor else bytes(32))
        for dispatch_id, dispatch in suite.settlement.dispatches.items():
            expected = ids.dispatch_hash(dispatch) if dispatch else bytes(32)
            assert world.settlement.dispatchHash.call(dispatch_id) == expected
        for right_id, right in suite.rights.rights.items():
            stored = (right.issued, right.open, right.released, right.transferable, right.expired)
            assert tuple(world.rights.right.call(right_id)) == stored
        for (holder, right_id), units in suite.rights.balances.items():
            assert world.rights.balanceOf.call(holder, ids.token_id(right_id)) == units
        for (portfolio_id, start), window in suite.rights.windows.items():
            end, _next, promised, unavailable = world.rights.window.call(portfolio_id, start)
            assert (end, promised, unavailable) == (window.window_end, window.promised_w, window.unavailable)
        for portfolio_id in {portfolio_id for portfolio_id, _start in suite.rights.windows}:
            calls = world.rights.callsFrom.call(portfolio_id, 0, 2**40 - 1)
            assert tuple(calls) == suite.rights.calls_from(portfolio_id, 0, 2**40 - 1)
        for pool_id, pool in suite.payouts.pools.items():
            assert tuple(world.payouts.pool.call(pool_id)) == (pool.amount, pool.opened_at, pool.by_capacity)
            assert suite.escrow.locked(self.token, LockReason.POOL, pool_id) <= pool.amount
        for portfolio_id in suite.devices.portfolios:
            assert world.devices.portfolio.call(portfolio_id) == suite.devices.portfolio(portfolio_id)
            assert world.devices.sums.call(portfolio_id) == suite.devices.sums(portfolio_id)
            before = world.devices.sumsBefore.call(portfolio_id, self.now)
            assert before == suite.devices.sums_before(portfolio_id, self.now)
            for index, entry in enumerate(suite.devices.entries(portfolio_id)):
                assert world.devices.entry.call(portfolio_id, index) == entry
        for point_id, point in suite.devices.points.items():
            assert world.devices.meteringPoint.call(point_id) == point
            assert world.devices.signer.call(point_id) == suite.devices.signer(point_id)
