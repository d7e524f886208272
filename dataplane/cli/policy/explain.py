"""`regogate policy explain`: why a decision is as it is, by the policy that made it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from dataplane.audit import read
from dataplane.audit.attempt import describe
from dataplane.audit.migrate import database_errors
from dataplane.authoring.evaluator import Evaluator
from dataplane.authoring.explain import Explanation, Fired, Use, explain
from dataplane.authoring.explain_change import Change, Remedies
from dataplane.cli.policy.sets import OpaOption, opa_binary, policy_set
from dataplane.cli.policy.told import (
    about,
    console,
    decided,
    demands,
    failures,
    indented,
    print_json,
    printable,
    progress,
    short,
)
from dataplane.cli.state import ConfigOption, DataDirOption, open_state
from dataplane.database import Database
from dataplane.errors import RegoGateError
from dataplane.opa.temporary import TemporaryOpa

MAX_INPUT_BYTES: Final = 1 << 20
MAX_VALUES: Final = 12
"""Values of one kind that are told of a call; JSON has them all."""

_ROLES: Final = {
    "decided": "Decided by",
    "granted": "Allowed by",
    "applied": "Also in force",
    "shadow": "In shadow: it would have acted",
    "off": "Switched off: it would have acted",
    "overruled": "Without effect, because others block",
}


class NoSuchDecision(RegoGateError):
    """There is no input to explain; the message says why."""


def command(
    audit_id: Annotated[
        str | None, typer.Option("--audit-id", metavar="ID", help="A record's id, or a call's x-request-id.")
    ] = None,
    input_file: Annotated[
        Path | None, typer.Option("--input", metavar="FILE", help="A policy input, as JSON; - for stdin.")
    ] = None,
    bundle: Annotated[
        str | None,
        typer.Option("--bundle", metavar="FILE|DIR|REVISION", help="Another policy than the record's own."),
    ] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Also print OPA's trace.")] = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    opa: OpaOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Explain a decision: its rules, the table values they used, and what would change it.

    With --audit-id the exact recorded input is put to the revision that decided then, from the bundles
    that the gateway keeps; with --bundle, to another policy. With --input the policy is found as for
    'regogate policy eval'. Values are those that OPA read, taken from its trace.
    Exit codes: 0 explained, 1 it cannot be (no such record or revision), 2 wrong usage.

    \b
    Examples:
      regogate policy explain --audit-id 0199c3a4-5b7e-7c31-9d80-3f6f1f5f7f00
      regogate policy explain --audit-id 0199c3a4-5b7e-7c31-9d80-3f6f1f5f7f00 --bundle policies --json
      regogate policy explain --input input.json --bundle prod.tar.gz --trace
    """
    if (audit_id is None) == (input_file is None):
        raise typer.BadParameter("give one of --audit-id and --input", param_hint="--audit-id")
    with failures(as_json):
        record = None if audit_id is None else _record(audit_id, config, data_dir)
        facts = _input(str(record["policy_input"])) if record else _input_file(input_file or Path("-"))
        spec = bundle or (str(record["policy_revision"]) if record else None)
        binary = opa_binary(opa)
        policy = policy_set(spec, opa=binary, config=config, data_dir=data_dir)
        with TemporaryOpa(binary, policy.bundle) as server, Evaluator(server.url) as evaluator:
            found = explain(evaluator, policy, str(facts.get("stage")), facts, trace=trace or as_json)
    if as_json:
        print_json(_document(found, record, facts, with_trace=trace))
    else:
        _print(found, record, with_trace=trace)


def _record(wanted: str, config: Path | None, data_dir: Path | None) -> dict[str, Any]:
    """The record of a decision, with what was sealed. Raises `NoSuchDecision`, `ConfigError`."""

    async def look(url: str) -> list[dict[str, Any]]:
        database = Database(url)
        try:
            return [read.told(row) for row in await read.about(database, wanted)]
        finally:
            await database.close()

    try:
        rows = asyncio.run(look(open_state(config, data_dir).database_url))
    except database_errors() as error:
        raise NoSuchDecision(f"database: {describe(error)}") from None
    if not rows:
        raise NoSuchDecision(f"no record and no call has the id {printable(wanted)[:80]}")
    asked = [row for row in rows if row.get("policy_input") and row.get("policy_revision")]
    if not asked:
        reasons = ", ".join(rows[0].get("reasons") or ()) or "no reason"
        raise NoSuchDecision(
            f"policy was not asked about {printable(wanted)[:80]} (it ended with {reasons}), "
            "or its input has been erased"
        )
    return asked[0]


def _input_file(path: Path) -> dict[str, Any]:
    try:
        with sys.stdin.buffer if str(path) == "-" else path.open("rb") as file:
            data = file.read(MAX_INPUT_BYTES + 1)
    except OSError as error:
        raise NoSuchDecision(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > MAX_INPUT_BYTES:
        raise NoSuchDecision(f"{path} is larger than {MAX_INPUT_BYTES} bytes")
    return _input(data)


def _input(text: str | bytes) -> dict[str, Any]:
    """The input document, which may also stand under `input`, as OPA's own tools write it."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise NoSuchDecision("the policy input is not JSON") from None
    if isinstance(found, dict) and isinstance(found.get("input"), dict) and "stage" not in found:
        found = found["input"]
    if not isinstance(found, dict) or not isinstance(found.get("stage"), str):
        raise NoSuchDecision(
            "the policy input has no `stage`; see policies/schemas/input.request.schema.json"
        )
    return found


def _document(
    found: Explanation, record: dict[str, Any] | None, facts: dict[str, Any], *, with_trace: bool
) -> dict[str, Any]:
    document = {
        "ok": True,
        "revision": found.revision,
        "stage": found.stage,
        "input": facts,
        "result": found.answer,
        "fired": found.fired,
        "remedies": found.remedies,
    }
    if record is not None:
        document["record"] = {name: record[name] for name in ("id", "policy_revision", "decision", "reasons")}
        document["as_recorded"] = _as_recorded(found, record)
    if with_trace:
        document["trace"] = found.trace
    return document


def _as_recorded(found: Explanation, record: dict[str, Any]) -> bool | None:
    """Whether the answer is the one that policy gave then; None where that is not kept."""
    try:
        return bool(json.loads(record["policy_result"]) == found.answer)
    except (KeyError, TypeError, ValueError):
        return None


def _print(found: Explanation, record: dict[str, Any] | None, *, with_trace: bool) -> None:
    out = console()
    progress(f"policy {found.revision}")
    out.print(decided(found.answer))
    if lines := list(demands(found.answer)):
        out.print(indented(lines, "  "))
    if record is not None and _as_recorded(found, record) is False:
        out.print(
            f"  Another answer than the recorded one, which revision {record['policy_revision']} gave: "
            f"{record['decision']}, {', '.join(record['reasons'])}"
        )
    heading = ""
    for one in found.fired:
        if _ROLES[one.role] != heading:
            heading = _ROLES[one.role]
            out.print(Text(f"\n{heading}", style="underline"))
        out.print(about(one.id, one.rule, owner=True))
        out.print(indented(_lines(one)))
    if found.remedies is not None:
        out.print(Text("\nIt would pass", style="underline"))
        out.print(indented(_remedy_lines(found.remedies), "  "))
    if with_trace:
        out.print(Text("\nOPA's trace", style="underline"))
        for event in found.trace:
            typer.echo(json.dumps(event))


def _lines(one: Fired) -> list[str]:
    lines = []
    if one.rule is not None:
        lines += [" ".join(one.rule.description.split())] if one.rule.description else []
        lines += [f"To do: {' '.join(one.rule.remediation.split())}"] if one.rule.remediation else []
    return [*lines, *(_use(use) for use in one.uses)] or ["It used no value of the tables."]


def _use(use: Use) -> str:
    return f"{'.'.join(use.path)} = {short(use.value)}" if use.there else f"{'.'.join(use.path)} is not there"


def _remedy_lines(remedies: Remedies) -> list[str]:
    lines = []
    for what, values in remedies.call:
        more = f" and {len(values) - MAX_VALUES} more" if len(values) > MAX_VALUES else ""
        lines.append(f"with another call: {what} {', '.join(values[:MAX_VALUES])}{more}")
    for changes in remedies.tables:
        lines.append(f"with other tables: {' and '.join(map(_change, changes))}")
    if not lines:
        lines.append("with no single change of the call and no small change of the tables that was tried")
    return [*lines, f"({remedies.tried} changes of tables were tried{', then given up' * remedies.gave_up})"]


def _change(change: Change) -> str:
    return f"{'.'.join(change.path)}: {change.what}"
