"""`regogate bundle verify`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dataplane.bundle.approvals import check_approved
from dataplane.bundle.pins import read_channel
from dataplane.bundle.verify import verify as verify_bundle
from dataplane.cli.bundle.answers import CODES, fields, refusals, show
from dataplane.cli.bundle.options import (
    BUNDLES,
    BundlesOption,
    ConfigOption,
    DataDirOption,
    FileArgument,
    JsonOption,
    PublicKeysOption,
)
from dataplane.cli.bundle.targets import keys_of, read, target_of

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(
    epilog=f"""\b
Examples:
  regogate bundle verify prod.tar.gz --channel prod --public-key bundles/prod.pub.pem
  regogate bundle verify prod.tar.gz --channel prod --config regogate.yaml --pinned
  regogate bundle verify prod.tar.gz --channel prod --public-key k1=old.pem --public-key k2=new.pem
\b
{CODES}
"""
)
def verify(
    file: FileArgument,
    channel: Annotated[str, typer.Option("--channel", help="The channel it must have been signed for.")],
    public_key: PublicKeysOption = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    pinned: Annotated[
        bool, typer.Option("--pinned", help="Also: it is what the channel's file pins, and is approved.")
    ] = False,
    bundles: BundlesOption = BUNDLES,
    as_json: JsonOption = False,
) -> None:
    """Whether a gateway of this channel with these keys would take the bundle; if not, why not.

    With --pinned also whether 'publish' would, by the files of a checkout and without any server.
    """
    with refusals(as_json):
        content = read(file)
        keys = keys_of(content, public_key, target_of(None, data_dir, config))
        bundle = verify_bundle(content, keys=keys, channel=channel)
        about: dict[str, Any] = {"file": str(file), "verified": True, **fields(bundle)}
        if pinned:
            names = check_approved(bundles, read_channel(bundles, channel), bundle)
            about |= {"pinned": True, "approvals": names}
        show(about, as_json)
