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
		["odd", "user", {}],
		["inspection.failed", "user", {"low": "block"}],
	]
	every case in cases {
		findings.steps_of(case[0], case[1]) == case[2] with data.regogate.signals as rows
	}
}

test_actions_without_a_table_block if {
	every table in [null, [], false] {
		findings.steps_of("toxicity", "user") == {"low": "block"} with data.regogate.signals as table
	}
}

test_actions_of_all_findings if {
	signals := {
		"injection": {"user": {"level": "low"}, "system": {"level": "low"}},
		"pii.card": {"user": {"level": "high"}},
	}
	expected := {["injection", "block"], ["injection", "log"], ["pii.card", "constrain"]}
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
