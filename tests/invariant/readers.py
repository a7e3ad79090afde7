"""What the contracts say of each entry of the model's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flexbond import ids
from flexbond.hashing import ZERO_ADDRESS, ZERO_HASH
from flexbond.model.suite.devices import NO_POINT, NO_SIGNER
from flexbond.model.suite.people import NOBODY

if TYPE_CHECKING:
    from collections.abc import Callable

    from flexbond.model.suite import Suite
    from tests.support.world import World


def _unseen(_: Any) -> tuple[Any, Any]:
    """What no contract shows by itself: it tells in what else it does."""
    return None, None


class Reader:
    """Compares entries of the model's tables with what the contracts answer."""

    def __init__(self, world: World, suite: Suite) -> None:
        self.world = world
        self.suite = suite
        self._lists: dict[bytes, tuple[Any, ...]] = {}
        self._compare: dict[str, Callable[[Any], tuple[Any, Any]]] = {
            **self._of_money(),
            **self._of_people(),
            **self._of_devices(),
            **self._of_rights(),
            **self._of_events(),
            **self._of_checks(),
            **self._of_ends(),
        }

    def forget(self) -> None:
        """Nothing was read."""
        self._lists.clear()

    def compare(self, table: str, key: Any, when: str) -> None:
        """The entry must be the same on both sides."""
        found, expected = self._compare[table](key)
        assert found == expected, f"{table}{key!r} is {found!r}, the model has {expected!r}, after {when}"

    # ---------------------------------------------------------------- by contract

    def _of_money(self) -> dict[str, Callable[[Any], tuple[Any, Any]]]:
        world, escrow, tokens = self.world, self.suite.escrow, self.suite.tokens

        def lock(key: bytes) -> tuple[Any, Any]:
            found, held = world.escrow.lockOf.call(key), escrow.locks.get(key)
            return tuple(found), (held.owner, held.amount) if held else (ZERO_ADDRESS, 0)

        def erc20(token: str) -> Any:
            return world.evm.at("MockStablecoin", token)

        return {
            "tokens.balances": lambda key: (erc20(key[0]).balanceOf.call(key[1]), tokens.balance_of(*key)),
            "tokens.index_bps": _unseen,
            "tokens.allowances": lambda key: (
                erc20(key[0]).allowance.call(key[1], key[2]),
                tokens.allowances.get(key, 0),
            ),
            "escrow.listed": lambda key: (world.escrow.isListed.call(key), escrow.listed.get(key, False)),
            "escrow.owed_of": lambda key: (world.escrow.owed.call(key), escrow.owed(key)),
            "escrow.balances": lambda key: (world.escrow.free.call(*key), escrow.free(*key)),
            "escrow.locks": lock,
        }

    def _of_people(self) -> dict[str, Callable[[Any], tuple[Any, Any]]]:
        world, suite = self.world, self.suite

        def participant(account: str) -> tuple[Any, Any]:
            known = suite.participants.accounts.get(account, NOBODY)
            expected = (known.buyer, known.provider, known.expiry, known.credential_hash)
            return tuple(world.participants.participant.call(account)), expected

        def rule(key: bytes) -> tuple[Any, Any]:
            book, kept = world.rulebook, suite.rulebook
            found = book.terms.call(key), book.measuringTerms.call(key), book.stakes.call(key)
            return found, (kept.terms(key), kept.measuring_terms(key), kept.stakes(key))

        def acts(key: tuple[str, str]) -> tuple[Any, Any]:
            return world.participants.mayAct.call(*key), suite.participants.may_act(*key, now=world.evm.time)

        return {
            "participants.accounts": participant,
            "participants.operators": acts,
            "rulebook.published": rule,
            "rulebook.calendars": lambda key: (world.rulebook.nextDay.call(key), suite.rulebook.next_day(key)),
        }

    def _of_devices(self) -> dict[str, Callable[[Any], tuple[Any, Any]]]:
        world, devices, oracle = self.world, self.suite.devices, self.suite.oracle
        chain = world.devices

        def entries(portfolio: bytes) -> tuple[Any, Any]:
            known, expected = self._lists.get(portfolio, ()), devices.entries(portfolio)
            found = tuple(
                known[index] if index < len(known) and known[index] == item else chain.entry.call(portfolio, index)
                for index, item in enumerate(expected)
            )
            self._lists[portfolio] = found
            return found, expected

        def sums(portfolio: bytes) -> tuple[Any, Any]:
            now = world.evm.time
            found = (chain.sums.call(portfolio), chain.sumsBefore.call(portfolio, now))
            return found, (devices.sums(portfolio), devices.sums_before(portfolio, now))

        def signer_before(point: bytes) -> tuple[Any, Any]:
            moments = (world.evm.time - 1, world.evm.time)
            found = tuple(chain.signerWordAt.call(point, moment)[0] for moment in moments)
            return found, tuple(devices.signer_at(point, moment).word for moment in moments)

        def standing(root: bytes) -> tuple[Any, Any]:
            kept = oracle.standing(root)
            return tuple(world.oracle.standing.call(root)), (kept.at, kept.attested_at, kept.anchored_by)

        def revision(key: tuple[bytes, int]) -> tuple[Any, Any]:
            after = world.evm.time + 1
            return world.oracle.revisionBefore.call(*key, after), oracle.revision_before(*key, after)

        return {
            "devices._flags": lambda _: (chain.paused.call(), devices.paused),
            "devices.grids": lambda key: (chain.grid.call(key), devices.grids[key]),
            "devices.signers": lambda key: (chain.signer.call(key), devices.signers.get(key, NO_SIGNER)),
            "devices.points": lambda key: (chain.meteringPoint.call(key), devices.points.get(key, NO_POINT)),
            "devices.past_signers": signer_before,
            "devices.stays": lambda key: (tuple(chain.pastStays.call(key)), devices.past_stays(key)),
            "devices.last_left": _unseen,
            "devices.committed_after_leaving": _unseen,
            "devices.portfolios": lambda key: (chain.portfolio.call(key), devices.portfolio(key)),
            "devices.lists": entries,
            "devices.traces": sums,
            "devices.used": lambda key: (chain.nonces.call(key), devices.nonces(key)),
            "oracle.kept": standing,
            "oracle.revisions": revision,
        }

    def _of_rights(self) -> dict[str, Callable[[Any], tuple[Any, Any]]]:
        chain, rights = self.world.rights, self.suite.rights

        def right(key: bytes) -> tuple[Any, Any]:
            held = rights.right(key)
            expected = (held.issued, held.open, held.released, held.transferable, held.expired)
            return tuple(chain.right.call(key)), expected

        def window(key: tuple[bytes, int]) -> tuple[Any, Any]:
            held, found = rights.windows.get(key), chain.window.call(*key)
            expected = (held.window_end, held.promised_w, held.unavailable) if held else (0, 0, False)
            from_start = key[1] if held else 0
            calls = chain.callsFrom.call(key[0], from_start, key[1] + 1)
            return ((found[0], *found[2:]), tuple(calls)), (expected, rights.calls_from(key[0], from_start, key[1] + 1))

        def balance(key: tuple[str, bytes]) -> tuple[Any, Any]:
            return chain.balanceOf.call(key[0], ids.token_id(key[1])), rights.balance_of(*key)

        return {
            "rights._flags": lambda _: (chain.paused.call(), rights.paused),
            "rights.rights": right,
            "rights.windows": window,
            "rights.balances": balance,
            "rights.approvals": lambda key: (chain.isApprovedForAll.call(*key), rights.approvals.get(key, False)),
            "market.fills": lambda key: (self.world.market.filled.call(*key), self.suite.market.filled(*key)),
            "market.min_nonces": lambda key: (self.world.market.minNonce.call(key), self.suite.market.min_nonce(key)),
        }

    def _of_events(self) -> dict[str, Callable[[Any], tuple[Any, Any]]]:
        chain, model = self.world.measurement, self.suite.measurement

        def schedule(key: bytes) -> tuple[Any, Any]:
            held = model.schedules.get(key)
            return chain.scheduleHash.call(key), ids.schedule_hash(held) if held else ZERO_HASH

        def cursor(key: bytes) -> tuple[Any, Any]:
            held = model.cursors.get(key)
            return chain.cursorHash.call(key), ids.cursor_hash(held) if held else ZERO_HASH

        return {
            "measurement.events": lambda key: (chain.eventState.call(key), model.event_state(key)),
            "measurement.schedules": schedule,
            "measurement.commitments": lambda key: (chain.commitment.call(key), model.commitments.get(key, ZERO_HASH)),
            "measurement.cursors": cursor,
            "measurement.results": _unseen,
        }

    def _of_checks(self) -> dict[str, Callable[[Any], tuple[Any, Any]]]:
        chain, model = self.world.spot_checks, self.suite.spot_checks
        return {
            "spot_checks.checks": lambda key: (chain.check.call(key), model.check(key)),
            "spot_checks.demands": lambda key: (chain.demandOf.call(*key), model.demand_of(*key)),
            "spot_checks.lost": lambda key: (chain.forBuyers.call(key), model.for_buyers(key)),
        }

    def _of_ends(self) -> dict[str, Callable[[Any], tuple[Any, Any]]]:
        chain, model, payouts = self.world.settlement, self.suite.settlement, self.suite.payouts

        def dispatch(key: bytes) -> tuple[Any, Any]:
            held = model.dispatches.get(key)
            return chain.dispatchHash.call(key), ids.dispatch_hash(held) if held else ZERO_HASH

        def orders(key: bytes) -> tuple[Any, Any]:
            held = model.orders.get(key, ())
            return tuple(chain.orderedW.call(key, period) for period in range(len(held))), held

        def pool(key: bytes) -> tuple[Any, Any]:
            held = payouts.pool(key)
            return tuple(self.world.payouts.pool.call(key)), (held.amount, held.opened_at, held.by_capacity)

        return {
            "settlement.dispatches": dispatch,
            "settlement.orders": orders,
            "settlement.pendings": lambda key: (chain.pending.call(key), model.pending(key)),
            "payouts.pools": pool,
            "payouts.event_of": _unseen,
            "payouts.collected": lambda key: (self.world.payouts.hasCollected.call(*key), payouts.has_collected(*key)),
        }
