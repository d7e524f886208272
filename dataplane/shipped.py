"""Where the files that are not Python lie: inside the package in a wheel, beside it in a checkout.

The wheel's own copy comes first: beside an installed package, `../policies` may be anyone's.
"""

from __future__ import annotations

from pathlib import Path

from dataplane.errors import ConfigError

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """A folder or file such as `policies`, `migrations` or `opa/capabilities.json`."""
    for base in (_PACKAGE / "_shipped", _PACKAGE.parent):
        if (base / name).exists():
            return base / name
    raise ConfigError(f"{name}: missing from this installation; install regogate again")
