"""DeviceRegistry: metering points, their signers, and the portfolios they are in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flexbond import ids
from flexbond.hashing import ZERO_ADDRESS, ZERO_HASH
from flexbond.model.suite.base import ANY, ModelRevert, Role, Table, atomic, require_address
from flexbond.model.suite.places import Places
from flexbond.model.types import (
    BPS,
    Consent,
    DeviceKind,
    Entry,
    Grid,
    MeteringPoint,
    Portfolio,
    SignerScheme,
    SignerState,
    Statement,
    Stay,
)

if TYPE_CHECKING:
    from flexbond.model.suite import Suite

DAY: Final = 86_400
MAX_GRIDS: Final = 255
MAX_READINGS: Final = 100

NO_SIGNER: Final = SignerState(signer=ZERO_ADDRESS, valid_from=0, valid_until=0, grid_id=0, scheme=SignerScheme.NONE)
NO_POINT: Final = MeteringPoint(
    customer=ZERO_ADDRESS,
    kind=DeviceKind.DATA_COLLECTOR,
    suspended_at=0,
    sequence=0,
    capacity_w=0,
    connection_w=0,
    entry_index=0,
    committed_until=0,
    portfolio_id=ZERO_HASH,
)


class Devices(Places):
    """Metering points and portfolios."""

    def __init__(self, suite: Suite) -> None:
        super().__init__(suite)
        self.grids: Table[int, Grid] = self.table()
        self.signers: Table[bytes, SignerState] = self.table()
        self.past_signers: Table[bytes, tuple[tuple[int, SignerState], ...]] = self.table()
        self.points: Table[bytes, MeteringPoint] = self.table()
        self.stays: Table[bytes, tuple[Stay, ...]] = self.table()
        self.last_left: Table[bytes, int] = self.table()
        self.committed_after_leaving: Table[tuple[bytes, int], int] = self.table()
        self.portfolios: Table[bytes, Portfolio] = self.table()
        self.used: Table[str, int] = self.table()

    # -------------------------------------------------------------- grids and portfolios

    @atomic
    def publish_grid(self, grid: Grid, *, sender: str) -> int:
        """Publishes a grid of record slots; its id."""
        self.require_role(Role.MARKET_OPERATOR, sender)
        length = grid.slot_seconds
        if (
            length == 0
            or grid.period_seconds > DAY
            or grid.readings_per_slot > MAX_READINGS
            or grid.offset_seconds >= length
            or grid.offset_seconds % grid.period_seconds
        ):
            raise ModelRevert("DeviceRegistry_GridInvalid", *grid.as_tuple())
        if len(self.grids) == MAX_GRIDS:
            raise ModelRevert("DeviceRegistry_GridsFull", MAX_GRIDS)
        self.grids[len(self.grids) + 1] = grid
        return len(self.grids)

    @atomic
    def create_portfolio(
        self, provider: str, zone: bytes, customer_share_bps: int, salt: bytes, *, sender: str, now: int
    ) -> bytes:
        """Creates an empty portfolio; its id."""
        require_address("provider", provider)
        self.require_acts_for(provider, sender, now)
        if customer_share_bps > BPS:
            raise ModelRevert("DeviceRegistry_ShareInvalid", customer_share_bps)
        portfolio_id = ids.portfolio_id(provider, zone, salt)
        if portfolio_id in self.portfolios:
            raise ModelRevert("DeviceRegistry_PortfolioExists", portfolio_id)
        self.portfolios[portfolio_id] = Portfolio(
            provider=provider, customer_share_bps=customer_share_bps, committed_until=0, zone=zone
        )
        return portfolio_id

    @atomic
    def raise_customer_share(self, portfolio_id: bytes, customer_share_bps: int, *, sender: str, now: int) -> None:
        """Raises the customers' share."""
        portfolio = self.portfolio(portfolio_id)
        self.require_acts_for(portfolio.provider, sender, now)
        if customer_share_bps > BPS:
            raise ModelRevert("DeviceRegistry_ShareInvalid", customer_share_bps)
        if customer_share_bps <= portfolio.customer_share_bps:
            raise ModelRevert("DeviceRegistry_ShareLowered", portfolio.customer_share_bps, customer_share_bps)
        self.portfolios[portfolio_id] = replace(portfolio, customer_share_bps=customer_share_bps)

    @atomic
    def commit(self, portfolio_id: bytes, until: int, *, sender: str, now: int) -> None:
        """Notes that a notice was given for a window ending at `until`, UTC seconds."""
        measurement = self.suite.addresses.measurement
        if sender != measurement:
            raise ModelRevert("Flexbond_NotAllowed", sender, measurement)
        portfolio = self.portfolios[portfolio_id]
        if until > portfolio.committed_until:
            self.portfolios[portfolio_id] = replace(portfolio, committed_until=until)
            if self.last_left.get(portfolio_id) == now:
                self.committed_after_leaving[portfolio_id, now] = until

    # -------------------------------------------------------------- metering points

    @atomic
    def state(
        self,
        statement: Statement,
        meter_operator: str,
        *,
        signed: bool,
        key_proven: bool,
        sender: str,  # noqa: ARG002  anyone may bring it
        now: int,
    ) -> None:
        """Records a meter operator's statement."""
        self._require_valid(statement, now)
        if meter_operator not in self.suite.roles[Role.METER_OPERATOR]:
            raise ModelRevert("DeviceRegistry_NotMeterOperator", meter_operator)
        if not signed:
            raise ModelRevert("Flexbond_BadSignature", meter_operator, ANY)
        point_id = statement.metering_point
        if not key_proven:
            raise ModelRevert("DeviceRegistry_KeyNotProven", point_id, statement.signer)
        self._follow(statement, now)
        self.points[point_id] = replace(
            self.metering_point(point_id),
            customer=statement.customer,
            kind=statement.kind,
            suspended_at=0,
            sequence=statement.sequence,
            capacity_w=statement.capacity_w,
            connection_w=statement.connection_w,
        )
        state = SignerState(
            signer=statement.signer,
            valid_from=statement.valid_from,
            valid_until=statement.valid_until,
            grid_id=statement.grid_id,
            scheme=statement.scheme,
        )
        self._replace_signer(point_id, state, now)

    @atomic
    def void_statement(self, point_id: bytes, *, sender: str, now: int) -> None:
        """Voids a statement, so that nothing more is accepted from its key."""
        signer = self.signer(point_id)
        if signer.scheme is SignerScheme.NONE:
            raise ModelRevert("DeviceRegistry_Unstated", point_id)
        customer = self.metering_point(point_id).customer
        if sender != customer and sender not in self.suite.roles[Role.METER_OPERATOR]:
            raise ModelRevert("Flexbond_NotAllowed", sender, customer)
        self._replace_signer(point_id, replace(signer, scheme=SignerScheme.NONE), now)

    @atomic
    def suspend(self, point_id: bytes, *, sender: str, now: int) -> None:
        """Suspends a device."""
        if sender != self.suite.addresses.oracle and sender not in self.suite.roles[Role.METER_OPERATOR]:
            raise ModelRevert("DeviceRegistry_NotMeterOperator", sender)
        point = self.metering_point(point_id)
        if point.customer == ZERO_ADDRESS:
            raise ModelRevert("DeviceRegistry_Unstated", point_id)
        if point.suspended_at:
            raise ModelRevert("DeviceRegistry_Suspended", point_id)
        self.points[point_id] = replace(point, suspended_at=now)
        self._replace_signer(point_id, replace(self.signer(point_id), scheme=SignerScheme.SUSPENDED), now)

    @atomic
    def enrol(self, consent: Consent, *, signed: bool, sender: str, now: int) -> int:
        """Enrols a metering point; its place in the portfolio."""
        self.require_not_paused()
        self._require_enrollable(consent, sender, now)
        if now >= consent.deadline:
            raise ModelRevert("Flexbond_SignatureExpired", consent.deadline, now)
        if not signed:
            raise ModelRevert("Flexbond_BadSignature", consent.customer, ANY)
        nonce = self.nonces(consent.customer)
        if consent.nonce != nonce:
            raise ModelRevert("InvalidAccountNonce", consent.customer, nonce)
        self.used[consent.customer] = nonce + 1
        point = self.metering_point(consent.metering_point)
        index = self._join(consent.portfolio_id, consent.metering_point, consent.payee, point, now)
        self.points[consent.metering_point] = replace(
            self.metering_point(consent.metering_point), portfolio_id=consent.portfolio_id
        )
        return index

    @atomic
    def leave(self, point_id: bytes, *, sender: str, now: int) -> None:
        """Takes a metering point out of its portfolio."""
        point = self.metering_point(point_id)
        if point.portfolio_id == ZERO_HASH:
            raise ModelRevert("DeviceRegistry_NotEnrolled", point_id)
        if sender != point.customer:
            self.require_acts_for(self.portfolios[point.portfolio_id].provider, sender, now)
        self._leave(point_id, now)

    @atomic
    def change_payee(
        self, portfolio_id: bytes, index: int, payee: str, deadline: int, *, signed: bool, sender: str, now: int
    ) -> None:
        """Changes who collects for a place."""
        require_address("payee", payee)
        entry = self.entry(portfolio_id, index)
        if sender != entry.payee:
            if now >= deadline:
                raise ModelRevert("Flexbond_SignatureExpired", deadline, now)
            if not signed:
                raise ModelRevert("Flexbond_BadSignature", entry.payee, ANY)
            self.used[entry.payee] = self.nonces(entry.payee) + 1
        self.put_place(portfolio_id, index, replace(entry, payee=payee))

    # -------------------------------------------------------------- views

    def nonces(self, account: str) -> int:
        """The next nonce of an account's consents and payee changes."""
        return self.used.get(account, 0)

    def signer(self, point_id: bytes) -> SignerState:
        """Whose signature counts for a metering point."""
        return self.signers.get(point_id, NO_SIGNER)

    def signer_at(self, point_id: bytes, at: int) -> SignerState:
        """Whose signature counted in the second `at`, UTC; before the first statement, that of the first statement."""
        past = self.past_signers.get(point_id, ())
        return next((state for until, state in past if at < until), self.signer(point_id))

    def past_stays(self, point_id: bytes) -> tuple[Stay, ...]:
        """The places that a metering point closed, oldest first."""
        return self.stays.get(point_id, ())

    def metering_point(self, point_id: bytes) -> MeteringPoint:
        """What is known of a metering point."""
        return self.points.get(point_id, NO_POINT)

    def portfolio(self, portfolio_id: bytes) -> Portfolio:
        """A portfolio. Raises ModelRevert."""
        if portfolio_id not in self.portfolios:
            raise ModelRevert("DeviceRegistry_PortfolioUnknown", portfolio_id)
        return self.portfolios[portfolio_id]

    # -------------------------------------------------------------- inside

    def _require_valid(self, statement: Statement, now: int) -> None:
        point_id = statement.metering_point
        wrong = {
            "meteringPoint": point_id == bytes(16),
            "customer": statement.customer == ZERO_ADDRESS,
            "scheme": statement.scheme not in (SignerScheme.SECP256K1, SignerScheme.P256),
            "signer": statement.signer == ZERO_ADDRESS,
            "capacityW": not 0 < statement.capacity_w <= statement.connection_w,
            "validUntil": statement.valid_until <= statement.valid_from or statement.valid_until <= now,
        }
        for name, is_wrong in wrong.items():
            if is_wrong:
                raise ModelRevert("DeviceRegistry_StatementInvalid", point_id, name)
        if statement.grid_id not in self.grids:
            raise ModelRevert("DeviceRegistry_GridUnknown", statement.grid_id)
        current = self.metering_point(point_id).sequence
        if statement.sequence <= current:
            raise ModelRevert("DeviceRegistry_StatementOld", point_id, statement.sequence, current)

    def _require_enrollable(self, consent: Consent, sender: str, now: int) -> None:
        point_id = consent.metering_point
        portfolio = self.portfolio(consent.portfolio_id)
        self.require_acts_for(portfolio.provider, sender, now)
        require_address("payee", consent.payee)
        point, signer = self.metering_point(point_id), self.signer(point_id)
        if point.suspended_at:
            raise ModelRevert("DeviceRegistry_Suspended", point_id)
        if signer.scheme is SignerScheme.NONE or signer.valid_until <= now:
            raise ModelRevert("DeviceRegistry_Unstated", point_id)
        if point.customer != consent.customer:
            raise ModelRevert("DeviceRegistry_WrongCustomer", point_id, consent.customer)
        if point.portfolio_id != ZERO_HASH:
            raise ModelRevert("DeviceRegistry_AlreadyEnrolled", point_id, point.portfolio_id)
        if portfolio.customer_share_bps < consent.customer_share_bps:
            raise ModelRevert("DeviceRegistry_ShareTooLow", portfolio.customer_share_bps, consent.customer_share_bps)
        until = self._committed_elsewhere(point_id, consent.portfolio_id, now)
        if now < until:
            raise ModelRevert("DeviceRegistry_StillCommitted", point_id, until)

    def _committed_elsewhere(self, point_id: bytes, portfolio_id: bytes, now: int) -> int:
        """Until when the point is counted in the portfolio that it left last, if that is another."""
        stays = self.past_stays(point_id)
        if not stays or stays[-1].portfolio_id == portfolio_id:
            return 0
        last = stays[-1].portfolio_id
        point = self.metering_point(point_id)
        left_at = self.entry(last, point.entry_index).left_at
        until = max(point.committed_until, self.committed_after_leaving.get((last, left_at), 0))
        # A notice of the second in which it left still counts it, and may yet come.
        return max(until, left_at + 1) if left_at == now else until

    def _replace_signer(self, point_id: bytes, state: SignerState, now: int) -> None:
        """Of the changes of one second the last counts."""
        past = self.past_signers.get(point_id, ())
        held = point_id in self.signers and not (past and past[-1][0] == now)
        if held and self.signer(point_id) != state:
            self.past_signers[point_id] = (*past, (now, self.signer(point_id)))
        self.signers[point_id] = state

    def _follow(self, statement: Statement, now: int) -> None:
        """A new customer takes the point out of its portfolio, a new capacity or kind gives it a new place."""
        point_id = statement.metering_point
        point = self.metering_point(point_id)
        if point.portfolio_id == ZERO_HASH:
            return
        if point.customer != statement.customer:
            self._leave(point_id, now)
        elif _place_of(point) != _place_of(statement):
            payee = self._close(point_id, now)
            self._join(point.portfolio_id, point_id, payee, statement, now)

    def _join(
        self, portfolio_id: bytes, point_id: bytes, payee: str, stated: MeteringPoint | Statement, now: int
    ) -> int:
        entry = Entry(
            metering_point=point_id,
            joined_at=now,
            left_at=0,
            capacity_w=stated.capacity_w,
            payee=payee,
            connection_w=stated.connection_w,
            kind=stated.kind,
        )
        index = self.add_place(portfolio_id, entry, now)
        self.points[point_id] = replace(self.metering_point(point_id), entry_index=index)
        return index

    def _close(self, point_id: bytes, now: int) -> str:
        point = self.metering_point(point_id)
        entry = self.close_place(point.portfolio_id, point.entry_index, now)
        stay = Stay(portfolio_id=point.portfolio_id, index=point.entry_index)
        self.stays[point_id] = (*self.past_stays(point_id), stay)
        return entry.payee

    def _leave(self, point_id: bytes, now: int) -> None:
        self._close(point_id, now)
        point = self.metering_point(point_id)
        until = max(point.committed_until, self.portfolios[point.portfolio_id].committed_until)
        self.last_left[point.portfolio_id] = now
        self.points[point_id] = replace(point, portfolio_id=ZERO_HASH, committed_until=until)


def _place_of(stated: MeteringPoint | Statement) -> tuple[int, int, DeviceKind]:
    """What a place of a portfolio keeps of a statement."""
    return stated.capacity_w, stated.connection_w, stated.kind
