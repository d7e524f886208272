package regogate.request

import data.regogate.caller
import data.regogate.findings

# METADATA
# title: The decision on a request
# description: |
#   Of most calls neither the tables nor the facts say anything unusual. They take the short way, one
#   rule over what prepare.rego worked out, which costs a quarter of asking every rule and merging
#   what they say. Whatever it cannot tell it leaves to `merged`. Tests compare the two ways on every
#   call they make, and ask for each field of the tables and each part of the input that somebody has
#   thought of it here or in prepare.rego.
# entrypoint: true
decision := answer if {
	# Single values are looked up by their whole path: OPA copies whatever part of the tables it is handed.
	account := caller.account
	tier_name := account.tier
	data_class := object.get(input.request, "data_class", "internal")
	asked_model := input.request.model
	asked_operation := input.request.operation
	[1 |
		not data.regogate.prepared.tiers[tier_name].may[asked_operation][asked_model][data_class]
		not covered(tier_name, asked_operation, asked_model, data_class)
	] == []
	is_string(account.tenant)
	[1 |
		networks := data.regogate.prepared.odd_clients[input.identity.client_id]
		not caller.reached_from(networks)
	] == []

	# The facts.
	input.v == 1
	input.stage == "request"
	nothing := object.get({}, "", null)
	[1 | nothing in input.request] == []
	[1 | nothing in input.identity] == []
	[1 | nothing in input.source] == []
	net.cidr_is_valid(concat("/", [input.source.ip, "32"]))
	[1 | found := input.signals; not harmless(found)] == []
	[1 | used := input.usage; not ordinary(used)] == []

	# The tools.
	offered := object.get(input.request, "tools", {})
	is_object(offered)
	some_offered := count(offered) > 0
	object.get(input.request, "has_tools", some_offered) == some_offered
	others := [name | some name, _ in offered; not data.regogate.prepared.tiers[tier_name].tools[name]]
	[1 | some name in others; data.regogate.prepared.odd_tools[name]] == []
	stripped := [name |
		prefixes := data.regogate.prepared.tiers[tier_name].prefixes
		some name in others
		not strings.any_prefix_match(name, prefixes)
	]
	[1 | stripped != []; not data.regogate.prepared.tiers[tier_name].strips] == []

	# A site's own rules.
	[1 | data.regogate.prepared.site; site_speaks] == []

	# What the tier asks for.
	free := [1 |
		asked := input.request.max_tokens
		is_number(asked)
		asked >= 1
		asked <= data.regogate.prepared.tiers[tier_name].cap
	]
	form := {
		true: {true: "free", false: "free_stripped"},
		false: {true: "capped", false: "capped_stripped"},
	}[free == [1]][stripped == []]
	said := data.regogate.prepared.tiers[tier_name].forms[form]
	strips := {"strip_tools": sort(stripped) | stripped != []}
	id := concat("/", ["client", input.identity.client_id])
	answer := {
		"v": 1,
		"decision": said.decision,
		"reasons": said.reasons,
		"principal": {"id": id, "tenant": account.tenant, "tier": tier_name},
		"constraints": object.union(said.constraints, strips),
		"limits": [object.union(limit, {"key": id}) | some limit in data.regogate.prepared.tiers[tier_name].limits],
		"response": said.response,
		"audit": said.audit,
		"shadow": [],
	}
} else := merged

harmless(found) if {
	is_object(found)
	findings.only_recorded
}

ordinary(used) if {
	is_object(used)
	every fact, value in used {
		expected(fact, value)
	}
}

expected(fact, value) if {
	thresholds := object.get(data.regogate.prepared.unusual, fact, [])
	every from in thresholds {
		below(value, from)
	}
}

# A model without a row of its own goes by that of the longest pattern.
covered(tier_name, operation, model, data_class) if {
	is_string(model)
	not data.regogate.models[model]
	prefix := [one | some one in data.regogate.prepared.prefixes; startswith(model, one)][0]
	data.regogate.prepared.tiers[tier_name].may[operation][concat("", [prefix, "*"])][data_class]
}
