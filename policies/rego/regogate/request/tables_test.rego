package regogate.request_test

test_tables_missing_block if {
	every table in ["tenants", "models", "networks", "tools", "rules"] {
		decision := decide_exactly(call, object.union(tables, {table: null}))
		decision.decision == "BLOCK"
		"request.tables.missing" in decision.reasons
	}
}

test_tables_of_clients_or_tiers_missing_block if {
	blocked(decide_exactly(call, object.union(tables, {"clients": null})), ["request.client.unknown"])
	blocked(decide_exactly(call, object.union(tables, {"tiers": null})), ["request.tier.unknown"])
}

test_tables_all_missing_block if {
	decision := data.regogate.request.decision with input as call
	decision.decision == "BLOCK"
	"request.tables.missing" in decision.reasons
	not decision.principal
}
