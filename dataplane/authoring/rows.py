"""Rows: recorded questions to policy with the answers it gave, as they are exported.

Their form is that of `regogate audit export` (docs/guide-backtest.md): JSON lines, `v` 1. A row that
cannot be replayed truly is never guessed at: it is skipped for a reason that is counted, or bad.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from dataplane.authoring.policy_set import STAGES
from dataplane.errors import RegoGateError

ROW_VERSION: Final = 1
INPUT_VERSION: Final = 1
RESULT_VERSION: Final = 1
"""The form of rows, and the decision contract, that this program knows."""

MAX_LINE_BYTES: Final = 4 * 2**20
"""Far above a policy input (64 KiB at most) and its result."""

Skipped = Literal["never_asked", "erased"]
"""Why a row has nothing to replay: refused before policy was asked, or its sealed values were erased."""

_TEXTS: Final = ("request_id", "time", "client_id", "model", "operation")


class BadRow(RegoGateError):
    """A row that cannot be used; the message says where it stands, what is wrong and what to do. It never
    holds a value of the row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One question and its answer: the exact bytes both ways, and who asked for what.

    `answer` is `result`, parsed. `where` names the row for people.
    """

    request_id: str | None
    time: str | None
    client_id: str | None
    model: str | None
    operation: str | None
    policy_revision: str
    stage: str
    input: bytes = field(repr=False)
    result: bytes = field(repr=False)
    answer: dict[str, Any] = field(repr=False)
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """`count` calls that have nothing to replay, and who asked for what, where that is known."""

    why: Skipped
    count: int = 1
    client_id: str | None = None
    model: str | None = None


def row_of(found: Any, where: str) -> Row | Skip:
    """The row that an exported object is. Raises `BadRow`."""
    if not isinstance(found, dict):
        raise BadRow(f"{where}: not a JSON object; export the rows again")
    _version(found, ROW_VERSION, where, "the row")
    missing = [name for name in ("policy_input", "policy_result") if name not in found]
    if missing:
        raise BadRow(f"{where}: no {missing[0]}; only what 'regogate audit export' writes can be replayed")
    if found["policy_input"] is None or found["policy_result"] is None:
        return _skip(found, where)
    asked, question = _document(found["policy_input"], where, "policy_input")
    answered, answer = _document(found["policy_result"], where, "policy_result")
    _version(question, INPUT_VERSION, where, "its policy input")
    _version(answer, RESULT_VERSION, where, "its policy result")
    stage = found.get("stage", question.get("stage"))
    if stage not in STAGES or question.get("stage", stage) != stage:
        raise BadRow(f"{where}: its stage is not one of {', '.join(STAGES)}, or not that of its input")
    if answer.get("decision") not in ("ALLOW", "CONSTRAIN", "BLOCK"):
        raise BadRow(f"{where}: its policy result has no decision; export the rows again")
    revision = found.get("policy_revision")
    if not isinstance(revision, str):
        raise BadRow(f"{where}: no policy_revision, so nobody can say which policy answered")
    texts = {name: found.get(name) for name in _TEXTS}
    for name, text in texts.items():
        if text is not None and not isinstance(text, str):
            raise BadRow(f"{where}: {name} is not a string; export the rows again")
    return Row(
        **texts,
        policy_revision=revision,
        stage=stage,
        input=asked,
        result=answered,
        answer=answer,
        where=where,
    )


def rows_in(path: Path) -> Iterator[tuple[Row | Skip | BadRow, float]]:
    """The rows of a file of JSON lines, each with the share of the file read so far (0 to 1).

    A bad row is handed out, not raised, so that all of them can be told. Raises `BadRow` where the file
    cannot be read, or is not lines of a sensible length at all.
    """
    try:
        with path.open("rb") as file:
            size = max(1, os.fstat(file.fileno()).st_size)
            number = 0
            read = 0
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                read += len(line)
                if len(line) > MAX_LINE_BYTES:
                    raise BadRow(f"{path}:{number}: longer than {MAX_LINE_BYTES} bytes, which no row is")
                if not line.isspace():
                    yield _row_in(line, f"{path}:{number}"), min(1.0, read / size)
    except OSError as error:
        raise BadRow(f"{path} cannot be read: {error.strerror}") from None


def _row_in(line: bytes, where: str) -> Row | Skip | BadRow:
    try:
        return row_of(orjson.loads(line), where)
    except orjson.JSONDecodeError:
        if not line.endswith(b"\n"):
            return BadRow(f"{where}: the file ends in the middle of this row; copy or export it again")
        return BadRow(f"{where}: not JSON; give the lines that 'regogate audit export' writes")
    except BadRow as error:
        return error


def _version(found: Mapping[str, Any], known: int, where: str, what: str) -> None:
    version = found.get("v")
    if type(version) is not int or version < 1:
        raise BadRow(f"{where}: {what} has no version 'v'; export the rows again")
    if version > known:
        raise BadRow(
            f"{where}: {what} is of version {version}, this program knows {known}; replay it with the "
            "release that recorded it, or a later one"
        )


def _document(value: Any, where: str, name: str) -> tuple[bytes, dict[str, Any]]:
    """The bytes and the object of a nested document: JSON text, or the object itself."""
    try:
        text = value.encode() if isinstance(value, str) else orjson.dumps(value)
        found = orjson.loads(text)
    except (UnicodeEncodeError, orjson.JSONEncodeError, orjson.JSONDecodeError):
        found = None
    if not isinstance(found, dict):
        raise BadRow(f"{where}: {name} is not the JSON text of an object; export the rows again")
    return text, found


def _skip(found: Mapping[str, Any], where: str) -> Skip:
    both = found["policy_input"] is None and found["policy_result"] is None
    why: Skipped = "never_asked" if both and found.get("stored", "never_asked") == "never_asked" else "erased"
    count = found.get("count", 1)
    if type(count) is not int or count < 1:
        raise BadRow(f"{where}: count is not a whole number of calls; export the rows again")
    client_id, model = (
        name if isinstance(name, str) else None for name in map(found.get, ("client_id", "model"))
    )
    return Skip(why=why, count=count, client_id=client_id, model=model)
