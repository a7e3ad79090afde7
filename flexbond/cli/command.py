"""What all commands have in common: their options, how they answer, and how they fail."""

from __future__ import annotations

import functools
import inspect
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape

from flexbond.errors import FlexbondError
from flexbond.operations.structs import plain

if TYPE_CHECKING:
    from rich.table import Table
    from web3 import Web3

    from flexbond.operations.rehearsal import NothingSentError

UNFORESEEN: Final = 70
"""Exit code for what nobody foresaw."""
DEFAULT_KEY: Final = "env:FLEXBOND_KEY"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of every command."""

    network: str
    json: bool
    debug: bool
    key: str = DEFAULT_KEY
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a command has to say."""

    value: Any
    """For machines: a struct, a dataclass, or plain values. Integers stay exact."""
    lines: Sequence[str | Table] = field(default=())
    """For people."""
    text: str | None = None
    """For programs that read no JSON, such as CSV: written as it is, in place of the lines."""
    exit_code: int = 0
    """Of the process: other than 0 where the answer itself says that something is wrong."""


def _option(name: str, kind: Any, default: Any, *declared: str, **described: Any) -> inspect.Parameter:
    annotation = Annotated[kind, typer.Option(*declared, **described)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


_COMMON: Final = (
    _option(
        *("network", str, "anvil", "--network"),
        envvar="FLEXBOND_NETWORK",
        help="Network with a file config/<network>.json.",
        rich_help_panel="Common options",
    ),
    _option(
        *("json", bool, False, "--json"),
        help="Answer in JSON on standard output; progress goes to standard error.",
        rich_help_panel="Common options",
    ),
    _option(
        *("debug", bool, False, "--debug"),
        help="Show where an error comes from.",
        rich_help_panel="Common options",
    ),
)
_SENDING: Final = (
    _option(
        *("key", str, DEFAULT_KEY, "--key"),
        help="Who sends or signs: env:NAME (a variable) or keystore:PATH (encrypted). Never a key itself.",
        rich_help_panel="Common options",
    ),
    _option(
        *("dry_run", bool, False, "--dry-run"),
        help="Try it on the node and say what would be sent; send nothing.",
        rich_help_panel="Common options",
    ),
)
_SIGNING: Final = _SENDING[:1]


def command(
    app: typer.Typer, name: str, *, sends: bool = False, signs: bool = False
) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    """Makes a function of a desk and its own options a command with the common options beside them."""
    common = (*_COMMON, *(_SENDING if sends else _SIGNING if signs else ()))

    def decorate(function: Callable[..., Answer]) -> Callable[..., Answer]:
        own = list(inspect.signature(function).parameters.values())[1:]
        parameters = [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in own]
        parameters.extend(common)

        def run_command(**given: Any) -> None:
            options = Options(**{item.name: given.pop(item.name) for item in common})
            answer_with(function, options, given)

        functools.update_wrapper(run_command, function)
        # Typer reads signature and annotations: they are to be these, not those of the wrapped function.
        del run_command.__wrapped__  # type: ignore[attr-defined]
        run_command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run_command.__annotations__ = {item.name: item.annotation for item in parameters}
        app.command(name)(run_command)
        return function

    return decorate


def answer_with(
    function: Callable[..., Answer], options: Options, given: dict[str, Any], *, url: str | None = None
) -> None:
    """Calls a command's function and shows its answer, or says why there is none. `url` replaces the configuration's node."""
    from flexbond.cli.desk import Desk
    from flexbond.operations.rehearsal import NothingSentError

    try:
        answer = function(Desk(options, url=url), **given)
        show(answer, as_json=options.json)
        if answer.exit_code:
            raise typer.Exit(answer.exit_code)
    except NothingSentError as rehearsed:
        show(_rehearsed(rehearsed), as_json=options.json)
    except FlexbondError as error:
        if options.debug:
            raise
        refuse(error, as_json=options.json)
        raise typer.Exit(error.exit_code) from None
    except (typer.Exit, typer.Abort, KeyboardInterrupt):
        raise
    except Exception as error:
        if options.debug:
            raise
        said = FlexbondError(
            f"Something unforeseen happened ({type(error).__name__}: {_one_line(error)}).",
            "Run it again with --debug and report what it shows.",
        )
        refuse(said, as_json=options.json)
        raise typer.Exit(UNFORESEEN) from None


def run_script(function: Callable[..., Answer], *, network: str | None, node: Web3, **given: Any) -> None:
    """Calls a command's function for a script of Brownie's, on its active network; ends the process if it fails.

    `FLEXBOND_KEY_SOURCE` names the key (env:FLEXBOND_KEY by default); `FLEXBOND_JSON=1` and `FLEXBOND_DRY_RUN=1` are as the options.
    """
    environ = os.environ
    options = Options(
        network=network or "",
        json=environ.get("FLEXBOND_JSON") == "1",
        debug=False,
        key=environ.get("FLEXBOND_KEY_SOURCE", DEFAULT_KEY),
        dry_run=environ.get("FLEXBOND_DRY_RUN") == "1",
    )
    try:
        answer_with(function, options, given, url=str(getattr(node.provider, "endpoint_uri", "")))
    except typer.Exit as end:
        raise SystemExit(end.exit_code) from None


def show(answer: Answer, *, as_json: bool) -> None:
    """The answer on standard output."""
    if as_json:
        sys.stdout.write(json.dumps(plain(answer.value), indent=2, ensure_ascii=False) + "\n")
        return
    if answer.text is not None:
        sys.stdout.write(answer.text)
        return
    console = Console(highlight=False)
    for line in answer.lines:
        if isinstance(line, str):
            console.print(line, markup=False, soft_wrap=True)
        else:
            console.print(line)


def _rehearsed(end: NothingSentError) -> Answer:
    """What a dry run would have sent."""
    transactions = [{"title": item.title, "gas": item.gas, "mostFeeWei": item.most_fee_wei} for item in end.rehearsals]
    lines = [f"Would send: {item.title} (about {item.gas:,} gas)." for item in end.rehearsals]
    closing = "Nothing was sent. What comes after depends on it and was not tried."
    return Answer(value={"dryRun": True, "transactions": transactions}, lines=[*lines, closing])


def refuse(error: FlexbondError, *, as_json: bool) -> None:
    """One sentence and a next step on standard error; with `--json` also on standard output."""
    if as_json:
        said = {"kind": type(error).__name__, "message": error.message, "nextStep": error.next_step}
        sys.stdout.write(json.dumps({"error": said}, indent=2, ensure_ascii=False) + "\n")
    console = Console(stderr=True, highlight=False)
    console.print(f"[bold red]Error:[/] {escape(error.message)}", soft_wrap=True)
    if error.next_step:
        console.print(f"[bold]Next:[/] {escape(error.next_step)}", soft_wrap=True)


def run(app: typer.Typer) -> int:
    """Runs the command of the process's arguments; gives its exit code."""
    try:
        result = app(standalone_mode=False, prog_name="flexbond")
    except typer.Abort:
        return 130
    except Exception as error:
        # Usage errors come from click, or from typer's own copy of it: known by what they can do.
        said = getattr(error, "format_message", None)
        if said is None or isinstance(error, FlexbondError):
            raise
        context = getattr(error, "ctx", None)
        path = getattr(context, "command_path", "flexbond")
        refuse(FlexbondError(str(said()), f"See `{path} --help`."), as_json="--json" in sys.argv)
        return int(getattr(error, "exit_code", 2))
    return result if isinstance(result, int) else 0


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:297]}..."
