"""`regogate bundle verify`."""

from __future__ import annotations

from typing import Annotated

import typer

from dataplane.bundle.verify import verify as verify_bundle
from dataplane.cli.bundle.common import (
    CODES,
    ConfigOption,
    DataDirOption,
    FileArgument,
    JsonOption,
    PublicKeysOption,
    fields,
    keys_of,
    read,
    refusals,
    show,
    target_of,
)

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(
    epilog=f"""\b
Examples:
  regogate bundle verify prod.tar.gz --channel prod --public-key bundles/prod.pub.pem
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
    as_json: JsonOption = False,
) -> None:
    """Whether a gateway of this channel with these keys would take the bundle; if not, why not."""
    with refusals(as_json):
        content = read(file)
        keys = keys_of(content, public_key, target_of(None, data_dir, config))
        bundle = verify_bundle(content, keys=keys, channel=channel)
        show({"file": str(file), "verified": True, **fields(bundle)}, as_json)
