package regogate.request_test

import data.regogate.request

prepared_with(rows) := prepared_of(object.union(tables, rows), {})

nothing_prepared := {"tiers": {}}

test_a_plain_tier_is_prepared_in_full if {
	plan := prepared_with(tier_with({"max_tokens": 10, "delay_ms": 5})).tiers.basic
	plan.may == {"chat.completions.create": {
		"small": {"public": true, "internal": true},
		"big-*": {"public": true, "internal": true, "confidential": true},
	}}
	plan.tools == {"search": true, "read_*": true}
	plan.prefixes == ["read_"]
	plan.cap == 10
	plan.forms.free.constraints == {"delay_ms": 5}
	plan.forms.capped_stripped.reasons == ["request.delay.tier", "request.tokens.cap", "request.tools.stripped"]
	plan.forms.capped_stripped.constraints == {"delay_ms": 5, "max_tokens": 10}
	plan.forms.free.decision == "CONSTRAIN"
}

test_a_tier_that_strips_no_tools_has_no_form_for_that if {
	every word in ["block", "allow"] {
		plan := prepared_with(tier_with({"tools": {"allow": [], "otherwise": word}})).tiers.basic
		object.keys(plan.forms) == {"free", "capped"}
	}
}

test_a_tier_of_which_more_is_said_is_not if {
	every fields in [
		{"windows": ["always"]},
		{"regions": ["eu"]},
		{"pool": "eu"},
		{"route_to": "small"},
		{"require": {}},
		{"modalities": ["text"]},
		{"uninspected": "block"},
		{"data_class": "internal"},
		{"max_prompt_tokens": 9},
		{"some_new_field": true},
		{"tools": {"results": "block"}},
		{"audit": "everything"},
		{"max_tokens": 0},
		{"max_tokens": null},
		{"delay_ms": -1},
		{"answers": {"inspect": "all"}},
		{"limits": {"more": []}},
		{"limits": {"requests_per_minute": 0}},
		{"limits": {"burst": 0}},
		{"limits": []},
	] {
		not prepared_with(tier_with(fields)).tiers.basic
	}
	prepared_with({}).tiers.basic
}

test_a_model_of_which_more_is_said_is_not if {
	every fields in [
		{"deny_networks": []},
		{"route_to": "small"},
		{"modalities": ["text"]},
		{"audit": "hash"},
		{"some_new_field": true},
		{"data_class": "unheard"},
	] {
		rows := {"models": {"small": fields}}
		object.get(prepared_with(rows).tiers.basic.may["chat.completions.create"], "small", {}) == {}
	}
}

test_money_needs_a_price if {
	rows := tier_with({"limits": {"usd_per_day": 5}})
	prepared_with(rows).tiers.basic.may["chat.completions.create"] == {}
	priced_rows := object.union(rows, {"models": {"small": {"price": {"input": 1, "output": 2}}}})
	object.keys(prepared_with(priced_rows).tiers.basic.may["chat.completions.create"]) == {"small"}
}

test_nothing_is_prepared_where_the_tables_say_something_of_all_calls if {
	every rows in [
		{"rules": {"request.tokens.cap": "shadow"}},
		{"stop": {"everything": true}},
		{"stop": {"models": {"small": true}}},
		{"residency": {"tenants": {"acme": ["eu"]}}},
		{"tenants": null},
		{"networks": null},
		{"tools": null},
		{"models": {"small": "internal"}},
	] {
		prepared_with(rows) == nothing_prepared
	}
}

test_nothing_is_prepared_for_more_pairs_than_a_bundle_should_hold if {
	row := {"data_class": "internal"}
	tiers := {"basic": tables.tiers.basic, "open": {"models": [], "operations": []}}
	bare := object.union(object.remove(tables, ["models", "tiers"]), {"tiers": tiers})
	most := object.union(bare, {"models": {"a": row, "b": row}})
	prepared_of(most, {}) != nothing_prepared with request.most_pairs as 4
	beyond := object.union(bare, {"models": {"a": row, "b": row, "c": row}})
	prepared_of(beyond, {}) == nothing_prepared with request.most_pairs as 4
}

test_clients_are_prepared_as_records_name_them if {
	plans := prepared_with({"clients": {
		"app": {"networks": ["office"]},
		"free": {"enabled": false},
		"late": {"tier": "basic", "tenant": "acme", "windows": ["always"]},
		"late-bound": {"tier": "basic", "tenant": "acme", "windows": ["always"], "networks": ["office"]},
		"loose": {"tier": "basic", "tenant": "acme", "networks": "office"},
		"lost": {"tier": "basic"},
		"nobody": "basic",
		"numbered": {"tier": "basic", "tenant": 5},
		"plain": {"tier": "basic", "tenant": "acme"},
		"": {"tier": "basic", "tenant": "acme"},
	}})
	plans.principals == {"plain": {"id": "client/plain", "tenant": "acme", "tier": "basic"}}
	principal := {"id": "client/app", "tenant": "acme", "tier": "basic"}
	plans.bound == {"app": {"principal": principal, "networks": ["office"]}}
}

test_tools_that_are_not_allowed_are_odd if {
	odd := prepared_with({"tools": {"a": {"use": "allow"}, "b": {"use": "strip"}, "c": {}}}).odd_tools
	odd == {"b": true, "c": true}
}

test_a_site_is_noticed if {
	not prepared_of(tables, {}).site
	prepared_of(tables, {"mine": {"request_block": set()}}).site
}

test_facts_are_unusual_from_the_thresholds_of_their_row if {
	unusual := prepared_with({"anomalies": {
		"a": {"block_from": 9, "constrain_from": 5},
		"b": {"constrain_from": 5, "constrain": {"delay_ms": 1}},
		"c": {},
	}}).unusual
	unusual == {"a": [9, 5], "b": [5]}
}

test_patterns_of_models_come_longest_first if {
	rows := {"models": {"big-1*": {"data_class": "internal"}, "*": {"data_class": "internal"}}}
	prepared_with(rows).prefixes == ["big-1", "big-", ""]
}
