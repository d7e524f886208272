"""`regogate policy diff`: what differs between two policies, and every call that they decide differently."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from dataplane.authoring.diff import RuleChange, in_words, rule_changes, same_rego, table_changes
from dataplane.authoring.evaluator import Evaluator, Undecided
from dataplane.authoring.policy_set import STAGES, PolicySet
from dataplane.authoring.sweep import BUDGET, Swept, sweep
from dataplane.authoring.sweep_domain import BESIDE, domain
from dataplane.authoring.sweep_groups import PLAIN, groups
from dataplane.cli.policy.sets import OpaOption, opa_binary, policy_set
from dataplane.cli.policy.told import (
    EXIT_FAILED,
    console,
    failures,
    indented,
    print_json,
    printable,
)
from dataplane.cli.state import ConfigOption, DataDirOption
from dataplane.opa.temporary import TemporaryOpa

EXIT_CHANGED: Final = 1
DEFAULT_LIMIT: Final = 8
MAX_VALUES: Final = 6
"""Values of an axis on one line."""


def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The policy before: a FILE, DIR or REVISION.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The policy after.")],
    budget: Annotated[
        int,
        typer.Option("--budget", min=0, metavar="N", help="Calls asked at most at each stage; 0 asks none."),
    ] = BUDGET,
    limit: Annotated[
        int,
        typer.Option("--limit", min=0, metavar="N", help="Lines printed for each kind of change; 0: all."),
    ] = DEFAULT_LIMIT,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    opa: OpaOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with every change.")] = False,
) -> None:
    """Tell what differs between two policies, and list every call whose decision changes.

    Both are asked about all calls that can be made of the tables' clients, models, operations, networks,
    data classes and risk signals, where names that neither policy can tell apart stand for each other;
    tools, lengths, times, modalities and claims are varied one at a time. Two policies with the same tables
    and Rego are not asked. Changed is a call whose decision, reasons, constraints or limits are not the
    same. What was not asked is told.
    Exit codes: 0 no decision changed, 1 some did, 2 wrong usage, 3 a policy cannot be read.

    \b
    Examples:
      regogate policy diff prod.tar.gz policies
      regogate policy diff 41-g1a2b3c4-0123456789ab policies --data-dir .regogate --limit 0
      regogate policy diff old.tar.gz new.tar.gz --budget 100000 --json
    """
    with failures(as_json, EXIT_FAILED):
        binary = opa_binary(opa)
        before = policy_set(old, opa=binary, config=config, data_dir=data_dir)
        after = policy_set(new, opa=binary, config=config, data_dir=data_dir)
        tables, rules = table_changes(before.tables, after.tables), rule_changes(before, after)
        same = not tables and same_rego(before, after)
        swept = _swept(binary, before, after, budget) if budget and not same else []
    changed = [one for some in swept for one in some.changed]
    if as_json:
        print_json(
            {
                "ok": True,
                "old": before.revision,
                "new": after.revision,
                "alike": same,
                "tables": tables,
                "rules": rules,
                "sweep": [_sweep_document(one) for one in swept],
                "changed": changed,
            }
        )
    else:
        unasked = "not asked (--budget 0)" if not same else "not asked: tables and Rego are the same"
        _print([in_words(one) for one in tables], [_rule(one) for one in rules], swept, limit, unasked)
    raise typer.Exit(EXIT_CHANGED if changed else 0)


def _swept(binary: Path, before: PolicySet, after: PolicySet, budget: int) -> list[Swept]:
    found: list[Swept] = []
    with (
        TemporaryOpa(binary, before.bundle) as one,
        TemporaryOpa(binary, after.bundle) as other,
        Evaluator(one.url) as old,
        Evaluator(other.url) as new,
    ):
        for stage in STAGES:
            if not (_has(old, stage) or _has(new, stage)):
                continue
            with _bar(stage) as told:
                found.append(
                    sweep(
                        old,
                        new,
                        domain(before, after, stage),
                        after.tables,
                        stage=stage,
                        budget=budget,
                        told=told,
                    )
                )
    return found


def _has(evaluator: Evaluator, stage: str) -> bool:
    try:
        evaluator.decide(stage, {"v": 1, "stage": stage})
    except Undecided:
        return False
    return True


@contextmanager
def _bar(stage: str) -> Iterator[Any]:
    """Progress on stderr, one line that is rewritten on a terminal."""
    begun = time.monotonic()
    live = sys.stderr.isatty()
    at = begun

    def told(asked: int, most: int, changed: int) -> None:
        nonlocal at
        now = time.monotonic()
        if live or now - at >= 5:
            at = now
            rate = asked / max(now - begun, 0.001)
            line = f"{stage}: {asked} calls of at most {most}, {changed} changed, {rate:.0f} a second"
            typer.echo(f"\r\033[K{line}" if live else line, err=True, nl=not live)

    try:
        yield told
    finally:
        if live:
            typer.echo("\r\033[K", err=True, nl=False)


def _print(tables: list[str], rules: list[str], swept: list[Swept], limit: int, unasked: str) -> None:
    out = console()
    for heading, lines in (("Tables", tables), ("Rules", rules)):
        out.print(Text(heading, style="underline"))
        out.print(indented(lines or ["no change"], "  "))
    out.print(Text("Decisions", style="underline"))
    if not swept:
        out.print(f"  {unasked}")
    for group in groups((one for some in swept for one in some.changed), (*BESIDE, "tool")):
        out.print(Text(f"  {_verdict(group.old, group.keys)}  ->  {_verdict(group.new, group.keys)}"))
        every = next(some.classes for some in swept if some.stage == group.stage)
        for block in group.blocks[: limit or None]:
            out.print(indented([_calls(block, group.stage, every)], "      "))
        if limit and len(group.blocks) > limit:
            out.print(f"      ... and {len(group.blocks) - limit} lines more (--limit 0 prints all)")
        if group.variants:
            out.print(
                f"      and {group.variants} variants of these by tool, length, time, modality or claim"
            )
    for some in swept:
        out.print(indented(_told(some), "  "))


def _rule(change: RuleChange) -> str:
    where = f"{change.file}:{change.line}" if change.line else change.file
    name = change.id or f"helper {change.name}"
    parts = f" in its {', '.join(change.parts)}" if change.id and change.parts else ""
    title = f": {change.title}" if change.title else ""
    return f"{name} {change.what}{parts}{title} ({where})"


def _verdict(answer: Mapping[str, Any] | None, keys: Sequence[str]) -> str:
    if answer is None:
        return "no decision (a gateway blocks)"
    told = f"{answer['decision']} {', '.join(answer['reasons'])}"
    for key in ("constraints", "limits"):
        if key in keys and answer.get(key):
            told += f" {key} {_brief(answer[key])}"
    return printable(told)


def _brief(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(f"{one.get('id')} {one.get('amount')}/{one.get('per')}" for one in value)
    return ", ".join(f"{name}={one}" for name, one in sorted(value.items()))


def _calls(block: Mapping[str, tuple[str, ...]], stage: str, every: Mapping[str, tuple[int, int]]) -> str:
    """`client a, b; any model; operation c`: an axis with all its values is any, a plain one is not told."""
    parts = [] if stage == "request" else [stage]
    for axis, values in block.items():
        label = axis.replace("_", " ")
        if axis in every and len(values) == every[axis][0]:
            parts.append(f"any {label}")
        elif values != (PLAIN,):
            shown = [one or "as plain" for one in values[:MAX_VALUES]]
            more = f" and {len(values) - MAX_VALUES} more" if len(values) > MAX_VALUES else ""
            parts.append(f"{label} {', '.join(shown)}{more}")
    return "; ".join(parts)


def _told(swept: Swept) -> list[str]:
    names = {"client": "callers", "data_class": "data classes"}
    classes = ", ".join(
        f"{count} {names.get(axis, f'{axis}s')}" + (f" (for {all_})" if all_ > count else "")
        for axis, (count, all_) in swept.classes.items()
    )
    lines = [
        f"{swept.stage}: {len(swept.changed)} of {swept.asked} calls changed; "
        f"{swept.total} combinations of {classes}, and {swept.beside} variants beside"
    ]
    left = swept.total - (swept.asked - swept.beside)
    if left > 0:
        lines.append(
            f"{swept.stage}: the budget ended it: {left} combinations were not asked; "
            "those that the changes touch came first (--budget asks more)"
        )
    if swept.unvaried:
        lines.append(
            f"{swept.stage}: {swept.unvaried} clients, models and operations are blocked by both whatever "
            "one other thing is; tools, lengths, times, modalities and claims were not varied there"
        )
    return lines


def _sweep_document(swept: Swept) -> dict[str, Any]:
    return {
        "stage": swept.stage,
        "asked": swept.asked,
        "total": swept.total,
        "beside": swept.beside,
        "unvaried": swept.unvaried,
        "complete": swept.complete,
        "classes": {axis: {"classes": count, "names": all_} for axis, (count, all_) in swept.classes.items()},
    }
