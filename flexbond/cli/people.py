"""Money, portfolios and who joins them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flexbond.cli.command import Answer, command
from flexbond.cli.quantities import OptionError, address, amount, metering_point, named_bytes32, share_bps
from flexbond.cli.shown import full
from flexbond.operations import enrolment, money
from flexbond.operations.documents import SignedConsent, SignedStatement
from flexbond.units import utc_seconds

if TYPE_CHECKING:
    from flexbond.cli.desk import Desk

Token = Annotated[str | None, typer.Option("--token", help="Address of the token; the suite's only one by default.")]
Point = Annotated[str, typer.Argument(help="Metering point: 0x and 32 digits, or a name.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    command(app, "deposit", sends=True)(deposit)
    command(app, "withdraw", sends=True)(withdraw)
    portfolio = typer.Typer(help="Portfolios of metering points.", no_args_is_help=True)
    command(portfolio, "create", sends=True)(create_portfolio)
    app.add_typer(portfolio, name="portfolio")
    command(app, "consent", signs=True)(consent)
    command(app, "enrol", sends=True)(enrol)
    command(app, "leave", sends=True)(leave)


def deposit(
    desk: "Desk",
    sum_: Annotated[str, typer.Argument(metavar="AMOUNT", help="Amount with its currency, such as '5 USDC'.")],
    token: Token = None,
    to: Annotated[str | None, typer.Option(help="Whose balance; your own by default.")] = None,
    up_to: Annotated[bool, typer.Option("--up-to", help="Only what is missing until that much is free.")] = False,
    mint: Annotated[bool, typer.Option("--mint", help="Mint play money first (development networks only).")] = False,
) -> Answer:
    """Deposit money into the escrow, by permit where the token has it."""
    if mint and not desk.config.development:
        raise OptionError(f"{desk.options.network} has no play money.", "Leave --mint away.")
    which = desk.token(token)
    moved = money.deposit(
        desk.suite,
        desk.sender,
        desk.signer,
        which.address,
        amount(sum_, decimals=which.decimals, symbol=which.symbol),
        account=desk.account(to, name="--to"),
        up_to=up_to,
        mint=mint,
        progress=desk.progress,
    )
    return Answer(value=moved, lines=[f"{moved.account} has {which.show(moved.free)} free."])


def withdraw(
    desk: "Desk",
    sum_: Annotated[
        str | None, typer.Argument(metavar="AMOUNT", help="Amount with its currency; all that is free by default.")
    ] = None,
    token: Token = None,
    to: Annotated[str | None, typer.Option(help="Where to; your own address by default.")] = None,
) -> Answer:
    """Withdraw free money from the escrow."""
    which = desk.token(token)
    wanted = None if sum_ is None else amount(sum_, decimals=which.decimals, symbol=which.symbol)
    receiver = None if to is None else address(to, name="--to")
    moved = money.withdraw(desk.suite, desk.sender, which.address, wanted, to=receiver, progress=desk.progress)
    return Answer(value=moved, lines=[f"{moved.account} has {which.show(moved.free)} free."])


def create_portfolio(
    desk: "Desk",
    zone: Annotated[str, typer.Option(help="Where: a name, or 0x and 64 digits.")],
    customer_share: Annotated[str, typer.Option(help="Customers' share of pay and availability, such as 60 %.")],
    salt: Annotated[str | None, typer.Option(help="Tells several portfolios of one zone apart.")] = None,
    provider: Annotated[str | None, typer.Option(help="Whose; your own by default.")] = None,
) -> Answer:
    """Create a portfolio, or raise its customers' share."""
    identity = enrolment.create_portfolio(
        desk.suite,
        desk.sender,
        desk.account(provider, name="--provider"),
        zone=named_bytes32(zone),
        customer_share_bps=share_bps(customer_share),
        salt=bytes(32) if salt is None else named_bytes32(salt),
        progress=desk.progress,
    )
    return Answer(value={"portfolioId": identity}, lines=[f"Portfolio {full(identity)}."])


def consent(
    desk: "Desk",
    point: Point,
    portfolio: Annotated[str, typer.Option(help="Id of the portfolio, 0x and 64 digits.")],
    share: Annotated[str, typer.Option(help="Least customers' share you accept, such as 60 %.")],
    until: Annotated[str, typer.Option(help="Until when the consent can be used, ISO-8601 with zone.")],
    out: Annotated[Path, typer.Option(help="File for the signed consent.")],
    payee: Annotated[str | None, typer.Option(help="Who collects; you by default.")] = None,
) -> Answer:
    """Sign, as customer, the consent to enrol your metering point."""
    signed = enrolment.make_consent(
        desk.suite,
        desk.signer,
        metering_point=metering_point(point),
        portfolio=named_bytes32(portfolio),
        customer_share_bps=share_bps(share),
        deadline=utc_seconds(until),
        payee=desk.account(payee, name="--payee"),
    )
    signed.save(out)
    return Answer(value=signed.as_json(), lines=[f"Signed; hand {out} to the provider."])


def enrol(
    desk: "Desk",
    consent_file: Annotated[Path, typer.Argument(metavar="CONSENT", help="The customer's signed consent.")],
    statement: Annotated[
        Path | None, typer.Option(help="The meter operator's signed statement, if it is not on chain yet.")
    ] = None,
) -> Answer:
    """Enrol a metering point in its portfolio on its customer's consent."""
    stated = None if statement is None else SignedStatement.load(statement)
    done = enrolment.enrol(desk.suite, desk.sender, SignedConsent.load(consent_file), stated, progress=desk.progress)
    return Answer(
        value=done,
        lines=[f"Metering point 0x{done.metering_point.hex()} is place {done.index} of {full(done.portfolio_id)}."],
    )


def leave(desk: "Desk", point: Point) -> Answer:
    """Take a metering point out of its portfolio, for events not yet notified."""
    identity = metering_point(point)
    enrolment.leave(desk.suite, desk.sender, identity, progress=desk.progress)
    return Answer(value={"meteringPoint": identity}, lines=[f"Metering point 0x{identity.hex()} is in no portfolio."])
