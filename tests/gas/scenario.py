"""Every user action once, in one deterministic story on Anvil, with its gas by name.

Seventeen homes of one portfolio sell three evenings' windows; each action is taken in the states that matter for its
price: slots new or in use, first or second of an event, few or many periods.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from flexbond.chain.development import customer_signer
from flexbond.ids import right_id, token_id
from flexbond.model.types import BaselineMethod, SignerScheme
from flexbond.signing.eip712 import Domain
from flexbond.signing.messages import Permit
from flexbond.signing.sign import sign_permit
from tests.support.world import DAY, FOREVER, GRID, Submission, World

if TYPE_CHECKING:
    from flexbond.model.types import Product
    from tests.gas.anvil import AnvilEvm

HOMES: Final = 17
FLEET: Final = 200
"""Records in the large batch signed with secp256k1."""
P256_FLEET: Final = 50
HOUR: Final = 3_600


def tell(evm: AnvilEvm) -> dict[str, int]:
    """Gas of every action of the story, by name."""
    return Story(evm).tell()


class Story:
    """Takes the actions and keeps what they cost."""

    def __init__(self, evm: AnvilEvm) -> None:
        self.gas: dict[str, int] = {}
        self.evm = evm
        self.world = World(evm=evm)
        self.gas["deploy: the suite, its roles and a mock token"] = evm.gas
        self.world.settle_in()
        self.people = self.world.accounts
        self.homes = [self.world.home(number) for number in range(HOMES)]

    def note(self, name: str) -> None:
        """Keeps what the last transaction cost."""
        assert name not in self.gas, name
        self.gas[name] = self.evm.result.gas_used

    def note_purchase(self, name: str) -> None:
        """Keeps what the last purchase cost, and its part that issues the right with its locks."""
        self.note(f"take: {name}")
        self.gas[f"issue: {name}"] = self.evm.spent_within(self.world.rights.issue)

    def tell(self) -> dict[str, int]:
        """All of it."""
        self.money()
        self.meters()
        self.governance()
        self.sale()
        self.calls()
        self.fleet()
        self.evening()
        self.morning()
        self.results()
        self.payment()
        self.collection()
        self.end()
        return dict(sorted(self.gas.items()))

    # ---------------------------------------------------------------- money

    def money(self) -> None:
        """In and out of the escrow."""
        world, escrow, token = self.world, self.world.escrow, self.world.token
        account = customer_signer(900)
        token.mint.send(account, 10**9, sender=account)
        token.approve.send(escrow.address, 10**9, sender=account)
        escrow.deposit.send(token.address, account, 10**6, sender=account)
        self.note("deposit: first of the account")
        escrow.deposit.send(token.address, account, 10**6, sender=account)
        self.note("deposit: further")
        deadline, amount = self.evm.time + DAY, 10**6
        domain = Domain(name="Mock Dollar", chain_id=self.evm.chain_id, contract=token.address)
        permit = Permit(owner=account.address, spender=escrow.address, value=amount, nonce=0, deadline=deadline)
        signed = sign_permit(account, domain, permit)
        escrow.depositWithPermit.send(
            token.address, account, amount, deadline, signed.v, signed.r, signed.s, sender=account
        )
        self.note("depositWithPermit: further")
        escrow.withdraw.send(token.address, account, 10**6, sender=account)
        self.note("withdraw: part")
        escrow.withdraw.send(token.address, customer_signer(901), 2 * 10**6, sender=account)
        self.note("withdraw: all, to a new holder of the token")
        assert world.free(account) == 0

    # ---------------------------------------------------------------- meters

    def meters(self) -> None:
        """Statements, enrolment, leaving."""
        world, people = self.world, self.people
        self.portfolio = world.create_portfolio()
        self.note("createPortfolio")
        p256 = world.home(800, scheme=SignerScheme.P256)
        world.state(p256)
        self.note("state: P-256")
        for number, home in enumerate(self.homes):
            world.state(home)
            if number == 0:
                self.note("state: secp256k1")
            world.enrol(home, world.consent(home, self.portfolio))
            if number < 2:
                self.note("enrol: first of the portfolio" if number == 0 else "enrol: further")
        world.enrol(p256, world.consent(p256, self.portfolio))
        world.devices.changePayee.send(self.portfolio, HOMES, people.relayer, 0, b"", sender=p256.customer)
        self.note("changePayee: by the payee")
        self.evm.time += 1
        world.state(p256, world.statement(p256, capacity_w=6_000, sequence=2))
        self.note("state: P-256, another capacity while enrolled")
        world.devices.leave.send(p256.metering_point, sender=p256.customer)
        self.note("leave")
        world.devices.voidStatement.send(p256.metering_point, sender=p256.customer)
        self.note("voidStatement")
        self.evm.time += 1

    def governance(self) -> None:
        """What roles and principals do now and then."""
        world, people = self.world, self.people
        self.nominated = world.rule(baseline=BaselineMethod.NOMINATED, baseline_periods=0)
        world.publish(self.nominated)
        self.note("publish: a rule")
        world.qualify(people.attacker, buyer=True)
        self.note("qualify")
        world.participants.appointOperator.send(people.relayer, FOREVER, sender=people.buyer)
        self.note("appointOperator")
        world.devices.raiseCustomerShare.send(self.portfolio, 6_100, sender=people.provider)
        self.note("raiseCustomerShare")
        world.market.cancel.send(people.provider, 9, sender=people.provider)
        self.note("cancel: offers of a nonce")
        world.market.cancelAll.send(people.provider, 16, sender=people.provider)
        self.note("cancelAll: offers below a nonce")

    # ---------------------------------------------------------------- rights

    def sale(self) -> None:
        """Rights of three windows, an unavailable one, and one never called."""
        world, people = self.world, self.people
        evening = world.tomorrow(18)
        times: dict[str, Any] = {"window_start": evening, "window_end": evening + 2 * HOUR}
        self.long = world.product(self.portfolio, transferable=True, **times)
        offer = world.offer(self.long, 60)
        world.take(offer, buyer=people.buyer, units=30)
        self.note_purchase("fresh right, first window of the portfolio, new nonce word")
        world.take(offer, buyer=people.second_buyer, units=10)
        self.note_purchase("further buyer of the right")
        other = replace(self.long, utilisation_per_mwh=1)
        world.take(world.offer(other, 5), buyer=people.buyer)
        self.note_purchase("fresh right, window and nonce word in use")
        times = {"window_start": evening + 4 * HOUR, "window_end": evening + 4 * HOUR + 1_800}
        self.short = world.product(self.portfolio, **times)
        world.take(world.offer(self.short, 60), buyer=people.buyer)
        self.note_purchase("fresh right, further window, nonce word in use")
        times = {"window_start": evening + 2 * HOUR, "window_end": evening + 3 * HOUR}
        self.uncalled = world.product(self.portfolio, **times)
        world.buy(self.uncalled, units=20)
        times = {"window_start": evening + 5 * HOUR, "window_end": evening + 5 * HOUR + 1_800}
        self.failing = world.product(self.portfolio, **times)
        world.buy(self.failing, units=20)
        morning = world.tomorrow(10)
        self.alone = world.product(self.portfolio, window_start=morning, window_end=morning + 2 * HOUR)
        world.buy(self.alone, units=40)
        self.transfer()
        self.unavailable()

    def transfer(self) -> None:
        """One right passed on."""
        world, people, right = self.world, self.people, token_id(right_id(self.long))
        for to, name in ((people.attacker, "to a new holder"), (people.second_buyer, "to a holder")):
            world.rights.safeTransferFrom.send(people.buyer, to, right, 1, b"", sender=people.buyer)
            self.note(f"transfer: {name}")

    def unavailable(self) -> None:
        """A right given up, and what is left of it once its provider is unavailable."""
        world, people = self.world, self.people
        start = world.tomorrow(6)
        product = world.product(self.portfolio, rule=self.nominated, window_start=start, window_end=start + 2 * HOUR)
        world.buy(product, units=20)
        world.rights.release.send(product, people.buyer, 5, sender=people.buyer)
        self.note("release: part")
        world.measurement.nominate.send(product.event_key, [5_000_000] * 8, sender=people.provider)
        self.note("nominate: 8 periods")
        world.rights.declareUnavailable.send(product.event_key, sender=people.provider)
        self.note("declareUnavailable")
        world.rights.release.send(product, people.buyer, 15, sender=people.buyer)
        self.note("release: all, unavailable")

    def calls(self) -> None:
        """Dispatches of the long window, and what their holders change."""
        people, product, rule = self.people, self.long, self.world.rule()
        self.evm.time = self.alone.window_start - HOUR
        self.single = self.world.dispatch(self.alone, units=40, orders_w=[40_000] * 8).dispatch
        self.evm.time = product.window_start - HOUR
        settlement = self.world.settlement
        called = []
        for number, name in enumerate(("first", "second", "third", "fourth")):
            holder = people.second_buyer if number == 1 else people.buyer
            called.append(self.world.dispatch(product, units=5, orders_w=[5_000] * 8, holder=holder).dispatch)
            if number < 2:
                self.note(f"dispatch: {name} of the event, 8 periods")
        stopped = settlement.stop.send(product, rule, called[2], 4, sender=people.buyer)
        self.note("stop: last 4 of 8 periods")
        cancelled = settlement.cancel.send(product, rule, called[3], sender=people.buyer)
        self.note("cancel: 8 periods")
        excused = settlement.excuse.send(product, called[1], 3, sender=people.second_buyer)
        self.note("excuse")
        changed = [receipt.only("DispatchChanged").dispatch for receipt in (excused, stopped, cancelled)]
        self.dispatches = [called[0], *changed]

    # ---------------------------------------------------------------- measuring

    def fleet(self) -> None:
        """Who signs the large batches; nobody of it is enrolled."""
        self.fleets = []
        for scheme, first, count in ((SignerScheme.SECP256K1, 1_000, FLEET), (SignerScheme.P256, 2_000, P256_FLEET)):
            homes = [self.world.home(first + number, scheme=scheme) for number in range(count + 1)]
            for home in homes:
                self.world.state(home)
            self.fleets.append(homes)

    def evening(self) -> None:
        """The short window's call, and a call that nobody will measure."""
        self.evm.time = self.short.window_start - HOUR
        self.only = self.world.dispatch(self.short, units=60, orders_w=[60_000] * 2).dispatch
        self.note("dispatch: first of the event, 2 periods")
        self.evm.time = self.failing.window_start - HOUR
        self.missed = self.world.dispatch(self.failing, units=20, orders_w=[20_000] * 2).dispatch

    def morning(self) -> None:
        """Records of the day: in both windows the homes shed a fifth of their load."""
        world, windows = self.world, (self.long, self.short, self.alone)

        def reading(start: int) -> int:
            shed = any(product.window_start <= start < product.window_end for product in windows)
            return 800_000 if shed else 1_000_000

        self.batch = world.attest_readings(self.long, dict.fromkeys(self.homes, reading))
        self.note("attest: 17 secp256k1 records")
        slot = self.long.window_start - self.long.window_start % DAY
        for homes, name in zip(self.fleets, ("secp256k1", "P-256"), strict=True):
            gas = []
            for group in (homes[:1], homes[1:]):
                world.attest([(home, world.record(home, slot, [1_000] * GRID.readings_per_slot)) for home in group])
                gas.append(self.evm.result.gas_used)
            self.gas[f"attest: one {name} record"] = gas[0]
            self.gas[f"attest: further {name} record of {len(homes) - 1}"] = (gas[1] - gas[0]) // (len(homes) - 2)
        world.oracle.anchor.send(self.batch.tree.levels[-2][0], sender=self.people.relayer)
        self.note("anchor: a root over any number of records")
        for homes, name in zip(self.fleets, ("reportEquivocation", "reportEquivocationP256"), strict=True):
            pair = [world.sign(homes[0], world.record(homes[0], slot, [value] * 96)) for value in (1_000, 2_000)]
            getattr(world.oracle, name).send(*pair, sender=self.people.relayer)
            self.note(name)

    def results(self) -> None:
        """Submission and proof of both windows."""
        world = self.world
        world.settlement.settleUncalled.send(self.uncalled, world.rule(), sender=self.people.relayer)
        self.note("settleUncalled")
        self.evm.time = self.short.window_end + world.rule().reading_deadline
        self.measured: list[tuple[Product, Submission, tuple[int, ...]]] = []
        for product, periods in ((self.long, 8), (self.short, 2), (self.alone, 0)):
            submission = world.submission(product, self.batch)
            world.submit(submission)
            if periods:
                self.note(f"submit: {periods} periods")
            responses = world.prove(submission)
            if periods:
                self.note(f"prove: 17 leaves, MeterBefore, {periods} periods")
                self.gas[f"prove: per leaf of 17, MeterBefore, {periods} periods"] = self.evm.result.gas_used // HOMES
            self.measured.append((product, submission, responses))
        self.evm.time = self.failing.window_end + world.rule().submission_deadline
        world.measurement.fail.send(self.failing.event_key, sender=self.people.relayer)
        self.note("fail")

    # ---------------------------------------------------------------- paying

    def payment(self) -> None:
        """Every dispatch ends."""
        names = ("first of 4", "excused", "stopped", "last of 4, cancelled")
        product, _, responses = self.measured[0]
        for dispatch, name in zip(self.dispatches, names, strict=True):
            self.world.settle(product, dispatch, responses)
            self.note(f"settle: {name}, 8 periods")
        for (product, _, responses), dispatch, periods in zip(
            self.measured[1:], (self.only, self.single), (2, 8), strict=True
        ):
            self.world.settle(product, dispatch, responses)
            self.note(f"settle: first and last, {periods} periods")
        self.world.settle(self.failing, self.missed)
        self.note("settle: never measured, 2 periods")

    def collection(self) -> None:
        """What customers get: of the first pool nobody had anything before."""
        for number, (_, submission, _) in enumerate(self.measured[:2]):
            for index in range(HOMES):
                self.world.collect(submission, index=index)
                if number == 0 and index < 2:
                    name = "all slots new" if index == 0 else "others collected before, first money of the payee"
                    self.note(f"collect: of 17, {name}")
                if number == 1 and index < 2:
                    name = "others collected before" if index else "first of the pool"
                    self.note(f"collect: of 17, {name}, the payee has a balance")
        for index in range(2):
            self.world.collect_by_capacity(self.uncalled, index=index)
            name = "others collected before" if index else "first of the pool"
            self.note(f"collectByCapacity: {name}, the payee has a balance")

    def end(self) -> None:
        """What nobody collected."""
        self.evm.time += self.world.rule().collect_period
        key, rule = self.uncalled.event_key, self.world.rule()
        self.world.payouts.sweep.send(right_id(self.uncalled), key, rule, sender=self.people.relayer)
        self.note("sweep: to an account without balance")
