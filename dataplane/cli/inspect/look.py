"""`regogate inspect FILE|-`: findings in a text, or in each text of JSON lines."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, TextIO

import typer

from dataplane.cli.bundle.answers import refusals
from dataplane.cli.finding_tables import printed
from dataplane.cli.inspect.rows import Row, begun, is_rows, opened, origin, rows_from
from dataplane.cli.inspect.tables import BundleOption, PoliciesOption, inspector
from dataplane.findings import FAILED, Finding, Origin, Text
from dataplane.inspection.inspector import Inspector
from dataplane.inspection.joined import OVERLAP

BLOCK: Final = 2**19
"""Characters of a plain text that are looked at in one go."""

EXIT_UNREAD: Final = 1


def command(
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="A text, or JSON lines; - is standard input.")
    ],
    role: Annotated[
        str, typer.Option("--role", metavar="ORIGIN", help="Where a plain text comes from.")
    ] = Origin.USER.value,
    timing: Annotated[
        bool, typer.Option("--timing", help="Add 'us', the microseconds that looking took.")
    ] = False,
    policies: PoliciesOption = None,
    bundle: BundleOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object for a plain text, too.")
    ] = False,
) -> None:
    """Show what is found in a text, or in each text of JSON lines.

    JSON lines (files *.jsonl and *.ndjson, and what begins with such a line) have
    {"text": ..., "role": ...} each; role is system, developer, user, assistant, tool_result,
    tool_definition, tool_arguments, schema, metadata, reasoning, refusal, output or other, and user where it
    is left out. The same lines come out, in order, with "findings": [{"kind", "level", "score", "start",
    "end", "origin"}]; start and end count characters of the text, end is not in it. A detection is one of
    level medium or high. Matched text is not printed.

    \b
    Examples:
      regogate inspect look prompt.txt
      regogate inspect look page.html --role tool_result --json
      regogate inspect look rows.jsonl --policies policies --timing > found.jsonl

    Exit codes: 0 looked at, 1 something could not be read, 2 wrong usage.
    """
    with refusals(as_json):
        where = origin("--role", role)
        with opened(file) as source:
            blank, first = begun(source)
            by = inspector(policies, bundle)
            by.at_once([Text(text="to begin with", origin=where)])
            try:
                if is_rows(file, first):
                    whole = _lines(by, rows_from(file, blank, first, source), timing)
                else:
                    whole = _text(by, blank + first, source, where, timing, as_json)
                sys.stdout.flush()
            except BrokenPipeError:
                # The interpreter would complain once more when it flushes at exit.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                raise typer.Exit(0) from None
    if not whole:
        typer.echo("error: not all of it could be looked at (inspection.failed)", err=True)
        raise typer.Exit(EXIT_UNREAD)


def _lines(by: Inspector, rows: Iterable[Row], timing: bool) -> bool:
    """Print the rows with what was found; whether all of them could be looked at."""
    whole = True
    for row in rows:
        started = time.perf_counter_ns()
        seen = by.at_once([Text(text=row.text, origin=row.origin)])
        took = time.perf_counter_ns() - started
        whole &= not seen.unread_bytes and not _failed(seen.findings)
        found = sorted(seen.findings, key=_in_order)
        out = {**row.fields, "findings": [_shown(each, 0) for each in found]}
        if timing:
            out["us"] = round(took / 1000, 1)
        sys.stdout.write(json.dumps(out) + "\n")
    return whole


def _text(by: Inspector, first: str, source: TextIO, where: Origin, timing: bool, as_json: bool) -> bool:
    started = time.perf_counter_ns()
    found = list(_of_text(by, _blocks(first, source), where))
    took = round((time.perf_counter_ns() - started) / 1000, 1)
    if as_json:
        out: dict[str, Any] = {"findings": [_shown(each, at) for each, at in found]}
        sys.stdout.write(json.dumps({**out, "us": took} if timing else out) + "\n")
    else:
        lines = [f"{len(found)} found." if found else "Nothing found."]
        heads = ("kind", "level", "score", "start", "end", "origin")
        table = [tuple(str(value) for value in _shown(each, at).values()) for each, at in found]
        grids = [("", heads, table)] if found else []
        sys.stdout.write(printed(lines, grids, [f"{took:,.1f} us"] if timing else []))
    return not _failed(each for each, _ in found)


def _of_text(
    by: Inspector, blocks: Iterable[tuple[int, str, bool]], where: Origin
) -> Iterator[tuple[Finding, int]]:
    """Findings with where their block begins. Blocks overlap; what lies in the part that two share is told by
    the later, which sees what follows."""
    told = 0
    for at, text, last in blocks:
        upto = at + len(text) - (0 if last else OVERLAP)
        for each in sorted(by.at_once([Text(text=text, origin=where)]).findings, key=_in_order):
            start = at + each.spans[0].start
            if (last or start < upto) and start >= told:
                yield each, at
        told = upto


def _blocks(first: str, source: TextIO) -> Iterator[tuple[int, str, bool]]:
    at, text = 0, first
    while True:
        more = source.read(BLOCK)
        if not more:
            yield at, text, True
            return
        if len(text) > OVERLAP:
            yield at, text, False
            at += len(text) - OVERLAP
            text = text[-OVERLAP:]
        text += more


def _in_order(found: Finding) -> tuple[int, int, str]:
    return found.spans[0].start, found.spans[-1].end, found.kind


def _shown(found: Finding, at: int) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "level": found.level.value,
        "score": found.score,
        "start": at + found.spans[0].start,
        "end": at + found.spans[-1].end,
        "origin": found.origin.value,
    }


def _failed(found: Iterable[Finding]) -> bool:
    return any(each.kind == FAILED for each in found)
