package regogate.request_test

test_audit_is_the_tiers if {
	every level in ["full", "metadata", "hash"] {
		decide({}, tier_with({"audit": level})).audit == level
	}
}

test_audit_is_metadata_where_nothing_is_said if {
	decide({"identity": {"client_id": "free"}}, {}).audit == "metadata"
	decide({"identity": {"client_id": "nobody"}}, {}).audit == "metadata"
}

test_audit_level_unknown_blocks if {
	every level in ["everything", null, 0] {
		decision := decide({}, tier_with({"audit": level}))
		blocked(decision, ["conflict.malformed"])
		decision.audit == "metadata"
	}
}

test_audit_stores_least if {
	site := {"x": {"request_want": {{"id": "site.x.audit", "key": "audit", "value": "metadata"}}}}
	lowered := {"full": "metadata", "metadata": "metadata", "hash": "hash"}
	every level, expected in lowered {
		decision := decide_with_site(call, object.union(tables, tier_with({"audit": level})), site)
		allowed(decision)
		decision.audit == expected
	}
}

test_audit_of_the_model_lowers_the_tiers if {
	lowered := {"full": "metadata", "metadata": "metadata", "hash": "hash"}
	every level, expected in lowered {
		rows := object.union(tier_with({"audit": level}), {"models": {"small": {"audit": "metadata"}}})
		decision := decide({}, rows)
		allowed(decision)
		decision.audit == expected
	}
	blocked(decide({}, {"models": {"small": {"audit": "none"}}}), ["conflict.malformed"])
	shadowed := object.union({"models": {"small": {"audit": "hash"}}}, {"rules": {"request.audit.model": "shadow"}})
	decide({}, shadowed).audit == "metadata"
}
