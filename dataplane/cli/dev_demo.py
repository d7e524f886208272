"""The demo client of `regogate dev`: its row in the tables, its key, and how to call with it."""

from __future__ import annotations

import hmac
import json
from pathlib import Path
from typing import Final

from dataplane.app import Gateway
from dataplane.app_listen import Ready
from dataplane.bundle.build import Overlay
from dataplane.bundle.errors import CheckFailed
from dataplane.bundle.problem import Problem
from dataplane.bundle.strictyaml import JSON
from dataplane.config import Settings
from dataplane.identity.key_findings import DAY_US
from dataplane.identity.keys import ApiKey, digest, parse
from dataplane.identity.store import KeyStore, UnknownKey, now_us
from dataplane.installation import write_private

CLIENT_ID: Final = "demo"
ALL_TIER: Final = "allow-all-models"
_ALL: Final[dict[str, JSON]] = {
    "models": ["*"],
    "operations": ["chat.completions.*", "models.*"],
    "tools": {"allow": ["*"], "otherwise": "allow"},
    "unclassified_models": "allow",
    "audit": "metadata",
}
"""Every known operation, any model, no caps, tool rules or limits."""


def demo_overlay(*, allow_all_models: bool) -> Overlay:
    """What `dev` adds to the tables of a policy directory: a row for the demo client where none is."""

    def overlay(tables: dict[str, JSON]) -> dict[str, JSON]:
        clients = dict(_table(tables, "clients"))
        tiers = dict(_table(tables, "tiers"))
        row = clients.get(CLIENT_ID, {"tier": "default"})
        if allow_all_models and isinstance(row, dict):
            row = {**row, "tier": ALL_TIER}
            tiers[ALL_TIER] = _ALL
        clients[CLIENT_ID] = row
        return {**tables, "clients": clients, "tiers": tiers}

    return overlay


def _table(tables: dict[str, JSON], name: str) -> dict[str, JSON]:
    table = tables.get(name, {})
    if not isinstance(table, dict):  # the directory brings its own schemas, which may allow anything
        message = "not a table of rows, so the demo client cannot be added"
        problem = Problem(file=f"data/{name}.yaml", line=0, column=0, message=message, code="table")
        raise CheckFailed([problem])
    return table


async def demo_key(gateway: Gateway) -> str:
    """The demo client's key, kept over restarts; one that was revoked or lost is replaced by a new one."""
    store = KeyStore(gateway.database, gateway.installation_key)
    path = gateway.data_dir / "demo.key"
    known = parse(path.read_bytes().decode("ascii", "replace").strip()) if path.is_file() else None
    max_age_us = gateway.settings.identity.keys.max_age_days * DAY_US
    if known is not None and await _is_valid(store, known, gateway.installation_key, max_age_us):
        return known.text
    key, row = await store.create(CLIENT_ID, label="regogate dev")
    write_private(path, key.text.encode() + b"\n")
    await gateway.audit.note("key", {"action": "create", "key_id": row.id, "client_id": row.client_id})
    return key.text


async def _is_valid(store: KeyStore, key: ApiKey, installation_key: bytes, max_age_us: int) -> bool:
    """Whether callers with this key are the demo client: the database or the installation's key may have
    been removed and made anew, and a directory may have been forgotten until its key is too old."""
    try:
        row = await store.show(key.id)
    except UnknownKey:
        return False
    known = hmac.compare_digest(row.digest, digest(installation_key, key))
    return known and row.client_id == CLIENT_ID and row.state(now_us(), max_age_us) == "active"


def snippets(ready: Ready, key: str, data_dir: Path, settings: Settings) -> str:
    """What `dev` prints once it is ready: how to call it, and where to look."""
    model = "demo" if any(one.kind == "demo" for one in settings.upstreams.values()) else "gpt-4o-mini"
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Say hello."}]})
    return f"""\
RegoGate is ready: {ready.base_url} (admin {ready.admin_url}), policy {ready.revision}

  curl {ready.base_url}/chat/completions \\
    -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\
    -d '{body}'

  from openai import OpenAI
  client = OpenAI(base_url="{ready.base_url}", api_key="{key}")
  messages = [{{"role": "user", "content": "Say hello."}}]
  answer = client.chat.completions.create(model="{model}", messages=messages)
  print(answer.choices[0].message.content)

Audit: regogate audit tail --data-dir {data_dir}   Keys: regogate keys list --data-dir {data_dir}
Each call appears below as it is decided. Ctrl-C stops everything.
"""
