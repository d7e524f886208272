package regogate.request_test

limited(limits) := tier_with({"limits": limits})

priced_small := {"models": {"small": {"price": {"input": 0.15, "output": 0.6}}}}

four_limits := {
	"requests_per_minute": 60, "tokens_per_hour": 100000, "max_concurrent_requests": 5, "usd_per_day": 20.29,
}

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
	decision := decide({}, object.union(limited(four_limits), priced_small))
	allowed(decision)
	shapes := {limit.id: [limit.unit, limit.amount, limit.per, limit.window] | some limit in decision.limits}
	shapes == {
		"client.rpm": ["requests", 60, "minute", "rolling"],
		"client.tph": ["tokens", 100000, "hour", "rolling"],
		"client.concurrency": ["concurrent", 5, "instant", "rolling"],
		"client.usd_day": ["usd", 20290000, "day", "rolling"],
	}
}

test_limits_in_money_are_a_millionth_at_least if {
	decision := decide({}, object.union(limited({"usd_per_day": 0.000001}), priced_small))
	[limit.amount | some limit in decision.limits] == [1]
}

test_limits_not_understood_block if {
	every limits in [
		{"request_per_minute": 60}, {"requests_per_minute": "60"}, {"requests_per_minute": null},
		{"requests_per_minute": 0}, {"requests_per_minute": -1}, {"requests_per_minute": 0.5},
		{"requests_per_minute": 60, "burst": "5"}, {"requests_per_minute": "60", "burst": 5}, {"burst": 0},
		{"tokens_per_hour": 0}, {"tokens_per_hour": 1.5}, {"max_concurrent_requests": 0},
		{"max_concurrent_requests": 1.5}, {"max_concurrent_requests": "5"}, {"usd_per_day": "20"},
		{"usd_per_day": 0}, {"usd_per_day": 0.0000004}, null, [], 60, false,
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

more(rows) := limited({"more": rows})

test_limits_more_are_by_what_they_say if {
	facts := {"identity": {"subject": "u-17,x"}, "request": {"model": "small", "tools": {"Read_all": {}, "search": {}}}}
	rows := more([
		{"id": "plain", "unit": "requests", "amount": 5, "per": "hour", "burst": 2},
		{"id": "month", "unit": "usd", "amount": 1.5, "per": "month", "window": "calendar", "by": ["tenant"]},
		{"id": "one", "unit": "concurrent", "amount": 3, "by": ["subject", "model", "client"]},
		{"id": "net", "unit": "input_tokens", "amount": 9, "per": "day", "by": ["network"], "overrun": "cut"},
		{"id": "use", "unit": "requests", "amount": 0, "per": "day", "by": ["tool"]},
	])
	decision := decide(facts, object.union(rows, priced_small))
	{limit | some limit in decision.limits} == {
		{
			"id": "month", "key": "tenant/acme", "unit": "usd", "amount": 1500000,
			"per": "month", "window": "calendar",
		},
		{
			"id": "net", "key": "tenant/acme,network/office", "unit": "input_tokens", "amount": 9,
			"per": "day", "window": "rolling", "overrun": "cut",
		},
		{
			"id": "one", "key": "client/app,model/small,subject/u-17,x", "unit": "concurrent", "amount": 3,
			"per": "instant", "window": "rolling",
		},
		{
			"id": "plain", "key": "client/app", "unit": "requests", "amount": 5,
			"per": "hour", "window": "rolling", "burst": 2,
		},
		{
			"id": "use.read_all", "key": "tenant/acme,tool/Read_all", "unit": "requests", "amount": 0,
			"per": "day", "window": "rolling",
		},
		{
			"id": "use.search", "key": "tenant/acme,tool/search", "unit": "requests", "amount": 0,
			"per": "day", "window": "rolling",
		},
	}
}

test_limits_of_tools_are_none_where_none_is_offered if {
	decide({}, more([{"id": "use", "unit": "requests", "amount": 1, "per": "day", "by": ["tool"]}])).limits == []
}

test_limits_more_not_understood_block if {
	sound := {"id": "a", "unit": "requests", "amount": 5, "per": "hour"}
	allowed(decide({}, more([sound])))
	every rows in [
		null, {}, "a", [null], [sound, sound], [object.union(sound, {"unit": "euro"})],
		[object.union(sound, {"amount": -1})], [object.union(sound, {"amount": "5"})],
		[object.union(sound, {"amount": 1.5})], [object.union(sound, {"per": "week"})],
		[object.union(sound, {"by": ["person"]})], [object.union(sound, {"by": ["tool"], "unit": "euro"})],
		[object.union(sound, {"window": null})], [object.union(sound, {"burst": 0})],
		[object.union(sound, {"id": 7})], [object.union(sound, {"much": 1})], [object.remove(sound, ["per"])],
		[{"id": "c", "unit": "concurrent", "amount": 1, "per": "hour"}],
	] {
		blocked(decide({}, more(rows)), ["conflict.malformed"])
	}
}

test_limits_of_one_id_conflict if {
	row := {"id": "client.rpm", "unit": "tokens", "amount": 5, "per": "hour"}
	rows := limited({"requests_per_minute": 5, "more": [row]})
	blocked(decide({}, rows), ["conflict.limit"])
}

test_limits_money_needs_a_price if {
	usd := {"id": "m", "unit": "usd", "amount": 5, "per": "month"}
	half_priced := {"models": {"small": {"price": {"input": 1}}}}
	odd_price := {"models": {"small": {"price": {"input": "1", "output": 2}}}}
	every limits in [{"usd_per_day": 5}, {"more": [usd]}] {
		blocked(decide({}, limited(limits)), ["request.limits.price"])
		allowed(decide({}, object.union(limited(limits), priced_small)))
		blocked(decide({}, object.union(limited(limits), half_priced)), ["request.limits.price"])
		blocked(decide({}, object.union(limited(limits), odd_price)), ["request.limits.price"])
	}
	decide(asks({"operation": "models.retrieve"}), limited({"usd_per_day": 5})).decision == "ALLOW"
}

test_limits_money_needs_the_price_of_the_model_that_answers if {
	routed := {"tiers": {"basic": {"limits": {"usd_per_day": 5}, "route_to": "big-1"}}}
	blocked(decide({}, object.union(routed, priced_small)), ["request.limits.price"])
	priced_big := {"models": {"big-*": {"price": {"input": 1, "output": 2}}}}
	decide({}, object.union(routed, priced_big)).decision == "CONSTRAIN"
}

test_limits_in_shadow_need_no_price if {
	rules := {"rules": {"request.limits.usd_per_day": "off"}}
	allowed(decide({}, object.union(limited({"usd_per_day": 5}), rules)))
}

test_limits_more_in_shadow_are_reported_only if {
	rows := object.union(
		more([{"id": "a", "unit": "requests", "amount": 5, "per": "hour"}]),
		{"rules": {"request.limits.more": "shadow"}},
	)
	decision := decide({}, rows)
	decision.limits == []
	decision.shadow == ["request.limits.more"]
}
