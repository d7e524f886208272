"""`regogate inspect eval FILE...`: precision, recall, false positives and time on labelled texts."""

from __future__ import annotations

import json
import sys
import time
from typing import Annotated, Any, Final

import typer

from dataplane.cli.bundle.answers import refusals
from dataplane.cli.finding_tables import printed
from dataplane.cli.inspect.rows import BadRow, Row, opened, rows
from dataplane.cli.inspect.scores import Scores
from dataplane.cli.inspect.tables import BundleOption, PoliciesOption, inspector
from dataplane.findings import LEVEL_RANK, Level, Origin, Text
from dataplane.inspection.inspector import Inspector

LINE_S: Final = 5.0
"""Between lines of progress on standard error."""

_KINDS: Final = (
    "rows",
    "found",
    "false_positives",
    "precision",
    "recall",
    "false_positive_rate",
    "span_recall",
    "us_median",
    "us_p95",
)
_SOURCES: Final = ("rows", "found", "recall", "false_positives", "us_median")


def command(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Labelled texts, JSON lines; - is standard input.")
    ],
    policies: PoliciesOption = None,
    bundle: BundleOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show how well detection does on labelled texts, by kind and by source.

    Each line has "text" and "label": benign, or a family of kinds such as injection, pii or secret. It may
    have "source", "role" (user where it is left out) and "spans", [[start, end, ...], ...]. A text is found
    where a kind of its family is detected at level medium or above; a false positive is a benign text in
    which one is. Scores within one source say little about others: keep whole sources apart.

    \b
    Examples:
      regogate inspect eval labelled.jsonl
      regogate inspect eval dev/*.jsonl --policies policies --json

    Exit codes: 0 counted, 1 a line cannot be read, 2 wrong usage.
    """
    with refusals(as_json):
        by = inspector(policies, bundle)
        by.at_once([Text(text="to begin with", origin=Origin.USER)])
        scores, said = Scores(), time.monotonic()
        for file in files:
            with opened(file) as source:
                for row in rows(file, source):
                    _add(by, scores, row)
                    if time.monotonic() - said >= LINE_S:
                        said = time.monotonic()
                        print(f"{scores.rows:,} rows", file=sys.stderr, flush=True)
        shown = scores.shown()
    sys.stdout.write(json.dumps(shown) + "\n" if as_json else _tables(shown))


def _add(by: Inspector, scores: Scores, row: Row) -> None:
    label, source = row.fields.get("label"), row.fields.get("source", "")
    if not isinstance(label, str) or not isinstance(source, str):
        raise BadRow(f'{row.where}: no "label", or a source that is no text')
    spans = _spans(row)
    started = time.perf_counter_ns()
    seen = by.at_once([Text(text=row.text, origin=row.origin)])
    us = (time.perf_counter_ns() - started) / 1000
    found = [
        (each.kind, each.spans[0].start, each.spans[-1].end)
        for each in seen.findings
        if LEVEL_RANK[each.level] >= LEVEL_RANK[Level.MEDIUM]
    ]
    scores.add(label, source, spans, found, us, len(row.text))


def _spans(row: Row) -> list[tuple[int, int]]:
    given = row.fields.get("spans", [])
    try:
        return [(int(span[0]), int(span[1])) for span in given]
    except (TypeError, ValueError, LookupError):
        raise BadRow(f"{row.where}: spans are not [[start, end, ...], ...]") from None


def _tables(shown: dict[str, Any]) -> str:
    lines = [
        f"{shown['rows']:,} rows; {_cell(shown['us_median'])} us median, {_cell(shown['us_p95'])} at 95 %, "
        f"{_cell(shown['us_per_1000_characters'])} us for 1,000 characters"
    ]
    kinds = [(name, *(_cell(one[each]) for each in _KINDS)) for name, one in shown["kinds"].items()]
    sources = [
        (one["label"], one["source"] or "-", *(_cell(one[each]) for each in _SOURCES))
        for one in shown["sources"]
    ]
    return printed(
        lines,
        [
            ("By kind", ("kind", *(name.replace("_", " ") for name in _KINDS)), kinds),
            ("By source", ("label", "source", *(name.replace("_", " ") for name in _SOURCES)), sources),
        ],
    )


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
