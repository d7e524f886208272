"""`regogate bundle history`."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import typer

from dataplane.bundle import promotion
from dataplane.bundle.git import repository
from dataplane.bundle.pins import Channel, read_channel
from dataplane.bundle.promotion import Pinned
from dataplane.cli.bundle.answers import CODES, columns, refusals, say
from dataplane.cli.bundle.options import BUNDLES, BundlesOption, JsonOption

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(
    epilog=f"""\b
Examples:
  regogate bundle history prod
  regogate bundle history prod --json
\b
{CODES}
"""
)
def history(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel.")],
    bundles: BundlesOption = BUNDLES,
    as_json: JsonOption = False,
) -> None:
    """Every revision that a channel pinned, newest first, from the commits of its file."""
    with refusals(as_json):
        file = read_channel(bundles, channel)
        found, shallow = asyncio.run(_read(file))
        rows = [_row(one) for one in found]
        if as_json:
            shown = {"ok": True, "channel": channel, "complete": not shallow, "history": rows}
            typer.echo(json.dumps(shown))
            return
        names = ("revision", "time", "author", "commit", "subject")
        short = [row | {"commit": row["commit"][:12]} for row in rows]
        columns(names, [[one[name] for name in names] for one in short])
        if shallow:
            say("The repository's history is shallow, so older ones are missing: git fetch --unshallow")


async def _read(channel: Channel) -> tuple[list[Pinned], bool]:
    found = await repository(channel.path.parent)
    return await promotion.history(found, channel), await found.shallow()


def _row(one: Pinned) -> dict[str, Any]:
    return {
        "revision": one.pin.revision,
        "seq": one.pin.seq,
        "digest": one.pin.digest,
        "source_commit": one.pin.commit,
        "author": one.pin.author,
        "time": one.version.time,
        "commit": one.version.commit,
        "subject": one.version.subject,
    }
