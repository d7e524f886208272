"""How decisions, rules and values of tables are told on a terminal, and as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from typing import Any, Final

import typer
from rich.console import Console
from rich.text import Text

from dataplane.authoring.policy_set import Rule
from dataplane.bundle.errors import CheckFailed
from dataplane.errors import RegoGateError

COLOURS: Final = {"ALLOW": "green", "CONSTRAIN": "yellow", "BLOCK": "red"}
MAX_VALUE_CHARS: Final = 100
EXIT_FAILED: Final = 3
"""For `diff`, `eval` and `matrix`, where 1 is an answer: the question itself could not be put."""


def console() -> Console:
    """Plain where it is piped; nothing in the text is markup."""
    return Console(file=sys.stdout, markup=False, emoji=False, highlight=False, soft_wrap=True)


def progress(line: str) -> None:
    """A line on stderr."""
    typer.echo(line, err=True)


@contextmanager
def failures(as_json: bool, code: int = 1) -> Iterator[None]:
    """Turn this program's own errors into one answer, on stderr or as JSON, and the exit code."""
    try:
        yield
    except RegoGateError as error:
        problems = [asdict(one) for one in error.problems] if isinstance(error, CheckFailed) else None
        if as_json:
            more = {} if problems is None else {"problems": problems}
            typer.echo(json.dumps({"ok": False, "error": str(error), **more}))
        else:
            progress(f"error: {error}")
        raise typer.Exit(code) from None


def print_json(found: Any) -> None:
    """One JSON value on one line, ASCII only: what a caller sent must not reach a terminal as controls."""
    typer.echo(json.dumps(found, default=_plain))


def decided(answer: Mapping[str, Any]) -> Text:
    """`BLOCK  reason, reason`."""
    decision = str(answer.get("decision"))
    line = Text(f"{decision:<9} ", style=COLOURS.get(decision, "default"))
    return line.append(printable(", ".join(map(str, answer.get("reasons", ())))), style="bold")


def demands(answer: Mapping[str, Any]) -> Iterator[str]:
    """What the answer demands beside its verdict, a line each."""
    for name, value in sorted(answer.get("constraints", {}).items()):
        yield f"constraint {name}: {short(value)}"
    for limit in answer.get("limits", ()):
        burst = f", burst {limit['burst']}" if "burst" in limit else ""
        amount = f"{limit.get('amount')} {limit.get('unit')} a {limit.get('per')}"
        yield f"limit {limit.get('id')}: {amount}{burst}"
    if answer.get("visible") is not None:
        yield f"visible models: {', '.join(answer['visible']) or 'none'}"
    if answer.get("shadow"):
        yield f"in shadow: {', '.join(answer['shadow'])}"


def about(id_: str, rule: Rule | None, *, owner: bool = False) -> Text:
    """`id: title`, and where it stands."""
    line = Text("  ").append(id_, style="bold")
    if rule is None:
        return line.append(": no METADATA of this policy tells of it")
    line.append(f": {printable(rule.title)}")
    place = f"{rule.file}:{rule.line}" + (f", owner {rule.owner}" if owner and rule.owner else "")
    return line.append(f"  ({printable(place)})", style="dim")


def indented(lines: Iterable[str], by: str = "    ") -> str:
    """The lines behind an indent."""
    return "\n".join(f"{by}{printable(line)}" for line in lines)


def short(value: Any) -> str:
    """A JSON value on one line; a large one as its size."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= MAX_VALUE_CHARS:
        return text
    if isinstance(value, list | dict):
        return f"{text[: MAX_VALUE_CHARS - 20]}... ({len(value)} in all)"
    return f"{text[: MAX_VALUE_CHARS - 3]}..."


def printable(text: str) -> str:
    """With every character that is not printable escaped, so that none acts on a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(type(value).__name__)
