"""The report: one HTML page of all chapters, which needs nothing beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from flexbond.demo.britain.report import render_britain
from flexbond.demo.report import render_fontana
from flexbond.demo.views import TEMPLATES

if TYPE_CHECKING:
    from flexbond.demo.result import DemoResult


def render(result: DemoResult) -> str:
    """The page."""
    chapters = []
    if result.fontana is not None:
        chapters.append(("fontana", "Fontana, California", render_fontana(result.fontana)))
    if result.britain is not None:
        chapters.append(("british", "Great Britain", render_britain(result.britain)))
    if result.fleet is not None:
        from flexbond.demo.fleet.report import (
            render_fleet,
            render_lie,
        )  # numba and pyarrow, which the others do without

        chapters.append(("fleet", "A fleet", render_fleet(result.fleet)))
        chapters.append(("lie", "A lie", render_lie(result.fleet)))
    shell = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    return shell.get_template("report.html.jinja").render(chapters=chapters) + "\n"
