package regogate.request

import data.regogate.caller

# The short way: the decision on a call of which neither the tables nor the facts say anything
# unusual, merged or not. One rule costs a quarter of asking every rule. It says of each restriction
# that it is not set or that it holds, and of three wants what they come to; whatever it cannot tell
# in one expression it leaves to `merged`. No JSON value equals a set, so that a field of any value,
# false and null too, counts as set. Tests compare the two ways on every call they make, and ask for
# each field of the tables that somebody has thought of it here.
# regal ignore:rule-length
quick := answer if {
	unset := set()
	account := caller.account
	object.get(account, "enabled", true) == true
	object.get(account, "networks", unset) == unset
	object.get(account, "windows", unset) == unset
	is_string(account.tenant)

	tier := data.regogate.tiers[account.tier]
	object.get(tier, "route_to", unset) == unset
	object.get(tier, "pool", unset) == unset
	object.get(tier, "regions", unset) == unset
	object.get(tier, "windows", unset) == unset
	object.get(tier, "require", unset) == unset
	object.get(tier, "modalities", unset) == unset
	object.get(tier, "uninspected", unset) == unset
	object.get(tier, "data_class", unset) == unset
	object.get(tier, "max_prompt_tokens", unset) == unset
	object.get(tier, "answers", unset) == unset
	level := object.get(tier, "audit", "metadata")
	level in {"full", "metadata", "hash"}

	# The grant.
	input.request.operation != "models.list"
	[] != [pattern |
		some pattern in tier.operations
		startswith(input.request.operation, trim_suffix(pattern, "*"))
		true in [endswith(pattern, "*"), input.request.operation == pattern]
	]
	[] != [pattern |
		some pattern in tier.models
		startswith(input.request.model, trim_suffix(pattern, "*"))
		true in [endswith(pattern, "*"), input.request.model == pattern]
	]

	# The model.
	row := data.regogate.models[input.request.model]
	object.get(row, "deny_networks", unset) == unset
	object.get(row, "route_to", unset) == unset
	object.get(row, "modalities", unset) == unset
	object.get(row, "audit", unset) == unset
	object.get(input.request, "data_class", "internal") in {
		"public": {"public"},
		"internal": {"public", "internal"},
		"confidential": {"public", "internal", "confidential"},
		"restricted": {"public", "internal", "confidential", "restricted"},
	}[row.data_class]

	# A money limit needs a price.
	[1 | tier.limits.usd_per_day; not row_priced] == []

	# The facts.
	input.v == 1
	input.stage == "request"
	is_string(input.request.model)
	nothing := object.get({}, "", null)
	[nothing in input.request, nothing in input.identity, nothing in input.source] == [false, false, false]
	net.cidr_is_valid(sprintf("%s/32", [input.source.ip]))
	object.get(input, "signals", unset) == unset
	used := object.get(input, "usage", {})
	is_object(used)
	[fact | some fact, value in used; not ordinary(fact, value)] == []

	# The tools.
	offered := object.get(input.request, "tools", {})
	is_object(offered)
	some_offered := count(offered) > 0
	object.get(input.request, "has_tools", some_offered) == some_offered
	count(offered) == count([name |
		some name, _ in offered
		object.get(data.regogate.tools, name, {"use": "allow"}).use == "allow"
	])
	object.get(tier, ["tools", "results"], unset) == unset
	named := object.get(tier, ["tools", "allow"], [])
	others := [name | some name, _ in offered; not name in named]
	unlisted := [name | some name in others; not listed_by_pattern(name)]
	true in [unlisted == [], object.get(tier, ["tools", "otherwise"], "block") == "strip"]

	# The other tables, and a site's own rules.
	is_object(data.regogate.tenants)
	is_object(data.regogate.networks)
	is_object(data.regogate.tools)
	data.regogate.rules == {}
	data.regogate.stop == {"everything": false, "clients": {}, "tenants": {}, "models": {}}
	not site_speaks
	not data.regogate.residency

	# What the tier asks for.
	cap := object.get(tier, "max_tokens", unset)
	caps := {"max_tokens": cap | cap != unset; not within(cap); not tokenless}
	[cap | some cap in caps; not whole(cap)] == []
	delay := object.get(tier, "delay_ms", 0)
	is_number(delay)
	delay >= 0
	delay == floor(delay)
	delays := {"delay_ms": delay | delay > 0; not catalogue_operation}
	strips := {"strip_tools": sort(unlisted) | unlisted != []}
	constraints := object.union_n([caps, delays, strips])

	id := sprintf("client/%s", [input.identity.client_id])
	limits := object.get(tier, "limits", {})
	is_object(limits)
	entries := {name: entry |
		some name, amount in limits
		entry := limit_entry(name, amount, id, object.get(limits, "burst", amount))
	}
	count(entries) == count(limits)

	ids := {
		"delay_ms": "request.delay.tier",
		"max_tokens": "request.tokens.cap",
		"strip_tools": "request.tools.stripped",
	}
	asked_for := sort([id | some key, id in ids; constraints[key]])
	answer := object.union(unhindered, {
		"decision": {true: "ALLOW", false: "CONSTRAIN"}[asked_for == []],
		"reasons": {true: ["request.grant.tier"], false: asked_for}[asked_for == []],
		"principal": {"id": id, "tenant": account.tenant, "tier": account.tier},
		"constraints": constraints,
		"limits": sort([entry | some entry in entries; is_object(entry)]),
		"audit": level,
	})
}

row_priced if {
	price := data.regogate.models[input.request.model].price
	is_number(price.input)
	is_number(price.output)
}
