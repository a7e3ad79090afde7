"""FlexibilityMarket: signed offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flexbond.hashing import ZERO_ADDRESS
from flexbond.model.suite.base import ANY, ModelRevert, Part, Table, atomic

if TYPE_CHECKING:
    from flexbond.model.suite import Suite
    from flexbond.model.types import Offer

CANCELLED: Final = 2**32 - 1
"""Units taken under a nonce that say that it is cancelled."""
MOST_PREMIUM: Final = 2**96 - 1
"""Greatest premium of a unit, base units."""


class Market(Part):
    """Offers and what was taken of them."""

    def __init__(self, suite: Suite) -> None:
        super().__init__(suite)
        self.fills: Table[tuple[str, int], int] = self.table()
        self.min_nonces: Table[str, int] = self.table()

    @atomic
    def take(
        self,
        offer: Offer,
        signer: str,
        buyer: str,
        units: int,
        previous_start: int,
        *,
        signed: bool,
        sender: str,
        now: int,
    ) -> bytes:
        """Takes units of an offer for a buyer; the right's id."""
        product, provider = offer.product, offer.product.provider
        self.require_acts_for(buyer, sender, now)
        if offer.buyer not in (ZERO_ADDRESS, buyer):
            raise ModelRevert("FlexibilityMarket_OfferForOther", offer.buyer, buyer)
        if now >= offer.expiry:
            raise ModelRevert("FlexibilityMarket_OfferExpired", offer.expiry, now)
        if offer.premium_per_unit > MOST_PREMIUM:
            raise ModelRevert("Flexbond_Overflow", offer.premium_per_unit, 96)
        self.require_acts_for(provider, signer, now)
        if not signed:
            raise ModelRevert("Flexbond_BadSignature", signer, ANY)
        self._fill(offer, provider, units)
        premium, here = units * offer.premium_per_unit, self.suite.addresses.market
        return self.suite.rights.issue(product, units, buyer, premium, previous_start, sender=here, now=now)

    @atomic
    def cancel(self, provider: str, nonce: int, *, sender: str, now: int) -> None:
        """Cancels the offers of one nonce."""
        self.require_acts_for(provider, sender, now)
        self.fills[provider, nonce] = CANCELLED

    @atomic
    def cancel_all(self, provider: str, below_nonce: int, *, sender: str, now: int) -> None:
        """Cancels all offers below a nonce; never goes back."""
        self.require_acts_for(provider, sender, now)
        self.min_nonces[provider] = max(below_nonce, self.min_nonce(provider))

    def filled(self, provider: str, nonce: int) -> int:
        """Units already taken under a nonce."""
        return self.fills.get((provider, nonce), 0)

    def min_nonce(self, provider: str) -> int:
        """Offers below this nonce are cancelled."""
        return self.min_nonces.get(provider, 0)

    def _fill(self, offer: Offer, provider: str, units: int) -> None:
        taken = self.filled(provider, offer.nonce)
        if offer.nonce < self.min_nonce(provider) or taken == CANCELLED:
            raise ModelRevert("FlexibilityMarket_OfferCancelled", provider, offer.nonce)
        remaining = max(0, min(offer.units, CANCELLED - 1) - taken)
        if units > remaining:
            raise ModelRevert("FlexibilityMarket_Overfilled", provider, offer.nonce, remaining, units)
        self.fills[provider, offer.nonce] = taken + units
