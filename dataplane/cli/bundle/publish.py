"""`regogate bundle publish`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dataplane.bundle.errors import PublishRefused
from dataplane.bundle.model import Bundle
from dataplane.bundle.published import bundle_path
from dataplane.bundle.release import check_release
from dataplane.bundle.remote import publish_to
from dataplane.bundle.store import publish as publish_bundle
from dataplane.bundle.verify import inspect as inspect_bundle
from dataplane.cli.bundle.answers import CODES, fields, progress, refusals, show
from dataplane.cli.bundle.options import (
    BUNDLES,
    BundlesOption,
    ConfigOption,
    DataDirOption,
    FileArgument,
    JsonOption,
    PublicKeysOption,
)
from dataplane.cli.bundle.places import place_of
from dataplane.cli.bundle.targets import Target, keys_of, read, target_of

app = typer.Typer(add_completion=False, rich_markup_mode=None)

ToOption = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="PLACE",
        help="A directory, s3://BUCKET[/PATH] or oci://HOST/REPOSITORY[:TAG].",
    ),
]


@app.command(
    epilog=f"""\b
Examples:
  regogate bundle publish dev.tar.gz --data-dir .regogate
  regogate bundle publish prod.tar.gz --config regogate.yaml
  regogate bundle publish prod.tar.gz --to /srv/bundles --public-key prod-2026=bundles/prod.pub.pem
  regogate bundle publish prod.tar.gz --to s3://policies --config regogate.yaml
  regogate bundle publish prod.tar.gz --to oci://registry.example/policies --config regogate.yaml
\b
Environment, for s3://: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION,
AWS_ENDPOINT_URL_S3; for oci://: REGOGATE_OCI_USERNAME, REGOGATE_OCI_PASSWORD.
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
    bundles: BundlesOption = BUNDLES,
    unpinned: Annotated[
        bool, typer.Option("--unpinned", help="Also what its channel does not pin, if it asks no approvals.")
    ] = False,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", metavar="URL", help="The S3-compatible storage, if not AWS.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Hand a signed bundle to a channel server, a storage or a registry, from where every OPA takes it.

    Refused unless it verifies for its channel, its sequence is above the published one, and, where
    bundles/channels has a file for the channel, it is what that pins and has the approvals it demands.
    Give --config or --data-dir beside --to to verify by the keys of that gateway.
    """
    with refusals(as_json):
        if to is not None and config is not None and data_dir is not None:
            raise typer.BadParameter("give one of --data-dir and --config", param_hint="--config")
        target = target_of(None, data_dir, config)
        if target is None and to is None:
            raise typer.BadParameter("give one of --to, --data-dir and --config", param_hint="--to")
        content = read(file)
        bundle = inspect_bundle(content)
        if target is not None and not target.takes(bundle.channel):
            raise PublishRefused(
                f"this bundle is for the channel {bundle.channel}, and the gateway of {config} follows "
                f"{target.channel}: promote it and build it for that (promote, rebuild)"
            )
        keys = keys_of(content, public_key, target)
        release = check_release(bundles, bundle, unpinned=unpinned)
        bundle, place = _publish(content, bundle.channel, keys, target, to, endpoint)
        about: dict[str, Any] = {"published": place, **fields(bundle)}
        if release is not None:
            about |= {"approvals": list(release.approvals), "approvals_needed": release.needed}
        show(about, as_json)


def _publish(
    content: bytes,
    channel: str,
    keys: dict[str, str],
    target: Target | None,
    to: str | None,
    endpoint: str | None,
) -> tuple[Bundle, str]:
    place = place_of(to, channel, endpoint) if to is not None else None
    if place is None:
        assert target is not None  # or there is nowhere to go
        place = target.directory
    if isinstance(place, Path):
        return publish_bundle(place, content, channel, keys), str(bundle_path(place, channel))
    progress(f"Publishing to {place.name}")
    return publish_to(place, content, channel, keys), place.name
