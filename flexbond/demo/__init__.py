"""The demonstration: real meters and modelled batteries, settled chapter by chapter, each on a chain of its own.

`run` starts a chain for each chapter, deploys the suite, lets the story happen, compares everything with the reference model, and
writes the report, the event logs and the statements; `narrate` tells the result in plain sentences, `summary` for machines. The batteries
are the only modelled part of the loads (`battery.py`). The Fontana chapter's days are chosen from the data by rule (`days.py`); the
British one (`britain/`) is a month under a preset with a baseline of past days.
"""

from __future__ import annotations

from flexbond.demo.runner import Chapter, narrate, run, summary

__all__ = ["Chapter", "narrate", "run", "summary"]
