"""Where `regogate bundle publish --to` goes: a directory, S3-compatible storage, an OCI registry.

Credentials come from the environment and from nowhere else: an argument can be seen by every user of the
machine.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import typer

from dataplane.bundle.errors import BundleError
from dataplane.bundle.oci import OciTag
from dataplane.bundle.oci_auth import RegistryLogin
from dataplane.bundle.remote import Remote
from dataplane.bundle.s3 import S3Object
from dataplane.bundle.sigv4 import AwsCredentials
from dataplane.config import SecretRef, is_loopback_url
from dataplane.errors import ConfigError

OBJECT: Final = "bundle.tar.gz"

_S3: Final = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([A-Za-z0-9._/=+@-]*))?")
"""Bucket names as S3 has them; keys of the characters that are safe everywhere."""

_OCI: Final = re.compile(
    r"oci://([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?)"
    r"/([a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)"
    r"(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?"
)
"""Repository names and tags as the OCI distribution specification has them."""

_ENDPOINT: Final = re.compile(r"https?://[^/\s?#@]+(?:/[A-Za-z0-9._/-]*)?")
_REGION: Final = re.compile(r"[a-z0-9-]{1,64}")


def place_of(to: str, channel: str, endpoint: str | None) -> Path | Remote:
    """The directory or the remote place for a channel. Raises `BadParameter` or `BundleError`."""
    if not to.startswith("s3://") and endpoint is not None:
        raise typer.BadParameter("only s3:// has an endpoint", param_hint="--endpoint")
    if to.startswith("s3://"):
        return _s3(to, channel, endpoint)
    if to.startswith("oci://"):
        return _oci(to, channel)
    if "://" in to or not to.strip():
        raise typer.BadParameter(
            "give a directory, s3://BUCKET[/PATH] or oci://HOST/REPOSITORY[:TAG]", param_hint="--to"
        )
    return Path(to)


def _s3(to: str, channel: str, endpoint: str | None) -> S3Object:
    found = _S3.fullmatch(to)
    if found is None or ".." in to or "//" in to[5:]:
        raise typer.BadParameter(
            "write s3://BUCKET, s3://BUCKET/PATH or s3://BUCKET/PATH/NAME.tar.gz", param_hint="--to"
        )
    bucket, path = found[1], (found[2] or "").strip("/")
    key = path if path.endswith(".tar.gz") else "/".join(filter(None, (path, channel, OBJECT)))
    region = _environment("AWS_REGION") or _environment("AWS_DEFAULT_REGION") or "us-east-1"
    if _REGION.fullmatch(region) is None:
        raise BundleError("AWS_REGION is not a region such as eu-central-1")
    endpoint = endpoint or _environment("AWS_ENDPOINT_URL_S3") or _environment("AWS_ENDPOINT_URL")
    if endpoint is None:
        base = f"https://{bucket}.s3.{region}.amazonaws.com"
        if "." in bucket:  # no certificate covers such a name
            base = f"https://s3.{region}.amazonaws.com/{bucket}"
    else:
        if _ENDPOINT.fullmatch(endpoint) is None:
            raise typer.BadParameter("write http(s)://HOST[:PORT][/PATH]", param_hint="--endpoint")
        base = f"{_plain_only_here(endpoint.rstrip('/'))}/{bucket}"
    credentials = AwsCredentials(
        access_key=_required("AWS_ACCESS_KEY_ID", to),
        secret_key=_required("AWS_SECRET_ACCESS_KEY", to),
        session_token=_environment("AWS_SESSION_TOKEN"),
    )
    return S3Object(base=base, key=key, region=region, credentials=credentials)


def _oci(to: str, channel: str) -> OciTag:
    found = _OCI.fullmatch(to)
    if found is None:
        raise typer.BadParameter("write oci://HOST[:PORT]/REPOSITORY[:TAG]", param_hint="--to")
    host, repository, tag = found[1], found[2], found[3] or channel
    scheme = "http" if is_loopback_url(f"http://{host}/") else "https"
    username = _environment("REGOGATE_OCI_USERNAME")
    login = None
    if username is not None:
        login = RegistryLogin(username=username, password=_required("REGOGATE_OCI_PASSWORD", to))
    return OciTag(registry=f"{scheme}://{host}", repository=repository, tag=tag, login=login)


def _plain_only_here(endpoint: str) -> str:
    if not endpoint.startswith("https://") and not is_loopback_url(endpoint):
        raise BundleError("plain http to storage on another host: use an https:// endpoint")
    return endpoint


def _required(name: str, to: str) -> str:
    value = _environment(name)
    if value is None:
        raise BundleError(f"{to.split(':', 1)[0]}: set {name} in the environment")
    return value


def _environment(name: str) -> str | None:
    try:
        return SecretRef(env=name).read()
    except ConfigError:
        return None
