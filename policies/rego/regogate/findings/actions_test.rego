package regogate.findings_test

import data.regogate.findings

test_actions_reach_the_highest_step_below if {
	steps := {"low": "log", "medium": "constrain", "high": "block"}
	every level, word in steps {
		findings.action(steps, level) == word
	}
	findings.action(steps, "unheard") == "block"
	findings.action({"low": "log", "high": "block"}, "medium") == "log"
	findings.action({"medium": "constrain"}, "high") == "constrain"
	findings.action({"low": "constrain"}, "high") == "constrain"
	findings.action({"medium": "block"}, "low") == "log"
	findings.action({"high": "block"}, "medium") == "log"
	findings.action({}, "high") == "log"
}

test_actions_take_the_level_of_a_finding if {
	findings.level({"level": "low"}) == "low"
	every finding in [{}, {"level": 1}, {"level": null}, null, 7] {
		findings.level(finding) == "high"
	}
}

rows := {
	"injection": {"origins": {"user": {"low": "block"}, "*": {"high": "block"}}},
	"pii.*": {"origins": {"user": {"low": "log"}}},
	"pii.card*": {"origins": {"user": {"low": "constrain"}}},
	"broken": null,
	"empty": {},
	"odd": {"origins": {"user": "block"}},
	"odd_answers": {"origins": {"answer": "block", "user": {"low": "log"}}},
	"odd_star": {"origins": {"*": ["block"], "user": {"low": "log"}}},
}

test_actions_row_of_a_kind_is_exact_or_the_longest_pattern if {
	cases := [
		["injection", "user", {"low": "block"}],
		["injection", "tool_result", {"high": "block"}],
		["pii.email", "user", {"low": "log"}],
		["pii.card", "user", {"low": "constrain"}],
		["pii.email", "output", {}],
		["unheard", "user", {}],
		["broken", "user", {"low": "block"}],
		["empty", "user", {"low": "block"}],
		["odd", "user", {"low": "block"}],
		["odd", "system", {"low": "block"}],
		["odd_answers", "output", {"low": "block"}],
		["odd_star", "output", {"low": "block"}],
		["odd_star", "user", {"low": "log"}],
		["inspection.failed", "user", {"low": "block"}],
	]
	every case in cases {
		every stage in ["request", "response"] {
			findings.steps_of(case[0], case[1]) == case[2] with data.regogate.signals as rows
				with input as {"stage": stage}
		}
	}
}

test_actions_without_a_table_block if {
	every table in [null, [], 7] {
		findings.steps_of("toxicity", "user") == {"low": "block"} with data.regogate.signals as table
		findings.inspected == ["*"] with data.regogate.signals as table
	}
}

# A table that is false is one that is not there, to every rule.
test_actions_of_a_bundle_without_the_table_are_the_shipped if {
	steps := {
		["pii.email", "user"]: {"low": "log"},
		["pii.email", "tool_result"]: {"medium": "constrain"},
		["secret.key", "schema"]: {"medium": "constrain"},
		["code", "user"]: {},
		["inspection.failed", "user"]: {"low": "block"},
	}
	every where, what in steps {
		findings.steps_of(where[0], where[1]) == what with data.regogate.signals as false
	}
	findings.inspected == ["inspection.failed", "pii.*", "secret.*", "toxicity"] with data.regogate.signals as false
}

test_actions_of_answers_have_a_line_of_their_own if {
	table := {"pii.*": {"origins": {
		"refusal": {"low": "log"},
		"answer": {"low": "block"},
		"*": {"low": "constrain"},
	}}}
	cases := [
		["request", "output", "constrain"],
		["request", "refusal", "log"],
		["response", "output", "block"],
		["response", "refusal", "log"],
		["tool_call", "tool_arguments", "block"],
	]
	every case in cases {
		steps := findings.steps_of("pii.email", case[1]) with data.regogate.signals as table
			with input as {"stage": case[0]}
		steps == {"low": case[2]}
	}
}

test_actions_on_answers_say_what_is_looked_for if {
	table := {
		"a": {"origins": {"answer": {"low": "log"}, "*": {"high": "block"}}},
		"b": {"origins": {"user": {"low": "block"}, "other": {"low": "block"}}},
		"c.*": {"origins": {"tool_arguments": {"low": "constrain"}}},
		"d": {"origins": {"*": {"low": "log", "high": "log"}}},
		"e": null,
		"f": {"origins": 7},
		"g": {"origins": {"output": {"low": "block"}}},
		"h": {"origins": {"reasoning": {"low": "block"}}},
		"i": {"origins": {"refusal": {"low": "block"}}},
	}
	findings.inspected == ["a", "c.*", "e", "f", "g", "h", "i"] with data.regogate.signals as table
}

test_actions_redact_at_the_origins_that_say_so if {
	table := {"pii.*": {
		"origins": {"tool_result": {"medium": "constrain"}, "*": {"low": "log"}},
		"constrain": {"redact": true},
	}}
	one := {"level": "medium"}
	cases := [
		[{"pii.email": {"tool_result": one}}, ["pii.email"]],
		[{"pii.email": {"tool_result": one, "user": one}}, ["pii.email@tool_result"]],
		[
			{"pii.email": {"tool_result": one, "user": one}, "pii.card": {"tool_result": one}},
			["pii.card", "pii.email@tool_result"],
		],
		[{"pii.email": {"user": one}}, []],
		[{"pii.email": {"tool_result": {"level": "low"}}}, []],
	]
	every case in cases {
		findings.redactions == case[1] with data.regogate.signals as table with input as {"signals": case[0]}
	}
}

test_actions_know_the_classes_of_data_that_stays if {
	table := {
		"pii.card": {
			"origins": {"tool_result": {"low": "constrain"}},
			"constrain": {"redact": true},
			"data_class": "restricted",
		},
		"code": {"origins": {}, "data_class": "confidential"},
		"secret.x": {
			"origins": {"user": {"low": "constrain"}},
			"constrain": {"max_tokens": 5, "redact": false},
			"data_class": "internal",
		},
	}
	one := {"level": "medium"}
	cases := [
		[{"pii.card": {"tool_result": one}}, set()],
		[{"pii.card": {"tool_result": one, "user": one}}, {"restricted"}],
		[{"pii.card": {"user": one}, "code": {"user": one}}, {"restricted", "confidential"}],
		[{"pii.email": {"user": one}}, set()],
		[{"secret.x": {"user": one}}, {"internal"}],
	]
	every case in cases {
		findings.classes == case[1] with data.regogate.signals as table with input as {"signals": case[0]}
	}
}

test_actions_of_all_findings if {
	signals := {
		"injection": {"user": {"level": "low"}, "system": {"level": "low"}},
		"pii.card": {"user": {"level": "high"}},
	}
	expected := {
		["injection", "user", "block"],
		["injection", "system", "log"],
		["pii.card", "user", "constrain"],
	}
	findings.actions == expected with input as {"signals": signals}
		with data.regogate.signals as rows
}

test_actions_unknown_words_refuse if {
	every word in ["stop", "", null, 7] {
		refused := findings.refused({"redact"}) with input as {"signals": {"custom.a": {"user": {"level": "low"}}}}
			with data.regogate.signals as {"custom.a": {"origins": {"*": {"low": word}}}}
		refused == {"content"}
	}
}
