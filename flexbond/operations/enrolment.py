"""Portfolios and who is in them: statements, key proofs, consents, joining and leaving. What stands already is left alone."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.chain.errors import ContractRevert
from flexbond.ids import portfolio_id
from flexbond.model.types import Consent, SignerScheme, Statement
from flexbond.operations.common import registry_domain, require_actor, time_of, titled
from flexbond.operations.documents import SignedConsent, SignedPayeeChange, SignedStatement
from flexbond.operations.errors import NotYoursError, OperationError, TooLateError
from flexbond.operations.progress import Progress, silent
from flexbond.signing.eip712 import Domain
from flexbond.signing.messages import PayeeChange
from flexbond.signing.sign import prove_key, sign_consent, sign_payee_change, sign_statement
from flexbond.units import format_time

if TYPE_CHECKING:
    from flexbond.chain.send import Sender
    from flexbond.chain.suite import Suite
    from flexbond.model.types import Entry
    from flexbond.signing.signers import Signer


@dataclass(frozen=True, kw_only=True)
class Enrolled:
    """A metering point in a portfolio."""

    metering_point: bytes
    portfolio_id: bytes
    index: int
    """Its place: leaf of every submission."""


def create_portfolio(
    suite: Suite,
    sender: Sender,
    provider: str,
    *,
    zone: bytes,
    customer_share_bps: int,
    salt: bytes = bytes(32),
    progress: Progress = silent,
) -> bytes:
    """Creates a portfolio unless it stands, or raises its customers' share (basis points); its id.

    Raises OperationError if the present share is higher: it is never lowered.
    """
    identity = portfolio_id(provider, zone, salt)
    share = share_of(suite, identity)
    if share is None:
        transaction = suite.devices.transaction("createPortfolio", provider, zone, customer_share_bps, salt)
        sender.send(titled(transaction, "Create a portfolio"))
        progress(f"Created portfolio 0x{identity.hex()}.")
    elif share > customer_share_bps:
        raise OperationError(
            f"The portfolio gives its customers {share} bps, which is never lowered.", "Ask for that share or more."
        )
    elif share < customer_share_bps:
        transaction = suite.devices.transaction("raiseCustomerShare", identity, customer_share_bps)
        sender.send(titled(transaction, "Raise the customers' share"))
        progress(f"Raised the customers' share from {share} to {customer_share_bps} bps.")
    else:
        progress(f"The portfolio 0x{identity.hex()} stands already.")
    return identity


def share_of(suite: Suite, portfolio: bytes) -> int | None:
    """The customers' share of a portfolio, basis points; None if there is no such portfolio."""
    try:
        share: int = suite.devices.read("portfolio", portfolio).customer_share_bps
    except ContractRevert as error:
        if error.name == "DeviceRegistry_PortfolioUnknown":
            return None
        raise
    return share


# ------------------------------------------------------------------ what is signed


def make_statement(
    suite: Suite, operator: Signer, statement: Statement, *, device: Signer | None = None
) -> SignedStatement:
    """What a meter operator states, signed; with the device's proof of its key if the device is at hand."""
    domain = registry_domain(suite)
    signed = SignedStatement(
        chain_id=domain.chain_id,
        contract=domain.contract,
        statement=statement,
        meter_operator=operator.address,
        operator_signature=sign_statement(operator, domain, statement),
        key_proof=b"",
    )
    return signed if device is None else prove_key_of(signed, device)


def prove_key_of(signed: SignedStatement, device: Signer) -> SignedStatement:
    """The statement with the device's proof of its key; needs no node. Raises NotYoursError if it names another key."""
    statement = signed.statement
    if (device.scheme, device.address) != (statement.scheme, statement.signer):
        raise NotYoursError(
            f"The statement names the {statement.scheme.name} key {statement.signer}, not {device.address}.",
            "Sign on the device that is stated, or have this one stated.",
        )
    return dataclasses.replace(signed, key_proof=prove_key(device, _domain_of(signed), statement))


def make_consent(
    suite: Suite,
    customer: Signer,
    *,
    metering_point: bytes,
    portfolio: bytes,
    customer_share_bps: int,
    deadline: int,
    payee: str | None = None,
    nonce: int | None = None,
) -> SignedConsent:
    """A customer's consent, until `deadline` (UTC seconds), to the share it accepts; the customer is its own payee by default."""
    domain = registry_domain(suite)
    consent = Consent(
        metering_point=metering_point,
        portfolio_id=portfolio,
        customer=customer.address,
        payee=payee or customer.address,
        customer_share_bps=customer_share_bps,
        nonce=suite.devices.read("nonces", customer.address) if nonce is None else nonce,
        deadline=deadline,
    )
    return SignedConsent(
        chain_id=domain.chain_id,
        contract=domain.contract,
        consent=consent,
        signature=sign_consent(customer, domain, consent),
    )


def make_payee_change(
    suite: Suite, present: Signer, *, portfolio: bytes, index: int, payee: str, deadline: int
) -> SignedPayeeChange:
    """The present payee's word, until `deadline` (UTC seconds), that another collects for a place of a portfolio."""
    domain = registry_domain(suite)
    nonce = suite.devices.read("nonces", present.address)
    change = PayeeChange(portfolio_id=portfolio, index=index, payee=payee, nonce=nonce, deadline=deadline)
    return SignedPayeeChange(
        chain_id=domain.chain_id,
        contract=domain.contract,
        change=change,
        signature=sign_payee_change(present, domain, change),
    )


# ------------------------------------------------------------------ what is sent


def state(suite: Suite, sender: Sender, signed: SignedStatement, *, progress: Progress = silent) -> None:
    """Brings a statement with its key proof to the registry, unless it stands or a later one does. By anyone.

    Raises OperationError if the device has not proven its key, DocumentDomainError.
    """
    signed.check_domain(registry_domain(suite))
    statement = signed.statement
    point = "0x" + statement.metering_point.hex()
    known = suite.devices.read("meteringPoint", statement.metering_point)
    if known.sequence >= statement.sequence and _stands(suite, statement):
        progress(f"Metering point {point} is stated already.")
        return
    if not signed.key_proof:
        raise OperationError(
            f"The device of metering point {point} has not proven its key.", "Run `flexbond meter prove` with its key."
        )
    transaction = suite.devices.transaction(
        "state", statement, signed.meter_operator, signed.operator_signature, signed.key_proof
    )
    sender.send(titled(transaction, f"State metering point {point}"))
    progress(f"Stated metering point {point}.")


def enrol(
    suite: Suite,
    sender: Sender,
    consent: SignedConsent,
    statement: SignedStatement | None = None,
    *,
    progress: Progress = silent,
) -> Enrolled:
    """Enrols a metering point on its customer's consent, bringing its statement first if one is given and does not stand.

    Raises NotYoursError, OperationError, DocumentDomainError, ContractRevert.
    """
    consent.check_domain(registry_domain(suite))
    terms = consent.consent
    if statement is not None:
        if statement.statement.metering_point != terms.metering_point:
            raise OperationError(
                "Statement and consent are of different metering points.", "Give two that belong together."
            )
        state(suite, sender, statement, progress=progress)
    point = suite.devices.read("meteringPoint", terms.metering_point)
    shown = "0x" + terms.metering_point.hex()
    if point.portfolio_id == terms.portfolio_id:
        progress(f"Metering point {shown} is enrolled already.")
    else:
        provider = suite.devices.read("portfolio", terms.portfolio_id).provider
        require_actor(suite, provider, sender.address, what="enrol in this portfolio")
        transaction = suite.devices.transaction("enrol", terms, consent.signature)
        sender.send(titled(transaction, f"Enrol metering point {shown}"))
        progress(f"Enrolled metering point {shown}.")
        point = suite.devices.read("meteringPoint", terms.metering_point)
    return Enrolled(metering_point=terms.metering_point, portfolio_id=terms.portfolio_id, index=point.entry_index)


def leave(suite: Suite, sender: Sender, metering_point: bytes, *, progress: Progress = silent) -> None:
    """Takes a metering point out of its portfolio, for events not yet notified. By its customer, the provider or its operator."""
    point = suite.devices.read("meteringPoint", metering_point)
    if point.portfolio_id == bytes(32):
        progress(f"Metering point 0x{metering_point.hex()} is in no portfolio.")
        return
    sender.send(titled(suite.devices.transaction("leave", metering_point), "Leave the portfolio"))
    progress(f"Metering point 0x{metering_point.hex()} left its portfolio.")


def void_statement(suite: Suite, sender: Sender, metering_point: bytes, *, progress: Progress = silent) -> None:
    """Voids a metering point's statement: nothing more is accepted from its key. By its customer or a meter operator."""
    if suite.devices.read("signer", metering_point).scheme is SignerScheme.NONE:
        progress(f"No statement of metering point 0x{metering_point.hex()} is in force.")
        return
    sender.send(titled(suite.devices.transaction("voidStatement", metering_point), "Void a statement"))
    progress(f"The statement of metering point 0x{metering_point.hex()} is void.")


def change_payee(suite: Suite, sender: Sender, signed: SignedPayeeChange, *, progress: Progress = silent) -> None:
    """Brings the present payee's word that another collects, unless that one does already. By anyone.

    Raises TooLateError, DocumentDomainError, ContractRevert.
    """
    signed.check_domain(registry_domain(suite))
    change = signed.change
    entry: Entry = suite.devices.read("entry", change.portfolio_id, change.index)
    if entry.payee == change.payee:
        progress(f"Place {change.index} is collected for by {change.payee} already.")
        return
    if time_of(suite) >= change.deadline:
        raise TooLateError(f"The change was good until {format_time(change.deadline)}.", "Have it signed anew.")
    transaction = suite.devices.transaction(
        "changePayee", change.portfolio_id, change.index, change.payee, change.deadline, signed.signature
    )
    sender.send(titled(transaction, f"Let {change.payee} collect for place {change.index}"))
    progress(f"{change.payee} collects for place {change.index} from now on.")


def _stands(suite: Suite, statement: Statement) -> bool:
    """Whether the statement, or a later one, is in force."""
    stored = suite.devices.read("signer", statement.metering_point)
    return stored.scheme in (SignerScheme.SECP256K1, SignerScheme.P256)


def _domain_of(signed: SignedStatement) -> Domain:
    return Domain.of("DeviceRegistry", chain_id=signed.chain_id, contract=signed.contract)
