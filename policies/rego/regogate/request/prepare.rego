package regogate.request

import data.regogate.lib

# What of a decision follows from the tables alone. It is worked out when a bundle is built, and stands
# in the bundle as data.regogate.prepared, so that `decision` need not work it out for every call. What
# is not in it is left to `merged`: a tier, a model or a tool of which the tables say anything that is
# not thought of here. No field may be added to these lists unless `decision` holds to it.

# Pairs of a tier and a model: more would make the bundle large, and are left to `merged`.
most_pairs := 50000

# The operations that may be decided the short way.
quick_operations := {"chat.completions.create"}

default prepared := {"tiers": {}}

prepared := {
	"tiers": {name: plan | some name, tier in data.regogate.tiers; plan := tier_plan(tier)},
	"principals": {name: principal |
		some name, client in data.regogate.clients
		principal := client_principal(name, client)
	},
	"bound": {name: {"principal": principal, "networks": client.networks} |
		some name, client in data.regogate.clients
		is_array(client.networks)
		principal := client_principal(name, object.remove(client, ["networks"]))
	},
	"odd_tools": {name: true | some name, entry in data.regogate.tools; not plain_tool(entry)},
	"prefixes": longest_first,
	"unusual": {fact: from |
		some fact, row in data.regogate.anomalies
		from := [row[key] | some key in ["block_from", "constrain_from"]]
		from != []
	},
	"site": a_site,
} if {
	is_object(data.regogate.tenants)
	is_object(data.regogate.networks)
	is_object(data.regogate.tools)
	data.regogate.rules == {}
	data.regogate.stop == {"everything": false, "clients": {}, "tenants": {}, "models": {}}
	not data.regogate.residency
	[1 | some entry in data.regogate.models; not is_object(entry)] == []
	count(data.regogate.tiers) * count(data.regogate.models) <= most_pairs
}

# The models that only a pattern covers, by what the pattern begins with.
longest := max({0} | {count(pattern) | some pattern, _ in data.regogate.models})

longest_first := [prefix |
	some length in numbers.range(longest, 0)
	some pattern, _ in data.regogate.models
	endswith(pattern, "*")
	prefix := trim_suffix(pattern, "*")
	count(prefix) == length
]

default a_site := false

a_site if {
	some name
	type_name(data.regogate.site[name]) != ""
}

# regal ignore:rule-length
tier_plan(tier) := {
	"may": {operation: allowed |
		some operation in quick_operations
		lib.matches_any(tier.operations, operation)
		allowed := {model: classes |
			some model, row in data.regogate.models
			lib.matches_any(tier.models, model)
			classes := plain_classes(row, limits)
		}
	},
	"tools": {name: true |
		some name in object.get(tier, ["tools", "allow"], [])
		plain_tool(object.get(data.regogate.tools, name, {"use": "allow"}))
	},
	"prefixes": [trim_suffix(pattern, "*") |
		some pattern in object.get(tier, ["tools", "allow"], [])
		endswith(pattern, "*")
	],
	"cap": cap,
	"limits": sort(entries),
	"forms": {form: {
		"v": 1,
		"shadow": [],
		"decision": {true: "ALLOW", false: "CONSTRAIN"}[ids == set()],
		"reasons": {true: ["request.grant.tier"], false: sort(ids)}[ids == set()],
		"constraints": object.union(delays, wants),
		"response": object.union(unhindered.response, answers),
		"audit": level,
	} |
		some form, said in {
			"free": [{}, set()],
			"free_stripped": [{}, {"request.tools.stripped"}],
			"capped": [caps, ids_of_cap],
			"capped_stripped": [caps, (ids_of_cap | {"request.tools.stripped"})],
		}
		[1 | endswith(form, "_stripped"); not strips] == []
		[wants, more] := said
		ids := more | {"request.delay.tier" | delays != {}}
	},
} if {
	object.keys(tier) - {
		"models",
		"operations",
		"tools",
		"max_tokens",
		"limits",
		"audit",
		"unclassified_models",
		"delay_ms",
		"answers",
	} == set()
	object.keys(object.get(tier, "tools", {})) - {"allow", "otherwise"} == set()
	strips := object.get(tier, ["tools", "otherwise"], "block") == "strip"
	level := object.get(tier, "audit", "metadata")
	level in {"full", "metadata", "hash"}
	cap := object.get(tier, "max_tokens", 1)
	whole(cap)
	caps := {"max_tokens": cap | tier.max_tokens}
	ids_of_cap := {"request.tokens.cap" | caps != {}}
	delay := object.get(tier, "delay_ms", 0)
	lib.fits("delay_ms", delay)
	delays := {"delay_ms": delay | delay > 0}
	answers := object.get(tier, "answers", {})
	answers_read(answers)
	limits := object.get(tier, "limits", {})
	is_object(limits)
	entries := [entry |
		some name, amount in limits
		entry := limit_entry(name, amount, "", object.get(limits, "burst", amount))
		is_object(entry)
	]
	count(entries) == count(object.remove(limits, ["burst"]))
	whole(object.get(limits, "burst", 1))
}

# The data classes that a model may get, where its row says nothing else of a call.
plain_classes(model, limits) := {class: true |
	some class in ["public", "internal", "confidential", "restricted"]
	lib.cleared(class, model.data_class)
} if {
	object.keys(model) - {"data_class", "region", "price", "provider", "max_output_tokens"} == set()
	[1 | limits.usd_per_day; not counts_money(model)] == []
}

counts_money(row) if {
	is_number(row.price.input)
	is_number(row.price.output)
}

client_principal(name, row) := {"id": sprintf("client/%s", [name]), "tenant": row.tenant, "tier": row.tier} if {
	name != ""
	object.keys(row) - {"tier", "tenant", "enabled"} == set()
	object.get(row, "enabled", true) == true
	is_string(row.tenant)
}

# What else its row says is about calls of it.
plain_tool(entry) if {
	entry.use == "allow"
	object.get(entry, "digest", "") == ""
}
