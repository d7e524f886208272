"""`regogate bundle rollback`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from dataplane.bundle.git import Repository
from dataplane.bundle.pins import read_channel
from dataplane.bundle.promotion import Change, roll_back
from dataplane.cli.bundle.answers import CODES, refusals
from dataplane.cli.bundle.changes import carry_out, told
from dataplane.cli.bundle.options import (
    BUNDLES,
    AuthorOption,
    BundlesOption,
    JsonOption,
    NoCommitOption,
    SeqOption,
)

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(
    epilog=f"""\b
Examples:
  regogate bundle rollback prod
  regogate bundle rollback prod --to 41-g5080a5f-054683112948
\b
{CODES}
"""
)
def rollback(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel to roll back.")],
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="REVISION", help="One of its history; else the content before this."),
    ] = None,
    bundles: BundlesOption = BUNDLES,
    seq: SeqOption = None,
    author: AuthorOption = None,
    no_commit: NoCommitOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let a channel pin what it pinned before, under a new, higher sequence.

    Gateways never take a lower sequence, so the old content gets a new revision. Approvals that the
    channel demands are needed for it, too.
    """
    with refusals(as_json):
        file = read_channel(bundles, channel)

        async def plan(repository: Repository, who: str) -> Change:
            return await roll_back(repository, file, to, author=who, seq=seq)

        told(asyncio.run(carry_out(bundles, plan, author=author, commit=not no_commit)), as_json)
