"""`regogate bundle pin`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from dataplane.bundle.git import Repository
from dataplane.bundle.pins import read_channel
from dataplane.bundle.promotion import Change, pin_commit
from dataplane.bundle.rebuild import source_in
from dataplane.cli.bundle.answers import CODES, progress, refusals, say
from dataplane.cli.bundle.changes import carry_out, told
from dataplane.cli.bundle.options import (
    BUNDLES,
    AuthorOption,
    BundlesOption,
    JsonOption,
    NoCommitOption,
    OpaOption,
    SeqOption,
)
from dataplane.opa.install import ensure_opa
from dataplane.opa.pins import modules_directory

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(
    epilog=f"""\b
Examples:
  regogate bundle pin dev
  regogate bundle pin dev --commit main --no-commit
\b
{CODES}
"""
)
def pin(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="The first channel, such as dev.")],
    commit: Annotated[str, typer.Option("--commit", metavar="NAME", help="A commit or branch.")] = "HEAD",
    bundles: BundlesOption = BUNDLES,
    seq: SeqOption = None,
    author: AuthorOption = None,
    no_commit: NoCommitOption = False,
    opa: OpaOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pin a channel to the policies as a commit holds them, after checking and building them.

    This is how content enters the first channel; from there it is promoted. What is not committed does
    not count. The channel's file is changed and committed, nothing else.
    """
    with refusals(as_json):
        file = read_channel(bundles, channel)
        binary = ensure_opa(opa, None, say)

        progress(f"Checking and building {file.source} at {commit}")

        async def plan(repository: Repository, who: str) -> Change:
            if await repository.changed(repository.root / source_in(repository, file)):
                say(
                    f"note: {file.source} has changes that are not committed; {commit} is pinned without them"
                )
            capabilities = modules_directory() / "capabilities.json"
            return await pin_commit(
                repository, file, commit, author=who, opa=binary, capabilities=capabilities, seq=seq
            )

        told(asyncio.run(carry_out(bundles, plan, author=author, commit=not no_commit)), as_json)
