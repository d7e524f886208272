"""A table of decisions: one axis down, one across, and one policy or two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import tee
from typing import Any, Final

import orjson

from dataplane.authoring.compare import answer_in
from dataplane.authoring.evaluator import Evaluator
from dataplane.authoring.question import Question, facts_of, laid_over
from dataplane.authoring.sweep_values import Domain, Value

AXES: Final = {
    "clients": "client",
    "models": "model",
    "tools": "tool",
    "operations": "operation",
    "networks": "network",
    "data-classes": "data_class",
}
"""What may stand in rows and columns, and the axis of a `Domain` that has its values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A decision, and the other policy's where there is one; None where a policy gives none."""

    answer: Mapping[str, Any] | None
    before: Mapping[str, Any] | None = None

    def changed(self) -> bool:
        """Whether verdict or reasons are not the same."""
        return bool(_verdict(self.answer) != _verdict(self.before))


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The decisions; `cells` has a list for each of `rows`, with a cell for each of `columns`."""

    rows: tuple[Value, ...]
    columns: tuple[Value, ...]
    cells: tuple[tuple[Cell, ...], ...]


def values(domain: Domain, axis: str) -> tuple[Value, ...]:
    """The values of an axis by its name in `AXES`."""
    name = AXES[axis]
    return domain.product[name] if name in domain.product else domain.single.get(name, ())


def matrix(
    evaluator: Evaluator,
    tables: Mapping[str, Any],
    question: Question,
    rows: tuple[Value, ...],
    columns: tuple[Value, ...],
    before: Evaluator | None = None,
) -> Matrix:
    """Ask `evaluator` (and `before`) the `question` with each row's and column's value in it.

    A client calls from the first network of its row, unless the question says from where.
    """
    inputs = (orjson.dumps(_input(question, tables, row, column)) for row in rows for column in columns)
    mine, others = tee(inputs)
    answers = evaluator.decide_many(question.stage, mine)
    olds: Iterator[bytes | None] | None = (
        None if before is None else before.decide_many(question.stage, others)
    )
    cells = tuple(
        tuple(
            Cell(answer=answer_in(next(answers)), before=None if olds is None else answer_in(next(olds)))
            for _ in columns
        )
        for _ in rows
    )
    return Matrix(rows=rows, columns=columns, cells=cells)


def _input(question: Question, tables: Mapping[str, Any], row: Value, column: Value) -> dict[str, Any]:
    for value in (row, column):
        client = value.over.get("identity", {}).get("client_id")
        if client is not None:
            question = replace(question, client=client)
    return laid_over(laid_over(facts_of(question, tables, "matrix"), row.over), column.over)


def _verdict(answer: Mapping[str, Any] | None) -> Any:
    return None if answer is None else (answer["decision"], answer["reasons"])
