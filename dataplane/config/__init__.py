"""Deployment settings: where things are, never who may do what (that is policy's).

The only reader of configuration files, of secret files they name and of environment variables. In
reading order: `base` (what settings are made of, `SecretRef`), `identity`, `jwt`, `mtls`, `limits`,
`inspection` and `settings` (what may be set), `yaml_text` (strict YAML), `load` (a file and `--set` ->
`Settings`). `load` reports every problem at once, each with the dotted path of the setting, what is allowed
and, for an unknown key, the nearest that exists.
"""

from dataplane.config.base import (
    Address,
    FilePath,
    Name,
    Network,
    SecretRef,
    Url,
    is_loopback_url,
    split_address,
)
from dataplane.config.identity import IdentitySettings, KeySettings
from dataplane.config.inspection import AdvisorSettings, InspectionSettings
from dataplane.config.jwt import JwtClaims, JwtIntrospection, JwtIssuer, JwtRequire
from dataplane.config.limits import LimitSettings
from dataplane.config.load import accept_plaintext, build, load, override, unreadable
from dataplane.config.settings import (
    AdminSettings,
    AuditSettings,
    BundleSettings,
    OpaSettings,
    PolicySettings,
    ServerSettings,
    Settings,
    TelemetrySettings,
    TlsSettings,
    UpstreamSettings,
)
from dataplane.config.yaml_text import parse_yaml

__all__ = [
    "Address",
    "AdminSettings",
    "AdvisorSettings",
    "AuditSettings",
    "BundleSettings",
    "FilePath",
    "IdentitySettings",
    "InspectionSettings",
    "JwtClaims",
    "JwtIntrospection",
    "JwtIssuer",
    "JwtRequire",
    "KeySettings",
    "LimitSettings",
    "Name",
    "Network",
    "OpaSettings",
    "PolicySettings",
    "SecretRef",
    "ServerSettings",
    "Settings",
    "TelemetrySettings",
    "TlsSettings",
    "UpstreamSettings",
    "Url",
    "accept_plaintext",
    "build",
    "is_loopback_url",
    "load",
    "override",
    "parse_yaml",
    "split_address",
    "unreadable",
]
