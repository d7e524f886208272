"""`regogate bundle build`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from dataplane.bundle.build import build as build_bundle
from dataplane.bundle.keys import load_signing_key
from dataplane.bundle.model import MAX_SEQ, is_channel, is_commit
from dataplane.bundle.sign import sign as sign_bundle
from dataplane.cli.bundle.answers import CODES, fields, refusals, say, show
from dataplane.cli.bundle.options import (
    ConfigOption,
    DataDirOption,
    JsonOption,
    KeyidOption,
    KeyOption,
    ToOption,
)
from dataplane.cli.bundle.targets import next_seq, target_of, write
from dataplane.opa.install import ensure_opa
from dataplane.opa.pins import modules_directory

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(
    epilog=f"""\b
Examples:
  regogate bundle build --policies policies --seq 41 --channel staging -o staging.tar.gz
  regogate bundle build --seq 42 --channel prod -o prod.tar.gz --key keys/prod.key.pem --keyid prod-2026
  regogate bundle build --data-dir .regogate -o dev.tar.gz --key .regogate/keys/dev.key.pem --keyid dev
\b
{CODES}
"""
)
def build(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The bundle to write.")],
    policies: Annotated[
        Path, typer.Option("--policies", metavar="DIR", help="The directory with rego/, data/, schemas/.")
    ] = Path("policies"),
    seq: Annotated[
        int | None,
        typer.Option(
            "--seq",
            min=1,
            max=MAX_SEQ,
            help="The sequence; left out with --to, --data-dir or --config: the next one there.",
        ),
    ] = None,
    channel: Annotated[str, typer.Option("--channel", help="The channel it is for.")] = "dev",
    key: KeyOption = None,
    keyid: KeyidOption = None,
    commit: Annotated[
        str | None, typer.Option("--commit", metavar="SHA", help="Its git commit, where git cannot be asked.")
    ] = None,
    to: ToOption = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    opa: Annotated[
        Path | None, typer.Option("--opa", metavar="PATH", help="The OPA to build with; found or built else.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a policy directory and build its bundle; signed at once with --key.

    The same directory gives the same digest everywhere. Problems are listed with file and line.
    """
    if not is_channel(channel):
        raise typer.BadParameter("use a-z, 0-9 and inner hyphens", param_hint="--channel")
    if commit is not None and not is_commit(commit):
        raise typer.BadParameter("use the full name, 40 or 64 hex digits", param_hint="--commit")
    if keyid is not None and key is None:
        raise typer.BadParameter("there is no --key that it could name", param_hint="--keyid")
    with refusals(as_json):
        target = target_of(to, data_dir, config)
        if seq is None:
            if target is None:
                raise typer.BadParameter(
                    "give it, or where to look for the last one: --to, --data-dir or --config",
                    param_hint="--seq",
                )
            seq = next_seq(target.directory, channel)
        signing = load_signing_key(key, keyid=keyid) if key else None
        bundle = asyncio.run(
            build_bundle(
                policies,
                ensure_opa(opa, None, say),
                modules_directory() / "capabilities.json",
                seq=seq,
                channel=channel,
                commit=commit,
            )
        )
        bundle = sign_bundle(bundle, signing) if signing else bundle
        write(output, bundle.content)
        show({"file": str(output), **fields(bundle)}, as_json)
