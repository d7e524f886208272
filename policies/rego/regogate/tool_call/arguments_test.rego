package regogate.tool_call_test

arguments(rules) := {"tools": {"search": {"use": "allow", "arguments": rules}}}

says(facts) := {"call": {"arguments": facts}}

test_arguments_that_are_no_object_block if {
	every valid in [false, "true", null] {
		decision := decide({"call": {"valid": valid}}, {})
		decision.decision == "BLOCK"
		"tool_call.arguments.malformed" in decision.reasons
	}
	blocked(decide_exactly(without(call, "/call/valid"), tables, {}), ["tool_call.arguments.malformed"])
}

test_arguments_size if {
	rows := {"tools": {"search": {"use": "allow", "max_argument_bytes": 20}}}
	allowed(decide({}, rows))
	every size in [21, "1", true] {
		blocked(decide({"call": {"bytes": size}}, rows), ["tool_call.arguments.size"])
	}
	blocked(decide_exactly(without(call, "/call/bytes"), object.union(tables, rows), {}), ["tool_call.arguments.size"])
	odd := {"tools": {"search": {"use": "allow", "max_argument_bytes": "20"}}}
	blocked(decide({}, odd), ["tool_call.arguments.size"])
}

test_arguments_allowed_values if {
	rows := arguments({"query": {"allow": ["rain", "sun*"]}})
	allowed(decide({}, rows))
	allowed(decide(says({"query": {"value": "sunny"}}), rows))
	every value in ["snow", "rainy", 7, true] {
		blocked(decide(says({"query": {"value": value}}), rows), ["tool_call.arguments.denied"])
	}
	allowed(decide(says({"query": {"value": 7}}), arguments({"query": {"allow": [7]}})))
}

test_arguments_denied_values if {
	rows := arguments({"query": {"deny": ["patient", "regulated*"]}})
	allowed(decide({}, rows))
	every value in ["patient", "regulated", "regulated_drug"] {
		blocked(decide(says({"query": {"value": value}}), rows), ["tool_call.arguments.denied"])
	}
	blocked(decide({}, arguments({"query": {"deny": "patient"}})), ["tool_call.arguments.denied"])
}

test_arguments_denied_however_they_are_spelt if {
	rows := arguments({"query": {"deny": ["Patient", "regulated*", 7]}})
	allowed(decide(says({"query": {"value": 8}}), rows))
	allowed(decide(says({"query": {"value": "im patient"}}), rows))
	every value in ["PATIENT", " patient", "patient\n", "Regulated", "\tREGULATED_drug ", 7] {
		blocked(decide(says({"query": {"value": value}}), rows), ["tool_call.arguments.denied"])
	}
}

test_arguments_allowed_as_they_are_spelt_only if {
	rows := arguments({"query": {"allow": ["public", "open*"]}})
	allowed(decide(says({"query": {"value": "open_data"}}), rows))
	every value in ["PUBLIC", " public", "Open_data"] {
		blocked(decide(says({"query": {"value": value}}), rows), ["tool_call.arguments.denied"])
	}
}

test_arguments_largest_number if {
	rows := arguments({"query": {"max": 10}})
	allowed(decide(says({"query": {"value": 10}}), rows))
	every value in [11, "9", true] {
		blocked(decide(says({"query": {"value": value}}), rows), ["tool_call.arguments.denied"])
	}
	every most in [null, "9", []] {
		blocked(decide(says({"query": {"value": 1}}), arguments({"query": {"max": most}})), ["tool_call.arguments.denied"])
	}
}

test_arguments_of_unknown_value_are_denied if {
	unknown := without(call, "/call/arguments/query/value")
	blocked(decide_exactly(unknown, object.union(tables, arguments({"query": {}})), {}), ["tool_call.arguments.denied"])
	allowed(decide_exactly(unknown, tables, {}))
}

test_arguments_absent_or_required if {
	allowed(decide({}, arguments({"other": {"deny": ["x"]}})))
	allowed(decide({}, arguments({"other": {"required": false}})))
	every word in [true, null, "yes"] {
		blocked(decide({}, arguments({"other": {"required": word}})), ["tool_call.arguments.denied"])
		allowed(decide({}, arguments({"query": {"required": word}})))
	}
}

test_arguments_rule_of_no_sense_denies if {
	every rule in [null, [], false, "allow"] {
		blocked(decide({}, arguments({"query": rule})), ["tool_call.arguments.denied"])
		blocked(decide({}, arguments({"other": rule})), ["tool_call.arguments.denied"])
	}
}
