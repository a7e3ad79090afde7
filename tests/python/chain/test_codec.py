"""Values through the ABI, and the sentences for errors."""

from __future__ import annotations

import re
from collections import namedtuple

import pytest

from flexbond.chain.artifacts import ArtifactError, all_errors, artifact_names, load_artifact
from flexbond.chain.codec import Abi, CodecError, Parameter, Revert, decode_revert, snake
from flexbond.chain.errors import _EXPLANATIONS, ContractRevert, explain, revert_of
from flexbond.model.types import CurvePoint, DeviceKind, Direction, EventKey, Product
from tests.python.chain.conftest import PEOPLE

KEY = EventKey(
    portfolio_id=b"p" * 32,
    window_start=1_700_000_000,
    window_end=1_700_003_600,
    rule_id=b"r" * 32,
    direction=Direction.ABSORB,
    reference_w=-5,
)


class TestNames:
    """Given names of Solidity"""

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("lotW", "lot_w"),
            ("windowStart", "window_start"),
            ("utilisationPerMWh", "utilisation_per_mwh"),
            ("availabilityPerMWhour", "availability_per_mwhour"),
            ("baselineMilliWh", "baseline_milli_wh"),
            ("minDispatchBps", "min_dispatch_bps"),
            ("from", "from_"),
            ("_id", "id"),
            ("r", "r"),
        ],
    )
    def test_snake(self, name: str, expected: str) -> None:
        """it spells them as the model does."""
        assert snake(name) == expected

    def test_structs_are_those_of_the_model(self) -> None:
        """it finds the model's dataclass for every struct that a packaged contract names."""
        missing = set()
        for name in artifact_names():
            abi = load_artifact(name).abi
            entries = [*abi.functions.values(), *abi.events.values()]
            for entry in entries:
                for item in (*entry.inputs, *getattr(entry, "outputs", ())):
                    missing |= {found for found in _structs(item) if not _known(found)}
        assert missing == set()


def _structs(item: Parameter) -> set[str]:
    names = {item.internal.removeprefix("struct ").partition("[")[0].rpartition(".")[2]} if item.components else set()
    return names.union(*(_structs(part) for part in item.components))


def _known(name: str) -> bool:
    import flexbond.model.types

    return hasattr(flexbond.model.types, name)


class TestValues:
    """Given a function of the ABI"""

    def test_struct_in_and_out(self) -> None:
        """it takes dataclasses and tuples alike, and gives dataclasses."""
        function = load_artifact("Measurement").abi.functions["idOf"]
        data = function.encode(KEY)
        assert data == function.encode(KEY.as_tuple())
        assert function.decode_arguments(data).key == KEY

    def test_several_results_are_named(self) -> None:
        """it names several results, and gives a single one as it is."""
        function = load_artifact("FlexibilityRights").abi.functions["right"]
        result = function.decode(b"".join(number.to_bytes(32, "big") for number in (3, 2, 1, 1, 0)))
        assert (result.issued, result.open, result.released, result.transferable, result.expired) == (
            3,
            2,
            1,
            True,
            False,
        )
        assert load_artifact("Measurement").abi.functions["idOf"].decode(b"x" * 32) == b"x" * 32

    def test_enums_come_out_as_enums(self) -> None:
        """it gives members of the model's enums."""
        function = load_artifact("DeviceRegistry").abi.functions["meteringPoint"]
        words = [0, 2, 0, 1, 5, 6, 0, 0, 0]
        point = function.decode(b"".join(word.to_bytes(32, "big") for word in words))
        assert point.kind is DeviceKind.DEVICE

    def test_accounts_as_addresses(self) -> None:
        """it takes whoever has an address."""
        function = load_artifact("ParticipantRegistry").abi.functions["isBuyer"]
        assert function.encode(PEOPLE.buyer) == function.encode(PEOPLE.buyer.address)

    def test_bytes_as_text(self) -> None:
        """it takes bytes as hexadecimal text, of the right length only."""
        function = load_artifact("Rulebook").abi.functions["isPublished"]
        assert function.encode("0x" + "ab" * 32) == function.encode(b"\xab" * 32)
        with pytest.raises(CodecError, match="bytes32 is 32 bytes long"):
            function.encode("0xabcd")

    def test_too_few_arguments(self) -> None:
        """it names what is to be given."""
        with pytest.raises(CodecError, match=r"idOf takes 1 arguments, 0 were given\. Give key"):
            load_artifact("Measurement").abi.functions["idOf"].encode()

    @pytest.mark.parametrize("wrong", [(1, 2), CurvePoint(ratio_bps=1, pay_bps=2), "text", None])
    def test_other_struct(self, wrong: object) -> None:
        """it refuses what is not the struct."""
        with pytest.raises(CodecError):
            load_artifact("Measurement").abi.functions["idOf"].encode(wrong)

    def test_too_large(self) -> None:
        """it refuses an integer that does not fit."""
        with pytest.raises(CodecError, match="do not fit"):
            load_artifact("Governance").abi.functions["getRoleAdmin"].encode(2**64)

    def test_overloads(self) -> None:
        """it keeps functions of one name apart by their signature."""
        abi = Abi(
            [
                {"type": "function", "name": "f", "inputs": [{"name": "a", "type": "uint256"}], "outputs": []},
                {"type": "function", "name": "f", "inputs": [], "outputs": []},
            ]
        )
        assert abi.functions["f"].signature == "f(uint256)"
        assert abi.functions["f()"].inputs == ()

    def test_unknown_contract(self) -> None:
        """it says which contract the package lacks."""
        with pytest.raises(ArtifactError, match="no contract Nothing"):
            load_artifact("Nothing")


class TestReverts:
    """Given the data of a revert"""

    def test_custom(self) -> None:
        """it names error and values, as a sentence with times a person can read."""
        error = next(item for item in all_errors().values() if item.name == "Settlement_TooEarly")
        data = error.selector + (1_700_000_000).to_bytes(32, "big") + (1_600_000_000).to_bytes(32, "big")
        found = revert_of(data, doing="Settlement.settle")
        assert isinstance(found, ContractRevert)
        assert (found.name, found.args) == ("Settlement_TooEarly", (1_700_000_000, 1_600_000_000))
        assert found.message == (
            "Settlement.settle: This can be done from 2023-11-14T22:13:20Z on, now it is 2020-09-13T12:26:40Z. "
            "[Settlement_TooEarly]"
        )

    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            ("", Revert(name="", args=())),
            ("08c379a0" + (b"".join((b"\0" * 31 + b"\x20", b"\0" * 31 + b"\x02", b"no".ljust(32, b"\0")))).hex(),
             Revert(name="Error", args=("no",))),
            ("4e487b71" + "11".zfill(64), Revert(name="Panic", args=(0x11,))),
            ("12345678", Revert(name="Unknown", args=(bytes.fromhex("12345678"),))),
            ("08c379a0ff", Revert(name="Unknown", args=(bytes.fromhex("08c379a0ff"),))),
        ],
    )  # fmt: skip
    def test_others(self, data: str, expected: Revert) -> None:
        """it tells texts, panics, foreign errors and silence apart, and survives what is malformed."""
        assert decode_revert(bytes.fromhex(data), all_errors()) == expected
        sentence, next_step = explain(expected)
        assert sentence.endswith(".")
        assert next_step.endswith(".")

    @pytest.mark.parametrize("name", sorted(_EXPLANATIONS))
    def test_explanations_fit(self, name: str) -> None:
        """it has a sentence only for errors that exist, using only values they have."""
        (error,) = (item for item in all_errors().values() if item.name == name)
        sentence, next_step = _EXPLANATIONS[name]
        used = [int(place) for place in re.findall(r"\{(\d+)\}", sentence)]
        assert all(place < len(error.inputs) for place in used)
        assert sentence.endswith(".")
        assert next_step.endswith(".")

    @pytest.mark.parametrize("error", all_errors().values(), ids=lambda error: error.name)
    def test_every_error_has_a_sentence(self, error: object) -> None:
        """it says something of every error, with its values by name."""
        samples = {"string": "field", "address": PEOPLE.buyer.address, "bool": True}
        inputs = error.inputs  # type: ignore[attr-defined]
        args = tuple(samples.get(item.type, bytes(32) if item.type.startswith("bytes") else 7) for item in inputs)
        sentence, next_step = explain(Revert(name=error.name, args=args))  # type: ignore[attr-defined]
        assert error.name in sentence  # type: ignore[attr-defined]
        assert next_step


def test_product_is_kept(record_product: Product) -> None:
    """Given a product in a call, it comes back as it was."""
    function = load_artifact("FlexibilityRights").abi.functions["idOf"]
    assert function.decode_arguments(function.encode(record_product)).product == record_product


@pytest.fixture
def record_product() -> Product:
    return Product(
        provider=PEOPLE.provider.address,
        portfolio_id=b"p" * 32,
        zone=b"z" * 32,
        direction=Direction.SHED,
        window_start=1,
        window_end=2,
        notice_seconds=3,
        ramp_seconds=4,
        min_run_seconds=5,
        max_run_seconds=6,
        lot_w=7,
        availability_per_mwhour=2**96 - 1,
        utilisation_per_mwh=0,
        shortfall_per_mwh=1,
        currency=PEOPLE.buyer.address,
        rule_id=b"r" * 32,
        reference_w=-(2**39),
        transferable=True,
    )


def test_named_tuples_are_not_structs() -> None:
    """Given a tuple of a struct's fields, it is taken in their order."""
    pair = namedtuple("pair", "x y")(1, 2)
    assert Parameter.read({"name": "p", "type": "tuple", "components": []}).type == "()"
    assert tuple(pair) == (1, 2)
