package regogate.request_test

test_grants_tier_allows if {
	decision := decide({}, {})
	allowed(decision)
	decision.reasons == ["request.grant.tier"]
}

test_grants_model_by_pattern if {
	decide(asks({"model": "big-1"}), {}).reasons == ["request.grant.tier"]
}

test_grants_operation_in_full if {
	rows := tier_with({"operations": ["chat.completions.create"]})
	allowed(decide({}, rows))
	allowed(decide({}, object.union(rows, caller_networks(["office"]))))
	blocked(decide(asks({"operation": "chat.completions.create2"}), rows), ["request.default.deny"])
}

caller_networks(names) := {"clients": {"app": {"networks": names}}}

test_grants_nothing_for_other_models if {
	every model in ["smaller", "smal", "big", "Small", ""] {
		decision := decide(asks({"model": model}), {"models": {"*": {"data_class": "internal"}}})
		blocked(decision, ["request.default.deny"])
	}
}

test_grants_nothing_for_other_operations if {
	every operation in ["unknown", "embeddings.create", "chat.completionsx.create", "chat"] {
		blocked(decide(asks({"operation": operation}), {}), ["request.default.deny"])
	}
}

test_grants_nothing_without_a_model if {
	blocked(decide_exactly(without(call, "/request/model"), tables), ["request.default.deny"])
	blocked(decide(asks({"model": 7}), {}), ["request.default.deny"])
}

test_grants_nothing_from_a_tier_without_lists if {
	every field in ["models", "operations"] {
		blocked(decide({}, tier_with({field: "*"})), ["request.default.deny"])
		blocked(decide({}, tier_with({field: []})), ["request.default.deny"])
		blocked(decide({}, tier_with({field: null})), ["request.default.deny"])
	}
}

test_grants_nothing_to_a_disabled_client_in_shadow if {
	rows := {"clients": {"app": {"enabled": false}}, "rules": {"request.client.disabled": "shadow"}}
	decision := decide({}, rows)
	blocked(decision, ["request.default.deny"])
	decision.shadow == ["request.client.disabled"]
}

test_grants_cannot_be_switched_off if {
	rules := {"request.grant.tier": "off", "request.default.deny": "off"}
	allowed(decide({}, {"rules": rules}))
	blocked(decide(asks({"operation": "unknown"}), {"rules": rules}), ["request.default.deny"])
}

lists(facts) := asks(object.union({"operation": "models.list"}, facts))

test_grants_catalogue_lists_what_the_caller_may_use if {
	candidates := {"small": {}, "big-2": {}, "big-1": {}, "other": {}, "cleared": {}}
	rows := {"models": {"cleared": {"data_class": "restricted"}}}
	decision := decide(lists({"candidates": candidates}), rows)
	allowed(decision)
	decision.reasons == ["request.grant.catalogue"]
	decision.visible == ["big-1", "big-2", "small"]
}

test_grants_catalogue_hides_models_that_a_call_may_not_use if {
	rows := {
		"models": {"big-1": {"data_class": "public"}, "big-2": {"data_class": "restricted", "deny_networks": ["office"]}},
		"stop": {"models": {"big-3*": true}},
	}
	candidates := {"small": {}, "big-1": {}, "big-2": {}, "big-33": {}, "big-4": {}}
	decide(lists({"candidates": candidates}), rows).visible == ["big-4", "small"]
}

test_grants_catalogue_hides_models_without_a_row_from_tiers_that_need_one if {
	models := {"small": {"data_class": "internal"}}
	listed := {"candidates": {"small": {}, "big-9": {}}}
	rows := object.union(tier_with({"unclassified_models": "block"}), {"models": models})
	bundle := object.union(object.remove(tables, ["models"]), rows)
	decide_exactly(object.union(call, lists(listed)), bundle).visible == ["small"]
	open := object.union(object.remove(tables, ["models"]), {"models": models})
	free := object.union_n([call, lists(listed), {"identity": {"client_id": "free", "method": "api_key"}}])
	decide_exactly(free, open).visible == ["big-9", "small"]
}

test_grants_catalogue_shows_what_a_shadow_rule_would_hide if {
	rows := {"models": {"big-1": {"data_class": "public"}}, "rules": {"request.model.data_class": "shadow"}}
	decide(lists({"candidates": {"big-1": {}}}), rows).visible == ["big-1"]
}

test_grants_catalogue_needs_the_operation if {
	rows := tier_with({"operations": ["chat.completions.*"]})
	blocked(decide(lists({"candidates": {"small": {}}}), rows), ["request.default.deny"])
}

test_grants_catalogue_needs_candidates if {
	blocked(decide(lists({}), {}), ["request.default.deny"])
	blocked(decide(lists({"candidates": ["small"]}), {}), ["request.default.deny"])
}

test_grants_no_visible_on_other_operations if {
	not decide(asks({"candidates": {"small": {}}}), {}).visible
	not decide(lists({}), {}).visible
}

test_grants_retrieve_is_judged_by_its_model if {
	allowed(decide(asks({"operation": "models.retrieve"}), {}))
	blocked(decide(asks({"operation": "models.retrieve", "model": "big"}), {}), ["request.model.unclassified"])
}

test_grants_are_none_for_a_disabled_client_whatever_the_mode_of_the_rule_that_says_so if {
	rows := {"clients": {"app": {"enabled": false}}, "rules": {"request.client.disabled": "off"}}
	every facts in [{}, {"operation": "models.list", "candidates": {"small": {}}}] {
		blocked(decide(asks(facts), rows), ["request.default.deny"])
	}
}
