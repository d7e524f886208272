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
decision := going if {
	permitted
	input.request.operation != "models.list"
}

decision := object.union(going, {"visible": visible}) if {
	permitted
	input.request.operation == "models.list"
}

decision := object.union(caller, {
	"v": 1,
	"decision": "BLOCK",
	"reasons": sort(refusal | default_deny),
	"audit": audit,
	"shadow": sort(shadow),
	"http": manner,
}) if {
	not permitted
}

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

permitted if {
	count(grant) > 0
	count(refusal) == 0
}

# 1. What fired, before modes: the shipped topics and the site's own packages.

fired contains id if some id in block

fired contains id if some id in model_block[input.request.model]

fired contains id if {
	some blocks in site_blocks
	some id in blocks
}

asked contains item if some item in want

asked contains item if {
	some wants in site_wants
	some item in wants
}

site_blocks[name] := blocks if {
	some name
	blocks := data.regogate.site[name].request_block
}

site_wants[name] := wants if {
	some name
	wants := data.regogate.site[name].request_want
}

# 2. What counts, after modes. A want whose id cannot be read has no mode, so it counts.

refusal contains id if {
	some id in fired
	is_string(id)
	not lib.relaxed(id)
}

refusal contains id if some id in stop

refusal contains id if some id in conflict

active contains item if {
	some item in asked
	not relaxed_want(item)
}

relaxed_want(item) if data.regogate.rules[item.id] in {"shadow", "off"}

sound contains item if {
	some item in active
	lib.well_formed(item)
}

# The values wanted, by key. A comprehension is evaluated once, a rule again for each key.
# regal ignore:prefer-set-or-object-rule
wanted := {key: values |
	some key in {item.key | some item in sound}
	values := {item.value | some item in sound; item.key == key}
}

shadow contains id if {
	some id in fired
	lib.shadowed(id)
}

shadow contains item.id if {
	some item in asked
	lib.shadowed(item.id)
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

malformed if {
	some blocks in site_blocks
	not is_set(blocks)
}

malformed if {
	some wants in site_wants
	not is_set(wants)
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
	"response": response,
	"audit": audit,
	"shadow": sort(shadow),
}

default verdict := "CONSTRAIN"

verdict := "ALLOW" if constraints == {}

ground := grant if constraints == {}

else := {item.id | some item in active; constraints[item.key]}

# Answers are not inspected yet, so no call is asked about again.
response := {"inspect": [], "ask": "never", "tool_calls": "pass"}

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
