"""The British chapter's part of the report and its sentences, from a fixed result that needs no chain."""

from __future__ import annotations

from functools import cache

import pytest

from flexbond.demo.britain import tell
from flexbond.demo.britain.charts import Cell, Curve, days_chart, strip_chart
from flexbond.demo.page import render
from flexbond.demo.result import DemoResult
from flexbond.demo.text import kwh, money
from tests.python.demo import british_sample as sample
from tests.python.demo import demo_sample
from tests.python.demo.test_demo_report import Page


@cache
def page() -> Page:
    return Page(render(DemoResult(network="anvil", fontana=None, britain=sample.result())))


@cache
def text() -> str:
    return " ".join(page().text)


def test_the_page_stands_alone() -> None:
    """Given a result, when it is rendered, then the page loads nothing, runs nothing and is well formed."""
    assert page().loaded == []
    assert "script" not in page().tags
    assert page().open == []


def test_both_chapters_are_one_page() -> None:
    """Given both chapters, when they are rendered, then the navigation at the top leads to each, and no anchor stands there twice."""
    content = render(DemoResult(network="anvil", fontana=demo_sample.result(), britain=sample.result()))
    assert Page(content).open == []
    anchors = [part.split('"')[0] for part in content.split(' id="')[1:]]
    assert len(anchors) == len(set(anchors))
    links = [part.split('"')[0] for part in content.split('href="#')[1:]]
    assert links[:2] == ["fontana", "british"]
    assert set(links) <= set(anchors)


def test_the_page_shows_every_amount() -> None:
    """Given a result, when it is rendered, then every sum of every call and every home's energy stand in it, exact."""
    for line in sample.result().windows:
        for call in line.dispatches:
            for amount in (call.settled.pay, call.settled.penalty, call.settled.pool):
                assert money(amount, decimals=6) in text()
            for period in call.periods:
                assert kwh(period.response, 3) in text()
        for home in line.homes:
            assert money(home.credited, decimals=6) in text()


def test_the_page_plots_the_days() -> None:
    """Given a called window, when it is rendered, then each past day is a curve of every home and of the portfolio, named, and a cell."""
    content = render(DemoResult(network="anvil", fontana=None, britain=sample.result()))
    for line in sample.result().windows:
        if line.axis is None:
            continue
        part = content.split(f'<h2 id="{line.window.slug}"')[1].split("The event, measured once")[0]
        heard = [home for home in line.days if not home.silence]
        drawn = len(line.days) + 1
        assert part.count("<svg") == drawn + 1
        for day in heard[0].days:
            name = tell.short(day.day)
            assert part.count(f"<title>{name}</title>") >= drawn - (len(line.days) - len(heard))
            assert f">{name}</text>" in part
        for name in ("baseline", "mean of the days", "metered", "without battery"):
            assert f"<title>{name}</title>" in part


def test_the_page_names_called_days() -> None:
    """Given a day on which it was called, when the days are drawn, then that one is there with its reason."""
    assert "Passed over: Tue 22 Oct (called)." in text()
    assert "Passed over: Tue 29 Oct (called)." in text()


def test_the_page_says_what_is_modelled_and_invented() -> None:
    """Given a result, when it is rendered, then batteries, moved years and the revision are owned to, by the charts too."""
    assert "Only the batteries are modelled, and one revision is invented." in text()
    assert "moved by 52 weeks" in text()
    assert "The revision is invented for this page" in text()
    assert text().count("battery is modelled") >= 6
    assert "publishes about the homes" in text()
    assert "Apache License 2.0" in text()
    assert "the same reading stands in" in text()


def test_the_page_maps_the_hour_that_comes_twice() -> None:
    """Given the night, when it is rendered, then both 01:00 stand there with the one half-hour that they are compared with."""
    assert "01:00 BST" in text()
    assert "01:00 GMT" in text()
    assert "01:00 = 00:00 UTC" in text()


def test_the_page_has_the_statements() -> None:
    """Given a statement, when it is rendered, then its balances and lines stand there, and the name of its file."""
    assert "statement-aggregator.csv" in text()
    for amount in ("0.000005", "0.000012", "−0.000003", "0.000009"):
        assert amount in text()


def test_the_rule_is_shown_with_its_sources() -> None:
    """Given the preset, when it is rendered, then parameters stand there with how well each is founded."""
    assert "lookback.classes.0.y" in text()
    assert "secondary" in text()
    assert "assumed" in text()


def test_it_is_told() -> None:
    """Given a result, when it is told, then the days, the silent home and the revision that does not count are named."""
    story = "\n".join(tell.narrate(sample.result()))
    assert "The baseline looks back on Sun 20 Oct and Sat 19 Oct." in story
    assert "home-4 was silent" in story
    assert "It does not count." in story
    assert "the pay from 8.770192 USDC to 8.920792 USDC" in story
    assert "moves nothing" in story


@pytest.mark.parametrize("before", [(), ("14:30", "15:00")])
def test_charts_hold_whole_numbers_and_escaped_labels(before: tuple[str, ...]) -> None:
    """Given names with markup and values of all signs, when charts are drawn, then they are well formed."""
    curves = [
        Curve(name="<b>", css="past", before=[1] * len(before), window=[-5, 10**7]),
        Curve(name="same", css="raw", before=[], window=[0, 0]),
    ]
    for chart in (
        days_chart(curves, before=before, window=["17:00", "<i>"], ends=("16:00", "18:00"), title='<a "b">'),
        strip_chart([Cell(day="<b>", reason="called", css="called")], title="t"),
        strip_chart([], title="none"),
    ):
        assert "<a " not in chart
        assert "<b>" not in chart
        assert "<i>" not in chart
        assert "." not in chart.partition("<polyline")[2].partition(" class")[0]
        assert Page(chart).open == []
