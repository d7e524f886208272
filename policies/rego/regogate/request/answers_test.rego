package regogate.request_test

answers(what) := tier_with({"answers": what})

acted_on := {"inspect": ["secret.*"], "ask": "findings", "tool_calls": "ask"}

secrets := {"signals": {
	"secret.*": {"origins": {"*": {"low": "constrain"}}, "constrain": {"redact": true}},
	"pii.*": {"origins": {"user": {"low": "block"}}},
}}

test_answers_are_inspected_for_what_signals_act_on if {
	every rows in [secrets, object.union(secrets, answers({}))] {
		decide({}, rows).response == acted_on
	}
	decide({}, {"signals": {}}).response == object.union(acted_on, {"inspect": []})
	shipped := ["inspection.failed", "pii.*", "secret.*", "toxicity"]
	decide({}, {}).response == object.union(acted_on, {"inspect": shipped})
}

test_answers_are_what_the_tier_says if {
	wished := {"inspect": ["pii"], "ask": "always", "tool_calls": "pass", "restore": true}
	decide({}, object.union(secrets, answers(wished))).response == wished
	every said in [
		{"inspect": []}, {"ask": "never"}, {"ask": "findings"}, {"tool_calls": "pass"}, {"tool_calls": "ask"},
		{"restore": false},
	] {
		decide({}, object.union(secrets, answers(said))).response == object.union(acted_on, said)
	}
}

test_answers_not_understood_block if {
	every what in [
		null, [], "pii", {"more": 1}, {"ask": null},
		{"ask": "maybe"}, {"inspect": "pii"}, {"inspect": [7]}, {"tool_calls": "stop"}, {"restore": "yes"},
	] {
		blocked(decide({}, answers(what)), ["conflict.malformed"])
	}
}
