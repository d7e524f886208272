# METADATA
# scope: package
# title: May this answer pass?
# description: |
#   What the model answered, asked about where inspection found something.
#   Each file is one topic, as in the request stage; this one makes one decision of them.
# schemas:
#   - input: schema["input.response.schema"]
#   - data.regogate.tools: schema.tables["tools.schema"]
#   - data.regogate.stop: schema.tables["stop.schema"]
package regogate.response

import data.regogate.caller
import data.regogate.lib

# METADATA
# title: The decision
# entrypoint: true
decision := answer if {
	refusal == set()
	grant != set()
	[verdict, ground] := outcome
	answer := {
		"v": 1,
		"decision": verdict,
		"reasons": sort(ground),
		"principal": caller.principal,
		"constraints": constraints,
		"audit": audit,
		"shadow": sort(shadow),
	}
} else := object.union(known, {
	"v": 1,
	"decision": "BLOCK",
	"reasons": sort(refusal | default_deny),
	"audit": audit,
	"shadow": sort(shadow),
	"http": {"status": 403, "code": "policy_blocked"},
})

default known := {}

known := {"principal": caller.principal}

fired := block | {id |
	some name
	said := data.regogate.site[name].response_block
	some id in lib.members(said)
}

asked := want | {item |
	some name
	said := data.regogate.site[name].response_want
	some item in lib.members(said)
}

refusal := ({id | some id in fired; is_string(id); not lib.relaxed(id)} | stop) | conflict

active := asked - {item | some item in asked; lib.relaxed(item.id)}

shadow := {id | some id in fired; data.regogate.rules[id] == "shadow"} | {item.id |
	some item in asked
	data.regogate.rules[item.id] == "shadow"
}

# What this stage can be asked for; any other want is malformed.
# regal ignore:prefer-set-or-object-rule
sound := {[id, key, value] |
	some {"id": id, "key": key, "value": value} in active
	is_string(id)
	lib.fits(key, value)
}

# METADATA
# title: A rule asks for something that cannot be understood
# description: |
#   A want with an unknown key or a value of the wrong shape, or a site package whose rules
#   are no sets.
# custom:
#   id: conflict.response_malformed
#   owner: policy
#   remediation: Correct the table's value or the site's rule; the policy check names it.
conflict contains "conflict.response_malformed" if malformed

malformed if count(sound) != count(active)

malformed if {
	some id in fired
	not is_string(id)
}

malformed if {
	word := caller.tier.audit
	not lib.fits("audit", word)
}

constraints := object.union(delays, redactions) if {
	delays := {"delay_ms": delay | delay := max({value | some [_, "delay_ms", value] in sound}); delay > 0}
	kinds := sort({kind | some [_, "redact", value] in sound; some kind in value})
	redactions := {"redact": kinds | kinds != []}
}

default audit := "metadata"

audit := lib.audit_levels[max(ranks)] if {
	said := {level | some [_, "audit", level] in sound}
	levels := said | {object.get(caller.tier, "audit", "metadata")}
	ranks := {rank | some level in levels; rank := lib.audit_rank[level]}
}

outcome := ["ALLOW", grant] if {
	constraints == {}
} else := ["CONSTRAIN", {id | some [id, key, _] in sound; constraints[key]}]

# METADATA
# title: Nothing allows this
# description: No grant covers it, and no rule says more.
# custom:
#   id: response.default.deny
#   owner: policy
#   remediation: Add the operation and the model to the client's tier in tiers.yaml.
default_deny contains "response.default.deny" if {
	grant == set()
	refusal == set()
}
