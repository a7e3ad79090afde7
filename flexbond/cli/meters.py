"""Keys and statements of devices, signing interval data, attesting and anchoring records."""

import os
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from flexbond import metering
from flexbond.cli import readings
from flexbond.cli.command import Answer, command
from flexbond.cli.desk import key_source
from flexbond.cli.people import Point
from flexbond.cli.quantities import OptionError, address, metering_point
from flexbond.model.types import DeviceKind, SignerScheme, Statement
from flexbond.operations import anchoring, enrolment, meters, reporting
from flexbond.operations.documents import SignedStatement
from flexbond.signing.devices import DeviceKey, load_device, new_private_key
from flexbond.signing.keys import PASSWORD_FILE, keystore_password, save_keystore
from flexbond.signing.signers import Secp256k1Signer
from flexbond.trees import MAX_HISTORY
from flexbond.units import format_time, utc_seconds, watts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.cli.desk import Desk

SCHEMES = {"secp256k1": SignerScheme.SECP256K1, "p256": SignerScheme.P256}
KINDS = {"device": DeviceKind.DEVICE, "gateway": DeviceKind.GATEWAY, "data-collector": DeviceKind.DATA_COLLECTOR}
FOREVER = 2**40 - 1

T = TypeVar("T")

Scheme = Annotated[str, typer.Option(help=f"Curve of the device's key: {' or '.join(SCHEMES)}.")]
Book = Annotated[Path, typer.Option("--records", help="The record book. Keep it private.")]
DeviceSource = Annotated[str, typer.Option("--device-key", help="The device's key: env:NAME or keystore:PATH.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    meter = typer.Typer(help="Devices, their statements and their records.", no_args_is_help=True)
    command(meter, "keygen")(keygen)
    command(meter, "state", signs=True)(state)
    command(meter, "prove")(prove)
    command(meter, "sign")(sign)
    command(meter, "attest", sends=True)(attest)
    command(meter, "anchor", sends=True)(anchor)
    command(meter, "report", sends=True)(report)
    readings.add_to(meter)
    app.add_typer(meter, name="meter")


def keygen(
    desk: "Desk",  # noqa: ARG001  every command has one
    out: Annotated[Path, typer.Option(help="File for the encrypted key.")],
    scheme: Scheme = "secp256k1",
) -> Answer:
    """Make a device's key, and keep it encrypted."""
    curve = _chosen(SCHEMES, scheme, "--scheme")
    private = new_private_key()
    save_keystore(out, Secp256k1Signer(private), _new_password(out))
    signer = DeviceKey.of(private, curve).signer
    return Answer(
        value={"scheme": scheme, "signer": signer.address, "file": str(out)},
        lines=[f"The device signs as {signer.address} ({scheme}); its key is in {out}, encrypted."],
    )


def state(
    desk: "Desk",
    point: Point,
    customer: Annotated[str, typer.Option(help="The customer's address.")],
    signer: Annotated[str, typer.Option(help="The address that the device signs as (see meter keygen).")],
    capacity: Annotated[str, typer.Option(help="Flexible capacity, such as '5 kW'.")],
    connection: Annotated[str, typer.Option(help="Capacity of the connection, such as '12 kW'.")],
    grid: Annotated[int, typer.Option(help="Number of the grid of its records.", min=1, max=255)],
    begin: Annotated[str, typer.Option("--from", help="Valid from, ISO-8601 with zone.")],
    out: Annotated[Path, typer.Option(help="File for the signed statement.")],
    until: Annotated[str | None, typer.Option(help="Valid until, ISO-8601 with zone; without end by default.")] = None,
    sequence: Annotated[int, typer.Option(help="Greater than that of the statement it replaces.", min=1)] = 1,
    kind: Annotated[str, typer.Option(help=f"What signs: {', '.join(KINDS)}.")] = "device",
    scheme: Scheme = "secp256k1",
) -> Answer:
    """Sign, as meter operator, who signs for a metering point and what it can do."""
    statement = Statement(
        metering_point=metering_point(point),
        customer=address(customer, name="--customer"),
        scheme=_chosen(SCHEMES, scheme, "--scheme"),
        signer=address(signer, name="--signer"),
        kind=_chosen(KINDS, kind, "--kind"),
        capacity_w=watts(capacity),
        connection_w=watts(connection),
        grid_id=grid,
        valid_from=utc_seconds(begin),
        valid_until=FOREVER if until is None else utc_seconds(until),
        sequence=sequence,
    )
    signed = enrolment.make_statement(desk.suite, desk.signer, statement)
    signed.save(out)
    return Answer(
        value=signed.as_json(), lines=[f"Signed; let the device prove its key with `flexbond meter prove {out}`."]
    )


def prove(
    desk: "Desk",  # noqa: ARG001  every command has one
    file: Annotated[Path, typer.Argument(help="The signed statement; the proof is written into it.")],
    device_key: DeviceSource,
) -> Answer:
    """Let a device prove the key that a statement names. Needs no node."""
    signed = SignedStatement.load(file)
    device = load_device(key_source(device_key), signed.statement.scheme)
    proven = enrolment.prove_key_of(signed, device.signer)
    proven.save(file)
    return Answer(
        value=proven.as_json(), lines=[f"The key is proven; bring {file} to the chain with `flexbond enrol`."]
    )


def sign(
    desk: "Desk",
    file: Annotated[Path, typer.Argument(help="Interval data, .csv or .parquet.")],
    point: Annotated[str, typer.Option(help="Metering point: 0x and 32 digits, or a name.")],
    device_key: DeviceSource,
    records: Book,
    device: Annotated[str | None, typer.Option(help="Whose readings, if the file holds several devices.")] = None,
    sign_: Annotated[str | None, typer.Option("--sign", help="import-positive or export-positive.")] = None,
    stamp: Annotated[str | None, typer.Option(help="Whether stamps name the start or the end of their period.")] = None,
    unit: Annotated[str | None, typer.Option(help="mWh, Wh, kWh, MWh, W-average or kW-average.")] = None,
    zone: Annotated[str | None, typer.Option(help="IANA time zone of stamps without offset.")] = None,
    column: Annotated[str | None, typer.Option(help="Column of the readings.")] = None,
    revision: Annotated[int, typer.Option(help="Above 0 for corrected readings.", min=0, max=65_535)] = 0,
) -> Answer:
    """Sign interval data with a device's key, a record a slot, into the record book."""
    identity = metering_point(point)
    key = load_device(key_source(device_key), meters.scheme_of(desk.suite, identity))
    stated = {"sign": sign_, "stamp": stamp, "unit": unit, "zone": zone}
    series = _series(file, stated, column, device)
    done = meters.sign_series(
        desk.suite, desk.book(records, create=True), series, identity, key, revision=revision, progress=desk.progress
    )
    return Answer(value=done, lines=[f"{done.signed} new records in {records}; {done.known} were there."])


def attest(desk: "Desk", records: Book) -> Answer:
    """Bring the book's records to the oracle, those that are not there yet."""
    done = meters.attest(desk.suite, desk.sender, desk.book(records), progress=desk.progress)
    lines = [
        f"Attested {done.records} records in {len(done.batches)} batches; {done.known} were there before, "
        f"{done.not_over} are of slots that have not ended."
    ]
    return Answer(value=done, lines=[*lines, *_refusals(done.refused)])


def anchor(
    desk: "Desk",
    records: Book,
    history: Annotated[
        bool,
        typer.Option(
            "--history", help="One leaf for the last records of each device, so that past days are shown together."
        ),
    ] = False,
    last: Annotated[
        int, typer.Option(help="With --history: at most so many records of a device.", min=1, max=MAX_HISTORY)
    ] = MAX_HISTORY,
    beside: Annotated[
        list[Path] | None,
        typer.Option(
            help="Another book of which you anchored records: none of this one may contradict it. May be repeated."
        ),
    ] = None,
) -> Answer:
    """Anchor the book's records under one root that reveals nothing: those that are not there yet, or each device's history."""
    done = anchoring.anchor(
        desk.suite,
        desk.sender,
        desk.book(records),
        history=history,
        last=last,
        beside=beside or (),
        progress=desk.progress,
    )
    lines = [
        f"Anchored {done.records} records in {done.leaves} leaves under 0x{done.root.hex()}."
        if done.root is not None
        else "There was nothing to anchor.",
        f"{done.known} were there before, {done.not_over} are of slots that have not ended, {done.revisions} are revisions, "
        "which only count when they are attested.",
    ]
    return Answer(value=done, lines=[*lines, *_refusals(done.refused)])


def report(
    desk: "Desk",
    books: Annotated[list[Path], typer.Argument(metavar="BOOK...", help="Record books, each whole or of one record.")],
) -> Answer:
    """Report devices that signed two different records of one slot and revision, so that they are suspended. Anyone may."""
    found = reporting.report_equivocations(desk.suite, desk.sender, books, progress=desk.progress)
    lines = [
        f"Metering point 0x{item.metering_point.hex()} signed two records of the slot from {format_time(item.slot_start)} with "
        f"revision {item.revision}: {'it was' if item.is_new else 'it was already'} suspended at {format_time(item.suspended_at)}."
        for item in found
    ]
    return Answer(value=found, lines=lines or ["No device contradicts itself in these books."])


def _refusals(refused: "Sequence[meters.Refused]") -> list[str]:
    return [f"Refused: metering point 0x{item.metering_point.hex()}: {item.reason}" for item in refused]


def _series(
    file: Path, stated: dict[str, str | None], column: str | None, device: str | None
) -> metering.IntervalSeries:
    said = [metering.parse_statement(key, value) for key, value in stated.items() if value is not None]
    conventions = metering.Conventions(
        sign=next((item.sign for item in said if item.sign), None),
        stamp=next((item.stamp for item in said if item.stamp), None),
        unit=next((item.unit for item in said if item.unit), None),
        zone=next((item.zone for item in said if item.zone), None),
    )
    found = metering.read(file, conventions, value_column=column)
    if device is not None:
        found = tuple(series for series in found if series.metering_point == device)
    if len(found) != 1:
        names = ", ".join(series.metering_point for series in found[:5])
        raise OptionError(f"{file} holds {len(found)} such devices ({names}).", "Name one of the file with --device.")
    return found[0]


def _new_password(out: Path) -> str:
    if os.environ.get(PASSWORD_FILE):
        return keystore_password(out)
    password = getpass("New password: ")
    if not password or password != getpass("Once more: "):
        raise OptionError("The passwords are empty or differ.", "Try again.")
    return password


def _chosen(known: dict[str, T], text: str, name: str) -> T:
    if text not in known:
        raise OptionError(f"{name} cannot be {text[:40]!r}.", f"Use one of {', '.join(known)}.")
    return known[text]
