"""FlexibilityRights.issue: what is promised, backed and locked, and every reason to refuse it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from flexbond.ids import event_id, right_id, token_id
from flexbond.model.calendar import PAGE, LocalCalendar
from flexbond.model.types import BaselineMethod, Direction, Funding
from tests.support.calendars import london, lookback, under
from tests.support.evm import reverts
from tests.unit.story import AVAILABILITY, COLLATERAL, DAY, HOUR, MONEY_OF, QUARTER, Story, reference_level, tell

if TYPE_CHECKING:
    from flexbond.model.types import Product
    from tests.support.world import World


def at(story: Story, start: int, end: int, **changes: Any) -> Product:
    """The product in another window, in hours after the first one's start."""
    base = story.product.window_start
    window: dict[str, Any] = {"window_start": base + start * HOUR, "window_end": base + end * HOUR}
    return replace(story.product, **window, **changes)


# ------------------------------------------------------------------ what happens


def test_locks_money_and_mints(story: Story) -> None:
    """Given a valid product, when units are issued, collateral and availability are locked and the buyer holds them."""
    world = story.world
    receipt = story.issue(story.product, 6)

    assert receipt.value == story.right == right_id(story.product)
    log = receipt.only("RightIssued")
    assert (log.right_id, log.event_id, log.to) == (story.right, story.event, story.buyer.address)
    assert (log.units, log.product) == (6, story.product)
    assert world.rights.right.call(story.right) == (6, 6, 0, False, False)
    assert world.rights.balanceOf.call(story.buyer, token_id(story.right)) == 6
    assert world.rights.window.call(story.portfolio, story.product.window_start) == (
        story.product.window_end,
        0,
        6_000,
        False,
    )
    assert story.backed() == 6 * (COLLATERAL + AVAILABILITY)
    assert world.free(story.provider) == MONEY_OF - 6 * COLLATERAL
    assert world.free(story.buyer) == MONEY_OF - 6 * AVAILABILITY


def test_a_second_buyer_shares_the_lock(story: Story) -> None:
    """Given a right held by one buyer, when another buys units of it, both are in the portfolio's lock."""
    story.issue(story.product, 6)
    story.issue(story.product, 2, story.world.accounts.second_buyer)

    assert story.world.rights.right.call(story.right)[:2] == (8, 8)
    assert story.backed() == 8 * (COLLATERAL + AVAILABILITY)
    assert story.world.free(story.world.accounts.second_buyer) == MONEY_OF - 2 * AVAILABILITY


def test_a_statement_locks_no_availability(world: World) -> None:
    """Given a rule under which buyers pay in arrears, only the collateral is locked."""
    story = tell(world, world.rule(funding=Funding.STATEMENT))
    story.issue(story.product, 6)
    assert story.backed() == 6 * COLLATERAL
    assert world.free(story.buyer) == MONEY_OF


def test_rights_of_one_window_are_one_event(story: Story) -> None:
    """Given a window, another product of it with other prices counts against the same capacity."""
    cheap = replace(story.product, utilisation_per_mwh=1)
    story.issue(story.product, 12)
    receipt = story.issue(cheap, 8)
    assert receipt.only("RightIssued").event_id == story.event
    assert story.world.rights.window.call(story.portfolio, story.product.window_start)[2] == 20_000


# ------------------------------------------------------------------ who and whether


def test_only_the_market_issues(story: Story) -> None:
    """Given anyone but the market, issuing is refused."""
    market = story.world.market.address
    with reverts("Flexbond_NotAllowed", story.provider, market):
        story.world.rights.issue.send(story.product, 1, story.buyer.address, 0, 0, sender=story.provider)


def test_needs_units(story: Story) -> None:
    """Given no units, issuing is refused."""
    with reverts("FlexibilityRights_ZeroUnits", story.right):
        story.issue(story.product, 0)


def test_needs_qualified_parties(story: Story) -> None:
    """Given a provider or a buyer that is not qualified now, issuing is refused."""
    world, attacker = story.world, story.world.accounts.attacker
    with reverts("ParticipantRegistry_NotBuyer", attacker):
        story.issue(story.product, 1, attacker)
    world.qualify(story.provider, expiry=0)
    with reverts("ParticipantRegistry_NotProvider", story.provider):
        story.issue(story.product, 1)


def test_is_paused_and_resumed(story: Story) -> None:
    """Given the guardian paused issue, it is refused until resumed."""
    guardian = story.world.accounts.guardian
    story.world.rights.setPaused.send(True, sender=guardian)
    with reverts("EnforcedPause"):
        story.issue(story.product, 1)
    story.world.rights.setPaused.send(False, sender=guardian)
    story.issue(story.product, 1)


def test_needs_the_rule_published(story: Story) -> None:
    """Given a rule nobody published, issuing is refused."""
    with reverts("Rulebook_Unknown", bytes(32)):
        story.issue(replace(story.product, rule_id=bytes(32)), 1)


def test_needs_the_customers_share(world: World) -> None:
    """Given a portfolio that gives its customers less than the rule asks, issuing is refused."""
    story = tell(world, world.rule(min_customer_share_bps=6_001))
    with reverts("DeviceRegistry_ShareTooLow", 6_000, 6_001):
        story.issue(story.product, 1)


def test_the_gate_may_close_as_the_notice_ends(world: World) -> None:
    """Given notice and ramp that together take all of the time from the gate to the window, rights are issued."""
    story = tell(world, notice_seconds=3_000, ramp_seconds=600)
    story.issue(story.product, 1)
    assert world.rights.right.call(story.right)[0] == 1


def test_just_the_customers_share_is_enough(world: World) -> None:
    """Given a portfolio that gives its customers what the rule asks and no more, rights are issued."""
    story = tell(world, world.rule(min_customer_share_bps=6_000))
    story.issue(story.product, 1)
    assert world.rights.right.call(story.right)[0] == 1


def test_needs_the_money(story: Story) -> None:
    """Given too little free money of the provider or the buyer, nothing happens at all."""
    world, token = story.world, story.world.token.address
    world.escrow.withdraw.send(token, story.buyer, MONEY_OF - AVAILABILITY, sender=story.buyer)
    with reverts("CollateralEscrow_InsufficientFree", token, story.buyer, AVAILABILITY, 2 * AVAILABILITY):
        story.issue(story.product, 2)
    world.escrow.withdraw.send(token, story.provider, MONEY_OF - COLLATERAL, sender=story.provider)
    with reverts("CollateralEscrow_InsufficientFree", token, story.provider, COLLATERAL, 2 * COLLATERAL):
        story.issue(story.product, 2, world.accounts.second_buyer)
    assert world.rights.right.call(story.right)[0] == 0


# ------------------------------------------------------------------ the product

WRONG: dict[str, list[dict[str, Any]]] = {
    "schema": [{"schema": 2}],
    "zone": [{"zone": bytes(31) + b"\x01"}],
    "currency": [{"currency": "0x" + "11" * 20}],
    "windowStart": [{"window_start": 1}],
    "windowEnd": [{"window_end": 1}, {"window_end": -HOUR}, {"window_end": -HOUR - QUARTER}, {"window_end": DAY}],
    "lotW": [{"lot_w": 0}],
    "maxRunSeconds": [{"max_run_seconds": 0}, {"max_run_seconds": 901}, {"max_run_seconds": HOUR + QUARTER}],
    "minRunSeconds": [{"min_run_seconds": 901}, {"min_run_seconds": HOUR, "max_run_seconds": QUARTER}],
    "noticeSeconds": [{"notice_seconds": 3_601}, {"notice_seconds": 1_800, "ramp_seconds": 1_801}],
    "referenceW": [{"reference_w": 1}],
}
CASES = [(field, change) for field, changes in WRONG.items() for change in changes]


@pytest.mark.parametrize(("field", "change"), CASES, ids=[f"{field}-{i}" for i, (field, _) in enumerate(CASES)])
def test_names_the_field_that_is_wrong(story: Story, field: str, change: dict[str, Any]) -> None:
    """Given a product that keeps not to its rule, the error names the field; times are relative."""
    shift = {name: getattr(story.product, name) + change[name] for name in change if name.startswith("window")}
    with reverts("FlexibilityRights_ProductInvalid", field):
        story.issue(replace(story.product, **change | shift), 1)


def test_the_provider_must_own_the_portfolio(story: Story) -> None:
    """Given another qualified provider, it cannot promise this portfolio."""
    other = story.world.accounts.second_buyer
    story.world.qualify(other, buyer=True, provider=True)
    with reverts("FlexibilityRights_ProductInvalid", "provider"):
        story.issue(replace(story.product, provider=other.address), 1, signer=other)


def test_the_provider_must_not_get_what_customers_leave(world: World) -> None:
    """Given a rule that names the provider for what customers never collect, it cannot promise under it."""
    story = tell(world, world.rule(unclaimed_to=world.accounts.provider.address))
    with reverts("FlexibilityRights_ProductInvalid", "provider"):
        story.issue(story.product, 1)


def test_a_window_of_a_day_is_allowed(world: World) -> None:
    """Given the longest window, 96 quarter hours, it is issued; one period more is not."""
    start = world.tomorrow()
    story = tell(world, window_start=start, window_end=start + DAY)
    story.issue(story.product, 1)
    longer = replace(story.product, window_end=start + DAY + QUARTER)
    with reverts("FlexibilityRights_ProductInvalid", "windowEnd"):
        story.issue(longer, 1)


def test_more_than_96_periods_are_refused(world: World) -> None:
    """Given periods of a minute, a window of 97 is too long, one of 96 is not."""
    story = tell(world, world.rule(period_seconds=60), lot_w=60)
    product = replace(story.product, window_end=story.product.window_start + 97 * 60, max_run_seconds=60)
    with reverts("FlexibilityRights_ProductInvalid", "windowEnd"):
        story.issue(product, 1)
    story.issue(replace(product, window_end=product.window_end - 60), 1)


def test_a_lot_must_be_a_whole_milliwatt_hour_a_period(world: World) -> None:
    """Given periods of a minute, 1 W is no whole mWh in one, 3 W are."""
    story = tell(world, world.rule(period_seconds=60), lot_w=1)
    with reverts("FlexibilityRights_ProductInvalid", "lotW"):
        story.issue(story.product, 1)
    story.issue(replace(story.product, lot_w=3), 1)


def test_a_reference_level_needs_its_method(world: World) -> None:
    """Given a rule with a contracted level, the product may hold one."""
    story = tell(world, reference_level(world), reference_w=-5_000)
    assert story.rule.baseline is BaselineMethod.REFERENCE_LEVEL
    story.issue(story.product, 1)


def test_is_issued_until_the_last_notice(story: Story) -> None:
    """Given the last moment at which it could be called, it is issued; a second later it is not."""
    latest = story.product.window_start - 900
    story.world.evm.time = latest
    story.issue(story.product, 1)
    story.world.evm.time = latest + 1
    with reverts("FlexibilityRights_NoticePassed", latest, latest + 1):
        story.issue(story.product, 1)


def test_a_window_at_the_beginning_of_time_passed(story: Story) -> None:
    """Given a window earlier than its notice period is long, the error does not underflow."""
    product = replace(story.product, window_start=0, window_end=HOUR)
    with reverts("FlexibilityRights_NoticePassed", 0, story.world.evm.time):
        story.issue(product, 1)


def test_needs_the_days_of_its_calendar(world: World) -> None:
    """Given a rule whose calendar ends, a window may end with the start of the last known day, and no later."""
    days = london()
    pages = (world.evm.time // DAY - days.first_day) // PAGE + 1
    known = replace(days, summer=days.summer[:pages], holidays=days.holidays[:pages])
    world.publish_calendar(known)
    rule = under(world.rule(), lookback())
    world.publish(rule, lookback())
    portfolio = world.portfolio_of([world.home(0)])
    until = LocalCalendar(known).start_of(days.first_day + pages * PAGE - 1)
    product = world.product(portfolio, rule=rule, window_start=until - HOUR, window_end=until)
    story = Story(world=world, rule=rule, homes=(world.home(0),), portfolio=portfolio, product=product)
    story.issue(product, 1)
    beyond = replace(product, window_start=until, window_end=until + QUARTER, max_run_seconds=QUARTER)
    with reverts("FlexibilityRights_CalendarUnknown", until + QUARTER, until):
        story.issue(beyond, 1, previous=product.window_start)


# ------------------------------------------------------------------ capacity


def test_promises_no_more_than_the_capacity(story: Story) -> None:
    """Given 20 kW, 20 units fit and the next does not, whatever product of the window it is of."""
    story.issue(story.product, 20)
    other = replace(story.product, transferable=True)
    with reverts("FlexibilityRights_CapacityExceeded", story.portfolio, 20_000, 21_000):
        story.issue(other, 1)


def test_the_capacity_is_that_of_now(story: Story) -> None:
    """Given a home that left, its capacity cannot be promised any more."""
    story.world.devices.leave.send(story.homes[0].metering_point, sender=story.homes[0].customer)
    with reverts("FlexibilityRights_CapacityExceeded", story.portfolio, 15_000, 16_000):
        story.issue(story.product, 16)


def test_what_was_released_can_be_promised_again(story: Story) -> None:
    """Given all capacity promised, when units are released, as many can be issued."""
    story.issue(story.product, 20)
    story.world.rights.release.send(story.product, story.buyer, 4, sender=story.buyer)
    story.issue(story.product, 4)
    with reverts("FlexibilityRights_CapacityExceeded", story.portfolio, 20_000, 21_000):
        story.issue(story.product, 1)


def test_promises_no_more_than_orders_have_bits_for(world: World) -> None:
    """Given a portfolio beyond 2^30 W, a window takes one W less than that, over all its products."""
    plant = world.home(0, capacity_w=2**31, connection_w=2**31)
    free: dict[str, Any] = {"availability_per_mwhour": 0, "utilisation_per_mwh": 0, "shortfall_per_mwh": 0}
    story = tell(world, members=(plant,), lot_w=1, **free)
    story.issue(story.product, 2**30 - 1)
    other = replace(story.product, transferable=True)
    with reverts("Flexbond_Overflow", 2**30, 30):
        story.issue(other, 1)


# ------------------------------------------------------------------ windows


def test_windows_stand_in_order(story: Story) -> None:
    """Given windows sold in any order, each finds its place with the last one before it."""
    rights, start = story.world.rights, story.product.window_start
    for first, last in ((4, 5), (0, 1), (2, 3)):
        product = at(story, first, last)
        previous = rights.previousWindow.call(story.portfolio, product.window_start)
        story.issue(product, 1, previous=previous)
    row = [rights.window.call(story.portfolio, start + hour * HOUR)[1] for hour in (0, 2, 4)]
    assert row == [start + 2 * HOUR, start + 4 * HOUR, 0]
    assert rights.previousWindow.call(story.portfolio, start) == 0
    assert rights.previousWindow.call(story.portfolio, start + 4 * HOUR) == start + 2 * HOUR
    assert rights.previousWindow.call(story.portfolio, 2**40 - 1) == start + 4 * HOUR


def test_windows_may_touch(story: Story) -> None:
    """Given windows that end where the next begins, both are issued."""
    story.issue(at(story, 1, 2), 1)
    story.issue(at(story, 0, 1), 1)
    story.issue(at(story, 2, 3), 1, previous=story.product.window_start + HOUR)


@pytest.mark.parametrize(("first", "last", "previous"), [(0, 3, 0), (1, 5, 0), (3, 4, 2), (3, 5, 2)])
def test_windows_do_not_overlap(story: Story, first: int, last: int, previous: int) -> None:
    """Given a window from 2 to 4, one that reaches into it, or around it, is refused with the other's start."""
    start = story.product.window_start
    story.issue(at(story, 2, 4), 1)
    product = at(story, first, last)
    hint = start + previous * HOUR if previous else 0
    with reverts("FlexibilityRights_WindowOverlaps", story.portfolio, product.window_start, start + 2 * HOUR):
        story.issue(product, 1, previous=hint)


def test_the_previous_window_must_be_the_last_before(story: Story) -> None:
    """Given a hint that is no window, not before, or not the last before, it is refused by its name."""
    start = story.product.window_start
    story.issue(at(story, 0, 1), 1)
    story.issue(at(story, 2, 3), 1, previous=start)
    for hint in (start + 1, start + 4 * HOUR, start, 0):
        with reverts("FlexibilityRights_BadPrevious", story.portfolio, hint):
            story.issue(at(story, 4, 5), 1, previous=hint)
    with reverts("FlexibilityRights_BadPrevious", story.portfolio, start + 2 * HOUR):
        story.issue(at(story, 1, 2), 1, previous=start + 2 * HOUR)


def test_the_hint_does_not_matter_where_the_window_is_there(story: Story) -> None:
    """Given a window that stands, any hint will do."""
    story.issue(story.product, 1)
    story.issue(story.product, 1, previous=12_345)


def test_rights_of_one_window_must_agree(world: World) -> None:
    """Given a window, another end, rule, direction or level of it is refused by the field's name."""
    level = reference_level(world)
    story = tell(world, level, reference_w=1_000)
    story.issue(story.product, 1)
    other = replace(level, stop_loss_bps=5_000)
    other_id = world.publish(other)
    changes: list[tuple[str, dict[str, Any]]] = [
        ("windowEnd", {"window_end": story.product.window_end + QUARTER}),
        ("ruleId", {"rule_id": other_id}),
        ("direction", {"direction": Direction.ABSORB}),
        ("referenceW", {"reference_w": 2_000}),
    ]
    for field, change in changes:
        product = replace(story.product, **change)
        with reverts("FlexibilityRights_WindowDiffers", story.portfolio, product.window_start, field):
            story.issue(product, 1)


def test_nothing_is_issued_for_an_unavailable_window(story: Story) -> None:
    """Given the provider declared itself unavailable, no more is issued."""
    story.issue(story.product, 1)
    story.world.rights.declareUnavailable.send(story.product.event_key, sender=story.provider)
    with reverts("FlexibilityRights_Unavailable", story.right):
        story.issue(story.product, 1)


def test_two_portfolios_do_not_meet(story: Story) -> None:
    """Given another portfolio, its windows are its own."""
    other = story.world.portfolio_of([story.world.home(9)], salt=b"\x01" * 32)
    product = replace(story.product, portfolio_id=other, window_end=story.product.window_end + QUARTER)
    story.issue(story.product, 1)
    story.issue(product, 1)
    assert event_id(product.event_key) != story.event
