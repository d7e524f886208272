package regogate.request_test

caller(id) := {"identity": {"client_id": id}}

test_models_unclassified_block if {
	blocked(decide({}, {"models": {"small": null}}), ["request.model.data_class", "request.model.unclassified"])
	blocked(decide_exactly(call, without(tables, "/models/small")), ["request.model.unclassified"])
}

test_models_unclassified_allowed_by_the_tier if {
	allowed(decide(object.union(caller("free"), asks({"model": "new"})), {}))
	every word in ["block", true, null] {
		rows := {"tiers": {"open": {"unclassified_models": word}}}
		decision := decide(object.union(caller("free"), asks({"model": "new"})), rows)
		blocked(decision, ["request.model.unclassified"])
	}
}

test_models_broken_row_is_not_unclassified if {
	every row in [false, null, []] {
		decision := decide(caller("free"), {"models": {"small": row}})
		decision.decision == "BLOCK"
		"request.model.data_class" in decision.reasons
	}
}

test_models_exact_row_wins_over_a_pattern if {
	rows := {"models": {"small*": {"data_class": "restricted"}}}
	blocked(decide(asks({"data_class": "restricted"}), rows), ["request.model.data_class"])
}

test_models_longest_pattern_wins if {
	rows := {"models": {"big-x*": {"data_class": "public"}, "*": {"data_class": "restricted"}}}
	blocked(decide(asks({"model": "big-xl"}), rows), ["request.model.data_class"])
	allowed(decide(asks({"model": "big-l"}), rows))
	allowed(decide(object.union(caller("free"), asks({"model": "other", "data_class": "restricted"})), rows))
}

test_models_pattern_covers_its_own_stem if {
	allowed(decide(asks({"model": "big-"}), {}))
}

test_models_data_class_up_to_the_ceiling if {
	allowed(decide(asks({"data_class": "public"}), {}))
	allowed(decide(asks({"data_class": "internal"}), {}))
	blocked(decide(asks({"data_class": "confidential"}), {}), ["request.model.data_class"])
	allowed(decide(asks({"data_class": "confidential", "model": "big-1"}), {}))
	blocked(decide(asks({"data_class": "restricted", "model": "big-1"}), {}), ["request.model.data_class"])
}

test_models_data_class_absent_is_internal if {
	blocked(decide({}, {"models": {"small": {"data_class": "public"}}}), ["request.model.data_class"])
}

test_models_data_class_unknown_blocks if {
	every class in ["secret", "", 0, [], {}] {
		blocked(decide(asks({"data_class": class}), {}), ["request.model.data_class"])
		blocked(decide({}, {"models": {"small": {"data_class": class}}}), ["request.model.data_class"])
	}
}

test_models_are_not_classified_for_nobody if {
	facts := object.union(caller("nobody"), asks({"model": "new"}))
	blocked(decide(facts, {}), ["request.client.unknown"])
}

test_models_checks_are_silent_where_no_model_is_asked if {
	facts := without(object.union(call, asks({"operation": "unknown"})), "/request/model")
	blocked(decide_exactly(facts, tables), ["request.default.deny"])
}

test_models_list_is_about_no_model if {
	listed := asks({"operation": "models.list", "model": "small"})
	asked := asks({"operation": "chat.completions.create", "model": "small"})
	rows := {"small": {"data_class": "public"}, "sma*": {"data_class": "public"}}
	every some_rows in [rows, {"sma*": rows["sma*"]}] {
		not data.regogate.request.asked_row with input as listed with data.regogate.models as some_rows
		data.regogate.request.asked_row with input as asked with data.regogate.models as some_rows
	}
}

test_models_routed_to_are_cleared_for_the_data_of_the_call if {
	rows := object.union(tier_with({"route_to": "big-1"}), {"models": {"small": {"data_class": "restricted"}}})
	constrained(decide(asks({"data_class": "confidential"}), rows), ["request.route.tier"], {"model": "big-1"})
	blocked(decide(asks({"data_class": "restricted"}), rows), ["conflict.target"])
}

test_models_routed_to_are_reached_from_networks_they_do_not_deny if {
	target := {"big-1": {"data_class": "internal", "deny_networks": ["quarantine"]}}
	rows := object.union(tier_with({"route_to": "big-1"}), {"models": target})
	constrained(decide({}, rows), ["request.route.tier"], {"model": "big-1"})
	blocked(decide({"source": {"ip": "10.1.0.7"}}, rows), ["conflict.target"])
}
