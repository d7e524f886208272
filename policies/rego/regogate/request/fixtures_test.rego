# The tables and the call that the tests of this package start from. Tests bring their own
# tables, so that the shipped ones may be changed freely.
package regogate.request_test

import data.regogate.request

tables := {
	"clients": {
		"app": {"tier": "basic", "tenant": "acme", "enabled": true},
		"free": {"tier": "open", "tenant": "acme"},
	},
	"tenants": {},
	"tiers": {
		"basic": {
			"models": ["small", "big-*"],
			"operations": ["chat.completions.*", "models.*"],
			"tools": {"allow": ["search", "read_*"], "otherwise": "strip"},
			"audit": "metadata",
		},
		"open": {
			"models": ["*"],
			"operations": ["*"],
			"tools": {"allow": [], "otherwise": "allow"},
			"unclassified_models": "allow",
		},
	},
	"models": {
		"small": {"data_class": "internal"},
		"big-*": {"data_class": "confidential"},
	},
	"networks": {"office": ["10.0.0.0/8", "2001:db8::/32"], "quarantine": ["10.1.0.0/16"]},
	"tools": {},
	"rules": {},
	"stop": {"everything": false, "clients": {}, "tenants": {}, "models": {}},
}

call := {
	"v": 1,
	"stage": "request",
	"request": {
		"id": "r-1",
		"operation": "chat.completions.create",
		"path": "/v1/chat/completions",
		"model": "small",
	},
	"identity": {"client_id": "app", "method": "api_key"},
	"source": {"ip": "10.2.3.4"},
	"time": {"unix": 1790000000, "weekday": "Mon", "hour": 9},
}

# `changes` is laid over the call, `rows` over the tables.
decide(changes, rows) := decide_exactly(object.union(call, changes), object.union(tables, rows))

decide_exactly(facts, bundle) := decide_with_site(facts, bundle, {})

# Both ways to a decision give the same one. A table that a site need not have is false here, which
# no rule can tell from its absence.
decide_with_site(facts, bundle, site) := decision if {
	prepared := prepared_of(bundle, site)
	[decision, merged] := [request.decision, request.merged] with input as facts
		with data.regogate.clients as bundle.clients
		with data.regogate.tenants as bundle.tenants
		with data.regogate.tiers as bundle.tiers
		with data.regogate.models as bundle.models
		with data.regogate.networks as bundle.networks
		with data.regogate.tools as bundle.tools
		with data.regogate.rules as bundle.rules
		with data.regogate.stop as bundle.stop
		with data.regogate.windows as object.get(bundle, "windows", false)
		with data.regogate.signals as object.get(bundle, "signals", false)
		with data.regogate.anomalies as object.get(bundle, "anomalies", false)
		with data.regogate.residency as object.get(bundle, "residency", false)
		with data.regogate.site as site
		with data.regogate.prepared as prepared
	decision == merged
}

# What a build works out from the tables.
prepared_of(bundle, site) := prepared if {
	prepared := request.prepared with data.regogate.clients as bundle.clients
		with data.regogate.tenants as bundle.tenants
		with data.regogate.tiers as bundle.tiers
		with data.regogate.models as bundle.models
		with data.regogate.networks as bundle.networks
		with data.regogate.tools as bundle.tools
		with data.regogate.rules as bundle.rules
		with data.regogate.stop as bundle.stop
		with data.regogate.signals as object.get(bundle, "signals", false)
		with data.regogate.anomalies as object.get(bundle, "anomalies", false)
		with data.regogate.residency as object.get(bundle, "residency", false)
		with data.regogate.site as site
}

# Whether the short way decides the call.
quickly(changes, rows) if {
	bundle := object.union(tables, rows)
	prepared := prepared_of(bundle, {})
	decision := request.decision with input as object.union(call, changes)
		with data.regogate.clients as bundle.clients
		with data.regogate.tenants as bundle.tenants
		with data.regogate.tiers as bundle.tiers
		with data.regogate.networks as bundle.networks
		with data.regogate.signals as object.get(bundle, "signals", false)
		with data.regogate.site as {}
		with data.regogate.prepared as prepared
		with request.merged as "the long way"
	decision != "the long way"
}

allowed(decision) if {
	decision.decision == "ALLOW"
	decision.constraints == {}
}

blocked(decision, reasons) if {
	decision.decision == "BLOCK"
	decision.reasons == reasons
}

constrained(decision, reasons, constraints) if {
	decision.decision == "CONSTRAIN"
	decision.reasons == reasons
	decision.constraints == constraints
}

without(document, path) := json.patch(document, [{"op": "remove", "path": path}])

tier_with(fields) := {"tiers": {"basic": fields}}

asks(facts) := {"request": facts}
