"""Rule files: what is read, what is refused and where, and that nothing is lost on the way there and back."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexbond.calendars import build
from flexbond.ids import calendar_id, lookback_hash
from flexbond.model.types import BaselineMethod
from flexbond.operations.structs import plain
from flexbond.rules import (
    Confidence,
    Provenance,
    RuleFile,
    find,
    load,
    loads,
    names,
    preset,
    preset_text,
    presets,
    rule_file_of,
    template,
    template_text,
    to_json,
    to_yaml,
)
from flexbond.rules.errors import (
    RuleFileBoundsError,
    RuleFileError,
    RuleFileFieldError,
    RuleFileSyntaxError,
    RuleFileUnreadableError,
    UnknownPresetError,
)
from flexbond.rules.nodes import MAX_BYTES
from flexbond.rules.rulefile import RuleIncompleteError
from tests.python.model.strategies import CURRENCY, UNCLAIMED, rules
from tests.python.rules.lookbacks import files_with_days

PJM = preset_text("pjm-high-4-of-5")
PLAIN = template_text()
SAMPLED = re.sub(r"(?m)^  # (?=(draw|challenge|max_demands|demand|bond|challenger)_?\w*: )", "  ", PLAIN)
"""The template with its part on sampled submissions."""
titles = st.text(st.characters(blacklist_categories=("C", "Z")), min_size=1, max_size=40)
ALL = [*(preset(name) for name in names()), template()]


def refused(text: str, kind: type[RuleFileError] = RuleFileFieldError) -> RuleFileError:
    """The error that a text is refused with."""
    with pytest.raises(kind) as caught:
        loads(text, file="rule.yaml")
    assert caught.value.next_step
    assert caught.value.message.startswith("rule.yaml")
    return caught.value


def line_of(text: str, part: str) -> int:
    """The first line that has this part."""
    return next(number for number, line in enumerate(text.splitlines(), start=1) if part in line)


# ------------------------------------------------------------------ there and back


@pytest.mark.parametrize("file", ALL, ids=lambda file: file.name)
def test_a_file_survives_yaml_and_json(file: RuleFile, tmp_path: Path) -> None:
    """Given a rule, when it is written as YAML and as JSON and read again, then nothing is lost, reasons included."""
    for suffix, text in ((".yaml", to_yaml(file)), (".json", to_json(file)), (".json", tabbed(file))):
        path = tmp_path / f"rule{suffix}"
        path.write_text(text, encoding="utf-8")
        back = load(path)
        assert plain(back) == plain(file)
        assert (back.rule, back.lookback, back.calendar) == (file.rule, file.lookback, file.calendar)
        assert to_yaml(back) == to_yaml(file)


def tabbed(file: RuleFile) -> str:
    """JSON as other tools indent it."""
    return json.dumps(json.loads(to_json(file)), indent="\t")


@given(rules().map(lambda item: rule_file_of(item, name="any")) | files_with_days(), titles)
def test_any_rule_survives(file: RuleFile, title: str) -> None:
    """Given any rule the Rulebook takes, when it is written and read, then it is the same, whatever its title."""
    made = replace(file, title=title)
    for text in (to_yaml(made), to_json(made)):
        assert loads(text, file="any") == made


@pytest.mark.parametrize("file", ALL, ids=lambda file: file.name)
def test_what_the_log_holds_is_the_file(file: RuleFile) -> None:
    """Given what RulePublished and CalendarPublished hold of a preset, when a file is made of it, then it reads as the same rule."""
    whole = file.filled(currency=CURRENCY, unclaimed_to=UNCLAIMED)
    again = loads(to_yaml(rule_file_of(whole.rule, whole.lookback, whole.calendar, name="again")), file="again")
    assert (again.rule, again.lookback, again.calendar) == (whole.rule, whole.lookback, whole.calendar)
    assert again.provenance == {}


def test_ids_are_bound() -> None:
    """Given a file with days, when it is read, then the look-back holds the calendar's id and the rule the look-back's hash."""
    file = preset("gb-bl01")
    assert file.calendar is not None
    assert file.lookback.calendar_id == calendar_id(file.calendar)
    assert file.rule.lookback_hash == lookback_hash(file.lookback)
    assert (file.zone, file.holidays) == ("Europe/London", "GB-ENG")
    assert file.provenance["lookback.classes.1.x"] == Provenance(confidence=Confidence.SECONDARY, source="bmd")


def test_parts_that_do_not_belong_together_make_no_file() -> None:
    """Given a rule with another look-back or calendar, when a file is asked for, then it is refused."""
    file, other = preset("gb-bl01"), preset("pjm-high-4-of-5")
    with pytest.raises(RuleIncompleteError):
        rule_file_of(file.rule, other.lookback, file.calendar, name="mixed")
    with pytest.raises(RuleIncompleteError):
        rule_file_of(file.rule, file.lookback, other.calendar, name="mixed")
    with pytest.raises(RuleIncompleteError):
        rule_file_of(file.rule, file.lookback, None, name="mixed")


def test_addresses_are_filled_in_once() -> None:
    """Given a file, when its addresses are filled in, then a missing one and a second, other one are refused."""
    file = template()
    with pytest.raises(RuleIncompleteError, match="currency"):
        file.filled(unclaimed_to=UNCLAIMED)
    whole = file.filled(currency=CURRENCY, unclaimed_to=UNCLAIMED)
    assert whole.filled() == whole
    with pytest.raises(RuleIncompleteError, match="unclaimed_to"):
        whole.filled(unclaimed_to=CURRENCY)


def test_find(tmp_path: Path) -> None:
    """Given a name or a path, when it is looked for, then a preset, a file, or an error with the presets' names is found."""
    path = tmp_path / "mine.yml"
    path.write_text(PLAIN, encoding="utf-8")
    assert find(str(path)) == template()
    assert find("uftp") is preset("uftp")
    with pytest.raises(UnknownPresetError, match="gb-bl01"):
        find("gb-bl02")
    with pytest.raises(RuleFileUnreadableError):
        find(str(tmp_path / "none.yaml"))


# ------------------------------------------------------------------ presets


@pytest.mark.parametrize("file", presets(), ids=lambda file: file.name)
def test_presets_say_why(file: RuleFile) -> None:
    """Given a preset, when its parameters are listed, then each has a confidence, and whatever is not assumed a source."""
    tree = json.loads(to_json(file))
    assert file.name in names()
    classes = tree.get("lookback", {}).pop("classes", [])
    sections = [tree["rule"], tree.get("lookback", {}), *classes, tree.get("calendar", {}), tree.get("accuracy", {})]
    for parameter in (item for section in sections for item in section.values()):
        assert parameter["confidence"] in list(Confidence)
        assert (parameter["confidence"] == Confidence.ASSUMED) == ("source" not in parameter)
    used = {why.source for why in file.provenance.values() if why.source}
    assert used == set(file.sources)


@pytest.mark.parametrize("file", presets(), ids=lambda file: file.name)
def test_presets_leave_no_gain_in_hiding(file: RuleFile) -> None:
    """Given a preset, when its day classes are read, then every day has to be there, and no event is too small to count."""
    assert all(item.min_days == item.y for item in file.lookback.classes)
    assert file.rule.baseline is not BaselineMethod.X_OF_Y or file.lookback.min_event_bps == 1


@pytest.mark.parametrize("file", [file for file in presets() if file.calendar], ids=lambda file: file.name)
def test_presets_clocks_are_those_of_their_zones(file: RuleFile) -> None:
    """Given a preset over past days, when its calendar is built from zone and holidays, then it is the one in the file."""
    assert build(file.zone, file.holidays, 2025, 2026).calendar == file.calendar


# ------------------------------------------------------------------ refused, with line and field


@pytest.mark.parametrize(
    ("old", "new", "field", "said"),
    [
        ("period_seconds: 3600", "period_seconds: 3600.0", "", "integers of the field's unit"),
        ("period_seconds: 3600", 'period_seconds: "3600"', "rule.period_seconds", "integer from 0"),
        ("period_seconds: 3600", "period_seconds: true", "rule.period_seconds", "integer from 0"),
        ("period_seconds: 3600", "period_seconds: 1_000", "", "plain digits"),
        ("period_seconds: 3600", "period_seconds: 0x10", "", "in quotes"),
        ("period_seconds: 3600", "period_seconds: 07200", "", "leading zeros"),
        ("period_seconds: 3600", "period_seconds: 1:30", "", "in quotes"),
        ("period_seconds: 3600", f"period_seconds: {'9' * 30}", "", "Check it"),
        ("period_seconds: 3600", "period_seconds: -1", "rule.period_seconds", "integer from 0"),
        ("period_seconds: 3600", "period_seconds:", "", "remove the line"),
        ("period_seconds: 3600", "period_second: 3600", "rule.period_second", "known are period_seconds"),
        ("period_seconds: 3600 #", "# ", "rule.period_seconds", "template"),
        ("baseline: METER_BEFORE", "baseline: meter_before", "rule.baseline", "METER_BEFORE"),
        ("baseline: METER_BEFORE", "baseline: 2", "rule.baseline", "METER_BEFORE"),
        ("baseline: METER_BEFORE", "baseline: X_OF_Y", "calendar", "Add it"),
        ("estimated_allowed: false", "estimated_allowed: no", "", "true or false"),
        ("estimated_allowed: false", "estimated_allowed: 0", "rule.estimated_allowed", "true or false"),
        ("name: my-rule", "name: 2026-01-01", "", "in quotes"),
        ("name: my-rule", "name: [a, b]", "name", "text"),
        ("name: my-rule", "name: ''", "name", "text"),
        ("name: my-rule", 'name: "two\\nlines"', "name", "one paragraph"),
        ("version: 2", "version: 1", "version", "template"),
        ("schema: flexbond/rule", "schema: flexbond/offer", "schema", "rule file"),
        ("pay_curve: [{ratio_bps: 0, pay_bps: 10000}]", "pay_curve: []", "rule.pay_curve", "1 to 16"),
        (
            "pay_curve: [{ratio_bps: 0, pay_bps: 10000}]",
            "pay_curve: [{ratio_bps: 0}]",
            "rule.pay_curve.0.pay_bps",
            "Add",
        ),
        ('  # currency: "0x..."', "  currency: 0x" + 40 * "c", "", "in quotes"),
        ('  # currency: "0x..."', '  currency: "0x123"', "rule.currency", "40 hexadecimal"),
        ('  # currency: "0x..."', '  currency: "0xAbcDefAbcDefAbcDefAbcDefAbcDefAbcDefAbcD"', "rule.currency", "Check"),
    ],
)
def test_wrong_values_of_a_plain_rule(old: str, new: str, field: str, said: str) -> None:
    """Given the template with one line changed, when it is read, then the error names the line, the field and what to do."""
    assert old in PLAIN
    text = PLAIN.replace(old, new, 1)
    error = refused(text, RuleFileError)
    assert (error.field, said in str(error)) == (field, True), error
    if field not in ("calendar", "rule.period_seconds") or "integer" in said:
        assert error.line == line_of(text, new)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("kinds: {value: [saturday]", "kinds: {value: [Saturday]", "lookback.classes.1.kinds"),
        ("kinds: {value: [saturday]", "kinds: {value: [saturday, saturday]", "lookback.classes.1.kinds"),
        ("kinds: {value: [saturday]", "kinds: {value: []", "lookback.classes.1.kinds"),
        ("x: {value: 4, confidence: secondary", "x: {value: 4, confidence: certain", "lookback.classes.0.x.confidence"),
        (
            "x: {value: 4, confidence: secondary, source: oatt",
            "x: {value: 4, source: oats",
            "lookback.classes.0.x.source",
        ),
        ("x: {value: 4, confidence", "x: {valeu: 4, confidence", "lookback.classes.0.x.valeu"),
        ("x: {value: 4, confidence", "x: {value: {value: 4}, confidence", "lookback.classes.0.x"),
        ("zone: {value: America/New_York", "zone: {value: Zürich", "calendar.zone"),
        ("zone: {value: America/New_York", f"zone: {{value: {'a' * 33}", "calendar.zone"),
        ("tzdb: ", "tzdb: 7\n  other: ", "sources.tzdb"),
    ],
)
def test_wrong_values_of_a_rule_with_days(old: str, new: str, field: str) -> None:
    """Given a preset with one value changed, when it is read, then the error names the line and the field."""
    assert old in PJM
    text = PJM.replace(old, new, 1)
    error = refused(text)
    assert (error.field, error.line) == (field, line_of(text, new.splitlines()[0]))


@pytest.mark.parametrize(
    ("text", "old", "new", "field"),
    [
        (PLAIN, "stop_loss_bps: 10000", "stop_loss_bps: 10001", "rule.stop_loss_bps"),
        (PLAIN, "proof_window: 86400", "proof_window: 3599", "rule.proof_window"),
        (PLAIN, "baseline: METER_BEFORE", "baseline: NOMINATED", "rule.baseline_periods"),
        (PLAIN, "[{ratio_bps: 0, pay_bps: 0}, ", "[{ratio_bps: 10000, pay_bps: 0}, ", "rule.availability_curve"),
        (PJM, "look_back_days: {value: 45", "look_back_days: {value: 121", "lookback.look_back_days"),
        (PJM, "x: {value: 4", "x: {value: 6", "lookback.classes"),
        (PJM, "kinds: {value: [saturday]", "kinds: {value: [sunday]", "lookback.classes"),
        (PJM, "adjustment_lead: {value: 3600", "adjustment_lead: {value: 1800", "lookback.adjustment_lead"),
        (PJM, "spring_at: {value: 7200", "spring_at: {value: 86400", "calendar.spring_at"),
        (PJM, "summer_seconds: {value: 3600", "summer_seconds: {value: 5400", "rule.period_seconds"),
    ],
    ids=lambda value: value if len(value) < 60 else "file",
)
def test_out_of_bounds(text: str, old: str, new: str, field: str) -> None:
    """Given a rule the Rulebook would refuse, when its file is read, then it is refused here, at the parameter."""
    assert old in text
    error = refused(text.replace(old, new, 1), RuleFileBoundsError)
    assert error.field == field
    assert error.line is not None


@pytest.mark.parametrize(
    ("missing", "field"),
    [
        ("  baseline_periods: 1\n", "rule.baseline_periods"),
        ("  draw_delay: 70\n", "rule.draw_delay"),
        ("  demand_fee: 2000000 ", "rule.demand_fee"),
        ("  bond_per_mw: 5000000000 ", "rule.bond_per_mw"),
    ],
)
def test_what_is_left_out_and_needed(missing: str, field: str) -> None:
    """Given a rule that needs a parameter which others do not, when its file lacks it, then it is named, and that it is not there."""
    assert missing in SAMPLED
    error = refused(SAMPLED.replace(missing, "  # " if missing.endswith(" ") else "", 1), RuleFileBoundsError)
    assert (error.field, "is left out" in error.message) == (field, True)


def test_the_template_with_sampling_is_valid() -> None:
    """Given the template's commented part on sampled submissions, when it is uncommented, then it is a valid rule, and survives."""
    file = loads(SAMPLED, file="template")
    under = file.rule
    assert (under.spot_checks, under.draw_delay, under.challenge_window, under.max_demands) == (64, 70, 259_200, 16)
    assert (under.demand_fee, under.bond_per_mw, under.challenger_share_bps) == (2 * 10**6, 5000 * 10**6, 5000)
    assert loads(to_yaml(file), file="again") == loads(to_json(file), file="again") == file


def test_large_amounts_are_read_whole() -> None:
    """Given a bond in base units of a token of 18 decimals, when it is read, then every digit counts."""
    most = 2**96 - 1
    assert loads(SAMPLED.replace("5000000000 ", f"{most} "), file="rule").rule.bond_per_mw == most
    refused(SAMPLED.replace("5000000000 ", f"{most + 1} "))


@pytest.mark.parametrize("file", presets(), ids=lambda file: file.name)
def test_presets_have_every_leaf_proven(file: RuleFile) -> None:
    """Given a preset, when it is written, then it has no word on sampled submissions: none of their sources has."""
    assert file.rule.challenge_window == 0
    assert "challenge_window" not in to_yaml(file)


def test_days_without_days() -> None:
    """Given a rule that looks at no past days, when its file has a calendar, then that line is refused."""
    text = f"{PLAIN}\ncalendar: {{zone: Europe/London}}\n"
    error = refused(text)
    assert (error.field, error.line) == ("calendar", line_of(text, "calendar: {zone"))


# ------------------------------------------------------------------ hostile files


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "name: a\n---\nname: b\n",
        "name: &a x\n",
        "name: *a\n",
        "a: &a [x]\nb: [*a, *a]\n",
        "name: !!python/object/apply:os.system ['true']\n",
        "name: !<tag:yaml.org,2002:str> x\n",
        "<<: {name: x}\n",
        "? [a, b]\n: c\n",
        "name: 'open\n",
        "name: x\n\tindent: y\n",
        "[" * 5_000,
        "{a: " * 5_000,
        "- " * 5_000,
        "name: \x00\n",
        "%YAML 3.0\n---\nname: x\n",
        "=: x\n",
        ".nan: x\n",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_plain_yaml(text: str) -> None:
    """Given anchors, tags, documents, depth or bytes that no rule has, when it is read, then it is refused, soon."""
    begun = time.monotonic()
    refused(text, RuleFileSyntaxError)
    assert time.monotonic() - begun < 2


def test_billion_laughs() -> None:
    """Given a file of aliases of aliases, when it is read, then the first anchor ends it."""
    rows = ["l0: &l0 [ha, ha]", *(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 30))]
    assert refused("\n".join(rows), RuleFileSyntaxError).line == 1


def test_a_key_twice() -> None:
    """Given a key twice, when it is read, then both lines are named."""
    text = PLAIN.replace("name: my-rule", "name: my-rule\nname: my-rule", 1)
    error = refused(text)
    assert error.line == line_of(text, "name: my-rule") + 1
    assert f"first in line {line_of(text, 'name: my-rule')}" in error.message


def test_large_unreadable_and_other_files(tmp_path: Path) -> None:
    """Given a file too large, not UTF-8, a folder or none, when it is loaded, then the error has the file's name."""
    path = tmp_path / "rule.yaml"
    for content in (b"#" * (MAX_BYTES + 2), b"name: \xff\n"):
        path.write_bytes(content)
        with pytest.raises(RuleFileUnreadableError, match=r"rule\.yaml"):
            load(path)
    for missing in (tmp_path, tmp_path / "none.yaml"):
        with pytest.raises(RuleFileUnreadableError):
            load(missing)


@given(st.text(max_size=300))
def test_any_text_is_refused_by_name(text: str) -> None:
    """Given any text, when it is read, then what is wrong with it has a name."""
    with pytest.raises(RuleFileError):
        loads(text, file="any")


@given(st.data())
def test_any_damaged_rule_is_read_or_refused_by_name(data: st.DataObject) -> None:
    """Given a preset with a piece cut out or put in, when it is read, then it is a rule or an error with a name."""
    begin = data.draw(st.integers(0, len(PJM)))
    end = data.draw(st.integers(begin, min(len(PJM), begin + 80)))
    text = PJM[:begin] + data.draw(st.text("{}[]:,-&*!|>'\"%@` \n0aZé", max_size=6)) + PJM[end:]
    try:
        file = loads(text, file="any")
    except RuleFileError:
        return
    assert loads(to_yaml(file), file="again").rule == file.rule


def test_filled_file_keeps_the_rest() -> None:
    """Given a preset, when its addresses are filled in, then nothing else changes."""
    file = preset("uftp")
    whole = file.filled(currency=CURRENCY, unclaimed_to=UNCLAIMED)
    assert replace(whole, rule=file.rule) == file
