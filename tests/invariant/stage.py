"""Each transaction twice: on the EVM and in the model. Outcome and state must be the same."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flexbond.model.suite import Addresses, ModelRevert, Role, Suite
from flexbond.model.suite.base import Journal, Part, Table
from tests.invariant.readers import Reader
from tests.support.evm import TRANSACTION_GAS, Contract, Evm, Method, Receipt, Reverted, address_of
from tests.support.world import World

SuiteClass = Callable[[Addresses, dict[Role, frozenset[str]]], Suite]


class CountingEvm(Evm):
    """Counts what it executes."""

    def __init__(self) -> None:
        super().__init__()
        self.transactions = 0
        self.calls = 0
        """Views, made to compare."""

    def execute(
        self,
        sender: Any,
        to: str,
        data: bytes,
        *,
        value: int = 0,
        gas: int = TRANSACTION_GAS,
        is_static: bool = False,
    ) -> bytes:
        """One call with raw data; its raw result. Raises Reverted."""
        if is_static:
            self.calls += 1
        else:
            self.transactions += 1
        return super().execute(sender, to, data, value=value, gas=gas, is_static=is_static)


class Watch(Journal):
    """The model's journal, which also tells what a transaction touched."""

    def __init__(self) -> None:
        super().__init__()
        self.touched: set[tuple[int, Any]] = set()


class WatchedTable(Table[Any, Any]):
    """Tells the journal which entry changes."""

    def __init__(self, journal: Watch) -> None:
        super().__init__(journal)
        self.watch = journal

    def _remember(self, key: Any) -> None:
        self.watch.touched.add((id(self), key))
        super()._remember(key)


@dataclass(frozen=True)
class Result:
    """How a transaction ended, on both sides alike."""

    error: ModelRevert | None
    value: Any = None
    """What the model's function returned."""
    receipt: Receipt | None = None

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return self.error is None

    @cached_property
    def returned(self) -> Any:
        """What the contract returned."""
        assert self.receipt is not None
        return self.receipt.value


class Stage:
    """The suite on the EVM, and its model."""

    def __init__(self, suite_class: SuiteClass = Suite) -> None:
        self.evm = CountingEvm()
        self.world = World(evm=self.evm)
        self.outcomes: Counter[tuple[str, str]] = Counter()
        """By action and error; no error: done."""
        self.suite = self._model(suite_class)
        self.tables = dict(_tables(self.suite))
        self.names = {id(table): name for name, table in self.tables.items()}
        self.trail: deque[str] = deque(maxlen=40)
        """The last transactions."""
        self.reader = Reader(self.world, self.suite)
        self.wallets: dict[str, Contract] = {}
        """Contracts that send by their function `execute`, by address."""
        self._base: dict[str, dict[Any, Any]] = {}
        self._snapshot: Any = None

    def _model(self, suite_class: SuiteClass) -> Suite:
        people, addresses = self.world.accounts, self.world.addresses
        roles = {
            Role.MARKET_OPERATOR: frozenset((people.market_operator.address,)),
            Role.METER_OPERATOR: frozenset((people.meter_operator.address,)),
            Role.GUARDIAN: frozenset((people.guardian.address,)),
        }
        places = {name: addresses[contract] for name, contract in PLACES.items()}
        suite = suite_class(Addresses(**places), roles)
        watch = Watch()
        suite.journal = watch
        for part in _parts(suite):
            part.journal = watch
            for name, value in vars(part).items():
                if isinstance(value, Table):
                    setattr(part, name, WatchedTable(watch))
        suite.escrow.listed[self.world.token.address] = True
        return suite

    # ---------------------------------------------------------------- examples

    def begin(self) -> None:
        """From here on everything can be undone."""
        self._snapshot = self.evm.snapshot()
        self._base = {name: dict(table) for name, table in self.tables.items()}
        self.reader.forget()
        self.trail.clear()

    def end(self) -> None:
        """Undoes everything since `begin`."""
        self.evm.revert(self._snapshot)
        for name, table in self.tables.items():
            dict.clear(table)
            dict.update(table, self._base[name])

    # ---------------------------------------------------------------- transactions

    @property
    def now(self) -> int:
        """UTC seconds."""
        return self.evm.time

    def act(
        self, name: str, method: Method, args: Iterable[Any], by: Any, model: Callable[..., Any], /, **given: Any
    ) -> Result:
        """Sends a transaction, calls the model's function with `given`, compares, and reads again what it touched."""
        watch = self.suite.journal
        assert isinstance(watch, Watch)
        watch.touched.clear()
        refused: ModelRevert | None = None
        value: Any = None
        try:
            value = model(**given)
        except ModelRevert as error:
            refused = error
            watch.touched.clear()
        receipt, reverted = self._send(method, list(args), by)
        what = f"{name} by {address_of(by)} at {self.now}"
        self.trail.append(f"{what}: {refused or 'done'}")
        _compare_outcomes(what, refused, reverted)
        self.outcomes[name, refused.name if refused else ""] += 1
        if refused is None:
            for table, key in watch.touched:
                self.reader.compare(self.names[table], key, what)
        return Result(refused, value, receipt)

    def touched(self, table: str) -> list[Any]:
        """What the last transaction touched of a table."""
        watch = self.suite.journal
        assert isinstance(watch, Watch)
        return [key for place, key in watch.touched if self.names[place] == table]

    def _send(self, method: Method, args: list[Any], sender: Any) -> tuple[Receipt | None, Reverted | None]:
        wallet = self.wallets.get(address_of(sender))
        try:
            if wallet is None:
                return method.send(*args, sender=sender), None
            inner = wallet.execute.send(method.address, method.encode(*args), sender=self.world.accounts.attacker)
            return Receipt(method.function, inner.value, self.evm.result, self.evm.time), None
        except Reverted as error:
            return None, error

    def compare_all(self) -> None:
        """Reads every entry that the model has."""
        for name, table in self.tables.items():
            for key in table:
                self.reader.compare(name, key, f"everything at {self.now}")


PLACES = {
    "escrow": "CollateralEscrow",
    "rulebook": "Rulebook",
    "participants": "ParticipantRegistry",
    "devices": "DeviceRegistry",
    "oracle": "MeterOracle",
    "rights": "FlexibilityRights",
    "market": "FlexibilityMarket",
    "measurement": "Measurement",
    "spot_checks": "SpotChecks",
    "settlement": "Settlement",
    "payouts": "Payouts",
}
"""Name in the model and in the world -> contract."""


def _parts(suite: Suite) -> Iterable[Part]:
    return [value for value in vars(suite).values() if isinstance(value, Part)]


def _tables(suite: Suite) -> Iterable[tuple[str, WatchedTable]]:
    for owner, part in vars(suite).items():
        if isinstance(part, Part):
            for name, table in vars(part).items():
                if isinstance(table, WatchedTable):
                    yield f"{owner}.{name}", table


def _compare_outcomes(what: str, refused: ModelRevert | None, reverted: Reverted | None) -> None:
    if refused is None:
        assert reverted is None, f"{what}: the contract reverts with {reverted}, the model does not"
        return
    assert reverted is not None, f"{what}: the model reverts with {refused}, the contract does not"
    same = refused.matches(reverted.name, reverted.revert.args)
    assert same, f"{what}: the contract reverts with {reverted}, the model with {refused}"
