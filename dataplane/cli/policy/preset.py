"""`regogate policy preset`: settings that help with the clauses of a standard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import PurePosixPath
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dataplane.authoring.presets import NAMES, Preset, read_preset
from dataplane.authoring.presets_apply import plan, write
from dataplane.authoring.presets_page import DISCLAIMER, value, where
from dataplane.bundle.source import Source, read_source
from dataplane.bundle.strictyaml import parse as parse_yaml
from dataplane.bundle.tables import load_tables
from dataplane.cli.policy.directory import DirArgument, JsonOption, policy_directory, say
from dataplane.shipped import shipped

app = typer.Typer(
    help="Settings that help with the clauses of a standard. No claim of compliance.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help=f"One of {', '.join(NAMES)}.", show_default=False)
]


@app.callback()
def group() -> None:
    """Settings that help with the clauses of a standard. No claim of compliance."""


@app.command(
    "list",
    epilog="""\b
Examples:
  regogate policy preset list
""",
)
def list_(as_json: JsonOption = False) -> None:
    """The presets there are."""
    presets = [_preset(name) for name in NAMES]
    if as_json:
        rows = [{"name": one.name, "title": one.title, "settings": len(one.settings)} for one in presets]
        typer.echo(json.dumps({"ok": True, "presets": rows}))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("preset", "settings", "standard"):
        table.add_column(heading, overflow="fold")
    for one in presets:
        table.add_row(Text(one.name, style="bold"), str(len(one.settings)), Text(one.title))
    Console().print(table)


@app.command(
    epilog="""\b
Examples:
  regogate policy preset show soc2
  regogate policy preset show gdpr --json
"""
)
def show(name: NameArgument, as_json: JsonOption = False) -> None:
    """Each setting, the clauses it helps with, and what the preset does not cover."""
    preset = _preset(name)
    if as_json:
        typer.echo(json.dumps({"ok": True, **asdict(preset)}))
        return
    typer.echo(f"{preset.title}\n\n{_flat(preset.about)}\n\n{DISCLAIMER}\n")
    for setting in preset.settings:
        typer.echo(f"{where(setting)} = {value(setting).replace('`', '')}")
        for one in setting.clauses:
            typer.echo(f"    {one.clause}: {_flat(one.helps)}")
    typer.echo("\nNot covered:")
    for line in preset.not_covered:
        typer.echo(f"  - {_flat(line)}")


@app.command(
    epilog="""\b
Examples:
  regogate policy preset apply soc2 --dry-run
  regogate policy preset apply hipaa my-policies
  regogate policy preset apply gdpr && regogate policy check
\b
Exit codes: 0 applied or nothing to do, 1 refused (nothing was changed), 2 wrong usage.
"""
)
def apply(
    name: NameArgument,
    directory: DirArgument = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the change, write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Edit the tables of a policy directory so that the preset holds, and show the change.

    What is stricter already stays, comments stay, and applying twice changes nothing more. The tables are
    held against their schemas first.
    """
    policies = policy_directory(directory)
    source = read_source(policies)
    applied = plan(_preset(name), policies, parse_yaml, partial(_faults, source))
    if not dry_run:
        write(applied)
    if as_json:
        changed = [
            {"setting": setting.id, "place": list(place), "value": value}
            for setting, place, value in applied.changed
        ]
        document = {"ok": True, "preset": name, "written": not dry_run and bool(changed), "changed": changed}
        typer.echo(json.dumps({**document, "diff": list(applied.diff())}))
        return
    for line in applied.diff():
        typer.echo(line)
    files = len(applied.after)
    done = "would change" if dry_run else "changed"
    say(
        f"{name}: {done} {len(applied.changed)} values in {files} table{'s' * (files != 1)}"
        if files
        else f"{name}: in force already, nothing to change"
    )


def _preset(name: str) -> Preset:
    return read_preset(shipped("policies/presets"), name, parse_yaml)


def _faults(source: Source, texts: Mapping[str, bytes]) -> list[str]:
    """What is wrong with the tables of a directory once they have these texts."""
    edited = {PurePosixPath(f"{name}.yaml"): text for name, text in texts.items()}
    tables = {**source.tables, **edited}
    whole = Source(root=source.root, rego=source.rego, tables=tables, schemas=source.schemas)
    _, problems = load_tables(whole)
    return [str(problem) for problem in problems]


def _flat(text: str) -> str:
    return " ".join(text.split())
