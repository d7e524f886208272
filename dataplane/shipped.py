"""Where the files that are not Python lie: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

from dataplane.errors import ConfigError

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """A folder or file such as `policies`, `migrations` or `opa/capabilities.json`."""
    for base in (_PACKAGE.parent, _PACKAGE / "_shipped"):
        if (base / name).exists():
            return base / name
    raise ConfigError(f"{name}: missing from this installation; install regogate again")
