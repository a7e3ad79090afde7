"""FlexibilityRights: what was promised, to whom, in which windows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from flexbond import ids
from flexbond.hashing import ZERO_ADDRESS
from flexbond.model.rounding import div_up
from flexbond.model.rules import RuleError, check_product
from flexbond.model.settlement import availability_per_unit, collateral_per_unit
from flexbond.model.suite.base import ModelRevert, Pausable, Table, atomic
from flexbond.model.types import (
    BPS,
    Call,
    Direction,
    EventKey,
    Funding,
    LockReason,
    Product,
    RuleTerms,
)

if TYPE_CHECKING:
    from flexbond.model.suite import Suite

ORDER_BITS: Final = 30
"""Power promised in a window, and so ordered of an event in a period, is below two to this power of W."""
MOST_CALLED_BPS: Final = (1 << 16) - 1
"""Where a greater share of the capacity was called, it counts as this."""


@dataclass(frozen=True, kw_only=True)
class Right:
    """Units of one product."""

    issued: int = 0
    open: int = 0
    """Neither dispatched nor released."""
    released: int = 0
    """Given up while the provider was available."""
    transferable: bool = False
    expired: bool = False


@dataclass(frozen=True, kw_only=True)
class Window:
    """A portfolio's window with what all its rights have in common."""

    window_end: int
    """UTC seconds."""
    promised_w: int
    """Issued and not released, W."""
    rule_id: bytes
    reference_w: int
    """W, `+` import."""
    direction: Direction
    unavailable: bool
    called_bps: int = 0
    """Most power called in a period, of the portfolio's capacity at that notice, rounded up, basis points; 0: never called."""
    first_notice: int = 0
    """UTC seconds."""


class Rights(Pausable):
    """Rights, who holds them, and the windows they are in."""

    def __init__(self, suite: Suite) -> None:
        super().__init__(suite)
        self.rights: Table[bytes, Right] = self.table()
        self.windows: Table[tuple[bytes, int], Window] = self.table()
        self.balances: Table[tuple[str, bytes], int] = self.table()
        self.approvals: Table[tuple[str, str], bool] = self.table()

    # -------------------------------------------------------------- issuing

    @atomic
    def issue(
        self, product: Product, units: int, to: str, premium: int, previous_start: int, *, sender: str, now: int
    ) -> bytes:
        """Issues units to a buyer; the right's id."""
        self.require_not_paused()
        market = self.suite.addresses.market
        if sender != market:
            raise ModelRevert("Flexbond_NotAllowed", sender, market)
        right_id = ids.right_id(product)
        if units == 0:
            raise ModelRevert("FlexibilityRights_ZeroUnits", right_id)
        self.suite.participants.require_parties(product.provider, to, now=now)
        terms = self.suite.rulebook.terms(product.rule_id)
        try:
            check_product(product, terms)
        except RuleError as error:
            raise ModelRevert(error.error, *error.values) from error
        if product.window_end > terms.known_until:
            raise ModelRevert("FlexibilityRights_CalendarUnknown", product.window_end, terms.known_until)
        self._require_portfolio(product, terms)
        _require_in_time(product, now)
        self._open_window(product, previous_start)
        self._promise(product, units)
        if self.windows[product.portfolio_id, product.window_start].unavailable:
            raise ModelRevert("FlexibilityRights_Unavailable", right_id)
        right = self.right(right_id)
        self.rights[right_id] = replace(
            right, issued=right.issued + units, open=right.open + units, transferable=product.transferable
        )
        self.suite.escrow.purchase(
            product.currency,
            to,
            product.provider,
            ids.event_id(product.event_key),
            premium,
            _availability(product, terms, units),
            units * collateral_per_unit(product, terms.collateral_bps),
            sender=self.suite.addresses.rights,
        )
        self._give(to, right_id, units)
        return right_id

    # -------------------------------------------------------------- using, giving up, expiring

    @atomic
    def consume(
        self,
        right_id: bytes,
        portfolio_id: bytes,
        window_start: int,
        holder: str,
        units: int,
        min_dispatch_bps: int,
        peak_w: int,
        *,
        sender: str,
        now: int,
    ) -> None:
        """Burns units for a dispatch."""
        self._require_settlement(sender)
        if units == 0:
            raise ModelRevert("FlexibilityRights_ZeroUnits", right_id)
        self._require_held(right_id, holder, units)
        window = self.windows[portfolio_id, window_start]
        if window.unavailable:
            raise ModelRevert("FlexibilityRights_Unavailable", right_id)
        right = self.right(right_id)
        minimum = div_up(right.issued * min_dispatch_bps, BPS)
        if units < minimum and units != right.open:
            raise ModelRevert("FlexibilityRights_BelowMinimum", right_id, units, minimum)
        self.rights[right_id] = replace(right, open=right.open - units)
        capacity = self.suite.devices.sums(portfolio_id).capacity_w
        called_bps = min(MOST_CALLED_BPS, div_up(peak_w * BPS, capacity) if capacity else MOST_CALLED_BPS)
        self.windows[portfolio_id, window_start] = replace(
            window,
            called_bps=max(window.called_bps, called_bps),
            first_notice=window.first_notice or now,
        )
        self._give(holder, right_id, -units)

    @atomic
    def release(self, product: Product, holder: str, units: int, *, sender: str, now: int) -> None:
        """Gives units up."""
        right_id = ids.right_id(product)
        self.require_acts_for(holder, sender, now)
        right = self.right(right_id)
        if right.issued == 0:
            raise ModelRevert("FlexibilityRights_Unknown", right_id)
        if units == 0:
            raise ModelRevert("FlexibilityRights_ZeroUnits", right_id)
        place = (product.portfolio_id, product.window_start)
        window = self.windows[place]
        if right.expired and not window.unavailable:
            raise ModelRevert("FlexibilityRights_AlreadyExpired", right_id)
        self._require_held(right_id, holder, units)
        released = right.released + (0 if window.unavailable else units)
        self.rights[right_id] = replace(right, open=right.open - units, released=released)
        self.windows[place] = replace(window, promised_w=window.promised_w - units * product.lot_w)
        self._give(holder, right_id, -units)
        terms = self.suite.rulebook.terms(product.rule_id)
        self.suite.escrow.divide(
            product.currency,
            LockReason.RIGHTS,
            ids.event_id(product.event_key),
            holder,
            _availability(product, terms, units) if window.unavailable else 0,
            0 if right.expired else units * collateral_per_unit(product, terms.collateral_bps),
            bytes(32),
            0,
            sender=self.suite.addresses.rights,
        )

    @atomic
    def declare_unavailable(self, key: EventKey, *, sender: str, now: int) -> None:
        """Declares the portfolio unavailable for a window, before its gate closes."""
        place = (key.portfolio_id, key.window_start)
        window = self.windows.get(place)
        if window is None:
            raise ModelRevert("FlexibilityRights_Unknown", key.portfolio_id)
        self.require_acts_for(self.suite.devices.portfolio(key.portfolio_id).provider, sender, now)
        terms = self.suite.rulebook.terms(key.rule_id)
        _require_same_event(key, window)
        gate = key.window_start - terms.gate_seconds
        if now >= gate:
            raise ModelRevert("FlexibilityRights_GateClosed", max(0, gate), now)
        self.windows[place] = replace(window, unavailable=True)

    @atomic
    def expire(self, product: Product, *, sender: str) -> tuple[int, int]:
        """Marks a right as expired; units whose collateral is freed, and units whose availability is earned."""
        self._require_settlement(sender)
        right_id = ids.right_id(product)
        right = self.right(right_id)
        if right.issued == 0:
            raise ModelRevert("FlexibilityRights_Unknown", right_id)
        if right.expired:
            raise ModelRevert("FlexibilityRights_AlreadyExpired", right_id)
        self.rights[right_id] = replace(right, expired=True)
        unavailable = self.windows[product.portfolio_id, product.window_start].unavailable
        return right.open, right.released + (0 if unavailable else right.open)

    # -------------------------------------------------------------- ERC-1155

    @atomic
    def set_approval_for_all(self, operator: str, approved: bool, *, sender: str) -> None:
        """Lets an operator of the token move the sender's units."""
        if operator == ZERO_ADDRESS:
            raise ModelRevert("ERC1155InvalidOperator", operator)
        self.approvals[sender, operator] = approved

    @atomic
    def safe_transfer_from(self, owner: str, to: str, right_id: bytes, units: int, *, sender: str, now: int) -> None:
        """Passes units on."""
        if sender != owner and not self.approvals.get((owner, sender), False):
            raise ModelRevert("ERC1155MissingApprovalForAll", sender, owner)
        if to == ZERO_ADDRESS:
            raise ModelRevert("ERC1155InvalidReceiver", to)
        if not self.suite.participants.is_buyer(to, now=now):
            raise ModelRevert("ParticipantRegistry_NotBuyer", to)
        if not self.right(right_id).transferable:
            raise ModelRevert("FlexibilityRights_NotTransferable", right_id)
        held = self.balance_of(owner, right_id)
        if held < units:
            raise ModelRevert("ERC1155InsufficientBalance", owner, held, units, ids.token_id(right_id))
        self._give(owner, right_id, -units)
        self._give(to, right_id, units)

    # -------------------------------------------------------------- views

    def right(self, right_id: bytes) -> Right:
        """What was issued of a right, and what became of it."""
        return self.rights.get(right_id, Right())

    def balance_of(self, holder: str, right_id: bytes) -> int:
        """Units held."""
        return self.balances.get((holder, right_id), 0)

    def previous_window(self, portfolio_id: bytes, window_start: int) -> int:
        """Start of the portfolio's last window before this one; 0 if none."""
        starts = [start for owner, start in self.windows if owner == portfolio_id]
        return max([start for start in starts if start < window_start], default=0)

    def calls_from(self, portfolio_id: bytes, from_start: int, until: int) -> tuple[Call, ...]:
        """The portfolio's called windows from a start on (0: from the first) that start before `until`, ascending."""
        if from_start and (portfolio_id, from_start) not in self.windows:
            raise ModelRevert("FlexibilityRights_BadPrevious", portfolio_id, from_start)
        of_portfolio = {start: window for (owner, start), window in self.windows.items() if owner == portfolio_id}
        return tuple(
            Call(
                window_start=start,
                window_end=window.window_end,
                first_notice=window.first_notice,
                called_bps=window.called_bps,
            )
            for start, window in sorted(of_portfolio.items(), key=itemgetter(0))
            if from_start <= start < until and window.called_bps
        )

    # -------------------------------------------------------------- inside

    def _require_settlement(self, sender: str) -> None:
        settlement = self.suite.addresses.settlement
        if sender != settlement:
            raise ModelRevert("Flexbond_NotAllowed", sender, settlement)

    def _require_held(self, right_id: bytes, holder: str, units: int) -> None:
        held = self.balance_of(holder, right_id)
        if held < units:
            raise ModelRevert("FlexibilityRights_InsufficientUnits", right_id, holder, held, units)

    def _require_portfolio(self, product: Product, terms: RuleTerms) -> None:
        portfolio = self.suite.devices.portfolio(product.portfolio_id)
        _require(product.provider == portfolio.provider, "provider")
        _require(product.zone == portfolio.zone, "zone")
        offered, required = portfolio.customer_share_bps, terms.min_customer_share_bps
        if offered < required:
            raise ModelRevert("DeviceRegistry_ShareTooLow", offered, required)

    def _open_window(self, product: Product, previous_start: int) -> None:
        portfolio_id, start = product.portfolio_id, product.window_start
        window = self.windows.get((portfolio_id, start))
        if window is not None:
            _require_same_event(product.event_key, window)
            return
        self._require_between(product, previous_start)
        self.windows[portfolio_id, start] = Window(
            window_end=product.window_end,
            promised_w=0,
            rule_id=product.rule_id,
            reference_w=product.reference_w,
            direction=product.direction,
            unavailable=False,
        )

    def _require_between(self, product: Product, previous_start: int) -> None:
        portfolio_id, start = product.portfolio_id, product.window_start
        if previous_start != self.previous_window(portfolio_id, start):
            raise ModelRevert("FlexibilityRights_BadPrevious", portfolio_id, previous_start)
        previous = self.windows.get((portfolio_id, previous_start))
        if previous is not None and previous.window_end > start:
            raise ModelRevert("FlexibilityRights_WindowOverlaps", portfolio_id, start, previous_start)
        later = [other for owner, other in self.windows if owner == portfolio_id and other > start]
        if later and min(later) < product.window_end:
            raise ModelRevert("FlexibilityRights_WindowOverlaps", portfolio_id, start, min(later))

    def _promise(self, product: Product, units: int) -> None:
        place = (product.portfolio_id, product.window_start)
        window = self.windows[place]
        promised = window.promised_w + units * product.lot_w
        capacity = self.suite.devices.sums(product.portfolio_id).capacity_w
        if promised > capacity:
            raise ModelRevert("FlexibilityRights_CapacityExceeded", product.portfolio_id, capacity, promised)
        if promised >> ORDER_BITS:
            raise ModelRevert("Flexbond_Overflow", promised, ORDER_BITS)
        self.windows[place] = replace(window, promised_w=promised)

    def _give(self, holder: str, right_id: bytes, units: int) -> None:
        self.balances[holder, right_id] = self.balance_of(holder, right_id) + units


def _availability(product: Product, terms: RuleTerms, units: int) -> int:
    return 0 if terms.funding is Funding.STATEMENT else units * availability_per_unit(product)


def _require_same_event(key: EventKey, window: Window) -> None:
    differs = {
        "windowEnd": window.window_end != key.window_end,
        "ruleId": window.rule_id != key.rule_id,
        "direction": window.direction is not key.direction,
        "referenceW": window.reference_w != key.reference_w,
    }
    for field, is_other in differs.items():
        if is_other:
            raise ModelRevert("FlexibilityRights_WindowDiffers", key.portfolio_id, key.window_start, field)


def _require(holds: bool, field: str) -> None:
    if not holds:
        raise ModelRevert("FlexibilityRights_ProductInvalid", field)


def _require_in_time(product: Product, now: int) -> None:
    latest = product.window_start - product.notice_seconds - product.ramp_seconds
    if now > latest:
        raise ModelRevert("FlexibilityRights_NoticePassed", max(0, latest), now)
