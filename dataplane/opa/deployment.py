"""The settings of a deployment -> the options of the OPA it runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from dataplane.config import BundleSettings
from dataplane.opa.options import (
    BundleSigning,
    BundleSource,
    OpaOptions,
    RemoteService,
    ServiceKind,
    StatusSink,
)


def opa_options(
    settings: BundleSettings,
    *,
    keys: Mapping[str, str],
    admin_url: str,
    token: str,
    instance: str,
    persistence: Path,
) -> OpaOptions:
    """OPA fetches from our own channel server unless the settings name another, and reports to us.

    `keys` maps key ids to public PEM, `token` is what our admin address asks for. Raises
    `UnsafeOpaConfig`, and `ConfigError` when the bundle server's token cannot be read.
    """
    own = RemoteService(url=admin_url, token=token)
    return OpaOptions(
        bundle=_source(settings, own),
        keys=keys,
        status=StatusSink(service=own, partition=instance),
        persistence=persistence,
    )


def _source(settings: BundleSettings, own: RemoteService) -> BundleSource:
    signing = BundleSigning(scope=settings.channel)
    if settings.url is None:
        return BundleSource(service=own, resource=f"bundles/{settings.channel}", signing=signing)
    parts = urlsplit(settings.url)
    bearer = settings.token.read() if settings.token is not None else None
    kind = ServiceKind(settings.kind)
    service = RemoteService(url=f"{parts.scheme}://{parts.netloc}", kind=kind, token=bearer)
    resource = parts.path.lstrip("/")
    if kind is ServiceKind.OCI:
        resource = f"{parts.netloc}/{resource}"
    return BundleSource(service=service, resource=resource, signing=signing)
