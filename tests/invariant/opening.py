"""What happens before each run: qualified people with money, published terms, stated and enrolled homes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flexbond.hashing import keccak
from flexbond.model.types import Consent
from tests.invariant.cast import DAYS, GRID, PAST, POCKET, WEALTH, Cast
from tests.invariant.odd_tokens import OddTokens
from tests.invariant.pastdays import lookback_of
from tests.support.world import DAY, FOREVER, ZONE

if TYPE_CHECKING:
    from tests.invariant.stage import Stage

ALL = 2**256 - 1
SHARE_BPS = 6_000


def open_stage(stage: Stage, cast_class: type[Cast]) -> Cast:
    """Everything is in place; the first day begins."""
    cast = cast_class(stage)
    tokens = stage.suite.tokens
    assert isinstance(tokens, OddTokens)
    _, tokens.callback, tokens.fee, tokens.rebasing = cast.tokens
    _people(stage, cast)
    _money(stage, cast)
    _terms(stage, cast)
    _fleet(stage, cast)
    stage.evm.time += 1 + cast.first_day * DAY
    return cast


def _do(stage: Stage, *args: Any, **given: Any) -> None:
    assert stage.act(*args, **given).ok


def _people(stage: Stage, cast: Cast) -> None:
    world, suite, operator = stage.world, stage.suite, cast.people.market_operator
    for account in cast.providers + cast.buyers:
        terms = (account, account in cast.buyers, account in cast.providers, keccak(b"seen"), FOREVER)
        _do(
            stage,
            *("qualify", world.participants.qualify, terms, operator),
            lambda terms=terms: suite.participants.qualify(*terms, sender=operator.address, now=stage.now),
        )
    provider, helper = cast.providers[0], cast.people.provider_operator.address
    _do(
        stage,
        *("appointOperator", world.participants.appointOperator, (helper, FOREVER), provider),
        lambda: suite.participants.appoint_operator(helper, FOREVER, sender=provider),
    )


def _money(stage: Stage, cast: Cast) -> None:
    world, suite, operator = stage.world, stage.suite, cast.people.market_operator
    for token in cast.tokens[1:]:
        _do(
            stage,
            *("listToken", world.escrow.listToken, (token, True), operator),
            lambda token=token: suite.escrow.list_token(token, True, sender=operator.address),
        )
    here = world.escrow.address
    for token in cast.tokens:
        contract = world.evm.at("MockStablecoin", token)
        for account in cast.funded:
            wealth = POCKET if account == cast.poor else WEALTH
            _do(
                stage,
                *("mint", contract.mint, (account, 2 * wealth), account),
                lambda token=token, account=account, wealth=wealth: suite.tokens.mint(token, account, 2 * wealth),
            )
            _do(
                stage,
                *("approve", contract.approve, (here, ALL), account),
                lambda token=token, account=account: suite.tokens.approve(token, here, ALL, sender=account),
            )
            if token in cast.tokens[:2]:
                _do(
                    stage,
                    *("deposit", world.escrow.deposit, (token, account, wealth), account),
                    lambda token=token, account=account, wealth=wealth: suite.escrow.deposit(
                        token, account, wealth, sender=account
                    ),
                )


def _terms(stage: Stage, cast: Cast) -> None:
    world, suite, operator = stage.world, stage.suite, cast.people.market_operator
    _do(
        stage,
        *("publishGrid", world.devices.publishGrid, (GRID,), operator),
        lambda: suite.devices.publish_grid(GRID, sender=operator.address),
    )
    _do(
        stage,
        *("publishCalendar", world.rulebook.publishCalendar, (DAYS.calendar, DAYS.first_day), operator),
        lambda: suite.rulebook.publish_calendar(DAYS.calendar, DAYS.first_day, sender=operator.address),
    )
    pages = (PAST.calendar_id, DAYS.first_day, DAYS.summer, DAYS.holidays)
    _do(
        stage,
        *("extendCalendar", world.rulebook.extendCalendar, pages, operator),
        lambda: suite.rulebook.extend_calendar(*pages, sender=operator.address),
    )
    for rule in cast.rules:
        past = lookback_of(rule)
        _do(
            stage,
            *("publish", world.rulebook.publish, (rule, past), operator),
            lambda rule=rule, past=past: suite.rulebook.publish(rule, past, sender=operator.address, now=stage.now),
        )


def _fleet(stage: Stage, cast: Cast) -> None:
    world, suite, operator = stage.world, stage.suite, cast.people.meter_operator
    for provider in cast.providers:
        _do(
            stage,
            *("createPortfolio", world.devices.createPortfolio, (provider, ZONE, SHARE_BPS, bytes(32)), provider),
            lambda provider=provider: suite.devices.create_portfolio(
                provider, ZONE, SHARE_BPS, bytes(32), sender=provider, now=stage.now
            ),
        )
    for number, home in enumerate(cast.homes):
        statement = cast.statement(home, 1)
        proofs = (cast.sign_statement(operator, statement), cast.prove_key(home.device, statement))
        _do(
            stage,
            *("state", world.devices.state, (statement, operator.address, *proofs), operator),
            lambda statement=statement: suite.devices.state(
                statement, operator.address, signed=True, key_proven=True, sender=operator.address, now=stage.now
            ),
        )
        if number < len(cast.portfolio_of):
            _enrol(stage, cast, number)


def _enrol(stage: Stage, cast: Cast, number: int) -> None:
    home, portfolio = cast.homes[number], cast.portfolio_of[number]
    consent = Consent(
        metering_point=home.metering_point,
        portfolio_id=cast.portfolios[portfolio],
        customer=home.customer.address,
        payee=home.customer.address,
        customer_share_bps=5_000,
        nonce=0,
        deadline=FOREVER,
    )
    provider = cast.providers[portfolio]
    _do(
        stage,
        *("enrol", stage.world.devices.enrol, (consent, cast.sign_consent(home.customer, consent)), provider),
        lambda: stage.suite.devices.enrol(consent, signed=True, sender=provider, now=stage.now),
    )
