"""The settings themselves: what may stand where, and what goes with what."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from dataplane.config.base import (
    Address,
    CanaryChannel,
    Channel,
    FilePath,
    Name,
    Network,
    SecretRef,
    Section,
    Url,
    is_loopback_url,
)
from dataplane.config.identity import IdentitySettings
from dataplane.config.inspection import InspectionSettings
from dataplane.config.limits import LimitSettings
from dataplane.errors import ConfigError

MAX_WORKERS = 64
"""Processes of one gateway. Each holds connections to the database, the limit store and OPA."""

BUNDLE_TOKEN_MIN_CHARS = 16
"""Of a token that the admin address takes: what the channel server asks for."""


class TlsSettings(Section):
    """Certificates of the public listener."""

    cert: FilePath
    key: FilePath
    client_ca: FilePath | None = None
    client_crl: FilePath | None = None
    client_auth: Literal["none", "optional", "required"] = "none"
    min_version: Literal["TLSv1.2", "TLSv1.3"] = "TLSv1.2"

    @model_validator(mode="after")
    def _ca(self) -> TlsSettings:
        if (self.client_auth == "none") != (self.client_ca is None):
            raise ValueError("client_ca and client_auth (optional, required) go together")
        if self.client_crl is not None and self.client_ca is None:
            raise ValueError("client_crl belongs to client_ca, which is not given")
        return self


class ForwardedSettings(Section):
    """The headers in which a trusted proxy tells who called it; others have no effect."""

    address: Literal["x-forwarded-for", "forwarded", "none"] = "x-forwarded-for"
    certificate: Literal["none", "client-cert", "x-forwarded-client-cert"] = "none"


class ServerSettings(Section):
    """The public listener, and how many processes answer there."""

    bind: Address = "127.0.0.1:8080"
    workers: int = Field(default=1, ge=1, le=MAX_WORKERS)
    tls: TlsSettings | None = None
    trusted_proxies: tuple[Network, ...] = Field(default=(), strict=False)
    forwarded: ForwardedSettings = ForwardedSettings()
    max_body_bytes: int = Field(default=10_000_000, ge=1024, le=1_000_000_000)
    head_timeout_s: float = Field(default=20, gt=0, le=30)
    body_timeout_s: float = Field(default=30, gt=0, le=30)
    write_timeout_s: float = Field(default=60, gt=0)
    keep_alive_s: float = Field(default=75, gt=0)
    graceful_s: float = Field(default=10, ge=0)

    @model_validator(mode="after")
    def _believed(self) -> ServerSettings:
        if self.forwarded.certificate != "none" and not self.trusted_proxies:
            raise ValueError("forwarded.certificate is believed from trusted_proxies only; name them")
        return self

    @property
    def asks_certificates(self) -> bool:
        """Whether a caller's certificate can reach the gateway, by its connection or a proxy."""
        shown = self.tls is not None and self.tls.client_auth != "none"
        return shown or self.forwarded.certificate != "none"


class AdminSettings(Section):
    """The admin listener: channel server, OPA's status, metrics, health details. Keep it private."""

    bind: Address = "127.0.0.1:8081"


class OpaSettings(Section):
    """The policy engine: a binary to run as a child, or the socket of one that runs already."""

    path: FilePath | None = None
    socket: FilePath | None = None

    @model_validator(mode="after")
    def _one(self) -> OpaSettings:
        if self.path is not None and self.socket is not None:
            raise ValueError("give path (run OPA as a child) or socket (OPA runs already), not both")
        return self


class BundleSettings(Section):
    """Which signed bundle counts: its channel, the public keys that may sign it, where it comes from.

    Without `url` the gateway's own channel server serves what `regogate bundle publish` put into the
    data directory. `kind` says what answers at `url`: plain HTTP, S3-compatible storage, an OCI registry.
    `token` is what OPA sends there; without `url` it is what an OPA beside us sends to our admin address.
    """

    url: Url | None = None
    kind: Literal["http", "s3", "oci"] = "http"
    token: SecretRef | None = None
    channel: Channel = "prod"
    keys: dict[Name, FilePath] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> BundleSettings:
        if self.url is not None and not re.fullmatch(r"https?://[^/]+/.*[^/]", self.url):
            raise ValueError("url must name the bundle, such as https://bundles.example/prod.tar.gz")
        if self.kind != "http" and self.url is None:
            raise ValueError("kind belongs to url, which is not given")
        if self.kind == "s3" and self.token is not None:
            raise ValueError("kind s3 takes no token: set AWS_ACCESS_KEY_ID and so on in the environment")
        if self.kind == "oci" and not re.fullmatch(
            r"https?://[^/]+/[^:]+:[A-Za-z0-9_][\w.-]*", self.url or ""
        ):
            raise ValueError(
                "url of kind oci must name a tag, such as https://registry.example/policies:prod"
            )
        return self


class PolicySettings(Section):
    """How OPA is asked."""

    opa: OpaSettings = OpaSettings()
    bundle: BundleSettings = BundleSettings()
    deadline_ms: int = Field(default=50, ge=1, le=10_000)
    connections: int = Field(default=32, ge=1, le=1024)
    canary_channels: tuple[CanaryChannel, ...] = Field(default=("canary",), strict=False)

    @model_validator(mode="after")
    def _whole(self) -> PolicySettings:
        if self.bundle.token is not None and self.bundle.url is None and self.opa.socket is None:
            raise ValueError(
                "bundle.token goes with bundle.url, or with opa.socket; our own OPA's is made at start"
            )
        return self

    def sidecar_token(self) -> str | None:
        """What an OPA beside us shows at our admin address; None where none comes. Raises `ConfigError`."""
        if self.opa.socket is None or self.bundle.url is not None or self.bundle.token is None:
            return None
        token = self.bundle.token.read()
        if len(token) < BUNDLE_TOKEN_MIN_CHARS or not (token.isascii() and token.isprintable()):
            raise ConfigError(
                f"policy.bundle.token: must hold at least {BUNDLE_TOKEN_MIN_CHARS} printable ASCII characters"
            )
        return token


class AuditSettings(Section):
    """The record of every call. `password` is that of the database's URL, where it is kept elsewhere.
    `hash_key` keys the digests; made in the data directory if not given."""

    database: str = Field(default="sqlite:///regogate.db", repr=False)
    password: SecretRef | None = None
    commit_timeout_ms: int = Field(default=2000, ge=10, le=60_000)
    queue: int = Field(default=10_000, ge=1, le=1_000_000)
    beat_s: float = Field(default=60, gt=0)
    hash_key: SecretRef | None = None


class UpstreamSettings(Section):
    """One provider. `kind: demo` is the embedded model and takes no other setting but `models`."""

    kind: Literal["openai", "demo"] = "openai"
    base_url: Url | None = None
    key: SecretRef | None = None
    models: tuple[str, ...] = Field(default=("*",), strict=False)
    allow_plaintext: bool = False
    ca_file: FilePath | None = None
    connect_timeout_s: float = Field(default=5, gt=0)
    head_timeout_s: float = Field(default=600, gt=0)
    idle_timeout_s: float = Field(default=300, gt=0)

    @model_validator(mode="after")
    def _whole(self) -> UpstreamSettings:
        if (self.kind == "demo") != (self.base_url is None):
            raise ValueError("base_url is required for kind openai and has no place in kind demo")
        if (
            self.base_url is not None
            and self.base_url.startswith("http://")
            and not self.allow_plaintext
            and not is_loopback_url(self.base_url)
        ):
            raise ValueError("plain http only to loopback, or with allow_plaintext: true on this upstream")
        return self


class TelemetrySettings(Section):
    """Logs of the process."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"


class Settings(Section):
    """Everything a deployment sets; `regogate.yaml` has the same shape."""

    server: ServerSettings = ServerSettings()
    admin: AdminSettings = AdminSettings()
    policy: PolicySettings = PolicySettings()
    identity: IdentitySettings = IdentitySettings()
    audit: AuditSettings = AuditSettings()
    limits: LimitSettings = LimitSettings()
    inspection: InspectionSettings = InspectionSettings()
    upstreams: dict[Name, UpstreamSettings] = Field(default_factory=dict)
    telemetry: TelemetrySettings = TelemetrySettings()
    data_dir: FilePath = Path("regogate-data")
    instance: Name = "gateway-1"

    @model_validator(mode="after")
    def _certificates(self) -> Settings:
        if self.identity.mtls is not None and not self.server.asks_certificates:
            raise ValueError(
                "identity.mtls needs certificates: set server.tls.client_auth or server.forwarded.certificate"
            )
        return self
