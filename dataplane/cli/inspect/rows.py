"""Texts to look at, from a file or standard input, one by one: memory does not grow with the file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from dataplane.errors import RegoGateError
from dataplane.findings import Origin

STDIN: Final = "-"

BOM: Final = "\ufeff"
"""What some editors write before the first character of a file. JSON does not have it (RFC 8259, 8.1)."""

SUFFIXES: Final = (".jsonl", ".ndjson")
"""Of files that are JSON lines whatever their first line is."""

MAX_LINE: Final = 16 * 2**20
"""Characters of one line of JSON: as many bytes as a large request may have."""

MAX_BLANK: Final = 1000
"""Blank lines before the first line that says what an input is."""


class BadRow(RegoGateError):
    """Input that cannot be read; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of JSON: `fields` as they came, and the text and its origin."""

    fields: dict[str, Any]
    text: str
    origin: Origin
    where: str


@contextmanager
def opened(name: str) -> Iterator[TextIO]:
    """The file, or standard input, as UTF-8. Raises `BadRow` where it cannot be opened or is not UTF-8."""
    try:
        if name == STDIN:
            sys.stdin.reconfigure(encoding="utf-8", errors="strict")  # type: ignore[union-attr]
            yield sys.stdin
        else:
            with Path(name).open(encoding="utf-8", newline="") as file:
                yield file
    except OSError as error:
        raise BadRow(f"{name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadRow(f"{name}: not UTF-8 text") from None


def begun(file: TextIO) -> tuple[str, str]:
    """The blank lines that an input begins with, and the first line that says something."""
    blank: list[str] = []
    line = file.readline(MAX_LINE + 1)
    while line and len(blank) < MAX_BLANK and not line.removeprefix(BOM).strip():
        blank.append(line)
        line = file.readline(MAX_LINE + 1)
    return "".join(blank), line


def is_rows(name: str, line: str) -> bool:
    """Whether an input is JSON lines with texts, as its name or its first line that is not blank says."""
    if name.lower().endswith(SUFFIXES):
        return True
    line = line.removeprefix(BOM)
    if not line.lstrip().startswith("{"):
        return False
    try:
        first = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and "text" in first


def rows(name: str, file: TextIO) -> Iterator[Row]:
    """The rows of JSON lines; blank lines are left out. Raises `BadRow` at the first that is none."""
    blank, line = begun(file)
    yield from rows_from(name, blank, line, file)


def rows_from(name: str, blank: str, first: str, file: TextIO) -> Iterator[Row]:
    """`rows` of an input of which `begun` was read."""
    line, number = first.removeprefix(BOM), 1 + blank.count("\n")
    while line:
        if len(line) > MAX_LINE:
            raise BadRow(f"{name}:{number}: a line of more than {MAX_LINE} characters")
        if line.strip():
            yield _row(f"{name}:{number}", line)
        line, number = file.readline(MAX_LINE + 1), number + 1


def _row(where: str, line: str) -> Row:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        raise BadRow(f"{where}: not a line of JSON") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("text"), str):
        raise BadRow(f'{where}: not an object with a "text"')
    return Row(fields, fields["text"], origin(where, fields.get("role", Origin.USER.value)), where)


def origin(where: str, role: Any) -> Origin:
    """The origin of that name. Raises `BadRow` for another."""
    try:
        return Origin(role)
    except ValueError:
        raise BadRow(f"{where}: role {role!r:.40} is none of {', '.join(Origin)}") from None
