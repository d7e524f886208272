"""Is a policy directory fit to be built? Everything that is wrong at once, each with file and line."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from dataplane.bundle.command import Finished, run
from dataplane.bundle.errors import ToolFailed
from dataplane.bundle.problem import Problem
from dataplane.bundle.rego import check_packages, check_site_rules, is_site, is_test
from dataplane.bundle.source import Source, read_source
from dataplane.bundle.strictyaml import JSON
from dataplane.bundle.tables import load_tables

MAX_ERRORS: Final = 100
"""Errors OPA lists before it gives up; its own default of 10 hides the rest of a large edit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was checked and found; `tables` are fit to be staged only where `problems` is empty."""

    source: Source
    tables: dict[str, JSON]
    problems: tuple[Problem, ...]


async def check(policies: Path, opa: Path, capabilities: Path, regal: Path | None = None) -> list[Problem]:
    """Tables, packages, `opa check --strict` with schemas and capabilities, and Regal where given.

    Sorted by file and line; empty where all is well. Raises `CheckFailed` for a directory that cannot be
    read at all, `ToolFailed` where a program does not do its part. Without Regal a check of the shipped
    policy takes about 0.1 s: quick enough for every save.
    """
    source = await asyncio.to_thread(read_source, policies)
    if regal is None:
        return list((await check_source(source, opa, capabilities)).problems)
    checked, style = await asyncio.gather(check_source(source, opa, capabilities), lint(policies, regal))
    return sorted({*checked.problems, *style})


async def check_source(source: Source, opa: Path, capabilities: Path) -> Checked:
    """The same without Regal, on a snapshot. Raises `ToolFailed`."""
    tables, problems = await asyncio.to_thread(load_tables, source)
    problems += check_packages(source, frozenset(tables))
    with tempfile.TemporaryDirectory(prefix="regogate-check-") as place:
        stage = Path(place)
        await asyncio.to_thread(_stage, source, stage)
        strict = _strict(source, stage, opa, capabilities)
        site = [path for path in source.rego if is_site(path) and not is_test(path)]
        for some in await asyncio.gather(strict, *(_site(source, stage, opa, path) for path in site)):
            problems += some
    return Checked(source=source, tables=tables, problems=tuple(sorted(set(problems))))


async def lint(policies: Path, regal: Path, config: Path | None = None) -> list[Problem]:
    """What Regal finds in `rego/`, by `config`, else the `.regal/config.yaml` above. Raises `ToolFailed`."""
    arguments: list[str | Path] = [] if config is None else ["--config-file", config]
    done = await run(regal, "lint", "--format", "json", *arguments, "rego", cwd=policies)
    report = _json(regal, done)
    if done.code not in (0, 2, 3) or not isinstance(report.get("violations"), list):
        raise ToolFailed(f"{regal} failed: {done.err[-2000:]}")
    return [
        Problem(
            file=str(policies / one["location"]["file"]),
            line=int(one["location"]["row"]),
            column=int(one["location"]["col"]),
            message=one["description"],
            code=f"regal/{one['title']}",
        )
        for one in report["violations"]
    ]


async def _strict(source: Source, stage: Path, opa: Path, capabilities: Path) -> list[Problem]:
    arguments = ["--strict", "--format", "json", "--max-errors", str(MAX_ERRORS)]
    # without --schema the annotations in the policy are ignored in silence
    arguments += ["--schema", "schemas"] if source.schemas else []
    done = await run(opa, "check", *arguments, "--capabilities", capabilities, "rego", cwd=stage)
    if done.code == 0:
        return []
    return list(_opa_problems(source, _json(opa, done), done, opa))


async def _site(source: Source, stage: Path, opa: Path, path: PurePosixPath) -> list[Problem]:
    arguments = ("parse", "--format", "json", "--json-include", "locations", f"rego/{path}")
    done = await run(opa, *arguments, cwd=stage)
    if done.code != 0:
        return []  # `opa check` reports what does not parse
    return list(check_site_rules(_json(opa, done), source.path("rego", path)))


def _opa_problems(source: Source, report: dict[str, Any], done: Finished, opa: Path) -> Iterable[Problem]:
    errors = report.get("errors")
    if not isinstance(errors, list) or not errors:
        raise ToolFailed(f"{opa} failed: {done.err[-2000:]}")
    for error in errors:
        place = error.get("location") or {}
        yield Problem(
            file=str(source.root / place["file"]) if place.get("file") else str(source.root),
            line=int(place.get("row", 0)),
            column=int(place.get("col", 0)),
            message=_detailed(error),
            code=str(error.get("code", "rego_error")),
        )


def _detailed(error: dict[str, Any]) -> str:
    """OPA's message with what it found and what it wanted, which it keeps apart."""
    message = str(error.get("message", "no message"))
    details = error.get("details")
    if isinstance(details, dict) and isinstance(details.get("line"), str):
        line = details["line"].strip()
        return f"{message}: {line[:120]}" if line else message
    return message


def _json(program: Path, done: Finished) -> dict[str, Any]:
    try:
        found = json.loads(done.out or done.err)
    except ValueError as error:
        raise ToolFailed(f"{program} failed: {(done.err or repr(done.out))[-2000:]}") from error
    if not isinstance(found, dict):
        raise ToolFailed(f"{program} answered in an unknown form")
    return found


def _stage(source: Source, stage: Path) -> None:
    for folder, files in (("rego", source.rego), ("schemas", source.schemas)):
        write_files(stage / folder, files)


def write_files(folder: Path, files: Mapping[PurePosixPath, bytes]) -> None:
    """Write a snapshot's files below a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, data in files.items():
        target = folder / path
        os.makedirs(target.parent, exist_ok=True)
        target.write_bytes(data)
