"""The demonstration: real meters, modelled batteries, five service windows settled on a chain of its own.

`run` starts a chain, deploys the suite, lets the story happen, compares everything with the reference model, and writes the report and
the event log; `narrate` tells the result in plain sentences, `summary` for machines. The batteries are the only modelled part
(`battery.py`); the days are chosen from the data by rule (`days.py`).
"""

from __future__ import annotations

from flexbond.demo.runner import run, summary
from flexbond.demo.tell import narrate

__all__ = ["narrate", "run", "summary"]
