"""The policy directory that an author's command works on, and the programs it works with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from dataplane.opa.install import ensure_opa, ensure_regal

EXIT_FINDINGS: Final = 1
EXIT_FAILED: Final = 3
"""A program that the command needs (OPA, Regal) cannot be had or did not do its part: nothing is known
about the policy."""

DirArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="DIR",
        help="A policy directory, or a repository that has it as policies/. Left out: here.",
        show_default=False,
    ),
]
OpaOption = Annotated[
    Path | None, typer.Option("--opa", metavar="PATH", help="The OPA to use; found or built else.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def policy_directory(given: Path | None) -> Path:
    """The directory with `rego/`: the one given or the current one, else `policies` in it.

    Raises `typer.BadParameter` where neither is one.
    """
    base = Path() if given is None else given
    for candidate in (base, base / "policies"):
        if (candidate / "rego").is_dir():
            return candidate
    where = "here" if given is None else str(given)
    raise typer.BadParameter(
        f"{where}: no policy directory (it has no rego/, nor policies/rego/); "
        "'regogate policy init DIR' makes one",
        param_hint="DIR",
    )


def opa_binary(path: Path | None) -> Path:
    """The OPA to use, built if need be; progress on stderr."""
    return ensure_opa(path, None, say)


def regal_binary() -> Path:
    """The pinned Regal, built if need be; progress on stderr."""
    return ensure_regal(None, say)


def say(line: str) -> None:
    """A line of progress or an error, on stderr."""
    typer.echo(line, err=True)
