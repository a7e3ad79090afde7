"""Rules: the presets, files of one's own, and what is published."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flexbond.cli.command import Answer, command
from flexbond.cli.quantities import address, chosen
from flexbond.cli.sampling import sampling
from flexbond.cli.shown import full, table
from flexbond.hashing import ZERO_ADDRESS
from flexbond.operations.files import write_text
from flexbond.operations.history import rules_of
from flexbond.operations.rulebook import publish_file, published_file
from flexbond.rules import (
    RuleFile,
    find,
    parameters,
    presets,
    template_text,
    to_json,
    to_yaml,
)
from flexbond.rules.fields import unit_of
from flexbond.rules.schema import published
from flexbond.rules.writing import as_plain

if TYPE_CHECKING:
    from rich.table import Table

    from flexbond.cli.desk import Desk

_WHAT = "Name of a preset, path of a rule file, or id of a published rule (0x…)."


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    rules = typer.Typer(help="Rules of measurement and payment: presets, files, and what is published.")
    command(rules, "list")(list_presets)
    command(rules, "show")(show)
    command(rules, "template")(template)
    command(rules, "schema")(schema)
    command(rules, "sampling")(sampling)
    command(rules, "publish", sends=True)(publish)
    app.add_typer(rules, name="rules", no_args_is_help=True)


def list_presets(desk: "Desk") -> Answer:  # noqa: ARG001  every command has one
    """List the presets that come with the package."""
    shown = table("Presets", "name", "baseline", "period", "what it is")
    for file in presets():
        shown.add_row(file.name, _baseline(file), f"{file.rule.period_seconds} s", file.title)
    value = [
        {
            "name": file.name,
            "title": file.title,
            "baseline": file.rule.baseline.name,
            "periodSeconds": file.rule.period_seconds,
        }
        for file in presets()
    ]
    return Answer(value=value, lines=[shown, "See `flexbond rules show NAME` for every value and its source."])


def show(
    desk: "Desk",
    what: Annotated[str, typer.Argument(help=_WHAT)],
    out: Annotated[Path | None, typer.Option(help="Write it to a rule file too, .yaml or .json.")] = None,
) -> Answer:
    """Show every parameter of a rule with its unit, source and confidence."""
    file = _file(desk, what)
    lines = _lines(file)
    if out is not None:
        write_text(out, to_json(file) if out.suffix == ".json" else to_yaml(file))
        lines.append(f"Written to {out}.")
    return Answer(value=as_plain(file), lines=lines)


def template(
    desk: "Desk",  # noqa: ARG001  every command has one
    out: Annotated[Path | None, typer.Option(help="File for it; standard output by default.")] = None,
) -> Answer:
    """Write a commented rule file to start from: each device against its last hour before the notice."""
    text = template_text()
    if out is None:
        return Answer(value={"text": text}, lines=[text.rstrip("\n")])
    write_text(out, text)
    return Answer(value={"file": str(out)}, lines=[f"A rule to start from is in {out}."])


def schema(
    desk: "Desk",  # noqa: ARG001  every command has one
    out: Annotated[Path | None, typer.Option(help="File for it; standard output by default.")] = None,
) -> Answer:
    """Print the JSON Schema of rule files, for editors and other tools."""
    if out is None:
        return Answer(value=json.loads(published()), lines=[published().rstrip("\n")])
    write_text(out, published())
    return Answer(value={"file": str(out)}, lines=[f"The JSON Schema is in {out}."])


def publish(
    desk: "Desk",
    what: Annotated[str, typer.Argument(help="Name of a preset, or path of a rule file.")],
    unclaimed: Annotated[
        str | None, typer.Option(help="Address of who gets what customers never collect; where the file has none.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(help="Currency, where the file has none; the suite's only token by default.")
    ] = None,
) -> Answer:
    """Publish a rule, unless it stands. What is published never changes."""
    file = find(what)
    currency = None if token is None and file.rule.currency != ZERO_ADDRESS else desk.token(token).address
    receiver = None if unclaimed is None else address(unclaimed, name="--unclaimed")
    whole = file.filled(currency=currency, unclaimed_to=receiver)
    identity = publish_file(desk.suite, desk.sender, whole, progress=desk.progress)
    return Answer(value={"ruleId": identity}, lines=[f"Rule {full(identity)}."])


# ------------------------------------------------------------------ how rules look


def _file(desk: "Desk", what: str) -> RuleFile:
    if not what.startswith("0x"):
        return find(what)
    return published_file(desk.suite, chosen(what, rules_of(desk.suite), name="rule"))


def _lines(file: RuleFile) -> list["str | Table"]:
    lines: list[str | Table] = [f"{file.name}: {file.title}."]
    if file.about:
        lines.append(file.about)
    shown = table("Parameters", "parameter", "value", "unit", "confidence", "source", "note")
    for path, value, why in parameters(file):
        confidence = "" if why is None or why.confidence is None else why.confidence.value
        source, note = ("", "") if why is None else (why.source, why.note)
        shown.add_row(path, _shown(value), unit_of(path.rpartition(".")[2]), confidence, source, note)
    lines.append(shown)
    lines += [f"{key}: {text}" for key, text in file.sources.items()]
    return lines


def _baseline(file: RuleFile) -> str:
    if not file.lookback.classes:
        return file.rule.baseline.name
    first = file.lookback.classes[0]
    return f"{first.selection.name} {first.x} of {first.y}, {file.lookback.adjustment.name}"


def _shown(value: Any) -> str:
    """A value as a file spells it; the points of a curve as ratio and pay."""
    if isinstance(value, list):
        points = [":".join(map(str, item.values())) if isinstance(item, dict) else str(item) for item in value]
        return ", ".join(points)
    return str(value).lower() if isinstance(value, bool) else str(value)
