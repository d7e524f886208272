"""OPA's configuration as data: what cannot be made safe cannot be constructed.

OPA starts happily with settings that trust anyone: `keys` without `signing` accepts an unsigned
bundle with a warning. Everything here is checked before OPA sees it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from dataplane.opa.errors import UnsafeOpaConfig

BUNDLE_NAME: Final = "main"
"""The one bundle; its manifest is at `data.system.bundles.main`, its status under `bundles.main`."""

MAX_INPUT_BYTES: Final = 65536
"""A policy input is about 1 KB (design: the decision contract); OPA's own default took 20 MB."""

MAX_BUNDLE_FILE_BYTES: Final = 64 * 1024 * 1024
"""Per file; 10,000 clients are 1.3 MB. OPA unpacks before it verifies, and its own default is 1 GB."""

GOGC: Final = 400
"""Measured: 1.4-1.6 times the decisions per second for 20 MB more memory."""

MAX_PROCESSORS: Final = 4
"""For OPA beside one data plane, which is one Python thread and asks for no more."""


def processors(available: int) -> int:
    """How many CPUs OPA may use (GOMAXPROCS): one is left to the data plane. On two CPUs that costs OPA
    no throughput and a quarter less CPU time a decision (measured): Go wakes a thread for each question
    where it has processors to spare."""
    return max(1, min(available - 1, MAX_PROCESSORS))


class ServiceKind(StrEnum):
    """What a server is: plain HTTP, S3-compatible storage, an OCI registry."""

    HTTP = "http"
    S3 = "s3"
    OCI = "oci"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteService:
    """A server that OPA calls: base URL (paths are appended), bearer token, own authority's PEM file.

    Requests to `S3` are signed with the credentials of OPA's environment (`AWS_CREDENTIALS`) and take no
    token. The token for `OCI` is `USER:PASSWORD` or a bearer token. `http` is accepted on loopback only,
    or with `allow_plaintext`. Raises `UnsafeOpaConfig`.
    """

    url: str
    kind: ServiceKind = ServiceKind.HTTP
    token: str | None = field(default=None, repr=False)
    ca_cert: Path | None = None
    allow_plaintext: bool = False

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise UnsafeOpaConfig("a service URL must be http or https with a host and without credentials")
        if parts.scheme == "http" and not self.allow_plaintext and not _is_loopback(parts.hostname):
            raise UnsafeOpaConfig(
                f"plain http to {parts.hostname}: use https, or allow_plaintext for this entry"
            )
        if self.token is not None and not (self.token.isascii() and self.token.isprintable() and self.token):
            raise UnsafeOpaConfig("a bearer token must be printable ASCII")
        if self.kind is ServiceKind.S3 and self.token is not None:
            raise UnsafeOpaConfig("requests to S3 are signed with AWS_ACCESS_KEY_ID and so on, not a token")


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleSigning:
    """What a bundle's signature must say: `scope` is the channel.

    `keyid` pins one of the keys. None takes the key id from the signature (a listed one only), which
    is what lets keys rotate; a signature that names no key is then refused.
    """

    scope: str
    keyid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BundlePolling:
    """Seconds. OPA holds a request up to `long_poll_s` where the server answers with the content type
    `application/vnd.openpolicyagent.bundles`; else, and after failures, it waits between the delays."""

    min_delay_s: int = 1
    max_delay_s: int = 2
    long_poll_s: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleSource:
    """Where the bundle comes from: `resource` is the path under the service's URL."""

    service: RemoteService
    resource: str
    signing: BundleSigning
    polling: BundlePolling = field(default_factory=BundlePolling)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSink:
    """Who is told about activations: OPA posts to `<url>/status/<partition>`."""

    service: RemoteService
    partition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpaOptions:
    """Everything about one OPA process except where its socket is.

    `keys` maps key ids to PEM public keys on P-256 (ES256 is the only algorithm). Without
    `persistence` a restart needs the bundle server. Construction raises `UnsafeOpaConfig` when there
    is no key, a key is not such a public key, the scope is empty, `keyid` is not in `keys`, or one of
    several keys is pinned (then the others could never take over).
    """

    bundle: BundleSource
    keys: Mapping[str, str] = field(repr=False)
    status: StatusSink | None = None
    persistence: Path | None = None
    max_input_bytes: int = MAX_INPUT_BYTES
    gogc: int = GOGC

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", MappingProxyType(dict(self.keys)))
        if not self.keys:
            raise UnsafeOpaConfig("no verification keys: OPA would take any bundle; set policy.bundle.keys")
        for keyid, pem in self.keys.items():
            _check_key(keyid, pem)
        signing = self.bundle.signing
        if not isinstance(signing, BundleSigning) or not signing.scope:
            raise UnsafeOpaConfig(
                "no signing scope: OPA would take unsigned bundles, or other channels' ones"
            )
        if signing.keyid is not None and signing.keyid not in self.keys:
            raise UnsafeOpaConfig(f"the pinned key id {signing.keyid!r} is not among the verification keys")
        if signing.keyid is not None and len(self.keys) > 1:
            raise UnsafeOpaConfig("several verification keys and a pinned key id: leave the key id out")

    @property
    def secrets(self) -> tuple[str, ...]:
        """The tokens, for masking them where OPA's own lines are shown."""
        services = [self.bundle.service] + ([self.status.service] if self.status else [])
        return tuple({service.token for service in services if service.token})


def config_text(options: OpaOptions) -> str:
    """OPA's configuration file (JSON, which is YAML). Holds the tokens: keep it in a 0600 file.

    No decision logs (lossy; the audit records are the log), no discovery, and no
    `superseded_etag_ttl_seconds` (with it a rollback could be answered by 304). Raises
    `UnsafeOpaConfig` for a value with `${`, which OPA would replace by an environment variable.
    """
    bundle = options.bundle
    services = {"bundles": _service(bundle.service)}
    signing = {"scope": bundle.signing.scope}
    if bundle.signing.keyid is not None:
        signing["keyid"] = bundle.signing.keyid
    source: dict[str, Any] = {
        "service": "bundles",
        "resource": bundle.resource,
        "signing": signing,
        "persist": options.persistence is not None,
        "size_limit_bytes": MAX_BUNDLE_FILE_BYTES,
        "polling": {
            "min_delay_seconds": bundle.polling.min_delay_s,
            "max_delay_seconds": bundle.polling.max_delay_s,
            "long_polling_timeout_seconds": bundle.polling.long_poll_s,
        },
    }
    limit = options.max_input_bytes
    config: dict[str, Any] = {
        "services": services,
        "keys": {keyid: {"algorithm": "ES256", "key": pem} for keyid, pem in options.keys.items()},
        "bundles": {BUNDLE_NAME: source},
        "server": {"decoding": {"max_length": limit, "gzip": {"max_length": limit}}},
    }
    if options.status is not None:
        services["status"] = _service(options.status.service)
        config["status"] = {"service": "status", "partition_name": options.status.partition}
    if options.persistence is not None:
        config["persistence_directory"] = str(options.persistence)
    text = json.dumps(config, indent=2)
    if "${" in text:
        raise UnsafeOpaConfig("a value of the OPA configuration holds '${', which OPA would substitute")
    return text


def command_line(binary: Path, *, socket: Path, config: Path) -> list[str]:
    """The arguments, none of them secret.

    The tables are kept as OPA's rules read them: a decision takes a tenth less, tables more memory.
    Access lines are put on level debug below the log level info: that keeps activation lines and
    drops two lines a decision. The grace period ends before our own SIGKILL (`supervise.STOP_GRACE_S`).
    """
    return [
        str(binary),
        "run",
        "--server",
        f"--addr=unix://{socket}",
        "--unix-socket-perm=600",
        "--skip-version-check",
        "--optimize-store-for-read-speed",
        "--log-level=info",
        "--log-level-request=debug",
        "--log-format=json",
        "--shutdown-grace-period=2",
        f"--config-file={config}",
    ]


_PASSED: Final = frozenset(
    (
        "PATH",
        "HOME",
        "TMPDIR",
        "TZ",
        "LANG",
        "GOMAXPROCS",
        "GOMEMLIMIT",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    )
)


AWS_CREDENTIALS: Final = frozenset(
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION")
)
"""What OPA signs requests to S3 with (v1/plugins/rest/aws.go, awsEnvironmentCredentialService)."""


def child_environment(options: OpaOptions, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of the process: an allow-list out of `environ`, and how the Go runtime behaves.

    OPA takes any flag from `OPA_RUN_<FLAG>` (`OPA_RUN_SKIP_VERIFY` turns signatures off), and policy
    can read the environment (`opa.runtime()`), which must not show it a provider key. What reads the
    bundle's storage is passed only where the bundle comes from such.
    """
    storage = AWS_CREDENTIALS if options.bundle.service.kind is ServiceKind.S3 else frozenset[str]()
    passed = {name: value for name, value in environ.items() if name in _PASSED | storage}
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"GOMAXPROCS": str(processors(available))} | passed | {"GOGC": str(options.gogc)}


def _service(service: RemoteService) -> dict[str, Any]:
    entry: dict[str, Any] = {"url": service.url}
    if service.kind is ServiceKind.OCI:
        entry["type"] = "oci"
    if service.kind is ServiceKind.S3:
        entry["credentials"] = {"s3_signing": {"service": "s3", "environment_credentials": {}}}
    elif service.token is not None:
        bearer = {"token": service.token}
        if service.kind is ServiceKind.OCI and ":" in service.token:
            bearer["scheme"] = "Basic"  # OPA encodes it (v1/plugins/rest/auth.go, bearerAuthPlugin)
        entry["credentials"] = {"bearer": bearer}
    if service.ca_cert is not None:
        entry["tls"] = {"ca_cert": str(service.ca_cert)}
    return entry


def _check_key(keyid: str, pem: str) -> None:
    if not keyid:
        raise UnsafeOpaConfig("a verification key has an empty id")
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise UnsafeOpaConfig(f"the verification key {keyid!r} is not a PEM public key") from None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise UnsafeOpaConfig(f"the verification key {keyid!r} is not on the curve P-256, as ES256 needs")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
