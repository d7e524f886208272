# METADATA
# scope: package
# title: May this call be made, and how?
# description: |
#   The first of the three stages. Every other file of this package is one topic: it adds ids to
#   `grant`, `block`, `model_block` or `stop`, and wants to `want`. This file alone applies the
#   rules' modes, adds what a site's own packages say, and makes one decision of it all: BLOCK
#   over CONSTRAIN over ALLOW, the most restrictive value of each constraint.
# schemas:
#   - input: schema["input.request.schema"]
#   - data.regogate.clients: schema.tables["clients.schema"]
#   - data.regogate.tenants: schema.tables["tenants.schema"]
#   - data.regogate.tiers: schema.tables["tiers.schema"]
#   - data.regogate.models: schema.tables["models.schema"]
#   - data.regogate.networks: schema.tables["networks.schema"]
#   - data.regogate.tools: schema.tables["tools.schema"]
#   - data.regogate.stop: schema.tables["stop.schema"]
#   - data.regogate.residency: schema.tables["residency.schema"]
#   - data.regogate.anomalies: schema.tables["anomalies.schema"]
package regogate.request

import data.regogate.caller
import data.regogate.findings
import data.regogate.lib

# 1. What fired, before modes: the shipped topics and the site's own packages.

fired := block | {id |
	some name
	said := data.regogate.site[name].request_block
	some id in lib.members(said)
}

asked := want | {item |
	some name
	said := data.regogate.site[name].request_want
	some item in lib.members(said)
}

site_speaks if {
	some name
	data.regogate.site[name].request_block != set()
}

site_speaks if {
	some name
	data.regogate.site[name].request_want != set()
}

# 2. What counts, after modes. A want whose id cannot be read has no mode, so it counts.

refusal := ({id | some id in fired; is_string(id); not lib.relaxed(id)} | stopped) | conflict

stopped := set() if {
	caller.calm
} else := stop

active := asked if {
	data.regogate.rules == {}
} else := asked - {item | some item in asked; data.regogate.rules[item.id] in {"shadow", "off"}}

shadow := set() if {
	data.regogate.rules == {}
} else := {id | some id in fired; data.regogate.rules[id] == "shadow"} | {item.id |
	some item in asked
	data.regogate.rules[item.id] == "shadow"
}

# What is wanted, in a form that can be merged.
# regal ignore:prefer-set-or-object-rule
sound := {[id, key, value] |
	some {"id": id, "key": key, "value": value} in active
	is_string(id)
	type_name(value) in {
		"max_tokens": {"number"},
		"delay_ms": {"number"},
		"strip_tools": {"array", "set"},
		"redact": {"array", "set"},
		"regions": {"array", "set"},
		"model": {"string"},
		"pool": {"string"},
		"audit": {"string"},
		"limits": {"object"},
	}[key]
}

# The values wanted, by key. OPA keeps what it evaluated whole, and this asks for the whole.
# regal ignore:pointless-reassignment
wanted := by_key

by_key[key] contains value if some [_, key, value] in sound

# 3. What cannot be merged blocks. Conflicts have no mode.

# METADATA
# title: A rule asks for something that cannot be understood
# description: |
#   A want with an unknown key or a value of the wrong shape, or a site package whose
#   `request_block` is not a set of ids or whose `request_want` is not a set.
# custom:
#   id: conflict.malformed
#   owner: policy
#   remediation: Correct the table's value or the site's rule; the policy check names it.
conflict contains "conflict.malformed" if malformed

# METADATA
# title: Two rules route to different places
# description: Two rules force two different models or pools, and neither is the stricter one.
# custom:
#   id: conflict.route
#   owner: policy
#   remediation: Let one rule route; `route_to` may stand in the tier or in the model's row.
conflict contains "conflict.route" if {
	some key in ["model", "pool"]
	count(wanted[key]) > 1
}

# METADATA
# title: A rule routes to a model that the caller may not use
# description: |
#   The model a rule forces must itself be granted, classified, cleared for the data, reachable
#   from the caller's network and not stopped; routing is no way around these.
# custom:
#   id: conflict.target
#   owner: policy
#   remediation: Grant the target model to the tier, or route to another one.
conflict contains "conflict.target" if {
	some model in wanted.model
	model != input.request.model
	not usable(model)
}

# METADATA
# title: No region is left
# description: The lists of regions that rules allow have none in common.
# custom:
#   id: conflict.regions
#   owner: policy
#   remediation: Let the rules' region lists overlap.
conflict contains "conflict.regions" if count(constraints.regions) == 0

# METADATA
# title: Two rules set one limit differently
# description: Two limits have the same id, but not the same values.
# custom:
#   id: conflict.limit
#   owner: policy
#   remediation: Give the site's limit an id of its own; both limits then hold.
conflict contains "conflict.limit" if {
	entries := wanted.limits
	count(entries) > count({entry.id | some entry in entries})
}

malformed if tier_malformed

malformed if count(sound) != count(active)

malformed if {
	some key, least in {"max_tokens": 1, "delay_ms": 0}
	some value in wanted[key]
	[value >= least, value == floor(value)] != [true, true]
}

malformed if {
	some key in ["strip_tools", "redact", "regions"]
	some list in wanted[key]
	some item in list
	not is_string(item)
}

malformed if {
	some word in wanted.audit
	not word in {"full", "metadata", "hash"}
}

malformed if {
	some entry in wanted.limits
	not lib.limit(entry)
}

malformed if {
	some id in fired
	not is_string(id)
}

# 4. The most restrictive value of each constraint. One that demands nothing is not there.

constraints := object.union_n([caps, delays, lists, regions, models, pools]) if {
	caps := {"max_tokens": cap | cap := min(wanted.max_tokens)}
	delays := {"delay_ms": delay | delay := max(wanted.delay_ms); delay > 0}
	lists := {key: together |
		some key in ["strip_tools", "redact"]
		together := sort({item | some list in wanted[key]; some item in list})
		together != []
	}

	# An empty list of regions demands the impossible, and is a conflict.
	regions := {"regions": left |
		allowed := wanted.regions
		left := sort(intersection({{region | some region in list} | some list in allowed}))
	}

	# Two different routes have no stricter one, and are a conflict.
	models := {"model": model | count(wanted.model) == 1; some model in wanted.model; model != input.request.model}
	pools := {"pool": pool | count(wanted.pool) == 1; some pool in wanted.pool}
}

# 5. One decision.

merged := answer if {
	refusal == set()
	grant != set()
	[verdict, ground] := outcome
	answer := object.union_n([unhindered, visible, {
		"decision": verdict,
		"reasons": sort(ground),
		"principal": caller.principal,
		"response": object.union(unhindered.response, object.get(caller.tier, "answers", {})),
		"constraints": constraints,
		"limits": sort(object.get(wanted, "limits", set())),
		"audit": audit,
		"shadow": sort(shadow),
	}])
} else := object.union(known, {
	"v": 1,
	"decision": "BLOCK",
	"reasons": sort(refusal | default_deny),
	"audit": audit,
	"shadow": sort(shadow),
	"http": manner,
})

unhindered := {
	"v": 1,
	"response": {"inspect": findings.inspected, "ask": "findings", "tool_calls": "ask"},
}

outcome := ["ALLOW", grant] if {
	constraints == {}
} else := ["CONSTRAIN", {id | some [id, key, _] in sound; constraints[key]}]

default visible := {}

visible := {"visible": sort([model | some model, _ in input.request.candidates; usable(model)])} if {
	input.request.operation == "models.list"
}

default known := {}

known := {"principal": caller.principal}

# METADATA
# title: Nothing allows this call
# description: No grant covers the operation and the model for this client, and no rule says more.
# custom:
#   id: request.default.deny
#   owner: policy
#   remediation: Add the operation and the model to the client's tier in tiers.yaml.
default_deny contains "request.default.deny" if {
	count(grant) == 0
	count(refusal) == 0
}

# What no grant covers does not exist for the caller, as in the APIs that clients know, nor does a
# model that `visible` leaves out; another rule that says no is told as such.
default manner := {"status": 403, "code": "policy_blocked"}

manner := {"status": 503, "code": "maintenance"} if refusal == {"request.stop.maintenance"}

manner := {"status": 403, "code": "insufficient_scope"} if refusal == {"request.identity.scope"}

manner := {"status": 404, "code": "unknown_url"} if {
	input.request.operation == "unknown"
	count(refusal) == 0
}

manner := {"status": 404, "code": "model_not_found"} if {
	input.request.operation == "models.retrieve"
	every id in refusal {
		id in model_checks
	}
}
