package regogate.request_test

# What a site's own packages say, over a call that would be allowed.
site_says(site) := decide_with_site(call, tables, site)

wants(key, values) := {"x": {"request_want": {{"id": sprintf("site.x.w%d", [i]), "key": key, "value": value} |
	some i, value in values
}}}

test_merge_allow_is_complete if {
	decide({}, {}) == {
		"v": 1,
		"decision": "ALLOW",
		"reasons": ["request.grant.tier"],
		"principal": {"id": "client/app", "tenant": "acme", "tier": "basic"},
		"constraints": {},
		"limits": [],
		"response": {
			"inspect": ["inspection.failed", "pii.*", "secret.*", "toxicity"],
			"ask": "findings",
			"tool_calls": "ask",
		},
		"audit": "metadata",
		"shadow": [],
	}
}

test_merge_block_is_complete if {
	decide(asks({"operation": "embeddings.create"}), {}) == {
		"v": 1,
		"decision": "BLOCK",
		"reasons": ["request.default.deny"],
		"principal": {"id": "client/app", "tenant": "acme", "tier": "basic"},
		"audit": "metadata",
		"shadow": [],
		"http": {"status": 403, "code": "policy_blocked"},
	}
}

test_merge_what_no_grant_covers_is_not_found if {
	unknown := decide(asks({"operation": "unknown"}), {})
	unknown.http == {"status": 404, "code": "unknown_url"}
	unknown.reasons == ["request.default.deny"]
	every model in ["big", "other"] {
		retrieve := decide(asks({"operation": "models.retrieve", "model": model}), {})
		retrieve.http == {"status": 404, "code": "model_not_found"}
	}
}

test_merge_what_a_rule_refuses_is_forbidden if {
	every operation in ["unknown", "models.retrieve"] {
		blocked_call := decide(asks({"operation": operation}), {"clients": {"app": {"enabled": false}}})
		blocked_call.http == {"status": 403, "code": "policy_blocked"}
	}
}

test_merge_constrain_names_every_want_in_order if {
	decision := decide(
		object.union(offers(["search", "shell"]), asks({"max_tokens": 5000})),
		tier_with({"max_tokens": 1000, "delay_ms": 5}),
	)
	constrained(
		decision, ["request.delay.tier", "request.tokens.cap", "request.tools.stripped"],
		{"delay_ms": 5, "max_tokens": 1000, "strip_tools": ["shell"]},
	)
}

test_merge_block_outranks_constrain if {
	decision := decide(asks({"data_class": "restricted"}), tier_with({"max_tokens": 1000}))
	blocked(decision, ["request.model.data_class"])
	not decision.constraints
}

test_merge_reasons_are_sorted_and_default_deny_is_last_resort if {
	rows := {"clients": {"app": {"enabled": false, "networks": ["quarantine"]}}}
	blocked(decide({}, rows), ["request.client.disabled", "request.network.client"])
}

test_merge_modes if {
	denied := asks({"data_class": "restricted"})
	id := "request.model.data_class"
	off := decide(denied, {"rules": {id: "off"}})
	allowed(off)
	off.shadow == []
	shadow := decide(denied, {"rules": {id: "shadow"}})
	allowed(shadow)
	shadow.shadow == [id]
	every mode in ["enforce", "Off", "", null, true, {"mode": "off"}] {
		blocked(decide(denied, {"rules": {id: mode}}), [id])
	}
}

test_merge_modes_of_wants if {
	rows := object.union(tier_with({"max_tokens": 10}), {"rules": {"request.tokens.cap": "shadow"}})
	decision := decide({}, rows)
	allowed(decision)
	decision.shadow == ["request.tokens.cap"]
}

test_merge_shadow_stands_on_a_block_too if {
	rows := object.union(tier_with({"max_tokens": 10}), {"rules": {"request.tokens.cap": "shadow"}})
	decision := decide(asks({"data_class": "restricted"}), rows)
	decision.shadow == ["request.tokens.cap"]
}

test_merge_site_blocks if {
	blocked(site_says({"x": {"request_block": {"site.x.no"}}, "y": {}}), ["site.x.no"])
	two := {"x": {"request_block": {"site.x.no"}}, "y": {"request_block": {"site.y.no"}}}
	blocked(site_says(two), ["site.x.no", "site.y.no"])
}

test_merge_site_rules_have_modes if {
	bundle := object.union(tables, {"rules": {"site.x.no": "shadow", "site.x.w0": "off"}})
	site := object.union({"x": {"request_block": {"site.x.no"}}}, wants("delay_ms", [5]))
	decision := decide_with_site(call, bundle, site)
	allowed(decision)
	decision.shadow == ["site.x.no"]
}

test_merge_site_cannot_open if {
	site := {"x": {
		"grant": {"site.x.yes"},
		"decision": {"decision": "ALLOW"},
		"request_grant": {"site.x.yes"},
		"request_want": {{"id": "site.x.w", "key": "max_tokens", "value": 999999}},
	}}
	unknown := object.union(call, asks({"operation": "unknown"}))
	blocked(decide_with_site(unknown, tables, site), ["request.default.deny"])
	tight := object.union(tables, tier_with({"max_tokens": 10}))
	decide_with_site(call, tight, site).constraints.max_tokens == 10
}

test_merge_caps_take_the_minimum if {
	constrained(site_says(wants("max_tokens", [30, 20])), ["site.x.w0", "site.x.w1"], {"max_tokens": 20})
	constrained(site_says(wants("max_tokens", [1])), ["site.x.w0"], {"max_tokens": 1})
}

test_merge_delays_take_the_maximum if {
	site_says(wants("delay_ms", [30, 20])).constraints == {"delay_ms": 30}
	site_says(wants("delay_ms", [1])).constraints == {"delay_ms": 1}
	allowed(site_says(wants("delay_ms", [0])))
}

test_merge_strips_and_redactions_take_the_union if {
	site_says(wants("strip_tools", [["b"], {"a"}])).constraints == {"strip_tools": ["a", "b"]}
	site_says(wants("redact", [["b", "a"], ["a"]])).constraints == {"redact": ["a", "b"]}
	site_says(wants("redact", [{"b"}, ["a"]])).constraints == {"redact": ["a", "b"]}
	every key in ["strip_tools", "redact"] {
		allowed(site_says(wants(key, [[]])))
	}
}

test_merge_regions_take_the_intersection if {
	site_says(wants("regions", [["eu", "us"], ["eu"]])).constraints == {"regions": ["eu"]}
	site_says(wants("regions", [{"eu", "us"}, {"us"}])).constraints == {"regions": ["us"]}
	blocked(site_says(wants("regions", [["eu"], ["us"]])), ["conflict.regions"])
	blocked(site_says(wants("regions", [[]])), ["conflict.regions"])
}

test_merge_pools_agree_or_conflict if {
	site_says(wants("pool", ["eu", "eu"])).constraints == {"pool": "eu"}
	blocked(site_says(wants("pool", ["eu", "us"])), ["conflict.route"])
}

test_merge_route_of_a_site_passes_the_checks if {
	site_says(wants("model", ["big-1"])).constraints == {"model": "big-1"}
	blocked(site_says(wants("model", ["ungranted"])), ["conflict.target"])
}

test_merge_route_to_the_model_that_was_asked_for_is_none if {
	allowed(site_says(wants("model", ["small"])))
	other := {"y": {"request_want": {{"id": "site.y.slow", "key": "delay_ms", "value": 5}}}}
	constrained(site_says(object.union(wants("model", ["small"]), other)), ["site.y.slow"], {"delay_ms": 5})
	denied := object.union(call, asks({"data_class": "restricted"}))
	blocked(decide_with_site(denied, tables, wants("model", ["small"])), ["request.model.data_class"])
}

test_merge_audit_of_a_site_is_any_level if {
	bundle := object.union(tables, tier_with({"audit": "full"}))
	every level in ["full", "hash", "metadata"] {
		decision := decide_with_site(call, bundle, wants("audit", [level]))
		decision.decision == "ALLOW"
		decision.audit == level
	}
}

limit_of(amount) := {
	"id": "site.x.limit", "key": "tenant/acme", "unit": "requests",
	"amount": amount, "per": "minute", "window": "rolling",
}

test_merge_limits_are_all_returned if {
	bundle := object.union(tables, limited({"requests_per_minute": 9}))
	decision := decide_with_site(call, bundle, wants("limits", [limit_of(5)]))
	allowed(decision)
	{limit.id | some limit in decision.limits} == {"client.rpm", "site.x.limit"}
}

test_merge_limits_of_one_id_conflict if {
	blocked(site_says(wants("limits", [limit_of(5), limit_of(6)])), ["conflict.limit"])
	site_says(wants("limits", [limit_of(5), limit_of(5)])).limits == [limit_of(5)]
}

# In parts: a test has five seconds, on a busy machine too.
test_merge_malformed_wants_block if {
	every item in [
		"request.x", 7, null, {}, [],
		{"id": "w", "key": "max_tokens"},
		{"id": "w", "value": 5},
		{"key": "max_tokens", "value": 5},
		{"id": 7, "key": "max_tokens", "value": 5},
		{"id": "w", "key": "max_token", "value": 5},
		{"id": "w", "key": "max_tokens", "value": 5, "more": 1},
	] {
		malformed_want(item)
	}
}

test_merge_malformed_values_of_wants_block if {
	every key, values in {
		"max_tokens": [0, 1.5],
		"delay_ms": [-1, 0.5],
		"regions": [[7]],
		"strip_tools": [[7], {"shell": "shell"}],
		"redact": [["pii.*", 7]],
		"pool": [["eu"]],
		"audit": ["none"],
	} {
		every value in values {
			malformed_want({"id": "w", "key": key, "value": value})
		}
	}
}

test_merge_malformed_limits_block if {
	every value in [
		{"id": "l"},
		object.union(limit_of(5), {"burst": 0}),
		object.union(limit_of(5), {"more": 1}),
		limit_of(-1),
		object.union(limit_of(5), {"unit": "euro"}),
		"client.rpm",
	] {
		malformed_want({"id": "w", "key": "limits", "value": value})
	}
}

malformed_want(item) if {
	decision := site_says({"x": {"request_want": {item}}})
	decision.decision == "BLOCK"
	"conflict.malformed" in decision.reasons
}

test_merge_limit_of_other_types_blocks if {
	every field in ["id", "key", "unit", "per", "window", "amount", "burst"] {
		blocked(site_says(wants("limits", [object.union(limit_of(5), {field: ["x"]})])), ["conflict.malformed"])
	}
}

test_merge_malformed_want_in_shadow_does_nothing if {
	bundle := object.union(tables, {"rules": {"w": "shadow"}})
	allowed(decide_with_site(call, bundle, {"x": {"request_want": {{"id": "w", "key": "max_tokens", "value": "no"}}}}))
}

test_merge_site_rules_that_are_no_sets_block if {
	every said in [true, false, "site.x.no", ["site.x.no"], {"site.x.no": true}, null] {
		every rule in ["request_block", "request_want"] {
			decision := site_says({"x": {rule: said}})
			decision.decision == "BLOCK"
			"conflict.malformed" in decision.reasons
		}
	}
}

test_merge_site_block_that_is_no_id_blocks if {
	blocked(site_says({"x": {"request_block": {7}}}), ["conflict.malformed"])
}

test_merge_conflicts_have_no_mode if {
	ids := ["conflict.malformed", "conflict.route", "conflict.target", "conflict.regions", "conflict.limit"]
	bundle := object.union(tables, {"rules": {id: "off" | some id in ids}})
	blocked(decide_with_site(call, bundle, wants("pool", ["eu", "us"])), ["conflict.route"])
}
