package regogate.tool_call_test

calls(name) := {"call": {"name": name}}

test_tools_listed_may_be_called if {
	allowed(decide(calls("search"), {}))
	allowed(decide(calls("read_file"), {}))
}

test_tools_others_are_denied if {
	blocked(decide(calls("shell"), {}), ["tool_call.tools.denied"])
	every word in ["strip", "block", "unheard", null] {
		blocked(decide(calls("shell"), tier_with({"tools": {"otherwise": word}})), ["tool_call.tools.denied"])
	}
	allowed(decide(calls("shell"), tier_with({"tools": {"otherwise": "allow"}})))
	bundle := without(tables, "/tiers/basic/tools")
	blocked(decide_exactly(call, bundle, {}), ["tool_call.tools.denied"])
}

test_tools_table_denies_for_everybody if {
	every use in ["block", "strip", null] {
		blocked(decide({}, {"tools": {"search": {"use": use}}}), ["tool_call.tools.denied"])
	}
	blocked(decide({}, {"tools": {"search": {}}}), ["tool_call.tools.denied"])
	allowed(decide({}, {"tools": {"search": {"use": "allow"}}}))
}

test_tools_not_offered_are_refused if {
	blocked(decide(calls("read_other"), {}), ["tool_call.tools.unknown"])
	blocked(decide_exactly(without(call, "/request/tools"), tables, {}), ["tool_call.tools.unknown"])
}
