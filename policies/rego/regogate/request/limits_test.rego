package regogate.request_test

limited(limits) := tier_with({"limits": limits})

test_limits_none_unless_set if {
	decide({}, {}).limits == []
	decide({}, limited({})).limits == []
}

test_limits_requests_a_minute if {
	decision := decide({}, limited({"requests_per_minute": 60}))
	allowed(decision)
	decision.limits == [{
		"id": "client.rpm",
		"key": "client/app",
		"unit": "requests",
		"amount": 60,
		"per": "minute",
		"window": "rolling",
		"burst": 60,
	}]
}

test_limits_burst_only_lowers if {
	decide({}, limited({"requests_per_minute": 60, "burst": 5})).limits[0].burst == 5
	decide({}, limited({"requests_per_minute": 60, "burst": 500})).limits[0].burst == 60
}

test_limits_of_other_units if {
	limits := {"tokens_per_hour": 100000, "max_concurrent_requests": 5, "usd_per_day": 20.29}
	decision := decide({}, limited(limits))
	allowed(decision)
	shapes := {limit.id: [limit.unit, limit.amount, limit.per, limit.window] | some limit in decision.limits}
	shapes == {
		"client.tph": ["tokens", 100000, "hour", "rolling"],
		"client.concurrency": ["concurrent_requests", 5, "instant", "rolling"],
		"client.usd_day": ["micro_usd", 20290000, "day", "rolling"],
	}
}

test_limits_not_understood_block if {
	every limits in [
		{"request_per_minute": 60}, {"requests_per_minute": "60"}, {"requests_per_minute": null},
		{"requests_per_minute": 0}, {"requests_per_minute": -1}, {"requests_per_minute": 0.5},
		{"requests_per_minute": 60, "burst": "5"}, {"burst": 0}, {"usd_per_day": "20"}, null, [], 60, false,
	] {
		blocked(decide({}, limited(limits)), ["conflict.malformed"])
	}
}

test_limits_not_understood_block_whatever_the_modes if {
	ids := ["requests_per_minute", "tokens_per_hour", "max_concurrent_requests", "usd_per_day"]
	rules := {concat(".", ["request.limits", id]): "off" | some id in ids}
	rows := object.union(limited({"tokens_per_hour": "x"}), {"rules": rules})
	blocked(decide({}, rows), ["conflict.malformed"])
}

test_limits_in_shadow_are_reported_only if {
	every id in ["requests_per_minute", "tokens_per_hour", "max_concurrent_requests", "usd_per_day"] {
		rule := concat(".", ["request.limits", id])
		decision := decide({}, object.union(limited({id: 5}), {"rules": {rule: "shadow"}}))
		decision.limits == []
		decision.shadow == [rule]
	}
}

test_limits_ids_are_these if {
	request_wants := {id |
		some id in [
			"request.limits.requests_per_minute", "request.limits.tokens_per_hour",
			"request.limits.max_concurrent_requests", "request.limits.usd_per_day",
		]
		field := trim_prefix(id, "request.limits.")
		decide({}, object.union(limited({field: 5}), {"rules": {id: "shadow"}})).shadow == [id]
	}
	count(request_wants) == 4
}
