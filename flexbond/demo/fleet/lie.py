"""The false submission: batteries that did not answer are said to have given what they were told to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from flexbond.demo.fleet.homes import EVENING, SET_POINT_W
from flexbond.demo.homes import HOUR
from flexbond.demo.terms import CAPACITY_W
from flexbond.fleet.columns import Column, exact_sum, own_columns
from flexbond.fleet.keccak import keccak_rows
from flexbond.model.baseline import clamp_milli_wh
from flexbond.model.delivery import responses_of
from flexbond.model.types import PortfolioSums, Totals
from flexbond.units import period_energy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flexbond.fleet.submission import Submission


def falsified(true: Submission, resting: Iterable[int]) -> Submission:
    """The submission of a fleet in which the batteries of these homes, by their places, gave what they did not give.

    In itself it is without fault: entries are in range, running totals follow, the last one is the total. Only records contradict it.
    """
    rule, key = true.event.rule, true.event.question.key
    limit = clamp_milli_wh(CAPACITY_W, rule.period_seconds)
    metered = true.metered.copy()
    metered[np.array(sorted(resting), dtype=np.int64)] -= period_energy(SET_POINT_W, HOUR)
    responses = np.clip(true.baseline - metered, -limit, limit)
    count = len(metered)
    entries, weights = own_columns(rule, responses, np.full(count, CAPACITY_W), np.ones(count, dtype=bool))
    weight = Column.of(weights)
    columns = [Column.of(np.ascontiguousarray(entries[:, at])) for at in range(len(EVENING))]
    words = np.hstack([column.words for column in columns])
    totals = Totals(
        columns=tuple(column.total for column in columns),
        weight=weight.total,
        baseline_milli_wh=true.totals.baseline_milli_wh,
        metered_milli_wh=tuple(map(exact_sum, metered.T)),
    )
    sums = PortfolioSums(entries=count, capacity_w=count * CAPACITY_W, connection_w=0)
    return replace(
        true,
        metered=metered,
        weight_words=weight.words,
        column_words=words,
        columns_hashes=keccak_rows(words),
        totals=totals,
        responses_milli_wh=responses_of(rule, key, true.event.question.ordered_mask, totals.columns, sums),
    )
