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
package regogate.request

import data.regogate.lib

# METADATA
# title: The decision on a request
# entrypoint: true
decision := object.union(going, {"visible": visible}) if {
	input.request.operation == "models.list"
} else := going if {
	going
} else := object.union(caller, {
	"v": 1,
	"decision": "BLOCK",
	"reasons": sort(refusal | default_deny),
	"audit": audit,
	"shadow": sort(shadow),
	"http": manner,
})

# What no grant covers does not exist for the caller, as in the APIs that clients know, nor does a
# model that `visible` leaves out; another rule that says no is told as such.
default manner := {"status": 403, "code": "policy_blocked"}

manner := {"status": 404, "code": "unknown_url"} if {
	input.request.operation == "unknown"
	count(refusal) == 0
}

manner := {"status": 404, "code": "model_not_found"} if {
	input.request.operation == "models.retrieve"
	every id in refusal {
		id in model_block[input.request.model]
	}
}

# 1. What fired, before modes: the shipped topics and the site's own packages.

fired contains id if some id in block

fired contains id if some id in model_block[input.request.model]

fired contains id if {
	some name
	said := data.regogate.site[name].request_block
	some id in members(said)
}

asked contains item if some item in want

asked contains item if {
	some name
	said := data.regogate.site[name].request_want
	some item in members(said)
}

# What a site says that is no set holds `{}`, too, which is neither an id nor a want.
members(said) := said if {
	is_set(said)
} else := {{}} | {member | some member in said}

# 2. What counts, after modes. A want whose id cannot be read has no mode, so it counts.

refusal contains id if {
	some id in fired
	is_string(id)
	not lib.relaxed(id)
}

refusal contains id if {
	not calm
	some id in stop
}

refusal contains id if some id in conflict

active := asked - {item | some item in asked; data.regogate.rules[item.id] in {"shadow", "off"}}

sound contains item if {
	some item in active
	lib.well_formed(item)
}

# The values wanted, by key. A comprehension is evaluated once, a rule again for each key.
# regal ignore:prefer-set-or-object-rule
wanted := {item.key: values |
	some item in sound
	values := {other.value | some other in sound; other.key == item.key}
}

shadow contains id if {
	some id in fired
	data.regogate.rules[id] == "shadow"
}

shadow contains item.id if {
	some item in asked
	data.regogate.rules[item.id] == "shadow"
}

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
	some key, values in wanted
	key in {"model", "pool"}
	count(values) > 1
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
	some one in wanted.limits
	some two in wanted.limits
	one.id == two.id
	one != two
}

malformed if active != sound

malformed if {
	some id in fired
	not is_string(id)
}

# A model may be used if all that is checked of models holds for it.
usable(model) if {
	model_granted(model)
	model_going(model)
	every id in object.get(model_block, model, set()) {
		lib.relaxed(id)
	}
}

# 4. The most restrictive value of each constraint.

# regal ignore:prefer-set-or-object-rule
constraints := {key: value |
	some key, values in wanted
	value := strictest(key, values)
}

# Undefined where the value demands nothing of this call, and for what is no constraint.
strictest("max_tokens", values) := min(values)

strictest("delay_ms", values) := delay if {
	delay := max(values)
	delay > 0
}

strictest(key, values) := together if {
	key in {"strip_tools", "redact"}
	together := sort({item | some list in values; some item in list})
	together != []
}

# An empty list of regions demands the impossible, and is a conflict.
strictest("regions", values) := sort(intersection({{region | some region in list} | some list in values}))

# Two different routes have no stricter one, and are a conflict.
strictest("model", values) := model if {
	count(values) == 1
	some model in values
	model != input.request.model
}

strictest("pool", values) := pool if {
	count(values) == 1
	some pool in values
}

# 5. One decision.

going := {
	"v": 1,
	"decision": verdict,
	"reasons": sort(ground),
	"principal": principal,
	"constraints": constraints,
	"limits": sort(object.get(wanted, "limits", set())),
	# Answers are not inspected yet, so no call is asked about again.
	"response": {"inspect": [], "ask": "never", "tool_calls": "pass"},
	"audit": audit,
	"shadow": sort(shadow),
} if {
	count(grant) > 0
	count(refusal) == 0
	[verdict, ground] := outcome
}

outcome := ["ALLOW", grant] if {
	constraints == {}
} else := ["CONSTRAIN", {item.id | some item in active; constraints[item.key]}]

visible := sort([model | some model, _ in input.request.candidates; usable(model)])

default caller := {}

caller := {"principal": principal}

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
