"""Records as they are shown against leaves, and whether a provider stands behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flexbond.errors import FlexbondError
from flexbond.fleet.showing import proofs_of
from flexbond.hashing import ZERO_ADDRESS
from flexbond.model.types import SignerScheme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexbond.chain.suite import Suite
    from flexbond.fleet.built import Built
    from flexbond.model.types import DeviceProof

_SCHEME_AT: Final = 248
_HEARD: Final = (SignerScheme.SECP256K1, SignerScheme.P256)


def proofs_against(built: Built, places: Sequence[int], refusals: list[str]) -> dict[int, DeviceProof]:
    """The records of leaves, by place; why there are none for some is added to the refusals."""
    try:
        return {place: shown.proof for place, shown in zip(places, proofs_of(built, places), strict=True)}
    except FlexbondError:
        # One that cannot be shown says nothing of the others.
        found = {}
        for place in places:
            try:
                found[place] = proofs_of(built, [place])[0].proof
            except FlexbondError as error:
                refusals.append(f"Leaf {place}: {error}")
        return found


def stands_behind(suite: Suite, provider: str, metering_point: bytes, deadline: int, proof: DeviceProof) -> bool:
    """Whether the provider anchored all that is shown of a device that was heard at the reading deadline, UTC seconds.

    Then a challenge by these records is upheld at once.
    """
    word = suite.devices.read("signerWordAt", metering_point, deadline - 1).word
    if word >> _SCHEME_AT not in _HEARD:
        return False
    roots = list(dict.fromkeys(inclusion.batch_root for inclusion in proof.inclusions))
    anchored = [kept.anchored_by for kept in suite.oracle.read_many("standing", [(root,) for root in roots])]
    return bool(anchored) and all(
        by != ZERO_ADDRESS and suite.participants.read("mayAct", provider, by) for by in anchored
    )
