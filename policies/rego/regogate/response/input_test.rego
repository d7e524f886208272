package regogate.response_test

test_input_of_another_contract_blocks if {
	blocked(decide({"v": 2}, {}), ["response.input.malformed"])
	blocked(decide({"stage": "request"}, {}), ["response.input.malformed"])
	every part, key in {"request": "stream", "identity": "subject", "answer": "x"} {
		blocked(decide({part: {key: null}}, {}), ["response.input.malformed"])
	}
	every signals in [null, 7, [], {"a": 7}, {"a": null}] {
		decision := decide({"signals": signals}, {})
		decision.decision == "BLOCK"
		"response.input.malformed" in decision.reasons
	}
}

test_input_without_a_part_blocks if {
	every path in ["/v", "/stage", "/request", "/identity", "/answer", "/request/operation", "/identity/client_id"] {
		decision := decide_exactly(without(call, path), tables, {})
		decision.decision == "BLOCK"
		"response.input.malformed" in decision.reasons
	}
}

test_input_of_other_types_blocks if {
	every changes in [{"request": {"operation": 7}}, {"identity": {"client_id": 7}}, {"answer": 7}] {
		decision := decide(changes, {})
		decision.decision == "BLOCK"
		"response.input.malformed" in decision.reasons
	}
}
