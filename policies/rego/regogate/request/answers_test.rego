package regogate.request_test

answers(what) := tier_with({"answers": what})

test_answers_are_left_alone_unless_the_tier_says_so if {
	decide({}, {}).response == {"inspect": [], "ask": "never", "tool_calls": "pass"}
	decide({}, answers({})).response == {"inspect": [], "ask": "never", "tool_calls": "pass"}
}

test_answers_are_handed_on if {
	wished := {"inspect": ["pii"], "ask": "findings", "tool_calls": "ask"}
	decide({}, answers(wished)).response == wished
	decide({}, answers({"ask": "always"})).response == {"inspect": [], "ask": "always", "tool_calls": "pass"}
}

test_answers_not_understood_block if {
	every what in [
		null, [], "pii", {"more": 1}, {"ask": null},
		{"ask": "maybe"}, {"inspect": "pii"}, {"tool_calls": "stop"},
	] {
		blocked(decide({}, answers(what)), ["conflict.malformed"])
	}
}
