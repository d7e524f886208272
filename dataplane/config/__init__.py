"""Deployment settings: where things are, never who may do what (that is policy's).

The only reader of configuration files, of secret files they name and of environment variables. In
reading order: `settings` (what may be set, `SecretRef`), `yaml_text` (strict YAML), `load` (a file and
`--set` -> `Settings`). `load` reports every problem at once, each with the dotted path of the setting,
what is allowed and, for an unknown key, the nearest one that exists.
"""

from dataplane.config.load import build, load, override, unreadable
from dataplane.config.settings import (
    Address,
    AdminSettings,
    AuditSettings,
    BundleSettings,
    FilePath,
    IdentitySettings,
    LimitSettings,
    Name,
    Network,
    OpaSettings,
    PolicySettings,
    SecretRef,
    ServerSettings,
    Settings,
    TelemetrySettings,
    TlsSettings,
    UpstreamSettings,
    Url,
    is_loopback_url,
    split_address,
)
from dataplane.config.yaml_text import parse_yaml

__all__ = [
    "Address",
    "AdminSettings",
    "AuditSettings",
    "BundleSettings",
    "FilePath",
    "IdentitySettings",
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
    "build",
    "is_loopback_url",
    "load",
    "override",
    "parse_yaml",
    "split_address",
    "unreadable",
]
