package regogate.request_test

import data.regogate.request

test_the_short_way_is_that_of_plain_calls if {
	quickly({}, {})
	quickly(offers(["search"]), {})
	quickly(asks({"max_tokens": 9, "data_class": "public"}), tier_with({"max_tokens": 10, "audit": "hash"}))
	quickly({}, limited({"requests_per_minute": 5, "burst": 2, "tokens_per_hour": 9}))
	quickly({}, object.union(limited(four_limits), priced_small))
	quickly(offers(["search", "shell"]), tier_with({"max_tokens": 10, "delay_ms": 5}))
	quickly(object.union(offers(["shell"]), asks({"max_tokens": 9})), tier_with({"max_tokens": 10}))
	quickly({"identity": {"method": "jwt"}}, {})
	tenant_only := {"client_id": "bot", "method": "jwt", "tenant": "acme"}
	quickly({"identity": tenant_only}, {"tenants": {"acme": {"tier": "basic"}}})
	quickly({}, tier_with({"models": ["sm*"]}))
	unusual_from := {"anomalies": {"tokens_vs_baseline": {"constrain_from": 5, "block_from": 9}}}
	quickly({"usage": {"tokens_vs_baseline": 4.9, "other": 50}}, unusual_from)
	quickly({}, {"clients": {"app": {"networks": ["office"]}}})
	quickly(asks({"model": "big-1"}), tier_with({"models": ["big-*"]}))
	quickly(asks({"model": "big-1"}), {"models": {"b*": {"data_class": "public"}, "big-1*": {"data_class": "internal"}}})
	quickly({"signals": {"toxicity": {"user": {"level": "high"}}}}, {})
}

test_the_short_way_takes_every_plain_field_of_a_tier_and_a_model if {
	silent := without(tables, "/tiers/basic/audit")
	fields := [{"audit": "full"}, {"unclassified_models": "allow"}, {"answers": {}}]
	every bundle in array.concat([silent], [object.union(tables, tier_with(field)) | some field in fields]) {
		prepared_of(bundle, {}).tiers.basic
	}
	quickly(asks({"data_class": "restricted"}), {"models": {"small": {"data_class": "restricted"}}})
	rows := {"region": "eu", "provider": "main", "max_output_tokens": 9, "price": {"input": 1, "output": 2}}
	every field, value in rows {
		quickly({}, {"models": {"small": {field: value}}})
	}
}

test_a_pattern_says_nothing_of_a_model_with_a_row_of_its_own if {
	rows := {"models": {"big-1": {"data_class": "public"}}}
	blocked(decide(asks({"model": "big-1"}), rows), ["request.model.data_class"])
	allowed(decide(asks({"model": "big-2"}), rows))
}

test_the_short_way_says_why_a_call_is_constrained if {
	asked := object.union(offers(["search", "shell"]), asks({"max_tokens": 9}))
	constrained(decide(asked, tier_with({"max_tokens": 10})), ["request.tools.stripped"], {"strip_tools": ["shell"]})
	constrained(decide({}, tier_with({"delay_ms": 1})), ["request.delay.tier"], {"delay_ms": 1})
}

test_a_site_that_has_nothing_to_say_leaves_the_short_way if {
	site := {"x": {"helper": true}}
	prepared := prepared_of(tables, site)
	prepared.site == true
	decision := request.decision with input as call
		with data.regogate.clients as tables.clients
		with data.regogate.tiers as tables.tiers
		with data.regogate.networks as tables.networks
		with data.regogate.signals as false
		with data.regogate.site as site
		with data.regogate.prepared as prepared
		with request.merged as "the long way"
	decision.decision == "ALLOW"
}

test_the_short_way_is_not_that_of_unusual_calls if {
	every changes in [
		{"signals": {"inspection.failed": {"user": {"level": "low"}}}},
		{"signals": {"toxicity": ["user"]}},
		{"signals": []},
		{"usage": []},
		asks({"model": "huge-1"}),
		asks({"model": "small-1"}),
		asks({"operation": "models.list", "candidates": {}}),
		asks({"data_class": "restricted"}),
		{"source": {"ip": "nowhere"}},
		{"v": 2},
	] {
		not quickly(changes, {})
	}
	every usage in [5, 9, null, "much"] {
		not quickly(
			{"usage": {"tokens_vs_baseline": usage}},
			{"anomalies": {"tokens_vs_baseline": {"constrain_from": 5}}},
		)
	}
	every rows in [
		{"clients": {"app": {"networks": ["quarantine"]}}},
		{"clients": {"app": {"windows": ["always"]}}},
		{"clients": {"app": {"enabled": false}}},
		{"clients": {"app": {"networks": "office"}}},
		{"models": {"small": {"deny_networks": []}}},
		{"models": {"small": {"route_to": "small"}}},
		{"rules": {"request.tokens.cap": "shadow"}},
		{"tools": {"search": {"use": "strip"}}},
		{"stop": {"everything": true}},
		tier_with({"models": ["big-*"]}),
		tier_with({"route_to": "small"}),
		tier_with({"audit": "everything"}),
		tier_with({"tools": {"otherwise": "block"}}),
		limited({"burst": 0}),
		limited({"usd_per_day": 5}),
		limited({"more": []}),
	] {
		not quickly(offers(["search", "shell"]), rows)
	}
}
