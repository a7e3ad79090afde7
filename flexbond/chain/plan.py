"""How the suite comes to stand: every step as data, the same for a real node and for the EVM of the tests.

Contracts are deployed one after the other from one account, so the address of each is known beforehand (`CREATE`:
account and nonce); every constructor gets the addresses it needs, those of later contracts included, and nothing has
to be sealed afterwards. Then the functions that a role guards are mapped, the roles granted, and the deployer gives
up its own. Every step is exactly one transaction, so the deployer's nonce alone says how far a deployment came.

`check` asserts at the end what this promises; it needs no more than reading and may be run by anyone at any time.
"""

# Arguments are whatever the ABI takes.

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from flexbond.errors import FlexbondError
from flexbond.hashing import checksum_address, keccak

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from flexbond.chain.codec import Abi
    from flexbond.chain.config import NetworkConfig


class Role(IntEnum):
    """Roles of Governance, as in `contracts/libraries/Roles.sol`."""

    ADMIN = 0
    """Grants and maps, nothing else."""
    MARKET_OPERATOR = 1
    METER_OPERATOR = 2
    GUARDIAN = 3


GUARDED: Final[Mapping[Role, Sequence[tuple[str, str]]]] = {
    Role.MARKET_OPERATOR: (
        ("Rulebook", "publish"),
        ("Rulebook", "publishCalendar"),
        ("Rulebook", "extendCalendar"),
        ("ParticipantRegistry", "qualify"),
        ("DeviceRegistry", "publishGrid"),
        ("CollateralEscrow", "listToken"),
    ),
    Role.GUARDIAN: (("DeviceRegistry", "setPaused"), ("FlexibilityRights", "setPaused")),
}
"""Which function of which contract a role guards. METER_OPERATOR guards none: DeviceRegistry asks for membership."""

GOVERNED: Final = ("CollateralEscrow", "Rulebook", "ParticipantRegistry", "DeviceRegistry", "FlexibilityRights")
"""Contracts that ask Governance who may."""

MOVERS: Final = ("FlexibilityRights", "SpotChecks", "Settlement", "Payouts")
"""Contracts that may move locks of the escrow."""

SUITE: Final = (
    "Governance",
    "CollateralEscrow",
    "Rulebook",
    "ParticipantRegistry",
    "DeviceRegistry",
    "MeterOracle",
    "DeliveryVerifier",
    "FlexibilityRights",
    "Measurement",
    "SpotChecks",
    "Payouts",
    "Settlement",
    "FlexibilityMarket",
)
"""The contracts in the order of their deployment."""

MOCK: Final = "MockStablecoin"
"""Money of development networks."""


class PlanError(FlexbondError):
    """A deployment that cannot go on."""


class DeploymentCheckError(PlanError):
    """A deployment that does not stand as it should."""


@dataclass(frozen=True)
class Ref:
    """The address of a contract of the plan, deployed already or not."""

    contract: str


DEPLOYER: Final = Ref("deployer")
"""The deploying account's address."""


@dataclass(frozen=True, kw_only=True)
class Deploy:
    """Create a contract."""

    contract: str
    arguments: tuple[Any, ...]

    @property
    def title(self) -> str:
        """What happens, for people."""
        return f"Deploy {self.contract}"


@dataclass(frozen=True, kw_only=True)
class Call:
    """Call a function of a contract of the plan."""

    contract: str
    function: str
    arguments: tuple[Any, ...]
    title: str
    """What happens, for people."""


Step = Deploy | Call


class Executor(Protocol):
    """Who carries a plan out: a node and a key, or the EVM of the tests."""

    @property
    def deployer(self) -> str:
        """The deploying account."""
        ...

    def nonce(self) -> int:
        """Transactions of the deployer that happened."""
        ...

    def abi(self, contract: str) -> Abi:
        """The ABI of a contract."""
        ...

    def has_code(self, address: str) -> bool:
        """Whether there is a contract."""
        ...

    def deploy(self, contract: str, arguments: Sequence[Any], nonce: int) -> None:
        """Creates a contract with the deployer's transaction of that nonce, and waits until it stands."""
        ...

    def send(self, contract: str, address: str, function: str, arguments: Sequence[Any], nonce: int) -> None:
        """Calls a function with the deployer's transaction of that nonce, and waits until it is done."""
        ...

    def call(self, contract: str, address: str, function: str, arguments: Sequence[Any]) -> Any:
        """Reads."""
        ...


# ------------------------------------------------------------------ the plan


def deployments(config: NetworkConfig) -> tuple[Deploy, ...]:
    """The contracts with their constructors' arguments, in order."""
    refs = {name: Ref(name) for name in SUITE}

    def deploy(contract: str, *arguments: Any) -> Deploy:
        given = tuple(refs[item] if isinstance(item, str) else item for item in arguments)
        return Deploy(contract=contract, arguments=given)

    movers = tuple(refs[name] for name in MOVERS)
    steps = (
        deploy("Governance", DEPLOYER),
        deploy("CollateralEscrow", "Governance", movers),
        deploy("Rulebook", "Governance", "CollateralEscrow"),
        deploy("ParticipantRegistry", "Governance"),
        deploy("DeviceRegistry", "Governance", "ParticipantRegistry", "MeterOracle", "Measurement"),
        deploy("MeterOracle", "DeviceRegistry"),
        deploy("DeliveryVerifier", "MeterOracle", "DeviceRegistry", "Rulebook", "FlexibilityRights"),
        deploy(
            "FlexibilityRights",
            *("Governance", "Rulebook", "ParticipantRegistry", "DeviceRegistry", "CollateralEscrow"),
            *("FlexibilityMarket", "Settlement"),
        ),
        deploy(
            "Measurement",
            *("ParticipantRegistry", "DeviceRegistry", "DeliveryVerifier", "Rulebook", "Settlement", "SpotChecks"),
        ),
        deploy(
            "SpotChecks",
            *("Measurement", "DeviceRegistry", "DeliveryVerifier", "MeterOracle", "ParticipantRegistry"),
            *("CollateralEscrow", "Rulebook", "Settlement"),
        ),
        deploy("Payouts", "DeviceRegistry", "Measurement", "CollateralEscrow", "Settlement"),
        deploy(
            "Settlement",
            *("ParticipantRegistry", "DeviceRegistry", "CollateralEscrow", "FlexibilityRights"),
            *("Measurement", "Payouts", "SpotChecks"),
        ),
        deploy("FlexibilityMarket", "ParticipantRegistry", "FlexibilityRights"),
    )
    return (*steps, deploy(MOCK)) if config.brings_mock else steps


def build_plan(config: NetworkConfig, abi_of: Callable[[str], Abi]) -> tuple[Step, ...]:
    """All steps in their order, each one transaction of the deployer."""
    return (*deployments(config), *_listings(config), *_mappings(abi_of), *_grants(config), *_farewell(config))


def _listings(config: NetworkConfig) -> list[Step]:
    """Before the mapping, while the deployer as admin still may."""
    tokens: list[Any] = [Ref(MOCK)] if config.brings_mock else list(config.tokens)
    return [
        Call(
            contract="CollateralEscrow",
            function="listToken",
            arguments=(token, True),
            title=f"List {token.contract if isinstance(token, Ref) else token} as money",
        )
        for token in tokens
    ]


def _governance(function: str, title: str, *arguments: Any) -> Call:
    return Call(contract="Governance", function=function, arguments=arguments, title=title)


def _mappings(abi_of: Callable[[str], Abi]) -> list[Step]:
    steps: list[Step] = [
        _governance("labelRole", f"Name role {role.value} {role.name}", role, role.name)
        for role in (Role.MARKET_OPERATOR, Role.METER_OPERATOR, Role.GUARDIAN)
    ]
    for role, functions in GUARDED.items():
        for contract, function in functions:
            selector = abi_of(contract).functions[function].selector
            title = f"Let {role.name} call {contract}.{function}"
            steps.append(_governance("setTargetFunctionRole", title, Ref(contract), (selector,), role))
    return steps


def _grants(config: NetworkConfig) -> list[Step]:
    steps: list[Step] = []
    for role, account, delay in appointments(config):
        if role is not Role.ADMIN:
            title = f"Make {account} {role.name}{_after(delay)}"
            steps.append(_governance("grantRole", title, role, account, delay))
    return steps


def _farewell(config: NetworkConfig) -> list[Step]:
    admin = config.admin
    steps: list[Step] = []
    if admin.delay_seconds:
        for contract in GOVERNED:
            title = f"Let changes of {contract}'s guards wait{_after(admin.delay_seconds)}"
            steps.append(_governance("setTargetAdminDelay", title, Ref(contract), admin.delay_seconds))
    title = f"Make {admin.account} ADMIN{_after(admin.delay_seconds)}"
    steps.append(_governance("grantRole", title, Role.ADMIN, admin.account, admin.delay_seconds))
    steps.append(_governance("renounceRole", "Strip the deployer of its power", Role.ADMIN, DEPLOYER))
    return steps


def _after(delay: int) -> str:
    return f", {delay} s after announcing" if delay else ""


def appointments(config: NetworkConfig) -> list[tuple[Role, str, int]]:
    """Role, account and delay (s) of everyone the configuration appoints."""
    return [
        (Role.ADMIN, config.admin.account, config.admin.delay_seconds),
        *((Role.MARKET_OPERATOR, item.account, item.delay_seconds) for item in config.market_operators),
        *((Role.METER_OPERATOR, account, 0) for account in config.meter_operators),
        *((Role.GUARDIAN, item.account, item.delay_seconds) for item in config.guardians),
    ]


# ------------------------------------------------------------------ addresses


def created_address(deployer: str, nonce: int) -> str:
    """The address of what the account creates with that nonce: `keccak256(rlp([deployer, nonce]))`, low 20 bytes."""
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    item = number if nonce and nonce < 0x80 else bytes([0x80 + len(number)]) + number
    body = b"\x94" + bytes.fromhex(deployer.removeprefix("0x")) + item
    return checksum_address("0x" + keccak(bytes([0xC0 + len(body)]) + body)[12:].hex())


def predict(config: NetworkConfig, deployer: str, first_nonce: int) -> dict[str, str]:
    """Name and address of every contract of the plan, when its first transaction has that nonce."""
    return {
        step.contract: created_address(deployer, first_nonce + place) for place, step in enumerate(deployments(config))
    }


def resolve(value: Any, addresses: Mapping[str, str], deployer: str) -> Any:
    """An argument with addresses in place of references."""
    if isinstance(value, Ref):
        return deployer if value == DEPLOYER else addresses[value.contract]
    if isinstance(value, tuple):
        return tuple(resolve(item, addresses, deployer) for item in value)
    return value


# ------------------------------------------------------------------ carrying out


def run(
    config: NetworkConfig,
    executor: Executor,
    *,
    first_nonce: int,
    before: Callable[[Step], None] | None = None,
) -> dict[str, str]:
    """Carries out what is missing of the plan, checks the result, and gives name and address of every contract.

    Started again with the same `first_nonce` it goes on where it was. `before` is told each step before it happens.
    Raises PlanError if the deployer's account did something else in between, DeploymentCheckError if something is not
    as it should be.
    """
    deployer = executor.deployer
    if any(account == deployer for _, account, _ in appointments(config)):
        raise PlanError(
            f"The configuration gives a role to the deployer {deployer}.", next_step="Deploy from another account."
        )
    steps = build_plan(config, executor.abi)
    addresses = predict(config, deployer, first_nonce)
    done = executor.nonce() - first_nonce
    _check_progress(executor, addresses, steps, done)
    for place, step in enumerate(steps):
        if place < done:
            continue
        if before:
            before(step)
        arguments = resolve(step.arguments, addresses, deployer)
        if isinstance(step, Deploy):
            executor.deploy(step.contract, arguments, first_nonce + place)
        else:
            executor.send(step.contract, addresses[step.contract], step.function, arguments, first_nonce + place)
    check(config, executor, addresses)
    return addresses


def _check_progress(executor: Executor, addresses: Mapping[str, str], steps: Sequence[Step], done: int) -> None:
    """The transactions so far must be the plan's: a contract stands wherever one was deployed, and no more happened."""
    deployed = [step.contract for step in steps[: max(done, 0)] if isinstance(step, Deploy)]
    if done < 0 or done > len(steps) or not all(executor.has_code(addresses[name]) for name in deployed):
        raise PlanError(
            f"The account {executor.deployer} was used for something else since the deployment began.",
            next_step="Remove the deployment's file and deploy anew, from an account that does nothing else meanwhile.",
        )


# ------------------------------------------------------------------ checking


def check(config: NetworkConfig, executor: Executor, addresses: Mapping[str, str]) -> None:
    """Asserts that the suite stands as planned and that the deployer has no power left. Raises DeploymentCheckError."""
    for contract, address in addresses.items():
        if not executor.has_code(address):
            raise _wrong(f"{contract} has no code at {address}")
    for step in deployments(config):
        _check_arguments(step, executor, addresses)
    _check_movers(executor, addresses)
    _check_guards(config, executor, addresses)
    _check_roles(config, executor, addresses)
    _check_deployer(config, executor, addresses)


def _wrong(what: str) -> DeploymentCheckError:
    return DeploymentCheckError(f"{what}.", next_step="Do not use this deployment; find out why, and deploy anew.")


def _check_arguments(step: Deploy, executor: Executor, addresses: Mapping[str, str]) -> None:
    """Every argument of the constructor that a function of its name gives back."""
    abi = executor.abi(step.contract)
    arguments = resolve(step.arguments, addresses, executor.deployer)
    for parameter, expected in zip(abi.constructor.inputs, arguments, strict=True):
        name = parameter.name.strip("_")
        for getter in ({"governance": "authority", "initialAuthority": "authority"}.get(name, name), name):
            function = abi.functions.get(getter)
            if function is not None and not function.inputs and function.is_view:
                found = executor.call(step.contract, addresses[step.contract], getter, ())
                if found != expected:
                    raise _wrong(f"{step.contract}.{getter} is {found}, not {expected}")


def _check_movers(executor: Executor, addresses: Mapping[str, str]) -> None:
    for contract, address in (*addresses.items(), ("the deployer", executor.deployer)):
        found = executor.call("CollateralEscrow", addresses["CollateralEscrow"], "isMover", (address,))
        if found != (contract in MOVERS):
            raise _wrong(f"{contract} {'can' if found else 'cannot'} move locks of the escrow")


def _check_guards(config: NetworkConfig, executor: Executor, addresses: Mapping[str, str]) -> None:
    governance = addresses["Governance"]
    for contract in GOVERNED:
        authority = executor.call(contract, addresses[contract], "authority", ())
        if authority != governance:
            raise _wrong(f"{contract} obeys {authority}, not Governance")
        delay = executor.call("Governance", governance, "getTargetAdminDelay", (addresses[contract],))
        # A delay that was raised takes effect only after Governance's own setback of some days.
        if delay not in (0, config.admin.delay_seconds):
            raise _wrong(f"Changes of {contract}'s guards wait {delay} s")
    for role, functions in GUARDED.items():
        for contract, function in functions:
            selector = executor.abi(contract).functions[function].selector
            arguments = (addresses[contract], selector)
            found = executor.call("Governance", governance, "getTargetFunctionRole", arguments)
            if found != role:
                raise _wrong(f"{contract}.{function} is for role {found}, not {role.name}")


def _check_roles(config: NetworkConfig, executor: Executor, addresses: Mapping[str, str]) -> None:
    for role, account, delay in appointments(config):
        held, found = executor.call("Governance", addresses["Governance"], "hasRole", (role, account))
        if not held or found != delay:
            raise _wrong(f"{account} {f'is {role.name} with a delay of {found} s' if held else f'is not {role.name}'}")


def _check_deployer(config: NetworkConfig, executor: Executor, addresses: Mapping[str, str]) -> None:
    deployer = executor.deployer
    for role in Role:
        held, _ = executor.call("Governance", addresses["Governance"], "hasRole", (role, deployer))
        if held:
            raise _wrong(f"The deployer {deployer} is still {role.name}")
    for question in ("isBuyer", "isProvider"):
        if executor.call("ParticipantRegistry", addresses["ParticipantRegistry"], question, (deployer,)):
            raise _wrong(f"The deployer {deployer} is a qualified participant")
    for role, account, _ in appointments(config):
        if executor.call("ParticipantRegistry", addresses["ParticipantRegistry"], "mayAct", (account, deployer)):
            raise _wrong(f"The deployer {deployer} may act for {role.name} {account}")
