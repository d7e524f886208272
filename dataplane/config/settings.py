"""The settings themselves: what may stand where, and what goes with what."""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from dataplane.errors import ConfigError

_SECRET_FILE_MAX_BYTES = 65_536
_URL = re.compile(
    r"https?://(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?|\[([0-9A-Fa-f:.]+)\])(?::([0-9]{1,5}))?"
    r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
)
_CHANNEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
"""What the build of a bundle takes for one: another name could never become active."""


class _Settings(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, hide_input_in_errors=True, allow_inf_nan=False
    )


def split_address(text: str) -> tuple[str, int]:
    """`HOST:PORT` or `[V6]:PORT` as a pair; port 0 asks the system for a free one."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080")
    return host, int(port)


def _address(text: str) -> str:
    split_address(text)
    return text


def _network(text: str) -> str:
    ipaddress.ip_network(text)
    return text


def _url(text: str) -> str:
    found = _URL.fullmatch(text)
    if found is None or int(found[2] or 0) > 65535:
        raise ValueError("must be an http:// or https:// URL without user, query or fragment")
    if found[1] is not None:
        ipaddress.IPv6Address(found[1])
    return text


def _channel(text: str) -> str:
    if not _CHANNEL.fullmatch(text):
        raise ValueError("must be 1 to 64 of a-z, 0-9 and inner hyphens")
    return text


def is_loopback_url(url: str) -> bool:
    """Whether a URL names this machine by a loopback address or `localhost`."""
    host = re.sub(r"^https?://", "", url).split("/", 1)[0]
    host = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    host = host.strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


Address = Annotated[str, AfterValidator(_address)]
Network = Annotated[str, AfterValidator(_network)]
Url = Annotated[str, AfterValidator(_url)]
CanaryChannel = Annotated[str, AfterValidator(lambda text: text if text == "*" else _channel(text))]
FilePath = Annotated[Path, Field(strict=False)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class SecretRef(_Settings):
    """Where a secret is kept: `{file: PATH}` or `{env: NAME}`. The value itself is never a setting."""

    file: FilePath | None = None
    env: str | None = None

    @model_validator(mode="after")
    def _one(self) -> SecretRef:
        if (self.file is None) == (self.env is None):
            raise ValueError("give exactly one of file, env")
        return self

    def read(self) -> str:
        """The secret without surrounding white space; raises `ConfigError` that names the reference only."""
        if self.env is not None:
            try:
                value = os.environ.get(self.env, "").strip()
            except ValueError:  # no variable can be named so
                value = ""
            if not value:
                raise ConfigError(f"environment variable {self.env} is not set or empty")
            return value
        assert self.file is not None
        try:
            # A pipe or device would block, or never end, each time the value is read again.
            if not stat.S_ISREG(self.file.stat().st_mode):
                raise ConfigError(f"{self.file}: is not a file")
            with self.file.open("rb") as file:
                data = file.read(_SECRET_FILE_MAX_BYTES + 1)
            value = data.decode("utf-8").strip()
        except (OSError, ValueError) as error:
            raise ConfigError(f"{self.file}: {getattr(error, 'strerror', None) or 'not text'}") from None
        if len(data) > _SECRET_FILE_MAX_BYTES:
            raise ConfigError(f"{self.file}: too large for a secret")
        if not value:
            raise ConfigError(f"{self.file}: is empty")
        return value


class TlsSettings(_Settings):
    """Certificates of the public listener."""

    cert: FilePath
    key: FilePath
    client_ca: FilePath | None = None
    client_auth: Literal["none", "optional", "required"] = "none"
    min_version: Literal["TLSv1.2", "TLSv1.3"] = "TLSv1.2"

    @model_validator(mode="after")
    def _ca(self) -> TlsSettings:
        if (self.client_auth == "none") != (self.client_ca is None):
            raise ValueError("client_ca and client_auth (optional, required) go together")
        return self


class ServerSettings(_Settings):
    """The public listener."""

    bind: Address = "127.0.0.1:8080"
    tls: TlsSettings | None = None
    trusted_proxies: tuple[Network, ...] = Field(default=(), strict=False)
    max_body_bytes: int = Field(default=10_000_000, ge=1024, le=1_000_000_000)
    head_timeout_s: float = Field(default=20, gt=0, le=30)
    body_timeout_s: float = Field(default=30, gt=0, le=30)
    write_timeout_s: float = Field(default=60, gt=0)
    keep_alive_s: float = Field(default=75, gt=0)
    graceful_s: float = Field(default=10, ge=0)


class AdminSettings(_Settings):
    """The admin listener: channel server, OPA's status, metrics, health details. Keep it private."""

    bind: Address = "127.0.0.1:8081"


class OpaSettings(_Settings):
    """The policy engine: a binary to run as a child, or the socket of one that runs already."""

    path: FilePath | None = None
    socket: FilePath | None = None

    @model_validator(mode="after")
    def _one(self) -> OpaSettings:
        if self.path is not None and self.socket is not None:
            raise ValueError("give path (run OPA as a child) or socket (OPA runs already), not both")
        return self


class BundleSettings(_Settings):
    """Which signed bundle counts: its channel, the public keys that may sign it, where it comes from.

    Without `url` the gateway's own channel server serves what `regogate bundle publish` put into the
    data directory. `kind` says what answers at `url`: plain HTTP, S3-compatible storage, an OCI registry.
    """

    url: Url | None = None
    kind: Literal["http", "s3", "oci"] = "http"
    token: SecretRef | None = None
    channel: Annotated[Name, AfterValidator(_channel)] = "prod"
    keys: dict[Name, FilePath] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> BundleSettings:
        if self.url is not None and not re.fullmatch(r"https?://[^/]+/.*[^/]", self.url):
            raise ValueError("url must name the bundle, such as https://bundles.example/prod.tar.gz")
        for name, given in (("token", self.token is not None), ("kind", self.kind != "http")):
            if given and self.url is None:
                raise ValueError(f"{name} belongs to url, which is not given")
        if self.kind == "s3" and self.token is not None:
            raise ValueError("kind s3 takes no token: set AWS_ACCESS_KEY_ID and so on in the environment")
        if self.kind == "oci" and not re.fullmatch(
            r"https?://[^/]+/[^:]+:[A-Za-z0-9_][\w.-]*", self.url or ""
        ):
            raise ValueError(
                "url of kind oci must name a tag, such as https://registry.example/policies:prod"
            )
        return self


class PolicySettings(_Settings):
    """How OPA is asked."""

    opa: OpaSettings = OpaSettings()
    bundle: BundleSettings = BundleSettings()
    deadline_ms: int = Field(default=50, ge=1, le=10_000)
    connections: int = Field(default=32, ge=1, le=1024)
    canary_channels: tuple[CanaryChannel, ...] = Field(default=("canary",), strict=False)


class IdentitySettings(_Settings):
    """How callers prove who they are."""

    api_keys: bool = True


class AuditSettings(_Settings):
    """The record of every call. `hash_key` keys the digests; made in the data directory if not given."""

    database: str = Field(default="sqlite:///regogate.db", repr=False)
    commit_timeout_ms: int = Field(default=2000, ge=10, le=60_000)
    queue: int = Field(default=10_000, ge=1, le=1_000_000)
    beat_s: float = Field(default=60, gt=0)
    hash_key: SecretRef | None = None


class LimitSettings(_Settings):
    """Where quantities are held."""

    store: Literal["memory"] = "memory"


class UpstreamSettings(_Settings):
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


class TelemetrySettings(_Settings):
    """Logs of the process."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"


class Settings(_Settings):
    """Everything a deployment sets; `regogate.yaml` has the same shape."""

    server: ServerSettings = ServerSettings()
    admin: AdminSettings = AdminSettings()
    policy: PolicySettings = PolicySettings()
    identity: IdentitySettings = IdentitySettings()
    audit: AuditSettings = AuditSettings()
    limits: LimitSettings = LimitSettings()
    upstreams: dict[Name, UpstreamSettings] = Field(default_factory=dict)
    telemetry: TelemetrySettings = TelemetrySettings()
    data_dir: FilePath = Path("regogate-data")
    instance: Name = "gateway-1"
