"""Case files, read strictly: each case is a whole input and what policy must say of it.

They lie in `cases/*.yaml` of a policy directory, or beside one that is called `policies`. Their form is
`cases.schema.json`; every problem has its line, and what can be read of a file is read after one.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from dataplane.authoring.cases_facts import facts
from dataplane.authoring.question import Unanswerable
from dataplane.authoring.report import Problem

MAX_FILE_BYTES: Final = 4 * 2**20
"""One file: some 20,000 cases."""

Place = tuple[str | int, ...]


class Text(Protocol):
    """A YAML file as the strict reader of bundles gives it."""

    @property
    def value(self) -> Mapping[str, Any]:
        """The top mapping."""

    @property
    def where(self) -> Mapping[Place, tuple[int, int]]:
        """Line and column of each value's path."""

    @property
    def problems(self) -> Sequence[Any]:
        """What is wrong with it as YAML, each with the fields of `Problem`."""


ReadYaml = Callable[[bytes, str], Text]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case: `facts` is the whole input, `expect` what its file says, `lines` where each part of that
    stands (the case's own under the empty text)."""

    name: str
    file: str
    stage: str
    facts: Mapping[str, Any]
    expect: Mapping[str, Any]
    lines: Mapping[str, int]


def case_files(policies: Path) -> list[Path]:
    """The case files of a policy directory, sorted."""
    folders = [policies / "cases"]
    if policies.absolute().name == "policies":
        folders.append(policies.parent / "cases")
    found = [path for folder in folders for path in sorted(folder.glob("*.yaml")) if path.is_file()]
    return [path for path in found if not path.name.startswith(".")]


def read_cases(
    policies: Path, tables: Mapping[str, Any], schema: Mapping[str, Any], read: ReadYaml
) -> tuple[list[Case], list[Problem]]:
    """Every case, and everything that is wrong with the files.

    `tables` are those of the same policy; `schema` is the form of case files; inputs are held against
    the directory's own `schemas/input.STAGE.schema.json`.
    """
    reader = _Reader(policies, tables, schema, read)
    for path in case_files(policies):
        reader.file(path)
    return reader.cases, sorted(reader.problems)


def expected_ids(policies: Path, read: ReadYaml) -> frozenset[str]:
    """The reasons that cases expect, read without judging the files."""
    found: set[str] = set()
    for path in case_files(policies):
        if (data := _bytes(path)) is None:
            continue
        cases = read(data, str(path)).value.get("cases")
        for case in cases.values() if isinstance(cases, dict) else ():
            expect = case.get("expect") if isinstance(case, dict) else None
            reasons = expect.get("reasons") if isinstance(expect, dict) else None
            found |= {one for one in reasons if isinstance(one, str)} if isinstance(reasons, list) else set()
    return frozenset(found)


class _Reader:
    def __init__(
        self, policies: Path, tables: Mapping[str, Any], schema: Mapping[str, Any], read: ReadYaml
    ) -> None:
        self.cases: list[Case] = []
        self.problems: list[Problem] = []
        self._policies = policies
        self._tables = tables
        self._form = Draft202012Validator(schema)
        self._read = read
        self._inputs: dict[str, Draft202012Validator | None] = {}

    def file(self, path: Path) -> None:
        data = _bytes(path)
        if data is None:
            self._problem(str(path), (0, 0), f"cannot be read, or is larger than {MAX_FILE_BYTES} bytes")
            return
        text = self._read(data, str(path))
        self.problems += [
            Problem(file=str(path), line=one.line, column=one.column, message=one.message, code="cases")
            for one in text.problems
        ]
        faults = list(self._form.iter_errors(text.value))
        for fault in faults:
            for place, message in explain(fault):
                self._problem(str(path), _place(text, place), message)
        if faults or text.problems:
            return
        for name in text.value["cases"]:
            self._case(str(path), text, name)

    def _case(self, file: str, text: Text, name: str) -> None:
        row = text.value["cases"][name]
        place: Place = ("cases", name)
        stage = row.get("stage", "request")
        if "input" in row:
            made, at = dict(row["input"]), (*place, "input")
            stage = row.get("stage", made.get("stage", "request"))
        else:
            at = (*place, "call")
            words = {**text.value.get("defaults", {}), **row.get("call", {})}
            # of `ip` and `network` the later one counts: the case's own over the defaults'
            try:
                made = facts(stage, words, self._tables)
            except Unanswerable as error:
                self._problem(file, _place(text, (*at, "network")), f"{name}: {error}")
                return
        if (validator := self._input(stage)) is None:
            self._problem(file, _place(text, place), f"{name}: this policy has no stage {stage}")
            return
        if (fault := best_match(validator.iter_errors(made))) is not None:
            for path, message in explain(fault):
                where = ".".join(str(step) for step in path)
                self._problem(file, _place(text, at), f"{name}: input {where}: {message}")
            return
        lines = {key: _place(text, (*place, "expect", key))[0] for key in row["expect"]}
        self.cases.append(
            Case(
                name=name,
                file=file,
                stage=stage,
                facts=made,
                expect=row["expect"],
                lines={"": _place(text, place)[0], **lines},
            )
        )

    def _input(self, stage: str) -> Draft202012Validator | None:
        if stage not in self._inputs:
            path = self._policies / "schemas" / f"input.{stage}.schema.json"
            try:
                self._inputs[stage] = Draft202012Validator(json.loads(path.read_bytes()))
            except (OSError, ValueError):
                self._inputs[stage] = None
        return self._inputs[stage]

    def _problem(self, file: str, place: tuple[int, int], message: str) -> None:
        self.problems.append(
            Problem(file=file, line=place[0], column=place[1], message=message, code="cases")
        )


def explain(error: ValidationError) -> Iterator[tuple[Place, str]]:
    """A schema's complaint in words: the path it is about and a message with what is allowed."""
    if error.context and (deeper := best_match([error])) is not None:
        error = deeper
    place: Place = tuple(error.absolute_path)
    schema = error.schema if isinstance(error.schema, dict) else {}
    match error.validator:
        case "additionalProperties" if isinstance(error.instance, dict):
            known = sorted(schema.get("properties", {}))
            for key in error.instance:
                if key not in known:
                    near = difflib.get_close_matches(str(key), known, n=1)
                    guess = f"; did you mean {near[0]}?" if near else ""
                    yield (*place, key), f"unknown: {key}{guess} (allowed: {', '.join(known)})"
        case "enum":
            allowed = ", ".join(str(value) for value in schema["enum"])
            yield place, f"{_short(error.instance)} is not allowed (allowed: {allowed})"
        case "type":
            yield place, f"{_short(error.instance)} is not of type {error.validator_value}"
        case "not":
            yield place, "give words under 'call' or a whole 'input', not both"
        case _:
            yield place, error.message if len(error.message) <= 300 else f"does not fit '{error.validator}'"


def _bytes(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError:
        return None
    return data if len(data) <= MAX_FILE_BYTES else None


def _place(text: Text, path: Place) -> tuple[int, int]:
    """Where a value stands, or the nearest thing around it that has a place."""
    while path and path not in text.where:
        path = path[:-1]
    return text.where.get(path, (0, 0))


def _short(value: Any) -> str:
    said = json.dumps(value, ensure_ascii=False)
    return said if len(said) <= 60 else f"{said[:57]}..."
