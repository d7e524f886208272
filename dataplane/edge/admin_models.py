"""Bodies and answers of the admin API. The OpenAPI document is made of these."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dataplane.domain import AdminRole

Duration = Annotated[
    str, Field(pattern=r"^[0-9]{1,6}[mhd]$", description="Minutes, hours or days.", examples=["90d", "24h"])
]
Time = Annotated[str, Field(description="RFC 3339, UTC.", examples=["2026-11-21T11:22:55Z"])]
Line = Annotated[str, Field(min_length=1, max_length=200, description="One line of plain text.")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class CreateKey(_Body):
    """A key to make."""

    client: str = Field(description="Client id, as in the policy's clients table.", max_length=128)
    expires: Duration | None = None
    label: Line | None = None
    networks: list[str] = Field(
        default=[], max_length=32, description="Names of the policy's networks, or blocks such as 10.0.0.0/8."
    )
    certificate: str | None = Field(
        default=None, max_length=200, description="SHA-256 fingerprint of the client certificate it needs."
    )
    reason: Line | None = None


class RotateKey(_Body):
    """How a key is replaced. `overlap` is how long the old one goes on; `0m` ends it at once."""

    overlap: Duration = "24h"
    expires: Duration | None = Field(default=None, description="Of the new key; else as the old one's.")
    reason: Line | None = None


class Revoke(_Body):
    """Why a key or token is revoked; kept with it and recorded."""

    reason: Line


class CreateToken(_Body):
    """A token of this API to make. Without `expires` 90 days, break-glass 1 hour (24 at most)."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")
    role: AdminRole
    expires: Duration | None = None
    reason: Line | None = None


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Key(_Answer):
    """An API key. The key itself is shown once, where it is made."""

    id: str
    client_id: str
    prefix: str = Field(description="What the key begins with; not secret.")
    label: str | None
    created: Time
    expires: Time | None
    ends: Time | None = Field(description="Its expiry or its maximum age, whichever is first.")
    last_used: Time | None = Field(description="Right to a minute.")
    networks: list[str]
    certificate: str | None
    rotated_from: str | None
    revoked: Time | None
    revoked_reason: str | None
    state: Literal["active", "expired", "too_old", "revoked"]
    warning: str | None


class Keys(_Answer):
    """Keys, oldest first. `next` is the `after` of the next page, null on the last."""

    keys: list[Key]
    next: str | None


class NewKey(Key):
    """A key that was made; `key` is the whole of it, told this once."""

    key: str


class RotatedKey(NewKey):
    """The key in the place of `rotated_from`, which ends at `old_ends`."""

    old_ends: Time


class RotatedKeys(_Answer):
    """Every key of a client that was rotated."""

    rotated: list[RotatedKey]


class RevokedKey(Key):
    """The key, revoked. `changed` is false where it was before; then nothing happened."""

    changed: bool


class RevokedKeys(_Answer):
    """The keys that this call revoked; empty where all were before."""

    revoked: list[Key]


class Finding(_Answer):
    """One thing that somebody should look at."""

    key_id: str
    client_id: str
    finding: Literal[
        "old", "ending", "unused", "over-privileged", "unknown-client", "disabled-client", "unknown-network"
    ]
    detail: str
    names: list[str]


class Findings(_Answer):
    """What an audit of the keys found. `policy_revision` granted what it speaks of."""

    findings: list[Finding]
    policy_revision: str | None


class Token(_Answer):
    """A token of this API. The token itself is shown once, where it is made."""

    id: str
    name: str
    role: AdminRole
    created: Time
    created_by: str
    expires: Time
    revoked: Time | None
    revoked_reason: str | None
    state: Literal["active", "expired", "revoked"]


class Tokens(_Answer):
    """Every token, oldest first."""

    tokens: list[Token]


class NewToken(Token):
    """A token that was made; `token` is the whole of it, told this once."""

    token: str


class RevokedToken(Token):
    """The token, revoked. `changed` is false where it was before."""

    changed: bool


class WhoAmI(_Answer):
    """Whose token this is."""

    token_id: str
    name: str
    role: AdminRole
    expires: Time


class Status(_Answer):
    """Whether calls can be made, why not, and what `/readyz` tells beside."""

    ready: bool
    reasons: list[str]
    details: dict[str, Any]


class ErrorDetail(_Answer):
    """`code` is for programs, `message` for people; `field` is the part of the body at fault."""

    code: str
    message: str
    request_id: str
    field: str | None = None


class Error(_Answer):
    """Every refusal."""

    error: ErrorDetail
