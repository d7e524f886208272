"""`regogate bundle approve`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from dataplane.bundle import approvals
from dataplane.bundle.git import repository
from dataplane.bundle.keys import SigningKey, load_signing_key
from dataplane.bundle.pins import Channel, read_channel
from dataplane.bundle.promotion import Keeping, keep
from dataplane.bundle.published import replace
from dataplane.cli.bundle.answers import CODES, refusals, show
from dataplane.cli.bundle.changes import checked_author
from dataplane.cli.bundle.options import BUNDLES, AuthorOption, BundlesOption, JsonOption, NoCommitOption

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(
    epilog=f"""\b
Examples:
  regogate bundle approve prod --key ~/ada.key.pem
  regogate bundle approve prod --key ~/ada.key.pem --no-commit
\b
{CODES}
"""
)
def approve(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel.")],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="Your private key (PEM, 0600).")],
    bundles: BundlesOption = BUNDLES,
    author: AuthorOption = None,
    no_commit: NoCommitOption = False,
    as_json: JsonOption = False,
) -> None:
    """Approve what a channel pins: sign channel, sequence and digest with a key that its file lists.

    The signature is a file of its own below bundles/approvals/, committed alone. Refused for a key that
    is not listed, for the author of the pin, and for a second time.
    """
    with refusals(as_json):
        file = read_channel(bundles, channel)
        show(asyncio.run(_approve(bundles, file, load_signing_key(key), author, not no_commit)), as_json)


async def _approve(
    bundles: Path, channel: Channel, key: SigningKey, author: str | None, commit: bool
) -> dict[str, Any]:
    path, content = approvals.approve(bundles, channel, key)
    found = await repository(bundles)
    who = (checked_author(author) or await found.author()) if commit else None
    assert channel.pin is not None  # or there was nothing to approve
    before = {path: path.read_bytes()} if path.exists() else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, content)
    message = f"Approve {channel.pin.revision} for {channel.name}\n"
    name = await keep(found, Keeping(paths=[path], before=before, message=message), author=who)
    given = [one.approver for one in approvals.approvals(bundles, channel) if one.refused is None]
    return {
        "channel": channel.name,
        "revision": channel.pin.revision,
        "approvals": given,
        "needed": channel.approvals,
        "file": str(path),
        "commit": name,
    }
