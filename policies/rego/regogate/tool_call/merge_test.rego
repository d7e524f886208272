package regogate.tool_call_test

test_merge_allow_is_complete if {
	decide({}, {}) == {
		"v": 1,
		"decision": "ALLOW",
		"reasons": ["tool_call.grant.tier"],
		"principal": {"id": "client/app", "tenant": "acme", "tier": "basic"},
		"constraints": {},
		"audit": "metadata",
		"shadow": [],
	}
}

test_merge_block_is_complete if {
	decide({"request": {"model": "other"}}, {}) == {
		"v": 1,
		"decision": "BLOCK",
		"reasons": ["tool_call.default.deny"],
		"principal": {"id": "client/app", "tenant": "acme", "tier": "basic"},
		"audit": "metadata",
		"shadow": [],
		"http": {"status": 403, "code": "policy_blocked"},
	}
	not decide({"identity": {"client_id": "nobody"}}, {}).principal
}

test_merge_site_adds_restrictions if {
	blocked(site_says({"x": {"tool_call_block": {"site.x.no"}}}), ["site.x.no"])
	redact := {"x": {"tool_call_want": {{"id": "site.x.redact", "key": "redact", "value": ["pii.email"]}}}}
	constrained(site_says(redact), ["site.x.redact"], {"redact": ["pii.email"]})
}

test_merge_site_cannot_open if {
	site := {"x": {
		"grant": {"site.x.yes"},
		"tool_call_grant": {"site.x.yes"},
		"decision": {"decision": "ALLOW"},
		"tool_call_want": {{"id": "site.x.delay", "key": "delay_ms", "value": 0}},
	}}
	other := object.union(call, {"request": {"model": "other"}})
	blocked(decide_exactly(other, tables, site), ["tool_call.default.deny"])
	allowed(decide_exactly(call, tables, site))
}

test_merge_takes_the_longest_delay_and_all_redactions if {
	wants := {
		{"id": "site.x.a", "key": "delay_ms", "value": 5},
		{"id": "site.x.b", "key": "delay_ms", "value": 9},
		{"id": "site.x.c", "key": "redact", "value": ["b", "a"]},
		{"id": "site.x.d", "key": "redact", "value": {"a"}},
		{"id": "site.x.e", "key": "redact", "value": []},
	}
	constrained(
		site_says({"x": {"tool_call_want": wants}}),
		["site.x.a", "site.x.b", "site.x.c", "site.x.d", "site.x.e"],
		{"delay_ms": 9, "redact": ["a", "b"]},
	)
}

test_merge_reasons_are_those_of_what_is_constrained if {
	wants := {
		{"id": "site.x.a", "key": "delay_ms", "value": 1},
		{"id": "site.x.b", "key": "audit", "value": "hash"},
	}
	constrained(site_says({"x": {"tool_call_want": wants}}), ["site.x.a"], {"delay_ms": 1})
}

test_merge_modes if {
	site := {"x": {
		"tool_call_block": {"site.x.no"},
		"tool_call_want": {{"id": "site.x.delay", "key": "delay_ms", "value": 5}},
	}}
	ids := ["site.x.delay", "site.x.no"]
	off := decide_exactly(call, object.union(tables, {"rules": {id: "off" | some id in ids}}), site)
	allowed(off)
	off.shadow == []
	shadow := decide_exactly(call, object.union(tables, {"rules": {id: "shadow" | some id in ids}}), site)
	allowed(shadow)
	shadow.shadow == ids
	enforced := decide_exactly(call, object.union(tables, {"rules": {"site.x.no": "unheard"}}), site)
	blocked(enforced, ["site.x.no"])
	enforced.shadow == []
}

test_merge_malformed_wants_block if {
	every item in [
		7, {}, "x",
		{"id": 7, "key": "delay_ms", "value": 5},
		{"id": "w", "key": "delay_ms", "value": 1.5},
		{"id": "w", "key": "max_tokens", "value": 5},
		{"id": "w", "key": "redact", "value": [7]},
		{"id": "w", "key": "audit", "value": "none"},
		{"id": "w", "key": "delay_ms", "value": 5, "more": 1},
	] {
		blocked(site_says({"x": {"tool_call_want": {item}}}), ["conflict.tool_call_malformed"])
	}
	every said in [true, "site.x.no", ["site.x.no"], null] {
		decision := site_says({"x": {"tool_call_block": said}})
		decision.decision == "BLOCK"
		"conflict.tool_call_malformed" in decision.reasons
		blocked(site_says({"x": {"tool_call_want": said}}), ["conflict.tool_call_malformed"])
	}
	blocked(site_says({"x": {"tool_call_block": {7}}}), ["conflict.tool_call_malformed"])
}

test_merge_conflicts_have_no_mode if {
	bundle := object.union(tables, {"rules": {"conflict.tool_call_malformed": "off"}})
	blocked(decide_exactly(call, bundle, {"x": {"tool_call_block": {7}}}), ["conflict.tool_call_malformed"])
}

test_merge_audit_stores_least if {
	site := {"x": {"tool_call_want": {{"id": "site.x.audit", "key": "audit", "value": "metadata"}}}}
	every level, expected in {"full": "metadata", "metadata": "metadata", "hash": "hash"} {
		decide({}, tier_with({"audit": level})).audit == level
		decide_exactly(call, object.union(tables, tier_with({"audit": level})), site).audit == expected
	}
	full := {"x": {"tool_call_want": {{"id": "site.x.audit", "key": "audit", "value": "full"}}}}
	decide_exactly(call, without(tables, "/tiers/basic/audit"), full).audit == "metadata"
	every level in ["none", null, 0] {
		decision := decide({}, tier_with({"audit": level}))
		blocked(decision, ["conflict.tool_call_malformed"])
		decision.audit == "metadata"
	}
}
