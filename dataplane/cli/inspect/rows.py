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

MAX_LINE: Final = 16 * 2**20
"""Characters of one line of JSON: as many bytes as a large request may have."""


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


def is_rows(line: str) -> bool:
    """Whether the first line of an input says that it is JSON lines with texts."""
    if not line.lstrip().startswith("{"):
        return False
    try:
        first = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and "text" in first


def rows(name: str, first: str, file: TextIO) -> Iterator[Row]:
    """The rows of JSON lines; empty lines are left out. Raises `BadRow` at the first that is none."""
    line, number = first, 1
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
