"""`regogate policy matrix`: who may use what, as a table of decisions."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from dataplane.authoring.evaluator import Evaluator
from dataplane.authoring.matrix import AXES, Cell, Matrix, matrix, values
from dataplane.authoring.policy_set import PolicySet
from dataplane.authoring.question import CHAT, Question
from dataplane.authoring.sweep_domain import domain
from dataplane.authoring.sweep_values import Value
from dataplane.cli.policy.sets import BundleOption, OpaOption, opa_binary, policy_set
from dataplane.cli.policy.told import (
    COLOURS,
    EXIT_FAILED,
    console,
    failures,
    print_json,
    printable,
    progress,
)
from dataplane.cli.state import ConfigOption, DataDirOption
from dataplane.opa.temporary import TemporaryOpa

EXIT_CHANGED: Final = 1
DEFAULT_LIMIT: Final = 60
MAX_WIDTH: Final = 110
"""Columns are numbered where their names would make the table wider."""

MAX_NAMES: Final = 3
"""Names of one row or column."""

_LETTERS: Final = {"ALLOW": "A", "CONSTRAIN": "C", "BLOCK": "B", "NONE": "N"}


def command(
    rows: Annotated[str, typer.Option("--rows", help=f"One of {', '.join(AXES)}.")] = "clients",
    columns: Annotated[str, typer.Option("--columns", help="Likewise, another one.")] = "models",
    client: Annotated[str | None, typer.Option("--client", help="Who asks, where neither axis says.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="The model, where neither axis says.")] = None,
    operation: Annotated[str, typer.Option("--operation", metavar="ID", help="The operation.")] = CHAT,
    tool: Annotated[list[str] | None, typer.Option("--tool", help="A tool offered; repeat for more.")] = None,
    network: Annotated[
        str | None, typer.Option("--network", metavar="NAME", help="From a network of networks.yaml.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", min=0, help="The length asked for.")
    ] = None,
    data_class: Annotated[str | None, typer.Option("--data-class", help="How sensitive the call is.")] = None,
    against: Annotated[
        str | None, typer.Option("--against", metavar="OLD", help="Also ask this policy; show what differs.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=0, metavar="N", help="Rows asked and printed; 0 for all.")
    ] = DEFAULT_LIMIT,
    bundle: BundleOption = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    opa: OpaOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show the decision for every client and model (or tools, operations, networks, data classes).

    Names that the policy cannot tell apart share a row or column, and its first name stands for them. What
    the axes leave open is as for 'regogate policy eval', and the policy is found as there.
    Exit codes: 0 shown, 1 --against decides a cell differently, 2 wrong usage, 3 a policy cannot be read.

    \b
    Examples:
      regogate policy matrix
      regogate policy matrix --rows clients --columns tools --model gpt-4o-mini
      regogate policy matrix --bundle policies --against prod.tar.gz --json
    """
    for hint, axis in (("--rows", rows), ("--columns", columns)):
        if axis not in AXES:
            raise typer.BadParameter(f"{axis[:40]!r} is not one of {', '.join(AXES)}", param_hint=hint)
    if rows == columns:
        raise typer.BadParameter("rows and columns are the same", param_hint="--columns")
    question = Question(
        client=client,
        model=model,
        operation=operation,
        tools=tool or (),
        network=network,
        max_tokens=max_tokens,
        data_class=data_class,
    )
    with failures(as_json, EXIT_FAILED):
        binary = opa_binary(opa)
        policy = policy_set(bundle, opa=binary, config=config, data_dir=data_dir)
        old = policy_set(against, opa=binary, config=config, data_dir=data_dir) if against else None
        found, left = _asked(binary, policy, old, question, (rows, columns), limit)
    if as_json:
        print_json(_document(found, policy, old, left))
    else:
        _print(found, (rows, columns), policy, old, left)
    changed = old is not None and any(cell.changed() for row in found.cells for cell in row)
    raise typer.Exit(EXIT_CHANGED if changed else 0)


def _asked(
    binary: Path,
    policy: PolicySet,
    old: PolicySet | None,
    question: Question,
    axes: tuple[str, str],
    limit: int,
) -> tuple[Matrix, int]:
    """The matrix, and how many rows were left out."""
    world = domain(old or policy, policy)
    down, across = (values(world, axis) for axis in axes)
    shown = down[: limit or None]
    with ExitStack() as stack:
        asked = []
        for one in (policy, old):
            if one is not None:
                server = stack.enter_context(TemporaryOpa(binary, one.bundle))
                asked.append(stack.enter_context(Evaluator(server.url)))
        before = asked[1] if old is not None else None
        return matrix(asked[0], policy.tables, question, shown, across, before), len(down) - len(shown)


def _document(found: Matrix, policy: PolicySet, old: PolicySet | None, left: int) -> dict[str, Any]:
    cells = [
        {
            "row": row.name,
            "column": column.name,
            **_answer(cell.answer),
            **({} if old is None else {"before": _answer(cell.before), "changed": cell.changed()}),
        }
        for row, line in zip(found.rows, found.cells, strict=True)
        for column, cell in zip(found.columns, line, strict=True)
    ]
    document = {"ok": True, "revision": policy.revision, "rows_left_out": left, "cells": cells}
    for name, axis in (("rows", found.rows), ("columns", found.columns)):
        document[name] = [{"name": one.name, "alike": one.alike, "others": one.others} for one in axis]
    return document if old is None else {**document, "against": old.revision}


def _answer(answer: Mapping[str, Any] | None) -> dict[str, Any]:
    if answer is None:
        return {"decision": None, "reasons": []}
    return {"decision": answer["decision"], "reasons": answer["reasons"]}


def _print(found: Matrix, axes: tuple[str, str], policy: PolicySet, old: PolicySet | None, left: int) -> None:
    progress(f"policy {policy.revision}" + ("" if old is None else f", against {old.revision}"))
    out = console()
    legend = _Legend()
    lines = [[legend.cell(cell, old is not None) for cell in line] for line in found.cells]
    names = [_name(one) for one in found.rows]
    heads = [_name(one) for one in found.columns]
    first = max(map(len, [*names, axes[0]]), default=0)
    numbered = first + sum(max(len(one), 4) + 2 for one in heads) > MAX_WIDTH
    titles = [str(number) for number in range(1, len(heads) + 1)] if numbered else heads
    widths = [max(len(title), *(len(line[at]) for line in lines), 1) + 2 for at, title in enumerate(titles)]
    head = Text(f"{axes[0]:<{first}}  ", style="bold")
    for title, width in zip(titles, widths, strict=True):
        head.append(f"{title:<{width}}", style="bold")
    out.print(head)
    for name, line in zip(names, lines, strict=True):
        text = Text(f"{name:<{first}}  ")
        for cell, width in zip(line, widths, strict=True):
            text.append(cell).append(" " * (width - len(cell)))
        out.print(text)
    if left:
        out.print(f"... and {left} more rows (--limit 0 shows all)")
    out.print()
    if numbered:
        out.print(f"{axes[1]}: " + ", ".join(f"{at} {name}" for at, name in enumerate(heads, start=1)))
    for code, (decision, reasons) in legend.codes():
        told = Text(f"{code:<4}", style=COLOURS.get(decision, "default"))
        titled = [f"{one} ({policy.rules[one].title})" if one in policy.rules else one for one in reasons]
        out.print(told.append(printable(f"{decision} {', '.join(titled)}")))
    if old is not None:
        changed = sum(cell.changed() for line in found.cells for cell in line)
        out.print(f"old>new where a cell changed: {changed} of {len(found.rows) * len(found.columns)}")


class _Legend:
    """A short code for each verdict with its reasons, numbered as they are met."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, tuple[str, ...]], str] = {}
        self._counts: dict[str, int] = {}

    def cell(self, cell: Cell, compared: bool) -> Text:
        """`A1`, or `B2>A1` where another policy decides otherwise."""
        if compared and cell.changed():
            return Text.assemble(self._code(cell.before), ">", self._code(cell.answer))
        return self._code(cell.answer)

    def codes(self) -> list[tuple[str, tuple[str, tuple[str, ...]]]]:
        """Code, verdict and reasons, in the order of the codes."""
        return sorted((code, verdict) for verdict, code in self._codes.items())

    def _code(self, answer: Mapping[str, Any] | None) -> Text:
        decision = "NONE" if answer is None else str(answer["decision"])
        verdict = decision, () if answer is None else tuple(answer["reasons"])
        if verdict not in self._codes:
            self._counts[decision] = self._counts.get(decision, 0) + 1
            self._codes[verdict] = f"{_LETTERS[decision]}{self._counts[decision]}"
        return Text(self._codes[verdict], style=COLOURS.get(decision, "default"))


def _name(value: Value) -> str:
    """All names where they are few, else the first and how many more."""
    if value.alike == 1 + len(value.others) <= MAX_NAMES:
        return printable(", ".join((value.name, *value.others)))
    return printable(value.name) + (f" (+{value.alike - 1} alike)" if value.alike > 1 else "")
