package regogate.request_test

test_input_of_the_contract_is_read if allowed(decide({}, {}))

test_input_of_another_contract_blocks if {
	blocked(decide({"v": 2}, {}), ["request.input.malformed"])
	blocked(decide({"stage": "response"}, {}), ["request.input.malformed"])
	blocked(decide_exactly(without(call, "/v"), tables), ["request.input.malformed"])
}

test_input_null_anywhere_blocks if {
	every part, key in {"request": "max_tokens", "identity": "tenant", "source": "tls"} {
		blocked(decide({part: {key: null}}, {}), ["request.input.malformed"])
	}
}

test_input_without_a_part_blocks if {
	every path in ["/request", "/identity", "/source"] {
		decision := decide_exactly(without(call, path), tables)
		decision.decision == "BLOCK"
		"request.input.malformed" in decision.reasons
	}
}

test_input_tools_announced_but_absent_block if {
	blocked(decide(asks({"has_tools": true}), {}), ["request.input.malformed"])
	blocked(decide(asks({"has_tools": true, "tools": {}}), {}), ["request.input.malformed"])
}

test_input_tools_offered_but_denied_block if {
	facts := asks({"has_tools": false, "tools": {"search": {}}})
	blocked(decide(facts, {}), ["request.input.malformed"])
}

test_input_tools_not_an_object_block if {
	every tools in [null, [], ["search"], "search", 7, true, false] {
		decision := decide(asks({"tools": tools}), {})
		decision.decision == "BLOCK"
		"request.input.malformed" in decision.reasons
	}
}

test_input_tools_absent_are_no_tools if {
	allowed(decide(asks({"has_tools": false}), {}))
	allowed(decide(asks({"tools": {}, "has_tools": false}), {}))
}
