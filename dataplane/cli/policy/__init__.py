"""`regogate policy`: what policy authors use; one file a command, imported when it is used."""

from __future__ import annotations

from typing import ClassVar, Final

import typer

from dataplane.cli.lazy_commands import LazyCommands

_EPILOG: Final = """\b
Examples:
  regogate policy eval --client support-team --model gpt-4o-mini
  regogate policy explain --audit-id 0199c3a4-5b7e-7c31-9d80-3f6f1f5f7f00
  regogate policy diff prod.tar.gz policies
"""


class PolicyCommands(LazyCommands):
    """The commands of `regogate policy`."""

    package = __name__
    about: ClassVar = {
        "init": "Make a policy repository: rules, tables, an own rule with its test, cases, channels, CI, "
        "README.",
        "check": "Check a policy directory: format, tables, types, style, metadata, tests, case files, cost.",
        "test": "Run 'opa test' on a policy directory, with its schemas and the capabilities of a build.",
        "docs": "Write the catalogue of all rules: ids, titles, what they mean, what to do, owners.",
        "bench": "Measure what deciding costs, by stage: allocations and median time, against budget.yaml.",
        "preset": "Settings that help with the clauses of a standard. No claim of compliance.",
        "replay": "Put recorded policy inputs to a candidate policy, and compare with what policy answered "
        "then.",
        "explain": "Explain a decision: its rules, the table values they used, and what would change it.",
        "eval": "Answer whether a call may be made, from flags alone.",
        "matrix": "Show the decision for every client and model (or tools, operations, networks, data "
        "classes).",
        "diff": "Tell what differs between two policies, and list every call whose decision changes.",
    }


app = typer.Typer(
    cls=PolicyCommands,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Write policies, and understand what they decide.",
    epilog=_EPILOG,
)


@app.callback()
def group() -> None:
    """Write policies, and understand what they decide."""
