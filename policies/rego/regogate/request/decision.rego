package regogate.request

import data.regogate.caller
import data.regogate.findings

# METADATA
# title: The decision on a request
# description: |
#   Of most calls neither the tables nor the facts say anything unusual. They take the short way, one
#   rule over what prepare.rego worked out, which costs a seventh of asking every rule and merging
#   what they say. Whatever it cannot tell it leaves to `merged`. Tests compare the two ways on every
#   call they make, and ask for each field of the tables and each part of the input that somebody has
#   thought of it here or in prepare.rego.
# entrypoint: true
decision := answer if {
	# The facts.
	input.v == 1
	input.stage == "request"
	facts := input.request
	identity := input.identity
	source := input.source
	nothing := object.get({}, "", null)
	not nothing in facts
	not nothing in identity
	not nothing in source
	net.cidr_is_valid(sprintf("%s/32", [source.ip]))
	[1 | found := input.signals; not harmless(found)] == []
	[1 | used := input.usage; not ordinary(used)] == []

	# The model. What is looked up more than once is named, because a name costs less than a path.
	plans := data.regogate.prepared

	# regal ignore:pointless-reassignment
	principal := prepared_principal
	tier_name := principal.tier
	plan := plans.tiers[tier_name]
	asked_operation := facts.operation
	asked_model := facts.model
	data_class := object.get(facts, "data_class", "internal")
	[1 |
		not plan.may[asked_operation][asked_model][data_class]
		not covered(tier_name, asked_operation, asked_model, data_class)
	] == []

	# A site's own rules.
	[1 | plans.site == true; site_speaks] == []

	# The tools.
	offered := object.get(facts, "tools", {})
	is_object(offered)
	some_offered := offered != {}
	[1 | facts.has_tools != some_offered] == []
	others := [name | some name, _ in offered; not plan.tools[name]]
	[1 | some name in others; plans.odd_tools[name]] == []
	prefixes := plan.prefixes
	stripped := [name | some name in others; not strings.any_prefix_match(name, prefixes)]

	# What the tier asks for.
	free := [1 |
		max_tokens := facts.max_tokens
		max_tokens >= 1
		max_tokens <= plan.cap
	]
	form := {
		true: {true: "free", false: "free_stripped"},
		false: {true: "capped", false: "capped_stripped"},
	}[free == [1]][stripped == []]
	answer := object.union(plan.forms[form], {
		"principal": principal,
		"constraints": {"strip_tools": sort(stripped) | stripped != []},
		"limits": [object.union(limit, {"key": principal.id}) | some limit in plan.limits],
	})
} else := merged

# The caller as records name it, where its row says no more than that, or only from where it may call.
prepared_principal := principal if {
	principal := data.regogate.prepared.principals[input.identity.client_id]
} else := bound.principal if {
	bound := data.regogate.prepared.bound[input.identity.client_id]
	caller.reached_from(bound.networks)
} else := caller.principal if {
	not caller.listed_client
}

harmless(found) if {
	is_object(found)
	findings.only_recorded
}

ordinary(used) if {
	is_object(used)
	[1 |
		some fact, value in used
		some from in data.regogate.prepared.unusual[fact]
		not below(value, from)
	] == []
}

# A model without a row of its own goes by that of the longest pattern.
covered(tier_name, operation, model, data_class) if {
	is_string(model)
	not data.regogate.models[model]
	prefix := [one | some one in data.regogate.prepared.prefixes; startswith(model, one)][0]
	data.regogate.prepared.tiers[tier_name].may[operation][concat("", [prefix, "*"])][data_class]
}
