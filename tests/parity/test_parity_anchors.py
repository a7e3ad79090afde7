"""Roots and the records under them: the oracle and the registry against their model, whatever happened before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexbond.hashing import ZERO_ADDRESS, keccak
from flexbond.model.suite import BroughtRecord
from flexbond.model.suite.oracle import SCHEMES
from flexbond.model.types import SignerScheme, Silence
from flexbond.records import RecordHead
from flexbond.signing.keys import development_device, development_p256_device
from flexbond.trees import BatchTree
from tests.parity.mirror import Mirror
from tests.support.world import DAY, SEED, Home, World

HOURS = 6
STEP = st.tuples(
    st.sampled_from(["state", "rotate", "other scheme", "void", "suspend", "short", "attest", "anchor"]),
    st.integers(0, HOURS * 3_600),
)
SPOILT = st.sampled_from(["", "", "", "cut", "zeros", "revision", "shifted", "other point", "junk"])


class Story:
    """One device's changes, made on both sides."""

    def __init__(self, world: World) -> None:
        self.world, self.mirror = world, Mirror(world)
        self.suite = self.mirror.suite
        self.home = world.home(0)
        self.day = world.tomorrow()
        world.evm.time = self.day
        self.number = 0
        self.make("state")
        self.began = world.evm.time
        world.evm.time = self.day + DAY

    def make(self, action: str) -> None:
        """One step; what one side refuses the other refuses too."""
        if action in ("attest", "anchor"):
            getattr(self, f"_{action}")()
        elif action == "void":
            point, sender = self.home.metering_point, self.home.customer
            self.mirror.both(
                "voidStatement",
                lambda: self.world.devices.voidStatement.send(point, sender=sender),
                lambda: self.suite.devices.void_statement(point, sender=sender.address, now=self.world.evm.time),
            )
        elif action == "suspend":
            point, sender = self.home.metering_point, self.world.accounts.meter_operator
            self.mirror.both(
                "suspend",
                lambda: self.world.devices.suspend.send(point, sender=sender),
                lambda: self.suite.devices.suspend(point, sender=sender.address, now=self.world.evm.time),
            )
        else:
            self._state(action)

    def _state(self, action: str) -> None:
        self.number += 1
        if action in ("rotate", "other scheme"):
            p256 = (self.home.device.scheme is SignerScheme.P256) is (action == "rotate")
            make = development_p256_device if p256 else development_device
            self.home = replace(self.home, device=make(SEED, 500 + self.number))
        changes = {"valid_from": self.day + 3_600 if action == "short" else 5, "valid_until": 2**40 - 1}
        statement = self.world.statement(self.home, sequence=self.number, **changes)
        operator = self.world.accounts.meter_operator.address
        given = {"signed": True, "key_proven": True, "sender": operator, "now": self.world.evm.time}
        self.mirror.both(
            "state",
            lambda: self.world.state(self.home, statement),
            lambda: self.suite.devices.state(statement, operator, **given),
        )

    def records(self) -> list[Any]:
        """A day's record and a revision of it."""
        return [self.world.record(self.home, self.day, [7] * 96, revision=revision) for revision in (0, 1)]

    def _attest(self) -> None:
        record = self.records()[0]
        scheme = self.home.device.scheme
        method = self.world.oracle.attestP256 if scheme is SignerScheme.P256 else self.world.oracle.attest
        brought = BroughtRecord(
            head=record.head.pack(), commitment=record.commitment, recovered=self.home.device.address
        )
        self.mirror.both(
            "attest",
            lambda: method.send([self.world.sign(self.home, record)], sender=self.world.accounts.relayer),
            lambda: self.suite.oracle.attest([brought], scheme=scheme, now=self.world.evm.time),
        )

    def _anchor(self) -> None:
        for root in (self.records()[0].struct_hash, BatchTree.of([item.struct_hash for item in self.records()]).root):
            self.mirror.both(
                "anchor",
                lambda root=root: self.world.oracle.anchor.send(root, sender=self.world.accounts.attacker),
                lambda root=root: self.suite.oracle.anchor(
                    root, sender=self.world.accounts.attacker.address, now=self.world.evm.time
                ),
            )

    def compare(self, shown_by: Home, spoilt: str, at: int) -> Silence:
        """What both say of a record, its signature perhaps spoilt."""
        record = self.records()[spoilt == "revision"]
        head = record.head
        if spoilt == "shifted":
            head = replace(head, slot_start=head.slot_start + 450)
        elif spoilt == "other point":
            head = RecordHead(**{**vars(head), "metering_point": keccak(b"nobody")[:16]})
        packed = head.pack() | (spoilt == "junk")
        signature = b"".join(self.world.sign(shown_by, record).as_tuple()[2:])
        whole = signature
        if spoilt == "cut":
            signature = signature[:-1]
        elif spoilt == "zeros":
            signature = bytes(len(signature))
        recovered = shown_by.device.address if signature == whole and not spoilt else ZERO_ADDRESS
        brought = BroughtRecord(head=packed, commitment=record.commitment, recovered=recovered)
        said = self.suite.oracle.record_standing(brought, at, scheme=SCHEMES.get(len(signature)))
        found = self.world.oracle.recordStanding.call(packed, record.commitment, signature, at)
        assert Silence(found) is said
        return said


@given(steps=st.lists(STEP, max_size=10), spoilt=st.lists(SPOILT, min_size=6, max_size=6))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anchors_are_as_the_model_has_them(world: World, steps: list[tuple[str, int]], spoilt: list[str]) -> None:
    """Given any changes of a device's signer and any roots, both sides agree on words, roots and records at every time that matters."""
    with world.evm.rollback():
        story = Story(world)
        homes, times = [story.home], [story.began]
        for action, seconds in steps:
            story.make(action)
            homes.append(story.home)
            times.append(world.evm.time)
            world.evm.time += seconds
        point = story.home.metering_point
        asked = sorted({max(0, time + shift) for time in times for shift in (-1, 0, 1)} | {0, 2**40 - 1})
        for at in asked:
            assert world.devices.signerWordAt.call(point, at)[0] == story.suite.devices.signer_at(point, at).word
        for root, standing in story.suite.oracle.kept.items():
            kept = (standing.at, standing.attested_at, standing.anchored_by)
            assert tuple(world.oracle.standing.call(root)) == kept
        for number, kind in enumerate(spoilt):
            shown_by = homes[number % len(homes)]
            for at in asked[number % 3 :: 3]:
                story.compare(shown_by, kind, at)


def test_every_answer_comes_about(world: World) -> None:
    """Given one device's short life, each answer that an anchored record can get is given, by both sides."""
    story = Story(world)
    first, over = story.home, story.day + DAY
    said = {story.compare(first, kind, over) for kind in ("", "cut", "zeros", "revision", "shifted", "other point")}
    said.add(story.compare(first, "", over - 1))
    assert said == {
        *(Silence.OK, Silence.BAD_OPENING, Silence.WRONG_SIGNER, Silence.NOT_ATTESTED),
        *(Silence.OFF_GRID, Silence.UNSTATED, Silence.TOO_EARLY),
    }
    world.evm.time = over + 10
    story.make("other scheme")
    assert story.compare(first, "", over + 9) is Silence.OK
    assert story.compare(first, "", over + 10) is Silence.BAD_OPENING
    assert story.compare(story.home, "", over + 10) is Silence.OK
