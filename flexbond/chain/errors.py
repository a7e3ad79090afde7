"""What can go wrong between this library and a chain, named by what the caller should do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flexbond.chain.artifacts import all_errors
from flexbond.chain.codec import Revert, decode_revert
from flexbond.errors import FlexbondError
from flexbond.units import format_time

if TYPE_CHECKING:
    from collections.abc import Mapping


class ChainError(FlexbondError):
    """Something between this library and a chain."""


class NodeUnreachableError(ChainError):
    """The node does not answer, or answers nonsense: try again later."""


class WrongChainError(ChainError):
    """The node is of another chain than meant."""


class InsufficientFundsError(ChainError):
    """The account cannot pay for the gas."""


class GasLimitError(ChainError):
    """A transaction that needs more gas than one may use: make it smaller."""


class NotMinedError(ChainError):
    """A transaction that was sent and did not come into a block in time: wait, or send it again at a higher price."""


class NonceTakenError(ChainError):
    """Another transaction of the same account took the place: do not use an account twice at the same time."""


class ContractRevert(ChainError):
    """A contract undid the transaction: `name` is its error, `args` are the error's values."""

    exit_code = 4

    def __init__(self, revert: Revert, *, doing: str = "") -> None:
        self.revert = revert
        message, next_step = explain(revert)
        super().__init__(f"{doing}: {message}" if doing else message, next_step)
        self.name = revert.name
        self.args = revert.args


def revert_of(data: bytes, *, doing: str = "") -> ContractRevert:
    """The exception for revert data."""
    return ContractRevert(decode_revert(data, all_errors()), doing=doing)


_TIMES: Final = frozenset(
    ("time", "deadline", "expiry", "earliest", "latest", "gate", "until", "latestNotice", "windowStart", "slotEnd")
)
"""Names of values that are UTC seconds."""

_EXPLANATIONS: Final[Mapping[str, tuple[str, str]]] = {
    # Any contract
    "AccessManagedUnauthorized": ("{0} has no role for this.", "Use the account that holds the role."),
    "AccessManagerUnauthorizedAccount": ("{0} has no role {1}.", "Use the account that holds the role."),
    "AccessManagerNotScheduled": (
        "This role acts with a delay, and the operation was not announced.",
        "Announce it with Governance.schedule, wait for the delay, then do it.",
    ),
    "AccessManagerNotReady": ("The announced operation is not due yet.", "Wait until its delay is over."),
    "AccessManagerExpired": ("The announced operation is too old.", "Announce it again."),
    "EnforcedPause": ("New business is paused.", "Wait until the guardian resumes it."),
    "ERC20InsufficientBalance": ("{0} has {1} base units of the token and needs {2}.", "Get more of the token."),
    "ERC20InsufficientAllowance": ("{0} may take {1} base units of the token and needs {2}.", "Approve it first."),
    "Flexbond_NotMover": ("{0} may not move locked money.", "Go through the market or the settlement."),
    "Flexbond_NotAllowed": ("{0} may not act for {1}.", "Use that account itself, or have it appoint an operator."),
    "Flexbond_BadSignature": ("The signature is not one of {0}.", "Sign it again, for this chain and this deployment."),
    "Flexbond_SignatureExpired": ("The signature was good until {0}, now it is {1}.", "Ask for a new one."),
    "Flexbond_ZeroAddress": ("The address of {0} is zero.", "Give a real one."),
    # Rulebook
    "Rulebook_OutOfBounds": ("The rule's {0} cannot be {1}.", "Change it; `docs` lists the bounds."),
    "Rulebook_Inconsistent": ("The rule's {0} does not fit its {1}.", "Change one of the two."),
    "Rulebook_AlreadyPublished": ("The rule {0} is published already.", "Use it as it is."),
    "Rulebook_Unknown": ("The rule {0} was never published.", "Publish it first."),
    "Rulebook_CurrencyNotListed": ("The token {0} is not listed.", "Have the market operator list it."),
    # ParticipantRegistry
    "ParticipantRegistry_NotBuyer": ("{0} is not qualified as a buyer.", "Have the market operator qualify it."),
    "ParticipantRegistry_NotProvider": ("{0} is not qualified as a provider.", "Have the market operator qualify it."),
    # DeviceRegistry
    "DeviceRegistry_PortfolioUnknown": ("There is no portfolio {0}.", "Create it first."),
    "DeviceRegistry_PortfolioExists": ("The portfolio {0} exists.", "Use it, or choose another salt."),
    "DeviceRegistry_ShareTooLow": ("The portfolio gives its customers {0} bps, {1} are needed.", "Raise the share."),
    "DeviceRegistry_NotMeterOperator": ("{0} is not a meter operator.", "Have a meter operator sign the statement."),
    "DeviceRegistry_StatementOld": (
        "The statement of {0} has the number {1}, a later one with {2} is known.",
        "Ask for a new statement.",
    ),
    "DeviceRegistry_KeyNotProven": (
        "The device of {0} did not prove the key {1}.",
        "Sign the statement on the device.",
    ),
    "DeviceRegistry_Unstated": ("No statement of {0} is in force.", "Have the meter operator state it."),
    "DeviceRegistry_Suspended": ("The device of {0} is suspended.", "Have the meter operator state it anew."),
    "DeviceRegistry_AlreadyEnrolled": ("{0} is in the portfolio {1}.", "It has to leave that one first."),
    "DeviceRegistry_StillCommitted": ("{0} is counted in another portfolio until {1}.", "Enrol it after that."),
    # CollateralEscrow
    "CollateralEscrow_TokenNotListed": ("The token {0} is not accepted.", "Use one that the market operator listed."),
    "CollateralEscrow_InsufficientFree": (
        "{1} has {2} base units free and needs {3}.",
        "Deposit more (`flexbond deposit`).",
    ),
    "CollateralEscrow_ZeroAmount": ("The amount is zero.", "Give an amount."),
    # MeterOracle
    "MeterOracle_Unregistered": ("Record {0}: no statement of {1} is in force.", "Have the meter operator state it."),
    "MeterOracle_Suspended": ("Record {0}: the device of {1} is suspended.", "Leave the record out."),
    "MeterOracle_Unstated": (
        "Record {0}: the statement of {1} does not cover the slot.",
        "Have it stated for that time.",
    ),
    "MeterOracle_OffGrid": ("Record {0} of {1} is not a slot of the grid.", "Make the record of a whole slot."),
    "MeterOracle_NotYetOver": ("Record {0}: its slot ends at {1}, now it is {2}.", "Attest after the slot has ended."),
    "MeterOracle_WrongSigner": ("Record {0} of {1} was signed by {2}.", "Sign it with the stated key."),
    # FlexibilityRights
    "FlexibilityRights_ProductInvalid": ("The product's {0} is wrong.", "Correct it in the offer."),
    "FlexibilityRights_NoticePassed": ("The last notice was due at {0}, now it is {1}.", "Buy an earlier window."),
    "FlexibilityRights_CapacityExceeded": (
        "The portfolio {0} has {1} W and would promise {2} W.",
        "Enrol more, or sell less.",
    ),
    "FlexibilityRights_WindowOverlaps": ("Another window of the portfolio {0} overlaps.", "Choose another window."),
    "FlexibilityRights_WindowDiffers": (
        "The portfolio's window has another {2}.",
        "All rights of one window share rule, direction and reference.",
    ),
    "FlexibilityRights_InsufficientUnits": ("{1} holds {2} units of the right and needs {3}.", "Use fewer units."),
    "FlexibilityRights_Unavailable": ("The provider declared itself unavailable.", "Release the units."),
    "FlexibilityRights_GateClosed": ("The gate closed at {0}, now it is {1}.", "Do it before the gate next time."),
    # Measurement
    "Measurement_WrongStatus": (
        "The event is in state {1}, where this cannot be done.",
        "Look with `flexbond status`.",
    ),
    "Measurement_TooEarly": ("This can be done from {0} on, now it is {1}.", "Wait."),
    "Measurement_TooLate": ("This could be done until {0}, now it is {1}.", "It can no longer be done."),
    "Measurement_TooManyLeaves": (
        "The portfolio has {0} leaves, the rule allows {1}.",
        "Use a rule with more spot checks.",
    ),
    "Measurement_LeafRefused": ("Leaf {0} is refused as silent ({1}).", "Show its records, or leave it silent."),
    "Measurement_EveryLeaf": (
        "The portfolio has {0} leaves and the rule {1} spot checks: every leaf has to be proven.",
        "Submit it to Measurement itself.",
    ),
    "Measurement_TotalTooLarge": (
        "The total of column {0} is {1}, the portfolio could give {2} at most.",
        "Build the submission anew from the records.",
    ),
    "Measurement_CommitmentDiffers": (
        "This is not the submission of the event {0}.",
        "Prove with the records that it was made of.",
    ),
    "Measurement_CursorDiffers": ("Proving stands elsewhere.", "Read the cursor from the chain, or start anew."),
    # SpotChecks
    "SpotChecks_NotSubmitted": (
        "The event {0} has no submission that is being checked.",
        "Look with `flexbond status`.",
    ),
    "SpotChecks_CommitmentDiffers": (
        "This is not the submission of the event {0}.",
        "Read root and totals from the event log.",
    ),
    "SpotChecks_AlreadyDrawn": ("The points of the event {0} are drawn.", "Prove them."),
    "SpotChecks_TooEarlyToDraw": ("The hash of block {0} draws, now it is block {1}.", "Wait for the block after it."),
    "SpotChecks_TooLateToDraw": (
        "The hash of block {0} drew until 256 blocks after it, now it is block {1}.",
        "Nothing can be done: the submission fails.",
    ),
    "SpotChecks_NotDrawn": ("The points of the event {0} are not drawn.", "Draw them first."),
    "SpotChecks_TooEarly": ("This can be done from {0} on, now it is {1}.", "Wait."),
    "SpotChecks_TooLate": ("This could be done until {0}, now it is {1}.", "It can no longer be done."),
    "SpotChecks_NotInTree": ("The leaf of place {0} is not one of the submission.", "Build its path anew."),
    "SpotChecks_EntriesDiffer": (
        "The records of place {0} give other entries than its leaf ({1}).",
        "Show the records that the submission was made of, or none for a silent leaf.",
    ),
    "SpotChecks_PointElsewhere": (
        "Point {0} is {2} in column {1}, which the leaf of place {3} does not hold.",
        "Prove the points in order.",
    ),
    "SpotChecks_AllProven": ("All {0} points are proven.", "There is nothing left to do."),
    "SpotChecks_PointsLeft": ("{0} of {1} points are proven.", "Prove the others first."),
    "SpotChecks_DemandsOpen": ("{0} demanded leaves are not proven.", "Prove them first."),
    "SpotChecks_NotContradicted": ("Nothing of this contradicts the leaf of place {0}.", "Leave it."),
    "SpotChecks_Inconclusive": (
        "The records of place {0} contradict nothing ({1}).",
        "Show all that are needed; records that count and leave nothing to be filled in.",
    ),
    "SpotChecks_NoSuchLeaf": ("The submission has {1} leaves and none of place {0}.", "Count from 0."),
    "SpotChecks_NotDemanded": ("The leaf of place {1} is not demanded.", "There is nothing to do."),
    "SpotChecks_AlreadyDemanded": ("The leaf of place {1} was demanded.", "There is nothing left to do."),
    "SpotChecks_TooManyDemands": ("All {0} demands of the event are used up.", "Challenge it with records instead."),
    "SpotChecks_TooLateToDemand": (
        "A leaf could be demanded until {0}, so that there is time to prove it; now it is {1}.",
        "It can no longer be done.",
    ),
    "SpotChecks_NotFailed": ("The submission of the event {0} has not failed.", "Wait for its deadlines."),
    "SpotChecks_NotRejected": ("The submission of the event {0} was not rejected.", "There is nothing to give back."),
    # Settlement
    "Settlement_TooEarly": ("This can be done from {0} on, now it is {1}.", "Wait."),
    "Settlement_TooLate": ("This could be done until {0}, now it is {1}.", "It can no longer be done."),
    "Settlement_NotFinal": ("The event {0} is not measured yet.", "Have it submitted and proven first."),
    "Settlement_OrderTooLarge": ("Period {0} orders {1} W, the units give {2} W.", "Order less, or call more units."),
    "Settlement_RunTooShort": ("The run from period {0} lasts {1} s, at least {2} s are needed.", "Order longer."),
    "Settlement_RunTooLong": ("The run from period {0} lasts {1} s, at most {2} s are allowed.", "Order less long."),
    "Settlement_DispatchDiffers": ("The dispatch {0} is not as given, or settled.", "Read it from the event log."),
    "Settlement_AlreadyAccepted": ("The submission is accepted for the dispatch {0}.", "There is nothing left to do."),
    # Payouts
    "Payouts_NotOpen": ("The pool {0} is not open.", "Wait until the event is settled."),
    "Payouts_AlreadyCollected": ("Place {1} has collected from the pool.", "There is nothing left to do."),
    "Payouts_BadProof": (
        "Place {1} is not shown as the submission has it.",
        "Build the claim anew from the event log (`flexbond collect run`).",
    ),
    "Payouts_NothingToCollect": ("Place {1} has no share in the pool.", "There is nothing to do."),
    "Payouts_PeriodNotOver": ("Customers may collect until {0}, now it is {1}.", "Wait."),
    # FlexibilityMarket
    "FlexibilityMarket_OfferExpired": ("The offer was good until {0}, now it is {1}.", "Ask for a new one."),
    "FlexibilityMarket_OfferCancelled": ("{0} cancelled the offer.", "Ask for a new one."),
    "FlexibilityMarket_OfferForOther": ("The offer is for {0}.", "Ask for one of your own."),
    "FlexibilityMarket_Overfilled": ("Of the offer {2} units are left, {3} were wanted.", "Take fewer."),
}
"""A sentence and a next step for the commonest errors; `{0}` is the error's first value."""

_PANICS: Final = {0x01: "an assertion", 0x11: "an overflow", 0x12: "a division by zero", 0x32: "an index out of range"}


def explain(revert: Revert) -> tuple[str, str]:
    """A sentence for people on why a contract undid something, and what to do next."""
    if not revert.name:
        return "The contract undid it without saying why.", "Check that address and arguments are those meant."
    if revert.name == "Error":
        return f"The contract says: {revert.args[0]}.", "Check the arguments."
    if revert.name == "Panic":
        code = revert.args[0]
        return f"The contract ran into {_PANICS.get(code, f'panic {code:#x}')}.", "Check the arguments; tell us."
    if revert.name in _EXPLANATIONS:
        sentence, next_step = _EXPLANATIONS[revert.name]
        return f"{sentence.format(*_shown(revert))} [{revert.name}]", next_step
    names = _names(revert)
    values = ", ".join(f"{name} {value}" if name else value for name, value in zip(names, _shown(revert), strict=True))
    sentence = f"The contract refuses: {revert.name}{f' ({values})' if values else ''}."
    return sentence, "The interfaces of the contracts say what each error means."


def _names(revert: Revert) -> list[str]:
    """The names of the error's values."""
    for error in all_errors().values():
        if error.name == revert.name and len(error.inputs) == len(revert.args):
            return [item.name for item in error.inputs]
    return [""] * len(revert.args)


def _shown(revert: Revert) -> list[str]:
    return [_text(name, value) for name, value in zip(_names(revert), revert.args, strict=True)]


def _text(name: str, value: Any) -> str:
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if name in _TIMES and isinstance(value, int) and value < 2**40:
        return format_time(value)
    return str(value)
