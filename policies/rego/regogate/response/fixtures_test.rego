# The tables and the input that the tests of this package start from.
package regogate.response_test

import data.regogate.response

tables := {
	"clients": {"app": {"tier": "basic", "tenant": "acme"}},
	"tiers": {"basic": {
		"models": ["small"],
		"operations": ["chat.completions.*"],
		"tools": {"allow": ["search", "read_*"], "otherwise": "strip"},
		"audit": "metadata",
	}},
	"tools": {},
	"rules": {},
	"stop": {"everything": false, "clients": {}, "tenants": {}, "models": {}},
}

call := {
	"v": 1,
	"stage": "response",
	"request": {
		"operation": "chat.completions.create",
		"model": "small",
		"tools": {"search": {}, "read_file": {}, "shell": {}},
	},
	"identity": {"client_id": "app", "method": "api_key"},
	"source": {"ip": "10.2.3.4"},
	"answer": {"finish_reason": "stop", "tokens": 20, "uninspected_bytes": 0},
}

decide(changes, rows) := decide_exactly(object.union(call, changes), object.union(tables, rows), {})

decide_exactly(facts, bundle, site) := decision if {
	decision := response.decision with input as facts
		with data.regogate.clients as bundle.clients
		with data.regogate.tiers as bundle.tiers
		with data.regogate.tools as bundle.tools
		with data.regogate.rules as bundle.rules
		with data.regogate.stop as bundle.stop
		with data.regogate.signals as object.get(bundle, "signals", false)
		with data.regogate.site as site
}

site_says(site) := decide_exactly(call, tables, site)

tier_with(fields) := {"tiers": {"basic": fields}}

without(document, path) := json.patch(document, [{"op": "remove", "path": path}])

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
