"""What a run of the demonstration found, ready to be told: everything the report shows, and nothing computed by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from flexbond.demo.britain.result import BritishResult
    from flexbond.demo.fleet.result import FleetResult
    from flexbond.demo.plan import Occasion
    from flexbond.model.settlement import PeriodOutcome
    from flexbond.model.types import Product, Rule, Settled
    from flexbond.operations.common import Token


@dataclass(frozen=True, kw_only=True)
class DayCurve:
    """A local day of the portfolio, by the hour, mWh, `+` import, `-` export."""

    real: tuple[int, ...]
    """Net load of the homes as it was, batteries untouched."""
    metered: tuple[int, ...]
    """With the modelled batteries."""


@dataclass(frozen=True, kw_only=True)
class PeriodLine:
    """One settlement period of an event, all buyers together; mWh."""

    start: int
    """UTC seconds."""
    end: int
    """UTC seconds, exclusive."""
    ordered: int
    """Never negative."""
    baseline: int | None
    """`+` import, `-` export; None where nothing was ordered."""
    metered: int | None
    """`+` import, `-` export, of the homes that were not silent; None where nothing was ordered."""
    silent: int
    """What the silent homes took away from the response; never positive."""
    response: int | None
    """As settled, negative against what was asked for; None where nothing was ordered."""
    sign: int
    """1 where less import is a response (Shed), -1 where more is (Absorb)."""

    @property
    def change(self) -> int | None:
        """What the meters that counted show against their baseline, `+` as asked for."""
        if self.baseline is None or self.metered is None:
            return None
        return self.sign * (self.baseline - self.metered)

    @property
    def cut(self) -> int | None:
        """What the limit at each home's capacity changed."""
        if self.response is None or self.change is None:
            return None
        return self.response - self.change - self.silent


@dataclass(frozen=True, kw_only=True)
class HomeLine:
    """One home in one event."""

    name: str
    silence: str
    """Empty: its record counted."""
    baseline: tuple[int, ...]
    """Per ordered period, mWh, `+` import, `-` export; empty where the baseline is the portfolio's or the home was silent."""
    metered: tuple[int, ...]
    """Per ordered period, mWh, `+` import, `-` export; empty if silent."""
    response: tuple[int, ...]
    """Per ordered period, mWh, as it entered the sum; empty where the baseline is the portfolio's."""
    weight: int
    """What the pool is split by."""
    credited: int
    """Its share of the pool, base units."""


@dataclass(frozen=True, kw_only=True)
class DispatchLine:
    """One dispatch and its money; base units."""

    dispatch_id: str
    buyer: str
    units: int
    kind: str
    notice_at: int
    """UTC seconds."""
    orders_w: tuple[int, ...]
    """Per period of the window as it stood at last, W."""
    stopped: bool
    """Whether a part of the order was taken back."""
    periods: tuple[PeriodOutcome, ...]
    delivered_bps: int
    """Delivered of ordered, over the dispatch."""
    availability_bps: int
    """What the availability curve pays for it."""
    penalty_uncapped: int
    stop_loss: int
    utilisation_locked: int
    availability_locked: int
    collateral_locked: int
    settled: Settled


@dataclass(frozen=True, kw_only=True)
class PoolLine:
    """A customers' pool; base units."""

    pool_id: str
    amount: int
    credited: int
    remainder: int
    """Swept after the collection period to the party that the rule names."""


@dataclass(frozen=True, kw_only=True)
class SettledLine:
    """A service window as it was settled."""

    right_id: str
    event_id: str
    product: Product
    premium: int
    """Paid to the provider at purchase, base units."""
    schedule: tuple[int, ...]
    """As nominated, mWh per period, `+` import; empty where each home has its own baseline."""
    first_notice: int
    """UTC seconds; 0: never called."""
    root: str
    """As submitted; empty: never called."""
    periods: tuple[PeriodLine, ...]
    homes: tuple[HomeLine, ...]
    dispatches: tuple[DispatchLine, ...]
    uncalled_availability: int
    """Earned by the right that was never called, base units."""
    uncalled_released: int
    """Collateral of the right that was never called, back to the provider, base units."""
    pool: PoolLine


@dataclass(frozen=True, kw_only=True)
class EventLine(SettledLine):
    """One occasion of the Fontana chapter."""

    occasion: Occasion
    curve: DayCurve


@dataclass(frozen=True, kw_only=True)
class PartyLine:
    """One party's money in the escrow; base units, `+` in, `-` out. A row sums to `free + locked`."""

    name: str
    role: str
    address: str
    deposited: int
    premiums: int
    utilisation: int
    availability: int
    penalties: int
    pool: int
    """What it collected of the customers' pools, or what the pools took in and gave out."""
    bonds: int = 0
    """Of lost bonds."""
    withdrawn: int
    """Never negative; taken out of the escrow."""
    free: int
    locked: int

    @property
    def earned(self) -> int:
        """What others paid it, less what it paid them."""
        return self.premiums + self.utilisation + self.availability + self.penalties + self.pool + self.bonds


@dataclass(frozen=True, kw_only=True)
class GasLine:
    """One action in the transactions of the run."""

    contract: str
    action: str
    transactions: int
    least: int
    most: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Check:
    """Something that was compared and came out equal; what does not, stops the run."""

    text: str
    count: int
    """Comparisons made."""


@dataclass(frozen=True, kw_only=True)
class ChapterResult:
    """A chapter's run, as far as all chapters are alike."""

    network: str
    client: str
    """What the node calls itself."""
    chain_id: int
    contracts: tuple[tuple[str, str], ...]
    """Name and address."""
    token: Token
    """What all money is counted in."""
    customer_share_bps: int
    parties: tuple[PartyLine, ...]
    owed: int
    """What the escrow owes at the end, by its own account, base units."""
    held: int
    """What the escrow holds at the end, base units."""
    gas: tuple[GasLine, ...]
    checks: tuple[Check, ...]
    records: int
    """Meter records attested."""
    log_events: int
    """Lines of the event log."""

    @property
    def deposited(self) -> int:
        """Base units."""
        return sum(party.deposited for party in self.parties)

    @property
    def withdrawn(self) -> int:
        """Base units."""
        return sum(party.withdrawn for party in self.parties)

    @property
    def comparisons(self) -> int:
        """Values that were compared and are equal."""
        return sum(check.count for check in self.checks)


@dataclass(frozen=True, kw_only=True)
class FontanaResult(ChapterResult):
    """The Fontana chapter's run."""

    rules: tuple[tuple[str, str, Rule], ...]
    """Letter, id, and terms."""
    p256_homes: tuple[str, ...]
    wallet_homes: tuple[str, ...]
    """Homes whose customer is a contract."""
    first_day: date
    days: int
    drift: tuple[tuple[date, tuple[int, ...]], ...]
    """Per evening and hour of the window: how much less the homes took by themselves than in the baseline's hour, mWh."""
    events: tuple[EventLine, ...]


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """A whole run; None for a chapter that was not asked for."""

    network: str
    fontana: FontanaResult | None
    britain: BritishResult | None
    fleet: FleetResult | None = None
    """Of both fleet chapters."""
