"""Settings of token issuers: whose JSON Web Tokens are taken, and what must be in them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from dataplane.config.base import FilePath, SecretRef, Section, Url, check_url, is_loopback_url

JwtAlgorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]  # fmt: skip
"""Asymmetric ones only: a symmetric one would let whoever can check a token make one."""

_MAX_CLAIM_CHARS = 256
_MAX_ISSUER_CHARS = 512
MAX_LEEWAY_S = 300
"""RFC 7519, 4.1.4 calls a few minutes usual."""


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _claims(paths: tuple[str, ...]) -> tuple[str, ...]:
    if not paths or not all(0 < len(path) <= _MAX_CLAIM_CHARS for path in paths):
        raise ValueError(f"must name one claim or more, each of 1 to {_MAX_CLAIM_CHARS} characters")
    return paths


def _filled(texts: tuple[str, ...]) -> tuple[str, ...]:
    if not texts or not all(texts):
        raise ValueError("must name at least one, and none may be empty")
    return texts


Scope = Annotated[str, Field(pattern=r"^[\x21\x23-\x5B\x5D-\x7E]{1,256}$")]
"""A scope token (RFC 6749, 3.3)."""

Texts = Annotated[tuple[str, ...], BeforeValidator(_several), AfterValidator(_filled), Field(strict=False)]
ClaimPaths = Annotated[
    tuple[str, ...], BeforeValidator(_several), AfterValidator(_claims), Field(strict=False)
]


class JwtClaims(Section):
    """Where in a token things stand. Each is the name of a claim, or a dotted path into one; of several the
    first that the token has counts. `visible` are those that policy sees as `input.identity.claims`."""

    client: ClaimPaths = ("client_id", "azp")
    subject: ClaimPaths = ("sub",)
    tenant: ClaimPaths = ("tenant",)
    roles: ClaimPaths = ("roles",)
    groups: ClaimPaths = ("groups",)
    scopes: ClaimPaths = ("scope", "scp")
    visible: tuple[str, ...] = Field(default=(), strict=False, max_length=32)


class JwtRequire(Section):
    """What every token of an issuer must have: claims (else 401) and scopes (else 403)."""

    claims: tuple[str, ...] = Field(default=(), strict=False)
    scopes: tuple[Scope, ...] = Field(default=(), strict=False)


class JwtIntrospection(Section):
    """Where the issuer is asked whether a token still counts (RFC 7662), and for how long an answer holds."""

    url: Url
    client_id: str = Field(min_length=1)
    client_secret: SecretRef
    cache_s: float = Field(default=10, ge=0, le=300)


class JwtIssuer(Section):
    """One issuer. Keys come from `jwks_url` or `jwks_file`; without both, from its discovery document."""

    issuer: str = Field(min_length=1, max_length=_MAX_ISSUER_CHARS)
    audience: Texts
    algorithms: tuple[JwtAlgorithm, ...] = Field(default=("RS256",), strict=False, min_length=1)
    jwks_url: Url | None = None
    jwks_file: FilePath | None = None
    types: Texts = ("JWT", "at+jwt", "none")
    require: JwtRequire = JwtRequire()
    claims: JwtClaims = JwtClaims()
    leeway_s: float = Field(default=30, ge=0, le=MAX_LEEWAY_S)
    jwks_max_age_s: float = Field(default=86_400, gt=0, le=604_800)
    jwks_refresh_s: float = Field(default=10, gt=0, le=3600)
    introspection: JwtIntrospection | None = None
    revoked_file: FilePath | None = None
    ca_file: FilePath | None = None
    allow_plaintext: bool = False

    @model_validator(mode="after")
    def _whole(self) -> JwtIssuer:
        if self.jwks_url is not None and self.jwks_file is not None:
            raise ValueError("give jwks_url or jwks_file, or neither (discovery), not both")
        discovers = self.jwks_url is None and self.jwks_file is None
        asked = {"jwks_url": self.jwks_url, "issuer": self.issuer if discovers else None}
        if self.introspection is not None:
            asked["introspection.url"] = self.introspection.url
        for name, url in asked.items():
            if url is None:
                continue
            if not url.startswith(("https://", "http://")):
                raise ValueError(f"{name} must be an https:// URL; or give jwks_url or jwks_file")
            check_url(url)
            if url.startswith("http://") and not self.allow_plaintext and not is_loopback_url(url):
                raise ValueError(
                    f"{name}: plain http only to loopback, or with allow_plaintext: true on this issuer"
                )
        return self


def each_once(issuers: tuple[JwtIssuer, ...]) -> tuple[JwtIssuer, ...]:
    """The issuers, of which no two have one name: a token's `iss` must choose exactly one."""
    names = [one.issuer for one in issuers]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"issuer {name} is listed twice; give one entry all its audiences")
    return issuers
