"""One shape of answer for all commands of `regogate bundle`: for a person, or one JSON object."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dataplane.bundle.errors import BundleRefused, CheckFailed
from dataplane.bundle.model import Bundle
from dataplane.errors import RegoGateError

EXIT_REFUSED: Final = 1

CODES: Final = "Exit codes: 0 done, 1 refused or invalid, 2 wrong usage."


@contextmanager
def refusals(as_json: bool) -> Iterator[None]:
    """Turn this program's own errors into one answer and exit code 1."""
    try:
        yield
    except CheckFailed as error:
        if as_json:
            problems = [asdict(problem) for problem in error.problems]
            typer.echo(json.dumps({"ok": False, "error": "check failed", "problems": problems}))
        else:
            for problem in error.problems:
                say(str(problem))
            say(f"error: {len(error.problems)} problem{'s' * (len(error.problems) > 1)}; nothing was built")
        raise typer.Exit(EXIT_REFUSED) from None
    except RegoGateError as error:
        if as_json:
            step = {"step": error.step} if isinstance(error, BundleRefused) else {}
            typer.echo(json.dumps({"ok": False, "error": str(error), **step}))
        else:
            say(f"error: {error}")
        raise typer.Exit(EXIT_REFUSED) from None


def fields(bundle: Bundle) -> dict[str, Any]:
    """What every answer tells of a bundle."""
    names = ("revision", "seq", "commit", "digest", "channel", "keyid")
    return {name: getattr(bundle, name) for name in names} | {"bytes": len(bundle.content)}


def show(found: dict[str, Any], as_json: bool) -> None:
    """One answer: a JSON object on one line, or its fields below each other."""
    if as_json:
        typer.echo(json.dumps({"ok": True, **found}))
    else:
        table(None, [(name, _text(value)) for name, value in found.items()])


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def table(headings: tuple[str, str] | None, rows: list[tuple[str, str]]) -> None:
    """Print rows in columns; a long value is folded."""
    found = Table(box=None, show_header=headings is not None, pad_edge=False)
    for heading in headings or ("", ""):
        found.add_column(heading, overflow="fold")
    for name, value in rows:
        found.add_row(Text(name, style="bold"), Text(value))
    Console().print(found)


def columns(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table that is as wide as it needs to be, so that a line can be searched and cut."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo(line.rstrip())


def say(line: str) -> None:
    """For the person who waits: progress and refusals, on standard error."""
    typer.echo(line, err=True)


def progress(line: str) -> None:
    """Say what takes a while, to a person: a log of CI needs no such line."""
    if sys.stderr.isatty():
        say(line)
