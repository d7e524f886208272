"""`regogate bundle publish`."""

from __future__ import annotations

import typer

from dataplane.bundle.published import bundle_path
from dataplane.bundle.store import publish as publish_bundle
from dataplane.bundle.verify import inspect as inspect_bundle
from dataplane.cli.bundle.common import (
    CODES,
    ConfigOption,
    DataDirOption,
    FileArgument,
    JsonOption,
    PublicKeysOption,
    ToOption,
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
  regogate bundle publish dev.tar.gz --data-dir .regogate
  regogate bundle publish prod.tar.gz --config regogate.yaml
  regogate bundle publish prod.tar.gz --to /srv/bundles --public-key prod-2026=bundles/prod.pub.pem
\b
{CODES}
"""
)
def publish(
    file: FileArgument,
    to: ToOption = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    public_key: PublicKeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hand a signed bundle to a channel server; every OPA that waits for it has it in a moment.

    Refused unless it verifies for its channel and its sequence is above the published one. To roll
    back, build or sign the old content under a new sequence.
    """
    with refusals(as_json):
        target = target_of(to, data_dir, config)
        if target is None:
            raise typer.BadParameter("give one of --to, --data-dir and --config", param_hint="--to")
        content = read(file)
        channel = inspect_bundle(content).channel
        bundle = publish_bundle(target[0], content, channel, keys_of(content, public_key, target))
        show({"published": str(bundle_path(target[0], channel)), **fields(bundle)}, as_json)
