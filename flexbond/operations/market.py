"""Offers: signed by providers, taken by buyers, cancelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.hashing import ZERO_ADDRESS
from flexbond.ids import right_id
from flexbond.model.types import Offer
from flexbond.operations.common import market_domain, require_actor, time_of, titled, token_at
from flexbond.operations.documents import SignedOffer
from flexbond.operations.errors import NotYoursError, OperationError, TooLateError
from flexbond.operations.history import taken_of
from flexbond.operations.progress import Progress, silent
from flexbond.signing.eip712 import digest
from flexbond.signing.sign import sign_offer
from flexbond.units import format_power, format_time

if TYPE_CHECKING:
    from flexbond.chain.send import Sender
    from flexbond.chain.suite import Suite
    from flexbond.model.types import Product
    from flexbond.signing.signers import Signer

CANCELLED = 2**32 - 1
"""What `filled` says of a nonce that was cancelled."""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What a buyer has of an offer."""

    right_id: bytes
    buyer: str
    units: int
    """Taken now; 0 if nothing was missing."""
    units_in_all: int
    """Taken of this offer by this buyer."""
    premium: int
    """Paid now, base units."""
    availability: int
    """Locked now, base units."""


def make_offer(
    suite: Suite,
    signer: Signer,
    product: Product,
    *,
    units: int,
    expiry: int,
    nonce: int,
    premium_per_unit: int = 0,
    buyer: str = ZERO_ADDRESS,
) -> SignedOffer:
    """An offer of at most `units`, until `expiry` (UTC seconds), at a premium in base units a unit. Offers of one nonce share its fill."""
    domain = market_domain(suite)
    offer = Offer(
        product=product, units=units, premium_per_unit=premium_per_unit, buyer=buyer, expiry=expiry, nonce=nonce
    )
    return SignedOffer(
        chain_id=domain.chain_id,
        contract=domain.contract,
        offer=offer,
        signer=signer.address,
        signature=sign_offer(signer, domain, offer),
    )


def take(
    suite: Suite,
    sender: Sender,
    signed: SignedOffer,
    *,
    units: int,
    buyer: str | None = None,
    progress: Progress = silent,
) -> Taken:
    """Takes of an offer what is missing until the buyer (the sender by default) has taken `units` of it: doing it again does nothing.

    Raises DocumentDomainError, NotYoursError, TooLateError, OperationError, ContractRevert.
    """
    domain = market_domain(suite)
    signed.check_domain(domain)
    offer, product = signed.offer, signed.offer.product
    account = buyer or sender.address
    identity = right_id(product)
    had = sum(fill.units for fill in taken_of(suite, digest(domain, offer), account))
    missing = max(0, units - had)
    if missing == 0:
        progress(f"{account} has {had} units of this offer already.")
        return Taken(right_id=identity, buyer=account, units=0, units_in_all=had, premium=0, availability=0)
    _require_takeable(suite, sender, offer, account, missing)
    previous = suite.rights.read("previousWindow", product.portfolio_id, product.window_start)
    transaction = suite.market.transaction("take", offer, signed.signer, signed.signature, account, missing, previous)
    sender.send(titled(transaction, f"Take {missing} units of {format_power(product.lot_w)}"))
    premium = missing * offer.premium_per_unit
    availability = missing * suite.rights.read("availabilityPerUnit", product)
    paid = token_at(suite, product.currency).show(premium)
    progress(f"Took {missing} units of {format_power(product.lot_w)}; paid a premium of {paid}.")
    return Taken(
        right_id=identity,
        buyer=account,
        units=missing,
        units_in_all=had + missing,
        premium=premium,
        availability=availability,
    )


def cancel_offer(suite: Suite, sender: Sender, provider: str, nonce: int, *, progress: Progress = silent) -> None:
    """Cancels the offers of one nonce, unless they are. By the provider or its operator."""
    cancelled = suite.market.read("filled", provider, nonce) == CANCELLED
    if cancelled or nonce < suite.market.read("minNonce", provider):
        progress(f"Offers with nonce {nonce} are cancelled already.")
        return
    require_actor(suite, provider, sender.address, what="cancel these offers")
    sender.send(titled(suite.market.transaction("cancel", provider, nonce), f"Cancel offers with nonce {nonce}"))
    progress(f"Cancelled offers with nonce {nonce}.")


def cancel_offers(suite: Suite, sender: Sender, provider: str, below: int, *, progress: Progress = silent) -> None:
    """Cancels all offers with a nonce below `below`, unless they are. By the provider or its operator."""
    if suite.market.read("minNonce", provider) >= below:
        progress(f"Offers with a nonce below {below} are cancelled already.")
        return
    require_actor(suite, provider, sender.address, what="cancel these offers")
    sender.send(titled(suite.market.transaction("cancelAll", provider, below), f"Cancel offers below nonce {below}"))
    progress(f"Cancelled all offers with a nonce below {below}.")


def _require_takeable(suite: Suite, sender: Sender, offer: Offer, account: str, units: int) -> None:
    """Says in words what the contract would refuse."""
    require_actor(suite, account, sender.address, what=f"buy for {account}")
    if offer.buyer not in (ZERO_ADDRESS, account):
        raise NotYoursError(f"The offer is for {offer.buyer} alone.", "Ask the provider for one of your own.")
    if time_of(suite) >= offer.expiry:
        raise TooLateError(f"The offer was good until {format_time(offer.expiry)}.", "Ask the provider for a new one.")
    provider = offer.product.provider
    filled = suite.market.read("filled", provider, offer.nonce)
    if filled == CANCELLED or offer.nonce < suite.market.read("minNonce", provider):
        raise TooLateError("The provider cancelled the offer.", "Ask for a new one.")
    if units > offer.units - filled:
        raise OperationError(
            f"Of this offer {max(0, offer.units - filled)} units are left, and {units} are wanted.", "Take fewer."
        )
