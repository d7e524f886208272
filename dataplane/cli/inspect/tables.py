"""Which detectors a command works with: those of a policy directory, of a bundle, or as they are shipped."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from dataplane.bundle.archive import MAX_BUNDLE_BYTES
from dataplane.bundle.errors import CheckFailed
from dataplane.bundle.source import read_source
from dataplane.bundle.tables import load_tables
from dataplane.bundle.verify import inspect, tables
from dataplane.cli.policy.directory import policy_directory
from dataplane.errors import RegoGateError
from dataplane.inspection.inspector import Inspector, make_inspector
from dataplane.shipped import shipped

TABLE: Final = "detectors"
_KEY_BYTES: Final = 32

PoliciesOption = Annotated[
    Path | None,
    typer.Option(
        "--policies",
        metavar="DIR",
        help="The policy directory whose detectors to use; the shipped ones else.",
    ),
]
BundleOption = Annotated[
    Path | None, typer.Option("--bundle", metavar="FILE", help="The bundle whose detectors to use.")
]


class BadDetectors(RegoGateError):
    """The table cannot be used; the message says where and why."""


def inspector(policies: Path | None, bundle: Path | None) -> Inspector:
    """The inspector of a directory's or bundle's table. Digests are under a key of this process alone.

    Raises `CheckFailed`, `BundleRefused` or `BadDetectors`; `typer.BadParameter` where both are given or
    nothing is there.
    """
    if policies is not None and bundle is not None:
        raise typer.BadParameter("give --policies or --bundle", param_hint="--bundle")
    if bundle is not None:
        revision, table = _of_bundle(bundle)
    else:
        directory = shipped("policies") if policies is None else policy_directory(policies)
        revision, table = str(directory), _of_directory(directory)
    try:
        return make_inspector(revision, table, key=secrets.token_bytes(_KEY_BYTES))
    except ValueError as error:
        raise BadDetectors(f"{revision}: {TABLE}: {error}") from None


def _of_directory(directory: Path) -> Mapping[str, Any]:
    source = read_source(directory)
    own = {path: data for path, data in source.tables.items() if path.as_posix() == f"{TABLE}.yaml"}
    found, problems = load_tables(replace(source, tables=own))
    if problems:
        raise CheckFailed(problems)
    return _rows(str(directory), found.get(TABLE))


def _of_bundle(file: Path) -> tuple[str, Mapping[str, Any]]:
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BUNDLE_BYTES + 1)
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}", param_hint="--bundle") from None
    found = inspect(content)
    return found.revision, _rows(str(file), tables(found).get(TABLE))


def _rows(where: str, table: Any) -> Mapping[str, Any]:
    if table is None:
        return {}
    if not isinstance(table, Mapping):
        raise BadDetectors(f"{where}: {TABLE} is no table")
    return table
