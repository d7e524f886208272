"""`regogate bundle rebuild`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from dataplane.bundle import rebuild as building
from dataplane.bundle.git import repository
from dataplane.bundle.keys import load_signing_key
from dataplane.bundle.model import Bundle
from dataplane.bundle.pins import Channel, read_channel
from dataplane.bundle.sign import sign
from dataplane.cli.bundle.answers import CODES, fields, progress, refusals, say, show
from dataplane.cli.bundle.options import BUNDLES, BundlesOption, JsonOption, KeyidOption, KeyOption, OpaOption
from dataplane.cli.bundle.targets import write
from dataplane.opa.install import ensure_opa
from dataplane.opa.pins import modules_directory

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(
    epilog=f"""\b
Examples:
  regogate bundle rebuild prod
  regogate bundle rebuild prod -o prod.tar.gz --key keys/prod.key.pem --keyid prod-2026
\b
{CODES}
"""
)
def rebuild(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel.")],
    bundles: BundlesOption = BUNDLES,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Also write the bundle.")
    ] = None,
    key: KeyOption = None,
    keyid: KeyidOption = None,
    opa: OpaOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build what a channel pins again, from source at the pinned commit; it must be the pinned digest.

    The working tree does not count: files are read from git. Exit code 1 says that the pin is not what
    its commit gives, or that it cannot be built.
    """
    if key is not None and output is None:
        raise typer.BadParameter("there is no -o FILE to sign", param_hint="--key")
    if keyid is not None and key is None:
        raise typer.BadParameter("there is no --key that it could name", param_hint="--keyid")
    with refusals(as_json):
        file = read_channel(bundles, channel)
        signing = load_signing_key(key, keyid=keyid) if key else None
        progress(f"Building what {channel} pins")
        bundle = asyncio.run(_build(file, ensure_opa(opa, None, say)))
        bundle = sign(bundle, signing) if signing else bundle
        if output is not None:
            write(output, bundle.content)
        show({"file": str(output) if output else None, "as_pinned": True, **fields(bundle)}, as_json)


async def _build(channel: Channel, opa: Path) -> Bundle:
    found = await repository(channel.path.parent)
    _, bundle = await building.rebuild(found, channel, opa, modules_directory() / "capabilities.json")
    return bundle
