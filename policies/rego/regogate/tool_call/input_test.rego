package regogate.tool_call_test

test_input_of_another_contract_blocks if {
	blocked(decide({"v": 2}, {}), ["tool_call.input.malformed"])
	blocked(decide({"stage": "request"}, {}), ["tool_call.input.malformed"])
	every part, key in {"request": "stream", "identity": "subject", "call": "x"} {
		blocked(decide({part: {key: null}}, {}), ["tool_call.input.malformed"])
	}
	every signals in [null, 7, [], {"a": 7}, {"a": null}] {
		decision := decide({"signals": signals}, {})
		decision.decision == "BLOCK"
		"tool_call.input.malformed" in decision.reasons
	}
}

test_input_without_a_part_blocks if {
	every path in ["/v", "/stage", "/request", "/identity", "/call", "/request/operation", "/identity/client_id"] {
		decision := decide_exactly(without(call, path), tables, {})
		decision.decision == "BLOCK"
		"tool_call.input.malformed" in decision.reasons
	}
}

test_input_of_other_types_blocks if {
	every changes in [{"request": {"operation": 7}}, {"identity": {"client_id": 7}}, {"call": {"name": 7}}] {
		decision := decide(changes, {})
		decision.decision == "BLOCK"
		"tool_call.input.malformed" in decision.reasons
	}
}
