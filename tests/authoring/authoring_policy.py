"""A small policy directory of its own, so that these tests do not hang on the shipped one."""

from __future__ import annotations

import json
from pathlib import Path

FILES = {
    "rego/regogate/request/request.rego": """\
# METADATA
# scope: package
# title: May this call be made?
# schemas:
#   - input: schema["input.request.schema"]
package regogate.request

decision := {
	"decision": verdict,
	"reasons": sort(block | grant),
	"constraints": {},
	"limits": [{"id": "client.rpm", "amount": 60}],
}

default verdict := "BLOCK"

verdict := "ALLOW" if count(block) == 0

# METADATA
# title: The client is known
# description: The client stands in the table.
# custom:
#   id: request.grant.known
#   owner: policy
#   remediation: Nothing to do.
grant contains "request.grant.known" if {
	input.identity.client_id in object.keys(data.regogate.clients)
}

# METADATA
# title: The client is not known
# description: The client does not stand in the table.
# custom:
#   id: request.client.unknown
#   owner: policy
#   remediation: Add the client.
block contains "request.client.unknown" if count(grant) == 0
""",
    "rego/regogate/request/request_test.rego": """\
package regogate.request_test

import data.regogate.request

test_known_clients_pass if {
	decision := request.decision with input as {"identity": {"client_id": "app"}}
		with data.regogate.clients as {"app": {}}
	decision.reasons == ["request.grant.known"]
	decision.decision == "ALLOW"
}

test_strangers_are_blocked if {
	decision := request.decision with input as {"identity": {"client_id": "x"}}
		with data.regogate.clients as {"app": {}}
	decision.reasons == ["request.client.unknown"]
	decision.decision == "BLOCK"
}
""",
    "data/clients.yaml": "app: {tier: basic}\n",
    "data/networks.yaml": "corp: [10.0.0.0/8]\n",
    "schemas/input.request.schema.json": json.dumps(
        {
            "type": "object",
            "properties": {
                "stage": {"enum": ["request"]},
                "identity": {"type": "object", "properties": {"client_id": {"type": "string"}}},
                "request": {"type": "object", "properties": {"max_tokens": {"type": "integer"}}},
                "source": {"type": "object"},
            },
        }
    ),
    "schemas/tables/clients.schema.json": json.dumps({"type": "object"}),
    "schemas/tables/networks.schema.json": json.dumps({"type": "object"}),
    "cases/all.yaml": """\
cases:
  known:
    call: {client: app}
    expect: {decision: ALLOW, reasons: [request.grant.known]}
""",
}


def write_policies(root: Path, changes: dict[str, str] | None = None) -> Path:
    """The directory below `root`, with `changes` (relative path -> text) over it."""
    for name, text in {**FILES, **(changes or {})}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def edited(name: str, old: str, new: str) -> dict[str, str]:
    """The change that replaces `old` in one of the files."""
    assert old in FILES[name]
    return {name: FILES[name].replace(old, new)}
