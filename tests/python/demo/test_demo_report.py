"""The report and the sentences, from a fixed result that needs no chain."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from flexbond.demo import tell
from flexbond.demo.charts import Part, bar_rows, day_chart, drift_chart
from flexbond.demo.page import render
from flexbond.demo.result import DemoResult, FontanaResult
from flexbond.demo.text import decimal, kwh, listed, money, percent
from tests.python.demo import demo_sample as sample


def fontana(result: FontanaResult) -> str:
    """A report of the Fontana chapter alone."""
    return render(DemoResult(network="anvil", fontana=result, britain=None))


class Page(HTMLParser):
    """Collects what a browser would load, and whether all elements are closed."""

    VOID = frozenset({"meta", "br", "link", "img", "rect", "line", "circle", "polyline"})

    def __init__(self, content: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)
        self.loaded += [value for name, value in attrs if name in ("src", "href") and not value.startswith("#")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(fontana(sample.result()))


def test_the_page_stands_alone(page: Page) -> None:
    """Given a result, when it is rendered, then the page loads nothing, runs nothing and is well formed."""
    assert page.loaded == []
    assert "script" not in page.tags
    assert page.open == []


def test_the_page_shows_every_amount(page: Page) -> None:
    """Given a result, when it is rendered, then every sum of every call stands in it, exact."""
    text = " ".join(page.text)
    for event in sample.result().events:
        for line in event.dispatches:
            settled = line.settled
            for amount in (settled.pay, settled.penalty, settled.pool):
                assert money(amount, decimals=6) in text
            for period in line.periods:
                for energy in (period.ordered, period.response, period.delivered, period.deficiency):
                    assert kwh(energy, 3) in text
        for home in event.homes:
            assert money(home.credited, decimals=6) in text


def test_the_page_says_what_is_modelled_and_what_is_published(page: Page) -> None:
    """Given a result, when it is rendered, then header and every chart say that batteries are modelled; privacy, licence stand there."""
    text = " ".join(page.text)
    assert text.count("modelled") >= 2 + 2 * len(sample.result().events)
    assert "publishes about the homes" in text
    assert "MIT licence" in text
    assert "silent: no record was shown" in text
    assert "events.jsonl" in text
    assert "clamp level: portfolio" in text


def test_the_page_escapes_what_it_is_given() -> None:
    """Given a client that calls itself a script, when it is rendered, then it is text."""
    content = fontana(replace(sample.result(), client="<script>alert(1)</script>"))
    assert "<script>" not in content
    assert "&lt;script&gt;" in content


def test_event_rows_account_for_the_response() -> None:
    """Given every event, when its rows are read, then change, silent homes and cut add up to the response."""
    for event in sample.result().events:
        for line in event.periods:
            assert line.change + line.silent + line.cut == line.response


def test_sentences_have_their_sums() -> None:
    """Given the short evening, when it is told, then sentences name the sums and the silent home."""
    result = sample.result()
    story = " ".join(tell.story(result.events[2], result.token))
    assert "18.97 of 30.00 kWh" in story
    assert "home-09 was silent" in story
    assert "15.047199 USDC for energy" in story
    assert "penalty of 13.429201 USDC" in story


def test_sentences_of_the_failed_evening() -> None:
    """Given the failed evening, when it is told, then the stop and the stop-loss are said."""
    result = sample.result()
    story = " ".join(tell.story(result.events[3], result.token))
    assert "took back its order for the second hour" in story
    assert "the stop-loss keeps it from 18.00 USDC" in story
    assert "pool stays empty" in story


def test_balance_is_told() -> None:
    """Given a result, when its end is told, then deposits and withdrawals are named."""
    assert "Deposited 39.925522 USDC = withdrawn 39.925522 USDC" in " ".join(tell.balance(sample.result()))


@pytest.mark.parametrize(
    ("value", "exponent", "places", "shown"),
    [
        (0, 6, 2, "0.00"),
        (-4_999, 6, 2, "0.00"),
        (-5_001, 6, 2, "−0.01"),
        (25_000, 6, 2, "0.02"),
        (35_000, 6, 2, "0.04"),
        (1_234_567_890, 6, 3, "1,234.568"),
        (-1_500, 3, 0, "−2"),
    ],
)
def test_decimals_round_to_even(value: int, exponent: int, places: int, shown: str) -> None:
    """Given a whole number, when it is shown with fewer digits, then ties go to even and zero has no sign."""
    assert decimal(value, exponent=exponent, places=places) == shown


def test_words() -> None:
    """Given ratios and names, when they are shown, then they read as people write them."""
    assert percent(6_235) == "62.35\N{NO-BREAK SPACE}%"
    assert percent(10_000) == "100\N{NO-BREAK SPACE}%"
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_charts_hold_whole_numbers_and_escaped_labels() -> None:
    """Given labels with markup and values of all signs, when charts are drawn, then they are well formed and inside their box."""
    charts = [
        day_chart(real=[0] * 24, metered=[0] * 24, marks=[], window=(20, 22), before=None, title='<a "b">'),
        drift_chart([("<b>", (-5, 10**9), True), ("d", (0, 0), False)], title="t"),
        bar_rows([("<i>", (Part(value=0, label="", css="paid"),))], show=str, title="t"),
    ]
    for chart in charts:
        assert "<a " not in chart
        assert "<b>" not in chart
        assert "<i>" not in chart
        assert Page(chart).open == []
