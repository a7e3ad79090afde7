"""From a finished Fontana chapter to its lines: everything the chain says, compared with the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexbond.demo.compare import Comparison, ids_of
from flexbond.demo.expect import Case, expect
from flexbond.demo.lines import event_line
from flexbond.demo.outcome import Call
from flexbond.demo.terms import CUSTOMER_SHARE_BPS
from flexbond.operations.history import load_event

if TYPE_CHECKING:
    from flexbond.demo.plan import Occasion
    from flexbond.demo.play import Play
    from flexbond.demo.result import EventLine


@dataclass(frozen=True, kw_only=True)
class Verifier:
    """Compares a finished play, event by event."""

    play: Play
    comparison: Comparison

    def event(self, occasion: Occasion) -> EventLine:
        """The occasion's line of the report, every value of it compared. Raises DifferenceError."""
        play, stage = self.play, self.play.stage
        history = load_event(stage.suite, play.event_id(occasion))
        case = Case(
            occasion=occasion,
            homes=play.homes,
            metered=play.metered,
            places=stage.places,
            product=play.products[occasion.slug],
            rule=stage.rules[occasion.rules],
            units=occasion.units,
            calls=tuple(Call(first=one.noticed, last=one.dispatch) for one in history.dispatches),
            schedule=play.schedule(occasion),
        )
        expected = expect(case, customer_share_bps=CUSTOMER_SHARE_BPS)
        self.comparison.event(occasion.slug, case, history, expected, swept=True)
        return event_line(
            case,
            expected,
            ids=ids_of(case, history),
            buyers={signer.address: buyer.value for buyer, signer in stage.cast.buyers.items()},
            dispatch_ids=[f"0x{one.id.hex()}" for one in history.dispatches],
        )
