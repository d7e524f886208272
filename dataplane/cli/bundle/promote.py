"""`regogate bundle promote`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from dataplane.bundle import promotion
from dataplane.bundle.git import Repository
from dataplane.bundle.pins import read_channel
from dataplane.bundle.promotion import Change
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
  regogate bundle promote dev staging
  regogate bundle promote staging prod --no-commit
  regogate bundle promote staging prod --author 'Ada Lovelace <ada@example.org>' --json
\b
{CODES}
"""
)
def promote(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The channel whose content it is.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The channel that is to have it.")],
    bundles: BundlesOption = BUNDLES,
    seq: SeqOption = None,
    author: AuthorOption = None,
    no_commit: NoCommitOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let a channel pin what another pins, under its own next sequence.

    The channel's file is changed and committed, nothing else, and no server is told: the pull request
    with this commit is the promotion. CI then builds it again and publishes it (rebuild, publish).
    """
    with refusals(as_json):
        first, second = read_channel(bundles, source), read_channel(bundles, target)

        async def plan(repository: Repository, who: str) -> Change:
            return await promotion.promote(repository, first, second, author=who, seq=seq)

        told(asyncio.run(carry_out(bundles, plan, author=author, commit=not no_commit)), as_json)
