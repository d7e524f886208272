"""A little policy of one's own that speaks the decision contract, so that these tests do not hang on the
shipped rules. Grants by client; blocks by network, data class, tool and signal; caps tokens; limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

META = """\
# METADATA
# title: {title}
# description: {title}, said at length.
# custom:
#   id: {id}
#   owner: {owner}
#   remediation: {remediation}
"""


def meta(id_: str, title: str, remediation: str, owner: str = "policy") -> str:
    return META.format(id=id_, title=title, remediation=remediation, owner=owner)


REQUEST: Final = (
    """\
# METADATA
# scope: package
# title: A little policy
package regogate.request

client := data.regogate.clients[input.identity.client_id]

tier := data.regogate.tiers[client.tier]

# METADATA
# entrypoint: true
decision := {
	"v": 1,
	"decision": "BLOCK",
	"reasons": sort(refusal),
	"audit": "metadata",
	"shadow": sort({id | some id in fired; data.regogate.rules[id] == "shadow"}),
	"http": {"status": 403, "code": "policy_blocked"},
} if {
	count(refusal) > 0
} else := {
	"v": 1,
	"decision": "CONSTRAIN",
	"reasons": ["request.tokens.cap"],
	"principal": principal,
	"constraints": {"max_tokens": tier.max_tokens},
	"limits": limits,
	"response": {"inspect": [], "ask": "never", "tool_calls": "pass"},
	"audit": "metadata",
	"shadow": [],
} if {
	count(grant) > 0
	capped
} else := {
	"v": 1,
	"decision": "ALLOW",
	"reasons": sort(grant),
	"principal": principal,
	"constraints": {},
	"limits": limits,
	"response": {"inspect": [], "ask": "never", "tool_calls": "pass"},
	"audit": "metadata",
	"shadow": [],
} if {
	count(grant) > 0
} else := {
	"v": 1,
	"decision": "BLOCK",
	"reasons": ["request.default.deny"],
	"audit": "metadata",
	"shadow": [],
	"http": {"status": 403, "code": "policy_blocked"},
}

principal := {"id": sprintf("client/%s", [input.identity.client_id]), "tier": client.tier}

limits := [{
	"id": "client.rpm",
	"key": principal.id,
	"unit": "requests",
	"amount": tier.limits.requests_per_minute,
	"per": "minute",
	"window": "rolling",
}]

refusal := {id | some id in fired; not relaxed(id)}

relaxed(id) if data.regogate.rules[id] in {"off", "shadow"}

fired contains id if some id in block

fired contains id if {
	some name
	some id in data.regogate.site[name].request_block
}

"""
    + meta("request.grant.tier", "The tier grants it", "Nothing to do.")
    + """\
grant contains "request.grant.tier" if {
	input.request.operation in tier.operations
	input.request.model in tier.models
}

"""
    + meta("request.network.client", "Not from this network", "Call from a listed network.", "network")
    + """\
block contains "request.network.client" if {
	client.networks
	not reached
}

reached if {
	some name in client.networks
	some cidr in data.regogate.networks[name]
	net.cidr_contains(cidr, input.source.ip)
}

"""
    + meta("request.model.data_class", "Too sensitive for the model", "Use a cleared model.")
    + """\
block contains "request.model.data_class" if {
	row := data.regogate.models[input.request.model]
	rank := {"public": 0, "internal": 1, "confidential": 2, "restricted": 3}
	rank[object.get(input.request, "data_class", "internal")] > rank[row.data_class]
}

"""
    + meta("request.tools.denied", "A tool is not allowed", "Do not offer it.")
    + """\
block contains "request.tools.denied" if {
	some tool, _ in input.request.tools
	not tool in tier.tools.allow
}

"""
    + meta("request.risk.injection", "Injection found", "Remove it.")
    + """\
block contains "request.risk.injection" if {
	some _, finding in input.signals.injection
	finding.level == data.regogate.tiers[client.tier].injection
}

"""
    + meta("request.tokens.cap", "The answer is capped", "Ask for fewer tokens.")
    + """\
want contains {"id": "request.tokens.cap", "key": "max_tokens", "value": tier.max_tokens} if capped

capped if input.request.max_tokens > tier.max_tokens

"""
    + meta("request.default.deny", "Nothing allows this", "Add it to the tier.")
    + """\
default_deny contains "request.default.deny" if count(grant) == 0
"""
)

SITE: Final = (
    """\
package regogate.site.acme

"""
    + meta("request.site.acme_hours", "Not at night", "Call between 6 and 22.", "acme")
    + """\
request_block contains "request.site.acme_hours" if {
	input.identity.client_id in data.regogate.site_data.nights.clients
	input.time.hour < 6
}
"""
)

TABLES: Final[dict[str, dict[str, Any]]] = {
    "clients": {
        "support": {"tier": "default", "networks": ["corp"]},
        "batch": {"tier": "default"},
        "lab": {"tier": "premium"},
    },
    "tiers": {
        "default": {
            "models": ["small"],
            "operations": ["chat.completions.create"],
            "max_tokens": 1000,
            "tools": {"allow": ["search"]},
            "injection": "high",
            "limits": {"requests_per_minute": 60},
        },
        "premium": {
            "models": ["small", "large"],
            "operations": ["chat.completions.create", "embeddings.create"],
            "max_tokens": 8000,
            "tools": {"allow": ["search", "shell"]},
            "injection": "critical",
            "limits": {"requests_per_minute": 600},
        },
    },
    "models": {
        "small": {"data_class": "internal"},
        "large": {"data_class": "confidential"},
    },
    "networks": {"corp": ["10.0.0.0/8"], "vpn": ["10.9.0.0/16"]},
    "tools": {"search": {"use": "allow"}, "shell": {"use": "allow"}},
    "rules": {},
}


def write_policies(
    place: Path,
    tables: Mapping[str, Any] = TABLES,
    request: str = REQUEST,
    site: str | None = SITE,
    site_data: Mapping[str, Any] | None = None,
) -> Path:
    """A policy directory in `place`; gives `place` back."""
    files = {"rego/regogate/request/decision.rego": request}
    if site is not None:
        files["rego/regogate/site/acme.rego"] = site
    files["data/site/nights.yaml"] = json.dumps(site_data or {"clients": ["batch"]})
    for name, table in tables.items():
        files[f"data/{name}.yaml"] = json.dumps(table)
        files[f"schemas/tables/{name}.schema.json"] = json.dumps({"type": "object"})
    for name, text in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return place


def facts(
    client: str = "batch", model: str = "small", *, ip: str = "10.1.2.3", hour: int = 9, **request: Any
) -> dict[str, Any]:
    """An input of the request stage."""
    return {
        "v": 1,
        "stage": "request",
        "request": {"id": "r-1", "operation": "chat.completions.create", "model": model, **request},
        "identity": {"client_id": client, "method": "api_key", "roles": [], "groups": [], "scopes": []},
        "source": {"ip": ip, "client_cert": False},
        "time": {"unix": 1790000000, "weekday": "Mon", "hour": hour},
    }
