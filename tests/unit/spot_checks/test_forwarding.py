"""SpotChecks: proofs that lie in calldata otherwise than an encoder lays them prove what they are, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from flexbond.model.types import DeviceProof, Silence
from tests.support.evm import reverts
from tests.unit.spot_checks.scene import FEE, Scene, open_scene

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.support.evm import Method
    from tests.support.sampled import Sampled
    from tests.support.world import World

WORD: Final = 32
SILENT: Final = DeviceProof(records=())
"""No records shown."""


def word(value: int) -> bytes:
    """A word, of a negative number too."""
    return (value % 2**256).to_bytes(WORD, "big")


def number(data: bytes, at: int) -> int:
    """The word at a place."""
    return int.from_bytes(data[at : at + WORD], "big")


class Laid:
    """A call of three arguments, taken apart where the encoder put them: two of any kind, then what is forwarded."""

    def __init__(self, data: bytes) -> None:
        self.selector, arguments = data[:4], data[4:]
        first, second, third = (number(arguments, place * WORD) for place in range(3))
        self.context = arguments[first:second]
        self.leaves = arguments[second:third]
        self.proofs = arguments[third:]

    def laid(self, order: Sequence[str], proofs: bytes | None = None, behind: bytes = b"") -> bytes:
        """The call again, its arguments in another order."""
        parts = {"context": self.context, "leaves": self.leaves, "proofs": self.proofs if proofs is None else proofs}
        offsets, tail = {}, b""
        for name in order:
            offsets[name] = 3 * WORD + len(tail)
            tail += parts[name]
        return self.selector + b"".join(word(offsets[name]) for name in parts) + tail + behind

    def items(self) -> list[bytes]:
        """The proofs one by one."""
        count = number(self.proofs, 0)
        begins = [number(self.proofs, WORD * (1 + place)) for place in range(count)]
        ends = [*begins[1:], len(self.proofs) - WORD]
        return [self.proofs[WORD + begin : WORD + end] for begin, end in zip(begins, ends, strict=True)]


def listed(offsets: Sequence[int], items: bytes) -> bytes:
    """A list whose items lie at these offsets, counted from behind its length."""
    return word(len(offsets)) + b"".join(map(word, offsets)) + items


def send(scene: Scene, method: Method, data: bytes) -> None:
    """The transaction, by anyone."""
    scene.world.evm.execute(scene.world.accounts.attacker, method.address, data)


def points(scene: Scene) -> int:
    """Proven so far."""
    return int(scene.world.spot_checks.check.call(scene.event).points)


@pytest.fixture
def drawn(world: World) -> tuple[Scene, Sampled, Laid, list[int]]:
    """A submission with four points, the call that proves them, and the leaves that it shows."""
    scene = open_scene(world, spot_checks=4)
    honest = scene.honest
    honest.submit()
    honest.draw()
    places = honest.holders()
    assert len(places) > 1
    leaves = [honest.leaf(place) for place in places]
    proofs = [honest.proof(place) for place in places]
    return scene, honest, Laid(world.spot_checks.prove.encode(honest.context, leaves, proofs)), places


# ------------------------------------------------------------------ lists


def reversed_items(laid: Laid) -> bytes:
    """The last proof lies first."""
    items = laid.items()
    begins, tail = [0] * len(items), b""
    for place in range(len(items) - 1, -1, -1):
        begins[place] = WORD * len(items) + len(tail)
        tail += items[place]
    return listed(begins, tail)


def apart(laid: Laid) -> bytes:
    """Something lies between them."""
    items = laid.items()
    begins, tail = [], b""
    for item in items:
        tail += b"\xff" * 77
        begins.append(WORD * len(items) + len(tail))
        tail += item
    return listed(begins, tail)


@pytest.mark.parametrize("order", [("proofs", "leaves", "context"), ("leaves", "proofs", "context")])
@pytest.mark.parametrize("lay", [None, reversed_items, apart])
def test_in_any_order(
    drawn: tuple[Scene, Sampled, Laid, list[int]], order: Sequence[str], lay: Callable[[Laid], bytes] | None
) -> None:
    """Given proofs before the leaves, in another order or with something between them, they prove the same."""
    scene, _, laid, _ = drawn
    data = laid.laid(order, lay(laid) if lay else None, behind=bytes(WORD))
    send(scene, scene.world.spot_checks.prove, data)
    assert points(scene) == 4


def test_one_proof_for_two_leaves(drawn: tuple[Scene, Sampled, Laid, list[int]]) -> None:
    """Given the same bytes for the proofs of two leaves, they prove one of them."""
    scene, _, laid, places = drawn
    count = len(places)
    data = laid.laid(("context", "leaves", "proofs"), listed([WORD * count] * count, laid.items()[0]))
    with reverts("SpotChecks_EntriesDiffer", places[1], Silence.WRONG_POINT):
        send(scene, scene.world.spot_checks.prove, data)
    assert points(scene) == 0


def test_proofs_before_their_list(drawn: tuple[Scene, Sampled, Laid, list[int]]) -> None:
    """Given true proofs that lie before their list, they do not reach the verifier: what is there instead is no proof."""
    scene, _, laid, _ = drawn
    items = laid.items()
    begins, back = [], 0
    for item in reversed(items):
        back += len(item)
        begins.insert(0, -WORD - back)
    moved = Laid(laid.laid(("context", "leaves", "proofs"), listed(begins, b"")))
    moved.leaves += b"".join(items)
    with reverts(""):
        send(scene, scene.world.spot_checks.prove, moved.laid(("context", "leaves", "proofs")))
    assert points(scene) == 0


def test_too_short_for_its_proofs(drawn: tuple[Scene, Sampled, Laid, list[int]]) -> None:
    """Given proofs that are cut off, or lie beyond the end, nothing is proven."""
    scene, _, laid, places = drawn
    order = ("context", "leaves", "proofs")
    for proofs in (laid.proofs[: -4 * WORD], listed([len(laid.proofs)] * len(places), b"")):
        with reverts(""):
            send(scene, scene.world.spot_checks.prove, laid.laid(order, proofs))
    assert points(scene) == 0


# ------------------------------------------------------------------ one proof


def test_a_demanded_leaf_in_any_order(scene: Scene) -> None:
    """Given its proof before leaf and context, a demanded leaf is proven."""
    world = scene.world
    scene.honest.submit()
    world.fund(scene.story.buyer, FEE)
    scene.demand(2)
    method = world.spot_checks.proveDemanded
    laid = Laid(method.encode(scene.honest.context, scene.honest.leaf(2), scene.honest.proof(2)))
    send(scene, method, laid.laid(("proofs", "leaves", "context")))
    assert world.spot_checks.demandOf.call(scene.event, 2).met


def hide_inclusions(laid: Laid) -> tuple[bytes, int]:
    """Puts the one proof's inclusions at the end of the look-back: these, and how far the verifier finds them before the proof."""
    true = laid.proofs[number(laid.proofs, 0) : number(laid.proofs, WORD)]
    classes = -(-len(true) // 160)
    laid.context = laid.context[:-WORD] + word(classes) + true.rjust(160 * classes, b"\0")
    # behind the look-back: how many places, the place, how many proofs, where the first is
    return true, len(true) + 4 * WORD


def test_no_roots_but_those_of_the_records(world: World) -> None:
    """Given records that somebody else anchored, and a proof whose inclusions lie before it: the true ones for the verifier, at the end of
    a look-back, and a root of the provider's for SpotChecks. It is refused; as it should lie, it has the provider prove the leaf."""
    scene = open_scene(world, anchored_by=world.accounts.attacker)
    lie = scene.lie(2)
    lie.submit()
    root = b"\7" * WORD
    world.oracle.anchor.send(root, sender=world.accounts.provider)
    world.fund(world.accounts.attacker, FEE)
    method = world.spot_checks.challengeRecords
    laid = Laid(method.encode(lie.context, lie.leaf(2), lie.proof(2)))
    true, back = hide_inclusions(laid)
    other = (word(34) + root).ljust(len(true), b"\0")
    laid.leaves += other + bytes(4 * WORD)
    with reverts(""):
        send(scene, method, laid.laid(("context", "leaves", "proofs"), word(-back) + laid.proofs[WORD:]))
    send(scene, method, laid.laid(("context", "leaves", "proofs")))
    assert world.spot_checks.check.call(scene.event).open == 1


def test_no_inclusions_before_the_call(world: World) -> None:
    """Given records that the provider anchored, and inclusions so far before the proof that there are none in the call, but the verifier
    finds the true ones at the end of the look-back, they are refused."""
    scene = open_scene(world, anchored_by=world.accounts.provider)
    lie = scene.lie(2)
    lie.submit()
    world.fund(world.accounts.attacker, FEE)
    method = world.spot_checks.challengeRecords
    laid = Laid(method.encode(lie.context, lie.leaf(2), lie.proof(2)))
    _, back = hide_inclusions(laid)
    with reverts(""):
        send(scene, method, laid.laid(("proofs", "leaves", "context"), word(-back) + laid.proofs[WORD:]))


def test_no_length_before_the_proof(world: World) -> None:
    """Given inclusions that begin within the proof but whose length begins before it, where the verifier finds another word than
    SpotChecks: to the one they end before what the records are under, behind three roots that the provider anchored, to the other they do
    not. They are refused."""
    scene = open_scene(world, anchored_by=world.accounts.attacker)
    lie = scene.lie(2)
    lie.submit()
    world.fund(world.accounts.attacker, FEE)
    true = lie.proof(2)
    place = 4
    records = tuple(replace(record, head=record.head | place << 8) for record in true.records)
    method = world.spot_checks.challengeRecords
    laid = Laid(method.encode(lie.context, lie.leaf(2), replace(true, records=records)))
    begins, ends = number(laid.proofs, 0), number(laid.proofs, WORD)
    inclusion = laid.proofs[begins + WORD :][: number(laid.proofs, begins)]
    # 0x20ff bytes from the second byte on to the verifier, 0xff to SpotChecks: the last byte of either length is the first of the offset
    filled = bytes(7) + word(1) + b"\4\0" + bytes(4 * WORD) + inclusion
    filled = filled.ljust(0x2100, b"\0")
    behind = 3 * WORD + len(filled)
    moved = word(-31) + word(behind) + word(behind + number(laid.proofs, 2 * WORD) - ends) + filled + laid.proofs[ends:]
    for root in range(3):
        world.oracle.anchor.send(moved[1 + 34 * root :][:WORD], sender=world.accounts.provider)
    laid.leaves += bytes(WORD)
    with reverts(""):
        send(scene, method, laid.laid(("context", "leaves", "proofs"), moved))
