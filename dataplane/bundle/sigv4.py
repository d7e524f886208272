"""AWS Signature Version 4, as S3 and its like check it.

The algorithm is AWS's own description ("Create a signed AWS API request", IAM User Guide); the tests hold
its published examples. Pure: the time and the credentials are given.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlsplit

_ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsCredentials:
    """Who signs; `session_token` only with temporary ones."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def signed_headers(
    method: str,
    url: str,
    headers: Mapping[str, str],
    payload: bytes,
    *,
    credentials: AwsCredentials,
    region: str,
    now: datetime,
    service: str = "s3",
) -> dict[str, str]:
    """The headers to send: those given, the host, the payload's digest, the time, and the signature.

    `url` has an encoded path and no query; all given headers are signed. `now` has a time zone.
    """
    parts = urlsplit(url)
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(payload).hexdigest()
    signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    signed |= {"host": parts.netloc, "x-amz-date": stamp}
    if service == "s3":
        signed["x-amz-content-sha256"] = digest
    if credentials.session_token is not None:
        signed["x-amz-security-token"] = credentials.session_token
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        [
            method,
            parts.path or "/",
            "",
            *(f"{name}:{signed[name]}" for name in sorted(signed)),
            "",
            names,
            digest,
        ]
    )
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    to_sign = "\n".join([_ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{credentials.secret_key}".encode()
    for step in (stamp[:8], region, service, "aws4_request", to_sign):
        key = hmac.digest(key, step.encode(), "sha256")
    who = f"Credential={credentials.access_key}/{scope}"
    signed["authorization"] = f"{_ALGORITHM} {who}, SignedHeaders={names}, Signature={key.hex()}"
    return signed


def path_encoded(path: str) -> str:
    """A path as S3 expects it in a signed URL: each byte encoded but letters, digits and `-._~/`."""
    return quote(path, safe="/-._~")
