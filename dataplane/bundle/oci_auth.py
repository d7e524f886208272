"""How a registry is shown who asks: Basic, or a token from the server that its challenge names.

The token flow is the distribution project's "Token Authentication Specification".
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import httpx2

from dataplane.bundle.digests import NotStrictJSON, strict_json
from dataplane.bundle.errors import PublishRefused
from dataplane.bundle.remote import body_of
from dataplane.config import is_loopback_url

MAX_TOKEN_ANSWER_BYTES: Final = 64 * 1024

_FIELD: Final = re.compile(r'([a-z]+)="([^"\\\r\n]{0,1000})"')


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryLogin:
    """A user of a registry; the password may be an access token."""

    username: str
    password: str = field(repr=False)

    def basic(self) -> str:
        """The value of an `Authorization` header."""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"


def authorized(client: httpx2.Client, login: RegistryLogin, challenge: str, registry: str) -> str:
    """The `Authorization` that answers a challenge (`WWW-Authenticate`). Raises `PublishRefused`.

    The password goes to the registry, or to the token server that it names, over TLS or on loopback.
    """
    scheme, _, rest = challenge.partition(" ")
    if scheme.lower() == "basic":
        return login.basic()
    fields = dict(_FIELD.findall(rest))
    realm = fields.pop("realm", "")
    if scheme.lower() != "bearer" or urlsplit(realm).scheme not in ("http", "https"):
        raise PublishRefused(f"{registry} asks for a login of an unknown kind ({scheme[:40] or 'none'})")
    if not realm.startswith("https://") and not is_loopback_url(realm):
        raise PublishRefused(f"{registry} names a token server without TLS; the password is not sent there")
    asked = {name: fields[name] for name in ("service", "scope") if name in fields}
    request = client.build_request("GET", realm, params=asked, headers={"authorization": login.basic()})
    response = client.send(request, stream=True)
    try:
        answer = body_of(response, MAX_TOKEN_ANSWER_BYTES)
    finally:
        response.close()
    if response.status_code != 200:
        raise PublishRefused(
            f"the token server of {registry} answered {response.status_code}; "
            "check REGOGATE_OCI_USERNAME and REGOGATE_OCI_PASSWORD"
        )
    try:
        found = strict_json(answer)
    except NotStrictJSON:
        found = None
    token = (found.get("token") or found.get("access_token")) if isinstance(found, dict) else None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise PublishRefused(f"the token server of {registry} gave no token")
    return f"Bearer {token}"
