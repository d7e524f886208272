"""A small policy directory of its own, so that these tests do not hang on the shipped one."""

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

FILES = {
    "rego/regogate/request/decision.rego": """\
# METADATA
# scope: package
# schemas:
#   - input: schema.input
package regogate.request

import data.regogate.clients

default decision := {"v": 1, "decision": "BLOCK"}

decision := {"v": 1, "decision": "ALLOW"} if clients[input.client].enabled
""",
    "rego/regogate/request/decision_test.rego": """\
package regogate.request_test

import data.regogate.request

test_blocks_a_stranger if request.decision.decision == "BLOCK" with input as {"client": "x"}
""",
    "data/clients.yaml": """\
support:
  tier: default
  enabled: true
paused:
  tier: default
  enabled: false
""",
    "data/tiers.yaml": "default:\n  models: [gpt-4o-mini]\n  price: 0.15\n",
    "schemas/input.json": json.dumps(
        {"type": "object", "properties": {"client": {"type": "string"}}, "additionalProperties": False}
    ),
    "schemas/tables/clients.schema.json": json.dumps(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "additionalProperties": {"$ref": "#/$defs/row"},
            "$defs": {
                "row": {
                    "type": "object",
                    "required": ["tier"],
                    "additionalProperties": False,
                    "properties": {
                        "tier": {"type": "string"},
                        "enabled": {"type": "boolean"},
                        "audit": {"enum": ["full", "metadata", "hash"]},
                        "networks": {"type": "array", "items": {"type": "string"}},
                    },
                }
            },
        }
    ),
    "schemas/tables/tiers.schema.json": json.dumps({"type": "object"}),
    "schemas/tables/networks.schema.json": json.dumps({"type": "object"}),
}


def run(awaitable: Coroutine[Any, Any, T]) -> T:
    """Each test brings its own event loop."""
    return asyncio.run(awaitable)


def write_policies(root: Path, changes: dict[str, str] | None = None) -> Path:
    """The directory below `root`, with `changes` (relative path -> text) over it."""
    for name, text in {**FILES, **(changes or {})}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root
