"""Settings of client certificates: which name in one is which client."""

from __future__ import annotations

import re
from typing import Final, Literal

from pydantic import Field, model_validator

from dataplane.config.base import Section

PLACE: Final = re.compile(r"(\{[^{}]*\})")
"""What of a pattern is not literal; splitting by it leaves literals and places in turn."""

_PLACES: Final = ("{client}", "{tenant}")
_LITERAL: Final = re.compile(r"[\x20-\x7e]*")
_CLIENT: Final = r"^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$"
_TRUST_DOMAIN: Final = re.compile(r"spiffe://[a-z0-9._-]{1,255}/.+")


class MtlsClient(Section):
    """One kind of name, the pattern it must have as a whole, and who it then is.

    `{client}` and `{tenant}` stand for letters, digits and `. _ -` (in DNS names for one label); `client`
    and `tenant` give what the pattern does not.
    """

    by: Literal["san_uri", "san_dns", "san_email", "subject_cn"]
    pattern: str = Field(min_length=1, max_length=512)
    client: str | None = Field(default=None, pattern=_CLIENT)
    tenant: str | None = Field(default=None, pattern=_CLIENT)

    @model_validator(mode="after")
    def _sound(self) -> MtlsClient:
        literals, places = PLACE.split(self.pattern)[::2], PLACE.split(self.pattern)[1::2]
        if any(place not in _PLACES for place in places) or any("{" in one or "}" in one for one in literals):
            raise ValueError("pattern: only {client} and {tenant} may stand in braces")
        if len(set(places)) != len(places):
            raise ValueError("pattern: {client} and {tenant} may stand once each")
        if ("{client}" in places) == (self.client is not None):
            raise ValueError("give the client either by {client} in the pattern or by client")
        if "{tenant}" in places and self.tenant is not None:
            raise ValueError("give the tenant either by {tenant} in the pattern or by tenant")
        if not all(_LITERAL.fullmatch(one) for one in literals):
            raise ValueError("pattern: must be printable ASCII")
        between = "." if self.by == "san_dns" else "[^A-Za-z0-9._-]"
        if len(places) == 2 and not re.search(between, literals[1]):
            raise ValueError("pattern: {client} and {tenant} must be kept apart, such as by a slash")
        if self.by == "san_dns" and self.pattern != self.pattern.lower():
            raise ValueError("pattern: DNS names are written in lower case")
        if self.pattern.lower().startswith("spiffe:") and not _TRUST_DOMAIN.fullmatch(literals[0] + "-"):
            raise ValueError(
                "pattern: a SPIFFE ID begins with spiffe://TRUST-DOMAIN/, the domain in lower case"
            )
        return self


class MtlsSettings(Section):
    """Callers known by their client certificate alone; the first of `clients` that fits names them."""

    clients: tuple[MtlsClient, ...] = Field(strict=False)

    @model_validator(mode="after")
    def _some(self) -> MtlsSettings:
        if not self.clients:
            raise ValueError("clients: name at least one kind of name")
        return self
