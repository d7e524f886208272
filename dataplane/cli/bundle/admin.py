"""What a gateway on this machine says of itself on its admin address, if one can be reached."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import httpx2

from dataplane.config import load, split_address
from dataplane.errors import ConfigError
from dataplane.installation import read_json

TIMEOUT_S: Final = 2.0
MAX_ANSWER_BYTES: Final = 1 << 20


def admin_status(config: Path | None, data_dir: Path | None) -> dict[str, Any] | None:
    """The answer of `/readyz`: instance, channel, `policy_revision`, `bundle_refused`, `ready`, `reasons`.

    None where nobody answers, or not as a gateway does. Raises `ConfigError` for a broken configuration.
    """
    url = _url(config, data_dir)
    if url is None:
        return None
    try:
        # our own admin address, never by a proxy
        with httpx2.Client(timeout=TIMEOUT_S, trust_env=False) as client:
            answer = client.get(f"{url}/readyz")
        found = json.loads(answer.content[:MAX_ANSWER_BYTES])
    except (httpx2.HTTPError, ValueError):
        return None
    known = isinstance(found, dict) and {"instance", "channel", "policy_revision"} <= found.keys()
    return found if known else None


def _url(config: Path | None, data_dir: Path | None) -> str | None:
    if config is not None:
        bind = load(config).admin.bind
        host, port = split_address(bind)
        if port == 0:
            return None
        here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  what is bound, not binding
        return f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"
    if data_dir is None:
        return None
    try:
        found = read_json(data_dir / "ready.json").get("admin_url")
    except ConfigError:
        return None
    return found if isinstance(found, str) else None
