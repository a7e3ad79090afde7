"""Offers and rights."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flexbond.cli.command import Answer, command
from flexbond.cli.quantities import (
    OptionError,
    amount,
    chosen,
    named_bytes32,
    optional_address,
    seconds,
)
from flexbond.cli.shown import full
from flexbond.hashing import keccak
from flexbond.model.types import Direction, Product
from flexbond.operations import dispatching, market
from flexbond.operations.common import Token, token_at
from flexbond.operations.documents import SignedOffer
from flexbond.operations.history import products_of, rule_of, rules_of
from flexbond.units import format_power, price_per_mw_hour, price_per_mwh, utc_seconds, watts

if TYPE_CHECKING:
    from flexbond.cli.desk import Desk

DIRECTIONS = {"shed": Direction.SHED, "absorb": Direction.ABSORB}

Units = Annotated[int, typer.Option(help="How many units.", min=1)]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    offer = typer.Typer(help="Offers of flexibility.", no_args_is_help=True)
    command(offer, "sign", signs=True)(sign)
    command(offer, "cancel", sends=True)(cancel)
    app.add_typer(offer, name="offer")
    command(app, "buy", sends=True)(buy)
    command(app, "release", sends=True)(release)


def sign(
    desk: "Desk",
    portfolio: Annotated[str, typer.Option(help="Id of the portfolio, 0x and 64 digits.")],
    rule: Annotated[str, typer.Option(help="Id of the rule, or its beginning.")],
    direction: Annotated[str, typer.Option(help="shed (less demand or more generation) or absorb.")],
    begin: Annotated[str, typer.Option("--from", help="Start of the service window, ISO-8601 with zone.")],
    end: Annotated[str, typer.Option("--to", help="End of the service window, ISO-8601 with zone.")],
    lot: Annotated[str, typer.Option(help="Power of one unit, such as '1 kW'.")],
    units: Units,
    utilisation: Annotated[str, typer.Option(help="Price of delivered energy, such as '300 /MWh'.")],
    shortfall: Annotated[str, typer.Option(help="Price of missing energy, such as '300 /MWh'.")],
    expiry: Annotated[str, typer.Option(help="Until when the offer can be taken, ISO-8601 with zone.")],
    out: Annotated[Path, typer.Option(help="File for the signed offer.")],
    availability: Annotated[str, typer.Option(help="Price of availability, such as '8 /MW/h'.")] = "0 /MW/h",
    premium: Annotated[str | None, typer.Option(help="Premium a unit, such as '0.05 USDC'.")] = None,
    notice: Annotated[str, typer.Option(help="Notification period.")] = "15 min",
    ramp: Annotated[str, typer.Option(help="From the notification's end to full power.")] = "15 min",
    min_run: Annotated[str | None, typer.Option(help="Least run; a settlement period by default.")] = None,
    max_run: Annotated[str | None, typer.Option(help="Greatest run; the window by default.")] = None,
    reference: Annotated[str, typer.Option(help="Contracted level of the portfolio (rule with a reference).")] = "0 W",
    reference_exports: Annotated[bool, typer.Option("--reference-exports", help="The level is an export.")] = False,
    transferable: Annotated[bool, typer.Option("--transferable", help="Holders may pass it on.")] = False,
    terms: Annotated[
        Path | None, typer.Option(help="File with the legal text; its hash goes into the product.")
    ] = None,
    buyer: Annotated[str | None, typer.Option(help="For this buyer alone.")] = None,
    nonce: Annotated[int | None, typer.Option(help="Offers of one nonce share their units.", min=0)] = None,
) -> Answer:
    """Sign, as provider, an offer of flexibility."""
    rule_id = chosen(rule, rules_of(desk.suite), name="rule")
    identity, published = named_bytes32(portfolio), rule_of(desk.suite, rule_id)
    stored = desk.suite.devices.read("portfolio", identity)
    token = token_at(desk.suite, published.currency)
    start, stop = utc_seconds(begin), utc_seconds(end)
    product = Product(
        provider=stored.provider,
        portfolio_id=identity,
        zone=stored.zone,
        direction=_direction(direction),
        window_start=start,
        window_end=stop,
        **_runs(notice, ramp, min_run or f"{published.period_seconds} s", max_run or f"{max(0, stop - start)} s"),
        lot_w=watts(lot),
        **_prices(token, availability, utilisation, shortfall),
        currency=published.currency,
        rule_id=rule_id,
        reference_w=watts(reference) * (-1 if reference_exports else 1),
        transferable=transferable,
        terms_hash=bytes(32) if terms is None else keccak(terms.read_bytes()),
    )
    each = 0 if premium is None else amount(premium, decimals=token.decimals, symbol=token.symbol)
    for_whom = optional_address(buyer, name="--buyer")
    return _offer(desk, product, units, each, utc_seconds(expiry), nonce, for_whom, out)


def cancel(
    desk: "Desk",
    nonce: Annotated[int | None, typer.Option(help="Cancel the offers of this nonce.", min=0)] = None,
    below: Annotated[int | None, typer.Option(help="Cancel all offers with a nonce below this.", min=0)] = None,
    provider: Annotated[str | None, typer.Option(help="Whose offers; your own by default.")] = None,
) -> Answer:
    """Cancel offers, of one nonce or all below one."""
    account = desk.account(provider, name="--provider")
    if (nonce is None) == (below is None):
        raise OptionError("It is not said which offers to cancel.", "Give either --nonce or --below.")
    if nonce is not None:
        market.cancel_offer(desk.suite, desk.sender, account, nonce, progress=desk.progress)
    if below is not None:
        market.cancel_offers(desk.suite, desk.sender, account, below, progress=desk.progress)
    return Answer(value={"provider": account, "nonce": nonce, "below": below}, lines=["Cancelled."])


def buy(
    desk: "Desk",
    offer: Annotated[Path, typer.Argument(help="The provider's signed offer.")],
    units: Annotated[int, typer.Option(help="Units of this offer you want to have taken in all.", min=1)],
    buyer: Annotated[str | None, typer.Option(help="For whom; yourself by default.")] = None,
) -> Answer:
    """Take units of an offer: premium paid, availability and collateral locked, right issued, all at once."""
    done = market.take(
        desk.suite,
        desk.sender,
        SignedOffer.load(offer),
        units=units,
        buyer=desk.account(buyer, name="--buyer"),
        progress=desk.progress,
    )
    return Answer(value=done, lines=[f"{done.buyer} took {done.units_in_all} units of right {full(done.right_id)}."])


def release(
    desk: "Desk",
    right: Annotated[str, typer.Argument(help="Id of the right, or its beginning.")],
    units: Units,
    holder: Annotated[str | None, typer.Option(help="Whose; your own by default.")] = None,
) -> Answer:
    """Give units of a right up."""
    identity = chosen(right, products_of(desk.suite), name="right")
    account = desk.account(holder, name="--holder")
    left = dispatching.release(desk.suite, desk.sender, identity, units=units, holder=account, progress=desk.progress)
    return Answer(
        value={"rightId": identity, "holder": account, "units": left}, lines=[f"{account} holds {left} units now."]
    )


def _direction(text: str) -> Direction:
    if text not in DIRECTIONS:
        raise OptionError(f"--direction cannot be {text[:40]!r}.", f"Use {' or '.join(DIRECTIONS)}.")
    return DIRECTIONS[text]


def _runs(notice: str, ramp: str, min_run: str, max_run: str) -> dict[str, Any]:
    """The product's lengths of time, s."""
    return {
        "notice_seconds": seconds(notice),
        "ramp_seconds": seconds(ramp),
        "min_run_seconds": seconds(min_run),
        "max_run_seconds": seconds(max_run),
    }


def _prices(token: Token, availability: str, utilisation: str, shortfall: str) -> dict[str, Any]:
    """The product's prices, base units."""
    return {
        "availability_per_mwhour": price_per_mw_hour(availability, decimals=token.decimals),
        "utilisation_per_mwh": price_per_mwh(utilisation, decimals=token.decimals),
        "shortfall_per_mwh": price_per_mwh(shortfall, decimals=token.decimals),
    }


def _offer(
    desk: "Desk",
    product: Product,
    units: int,
    premium: int,
    expiry: int,
    nonce: int | None,
    buyer: str,
    out: Path,
) -> Answer:
    """Signs the offer and writes it down; without a nonce it gets one that grows from offer to offer."""
    signed = market.make_offer(
        desk.suite,
        desk.signer,
        product,
        units=units,
        premium_per_unit=premium,
        expiry=expiry,
        nonce=time.time_ns() // 1_000_000 if nonce is None else nonce,
        buyer=buyer,
    )
    signed.save(out)
    line = f"Signed an offer of {units} units of {format_power(product.lot_w)}; publish {out}."
    return Answer(value=signed.as_json(), lines=[line])
