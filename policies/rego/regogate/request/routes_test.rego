package regogate.request_test

to(model) := tier_with({"route_to": model})

test_routes_tier_sends_calls_elsewhere if {
	constrained(decide({}, to("big-1")), ["request.route.tier"], {"model": "big-1"})
}

test_routes_model_sends_calls_elsewhere if {
	rows := {"models": {"small": {"route_to": "big-1"}}}
	constrained(decide({}, rows), ["request.route.model"], {"model": "big-1"})
}

test_routes_to_the_model_asked_for_change_nothing if allowed(decide({}, to("small")))

test_routes_to_one_model_agree if {
	rows := object.union(to("big-1"), {"models": {"small": {"route_to": "big-1"}}})
	constrained(decide({}, rows), ["request.route.model", "request.route.tier"], {"model": "big-1"})
}

test_routes_to_two_models_conflict if {
	rows := object.union(to("big-1"), {"models": {"small": {"route_to": "big-2"}}})
	blocked(decide({}, rows), ["conflict.route"])
	same := object.union(to("small"), {"models": {"small": {"route_to": "big-2"}}})
	blocked(decide({}, same), ["conflict.route"])
}

test_routes_do_not_lead_round_the_checks_of_models if {
	every rows in [
		to("unclassified"),
		object.union(to("cleared"), {"models": {"cleared": {"data_class": "restricted"}}}),
		object.union(to("big-1"), {"models": {"big-1": {"data_class": "public"}}}),
		object.union(to("big-1"), {"models": {"big-1": {"data_class": "internal", "deny_networks": ["office"]}}}),
		object.union(to("big-1"), {"stop": {"models": {"big-*": true}}}),
	] {
		blocked(decide({}, rows), ["conflict.target"])
	}
}

test_routes_to_a_model_of_no_name_block if {
	every target in [null, 7, [], false] {
		blocked(decide({}, to(target)), ["conflict.malformed"])
	}
}

test_routes_and_delays_leave_the_catalogue_alone if {
	rows := tier_with({"route_to": "big-1", "delay_ms": 10})
	allowed(decide(asks({"operation": "models.retrieve"}), rows))
	by_model := {"models": {"small": {"route_to": "big-1"}}}
	allowed(decide(asks({"operation": "models.retrieve"}), by_model))
}

test_routes_delay_of_the_tier if {
	constrained(decide({}, tier_with({"delay_ms": 250})), ["request.delay.tier"], {"delay_ms": 250})
	allowed(decide({}, tier_with({"delay_ms": 0})))
	blocked(decide({}, tier_with({"delay_ms": "250"})), ["conflict.malformed"])
}

test_routes_to_a_model_without_a_row_where_the_tier_says_so if {
	rows := {"tiers": {"open": {"route_to": "new"}}}
	constrained(decide(caller("free"), rows), ["request.route.tier"], {"model": "new"})
}

test_routes_tier_uses_a_pool if {
	constrained(decide({}, tier_with({"pool": "eu"})), ["request.route.pool"], {"pool": "eu"})
	blocked(decide({}, tier_with({"pool": 7})), ["conflict.malformed"])
	allowed(decide(asks({"operation": "models.retrieve"}), tier_with({"pool": "eu"})))
}
