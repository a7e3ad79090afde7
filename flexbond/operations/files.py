"""JSON files that strangers may have written: read strictly, written atomically."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NoReturn

from flexbond.chain.deploy import write_whole
from flexbond.operations.errors import (
    DocumentDuplicateError,
    DocumentFieldError,
    DocumentSchemaError,
    DocumentSyntaxError,
    DocumentTooLargeError,
    DocumentUnreadableError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_DOCUMENT_BYTES: Final = 1_000_000
"""Greatest size of one document, bytes."""
MAX_LINE_BYTES: Final = 64_000
"""Greatest size of one line of a file of many, bytes."""
MAX_BOOK_BYTES: Final = 2_000_000_000
"""Greatest size of a file of many lines, bytes."""
MAX_DIGITS: Final = 78
"""Most digits of an integer: those of 2^256."""


def read_document(path: Path, *, schema: str, version: int = 1) -> dict[str, Any]:
    """The JSON object of a file, its `schema` and `version` checked and taken off. Raises DocumentError."""
    return check_schema(
        parse(read_bytes(path, limit=MAX_DOCUMENT_BYTES), place=str(path)),
        schema=schema,
        version=version,
        place=str(path),
    )


def schema_of(path: Path) -> str:
    """What a document says it is. Raises DocumentError."""
    return str(parse(read_bytes(path, limit=MAX_DOCUMENT_BYTES), place=str(path)).get("schema", ""))


def write_document(path: Path, content: Mapping[str, Any], *, schema: str, version: int = 1) -> None:
    """Writes a JSON object with its schema, whole or not at all. Raises DocumentUnreadableError."""
    text = json.dumps({"schema": schema, "version": version, **content}, indent=2, ensure_ascii=False) + "\n"
    write_text(path, text)


def write_text(path: Path, text: str) -> None:
    """Replaces a file: whoever reads it, whenever, finds the old or the new one whole. Raises DocumentUnreadableError."""
    try:
        write_whole(path, text)
    except OSError as error:
        raise DocumentUnreadableError(
            f"cannot be written: {error.strerror}.", "Choose another place.", place=str(path)
        ) from error


def read_bytes(path: Path, *, limit: int) -> bytes:
    """A file of at most `limit` bytes. Raises DocumentUnreadableError, DocumentTooLargeError."""
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise DocumentUnreadableError(
            f"cannot be read: {error.strerror}.", "Check the path.", place=str(path)
        ) from error
    if len(content) > limit:
        raise DocumentTooLargeError(
            f"is larger than {limit} bytes.", "No document of this kind is; check what the file is.", place=str(path)
        )
    return content


def parse(content: bytes, *, place: str) -> dict[str, Any]:
    """One JSON object: no key twice, no floats, no integer that no contract could hold. Raises DocumentError."""
    try:
        value = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=lambda pairs: _object(pairs, place),
            parse_float=lambda text: _no_float(text, place),
            parse_constant=lambda text: _no_float(text, place),
            parse_int=lambda text: _integer(text, place),
        )
    except UnicodeDecodeError as error:
        raise DocumentUnreadableError("is not UTF-8.", "Save it as UTF-8.", place=place) from error
    except RecursionError as error:
        raise DocumentTooLargeError("is nested too deep.", "No document is; check the file.", place=place) from error
    except json.JSONDecodeError as error:
        raise DocumentSyntaxError(
            f"is not JSON: {error.msg} (line {error.lineno}).", "Correct it.", place=place
        ) from error
    if not isinstance(value, dict):
        raise DocumentSyntaxError("is not a JSON object.", "It begins with { and ends with }.", place=place)
    return value


def check_schema(content: dict[str, Any], *, schema: str, version: int, place: str) -> dict[str, Any]:
    """The object without its `schema` and `version`. Raises DocumentSchemaError."""
    given, number = content.pop("schema", None), content.pop("version", None)
    if given != schema:
        shown = repr(given) if isinstance(given, str) and len(given) <= 80 else "something else"
        raise DocumentSchemaError(f"is {shown}, not {schema!r}.", "Name the right file.", place=place)
    if number != version or isinstance(number, bool):
        raise DocumentSchemaError(
            f"has version {str(number)[:20]}, and {version} is known here.", "Use a matching release.", place=place
        )
    return content


def require_keys(
    content: Any, needed: set[str], *, place: str, optional: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """The object if it has exactly these keys. Raises DocumentFieldError."""
    if not isinstance(content, dict):
        raise DocumentFieldError("is not an object.", f"Give {{{', '.join(sorted(needed))}}}.", place=place)
    if missing := sorted(needed - set(content)):
        raise DocumentFieldError(f"has no field {missing[0]!r}.", "Add it, or make the file anew.", place=place)
    if unknown := sorted(set(content) - needed - optional):
        raise DocumentFieldError(f"has the unknown field {unknown[0][:80]!r}.", "Remove it.", place=place)
    return content


def _object(pairs: list[tuple[str, Any]], place: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise DocumentDuplicateError(f"has {key[:80]!r} twice.", "Keep the right one.", place=place)
        found[key] = value
    return found


def _no_float(text: str, place: str) -> NoReturn:
    raise DocumentSyntaxError(
        f"has the number {text[:40]}, which is no integer.", "All numbers are integers of the base unit.", place=place
    )


def _integer(text: str, place: str) -> int:
    if len(text) > MAX_DIGITS + 1:
        raise DocumentTooLargeError(f"has an integer of {len(text)} digits.", "Check the file.", place=place)
    return int(text)
