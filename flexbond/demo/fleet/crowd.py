"""The fleet's people and devices, and how they are enrolled: a statement, a proof of the key and a consent for each, two transactions.

Signing is this process's work, checking the chain's: while the chain checks one share of them, the next is signed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flexbond.chain.errors import ChainError
from flexbond.demo.cast import Home
from flexbond.demo.fleet.sending import Bulk
from flexbond.demo.ground import statement_of
from flexbond.hashing import keccak
from flexbond.model.types import Consent
from flexbond.operations.common import registry_domain
from flexbond.signing.keys import development_device, development_secret
from flexbond.signing.sign import prove_key, sign_consent, sign_statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.demo.cast import Cast
    from flexbond.demo.ground import Connection, Ground
    from flexbond.operations.progress import Progress

DEVICE_SEED: Final = b"Devices of the fleet"
CUSTOMER_SEED: Final = b"Customers of the fleet"
"""What keys are derived from."""
SHARE: Final = 2_000
"""Homes signed for at a time."""
TOLD_EVERY: Final = 3
"""Shares."""
STATE_GAS: Final = 300_000
ENROL_GAS: Final = 250_000
"""Gas limits of the two transactions: more than the dearest takes."""


@dataclass(frozen=True, kw_only=True)
class Enrolment:
    """What the fleet's way into the portfolio cost."""

    homes: int
    state_gas: int
    """Of all statements together."""
    enrol_gas: int
    """Of all enrolments together."""

    @property
    def gas_per_home(self) -> int:
        """Of both, rounded up."""
        return -(-(self.state_gas + self.enrol_gas) // self.homes)


def homes_of(count: int) -> tuple[Home, ...]:
    """The homes of a fleet, in the order of their places."""
    return tuple(_home(place) for place in range(count))


def _home(place: int) -> Home:
    customer = development_device(CUSTOMER_SEED, place)
    return Home(
        name=f"home {place:,}".replace(",", " "),
        metering_point=keccak(DEVICE_SEED + place.to_bytes(8, "big"))[:16],
        device=development_device(DEVICE_SEED, place),
        secret=development_secret(DEVICE_SEED, place),
        key=customer,
        customer=customer,
    )


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What all homes of a fleet are enrolled on."""

    stated: Connection
    portfolio: bytes
    customer_share_bps: int
    deadline: int
    """Until when consents are good, UTC seconds."""

    def consent_of(self, home: Home) -> Consent:
        """Of a customer who is its own payee, and never signed before."""
        return Consent(
            metering_point=home.metering_point,
            portfolio_id=self.portfolio,
            customer=home.customer.address,
            payee=home.customer.address,
            customer_share_bps=self.customer_share_bps,
            nonce=0,
            deadline=self.deadline,
        )


def enrol_all(ground: Ground, players: Cast, homes: Sequence[Home], terms: Terms, *, say: Progress) -> Enrolment:
    """Brings every home into the portfolio, in their order. Raises ChainError unless the registry takes all of them."""
    devices = ground.suite.devices
    stating = Bulk.of(ground, players.relayer, devices, gas=STATE_GAS)
    enrolling = Bulk.of(ground, players.aggregator, devices, gas=ENROL_GAS)

    def bring(share: tuple[list[str], list[str]]) -> tuple[int, int]:
        return stating.bring(share[0]), enrolling.bring(share[1])

    used: list[tuple[int, int]] = []
    with ThreadPoolExecutor(1) as chain:
        under_way = None
        for first in range(0, len(homes), SHARE):
            share = _signed(ground, players, homes[first : first + SHARE], terms, stating, enrolling)
            if under_way is not None:
                used.append(under_way.result())
                if len(used) % TOLD_EVERY == 0:
                    say(f"Enrolled {len(used) * SHARE:,} of {len(homes):,} homes.")
            under_way = chain.submit(bring, share)
        if under_way is not None:
            used.append(under_way.result())
    enrolled = devices.read("sums", terms.portfolio).entries
    if enrolled != len(homes):
        raise ChainError(
            f"Of {len(homes)} homes the registry took {enrolled}.", next_step="This is a defect: please report it."
        )
    state_gas, enrol_gas = map(sum, zip(*used, strict=True))
    return Enrolment(homes=len(homes), state_gas=state_gas, enrol_gas=enrol_gas)


def _signed(
    ground: Ground, players: Cast, homes: Sequence[Home], terms: Terms, stating: Bulk, enrolling: Bulk
) -> tuple[list[str], list[str]]:
    """The transactions that state these homes, and those that enrol them."""
    devices, domain, operator = ground.suite.devices, registry_domain(ground.suite), players.meter_operator
    state_function, enrol_function = devices.function("state"), devices.function("enrol")
    states, enrolments = [], []
    for home in homes:
        said, consent = statement_of(home, terms.stated), terms.consent_of(home)
        proofs = sign_statement(operator, domain, said), prove_key(home.device, domain, said)
        states.append(stating.sign(state_function.encode(said, operator.address, *proofs)))
        enrolments.append(enrolling.sign(enrol_function.encode(consent, sign_consent(home.key, domain, consent))))
    return states, enrolments
