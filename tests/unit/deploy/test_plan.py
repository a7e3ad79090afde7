"""The plan of a deployment: what it brings about, and that it can be interrupted anywhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flexbond.chain.config import Appointment, NetworkConfig, load_config
from flexbond.chain.development import development_accounts
from flexbond.chain.plan import (
    GOVERNED,
    GUARDED,
    MOCK,
    MOVERS,
    SUITE,
    Deploy,
    DeploymentCheckError,
    PlanError,
    Role,
    build_plan,
    check,
    created_address,
    run,
)
from tests.support.evm import Evm, artifacts, reverts
from tests.support.world import ROOT, InProcess, World

PEOPLE = development_accounts()


@pytest.fixture(scope="module")
def config() -> NetworkConfig:
    return load_config("anvil", ROOT / "config")


class Fragile(InProcess):
    """Dies before its transaction number `lives`, or right after it."""

    def __init__(self, evm: Evm, *, lives: int, after: bool) -> None:
        super().__init__(evm, PEOPLE.deployer.address)
        self.lives = lives
        self.after = after
        self.done: list[Any] = []

    def _live(self, action: Any) -> None:
        if self.lives == 0 and not self.after:
            raise KeyboardInterrupt
        action()
        if self.lives == 0:
            raise KeyboardInterrupt
        self.lives -= 1

    def deploy(self, contract: str, arguments: Any, nonce: int) -> None:
        self.done.append(contract)
        self._live(lambda: InProcess.deploy(self, contract, arguments, nonce))

    def send(self, contract: str, address: str, function: str, arguments: Any, nonce: int) -> None:
        self.done.append((function, arguments))
        self._live(lambda: InProcess.send(self, contract, address, function, arguments, nonce))


def executor_of(world: World) -> InProcess:
    return InProcess(world.evm, PEOPLE.deployer.address)


class TestResult:
    """Given the plan was carried out"""

    def test_contracts_stand_where_predicted(self, world: World) -> None:
        """it has every contract at the address that follows from the deployer's nonce, in the order of the plan."""
        for nonce, name in enumerate((*SUITE, MOCK)):
            assert world.addresses[name] == created_address(PEOPLE.deployer.address, nonce)
            assert world.evm.code(world.addresses[name])

    def test_check_passes(self, world: World) -> None:
        """it passes its own check, as often as one likes."""
        check(world.config, executor_of(world), world.addresses)

    def test_movers_are_exactly_four(self, world: World) -> None:
        """it lets four contracts move locks, and nobody else."""
        everyone = [*world.addresses.values(), *(item.address for item in vars(PEOPLE).values())]
        found = {address for address in everyone if world.escrow.isMover.call(address)}
        assert found == {world.addresses[name] for name in MOVERS}
        assert len(found) == 4

    def test_governed_contracts_obey_governance(self, world: World) -> None:
        """it has every governed contract obey Governance."""
        for name in GOVERNED:
            assert world.evm.at(name, world.addresses[name]).authority.call() == world.governance.address

    def test_money_is_listed(self, world: World) -> None:
        """it lists the mock stablecoin of a development network."""
        assert world.escrow.isListed.call(world.token.address)

    def test_each_step_is_one_transaction(self, config: NetworkConfig) -> None:
        """it took as many transactions as the plan has steps."""
        executor = Fragile(Evm(), lives=1_000, after=False)
        run(config, executor, first_nonce=0)
        assert executor.nonce() == len(build_plan(config, executor.abi)) == len(executor.done)


class TestDeployer:
    """Given the plan was carried out, when the deployer tries to use the power it had"""

    @pytest.mark.parametrize("role", list(Role))
    def test_has_no_role(self, world: World, role: Role) -> None:
        """it has no role."""
        assert world.governance.hasRole.call(role, PEOPLE.deployer)[0] is False

    def test_cannot_grant(self, world: World) -> None:
        """it cannot grant a role."""
        with reverts("AccessManagerUnauthorizedAccount", PEOPLE.deployer, Role.ADMIN):
            world.governance.grantRole.send(Role.MARKET_OPERATOR, PEOPLE.deployer, 0, sender=PEOPLE.deployer)

    def test_cannot_list_tokens(self, world: World) -> None:
        """it cannot list a token, as it did while deploying."""
        with reverts("AccessManagedUnauthorized", PEOPLE.deployer):
            world.escrow.listToken.send(world.token.address, False, sender=PEOPLE.deployer)

    def test_cannot_close_a_target(self, world: World) -> None:
        """it cannot close a contract."""
        with reverts("AccessManagerUnauthorizedAccount", PEOPLE.deployer, Role.ADMIN):
            world.governance.setTargetClosed.send(world.rulebook.address, True, sender=PEOPLE.deployer)

    def test_cannot_move_money(self, world: World) -> None:
        """it cannot move money."""
        buyer = PEOPLE.buyer.address
        with reverts("Flexbond_NotMover", PEOPLE.deployer):
            world.escrow.purchase.send(
                world.token.address, buyer, PEOPLE.deployer.address, bytes(32), 1, 0, 0, sender=PEOPLE.deployer
            )

    @pytest.mark.parametrize("place", ["admin", "market_operators", "guardians", "meter_operators"])
    def test_is_refused_a_role_by_the_configuration(self, config: NetworkConfig, place: str) -> None:
        """it is refused, when a configuration gives it a role."""
        appointment = Appointment(account=PEOPLE.deployer.address, delay_seconds=0)
        value = {"admin": appointment, "meter_operators": (appointment.account,)}.get(place, (appointment,))
        changes: dict[str, Any] = {place: value}
        executor = InProcess(Evm(), PEOPLE.deployer.address)
        with pytest.raises(PlanError, match="gives a role to the deployer"):
            run(replace(config, **changes), executor, first_nonce=0)
        assert executor.nonce() == 0


class TestInterrupted:
    """Given a deployment that was killed at some step, when it is started again"""

    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    def test_goes_on(self, config: NetworkConfig, after: bool) -> None:
        """it does what is missing, nothing twice, and passes the check."""
        count = len(build_plan(config, InProcess(Evm(), PEOPLE.deployer.address).abi))
        for lives in range(count):
            executor = Fragile(Evm(), lives=lives, after=after)
            with pytest.raises(KeyboardInterrupt):
                run(config, executor, first_nonce=0)
            assert executor.nonce() == lives + after
            executor.lives = 1_000
            addresses = run(config, executor, first_nonce=0)
            assert executor.nonce() == count
            check(config, executor, addresses)

    def test_does_nothing_when_finished(self, world: World) -> None:
        """it does nothing if nothing is missing."""
        executor = Fragile(Evm(), lives=1_000, after=False)
        run(world.config, executor, first_nonce=0)
        executor.done.clear()
        run(world.config, executor, first_nonce=0)
        assert executor.done == []

    def test_refuses_a_foreign_transaction(self, config: NetworkConfig) -> None:
        """it refuses, if the deployer did something else in between."""
        executor = Fragile(Evm(), lives=3, after=False)
        with pytest.raises(KeyboardInterrupt):
            run(config, executor, first_nonce=0)
        executor._calls += 1
        with pytest.raises(PlanError, match="was used for something else"):
            run(config, executor, first_nonce=0)

    def test_refuses_a_nonce_of_the_past(self, config: NetworkConfig) -> None:
        """it refuses, if the chain has fewer of the deployer's transactions than when the deployment began."""
        with pytest.raises(PlanError, match="was used for something else"):
            run(config, InProcess(Evm(), PEOPLE.deployer.address), first_nonce=1)


class TestCheck:
    """Given a deployment that is not as the configuration says, when it is checked"""

    def test_wrong_admin(self, world: World) -> None:
        """it names who is not ADMIN."""
        other = replace(world.config, admin=Appointment(account=PEOPLE.attacker.address, delay_seconds=0))
        with pytest.raises(DeploymentCheckError, match=f"{PEOPLE.attacker.address} is not ADMIN"):
            check(other, executor_of(world), world.addresses)

    def test_wrong_delay(self, world: World) -> None:
        """it names the delay that a role has."""
        operator = world.config.market_operators[0]
        other = replace(world.config, market_operators=(replace(operator, delay_seconds=60),))
        with pytest.raises(DeploymentCheckError, match="is MARKET_OPERATOR with a delay of 0 s"):
            check(other, executor_of(world), world.addresses)

    def test_missing_code(self, world: World) -> None:
        """it names the contract that is not there."""
        addresses = {**world.addresses, "Payouts": PEOPLE.attacker.address}
        with pytest.raises(DeploymentCheckError, match="Payouts has no code"):
            check(world.config, executor_of(world), addresses)

    def test_wrong_argument(self, world: World) -> None:
        """it names the argument of a constructor that reads back otherwise."""
        addresses = {**world.addresses, "Measurement": world.addresses["Payouts"]}
        with pytest.raises(DeploymentCheckError, match=r"DeviceRegistry\.measurement is"):
            check(world.config, executor_of(world), addresses)

    def test_remapped_guard(self, world: World) -> None:
        """it names the function that is for another role."""
        selector = artifacts()["Rulebook"].abi.functions["publish"].selector
        world.governance.setTargetFunctionRole.send(
            world.rulebook.address, [selector], Role.GUARDIAN, sender=PEOPLE.admin
        )
        with pytest.raises(DeploymentCheckError, match=r"Rulebook.publish is for role 3, not MARKET_OPERATOR"):
            check(world.config, executor_of(world), world.addresses)

    @pytest.mark.parametrize("role", list(Role))
    def test_deployer_with_a_role(self, world: World, role: Role) -> None:
        """it names the role that the deployer still has."""
        world.governance.grantRole.send(role, PEOPLE.deployer, 0, sender=PEOPLE.admin)
        with pytest.raises(DeploymentCheckError, match=f"is still {role.name}"):
            check(world.config, executor_of(world), world.addresses)

    def test_deployer_qualified(self, world: World) -> None:
        """it names the deployer that is a participant."""
        world.qualify(PEOPLE.deployer, buyer=True)
        with pytest.raises(DeploymentCheckError, match="is a qualified participant"):
            check(world.config, executor_of(world), world.addresses)

    def test_deployer_as_operator(self, world: World) -> None:
        """it names the account for which the deployer may act."""
        world.participants.appointOperator.send(PEOPLE.deployer, 2**40 - 1, sender=PEOPLE.admin)
        with pytest.raises(DeploymentCheckError, match="may act for ADMIN"):
            check(world.config, executor_of(world), world.addresses)


class TestPlan:
    """Given the plan as data"""

    def test_arguments_fit_the_constructors(self, config: NetworkConfig) -> None:
        """it gives every constructor as many arguments as it takes."""
        executor = InProcess(Evm(), PEOPLE.deployer.address)
        for step in build_plan(config, executor.abi):
            if isinstance(step, Deploy):
                assert len(step.arguments) == len(executor.abi(step.contract).constructor.inputs), step.contract

    def test_guards_every_restricted_function(self, config: NetworkConfig) -> None:
        """it maps exactly the functions that ask Governance: called by a stranger, only these say AccessManaged."""
        world = World()
        stranger = PEOPLE.attacker
        found = set()
        for contract in GOVERNED:
            handle = world.evm.at(contract, world.addresses[contract])
            for name, function in artifacts()[contract].abi.functions.items():
                if function.is_view or "(" in name:
                    continue
                # Zeros are arguments of every static type; dynamic ones read an empty list or text.
                data = function.selector + bytes(32 * 64)
                try:
                    world.evm.execute(stranger, handle.address, data)
                except Exception as error:  # noqa: BLE001
                    if getattr(error, "name", "") == "AccessManagedUnauthorized":
                        found.add((contract, name))
        guarded = {item for functions in GUARDED.values() for item in functions}
        # setAuthority is Governance's own, by its address.
        assert found - {(contract, "setAuthority") for contract in GOVERNED} == guarded

    def test_created_address(self) -> None:
        """it derives addresses as the chain does, for nonces of every length."""
        evm = Evm()
        evm_deployer = "0x" + "42" * 20
        for nonce in range(300):
            expected = created_address(evm_deployer, nonce)
            assert evm.deploy(MOCK, sender=evm_deployer).address == expected
