package regogate.response_test

test_content_uninspected if {
	rows := tier_with({"uninspected": "block"})
	allowed(decide({}, rows))
	every facts in [{"uninspected_bytes": 1}, {"uninspected_bytes": "0"}] {
		blocked(decide({"answer": facts}, rows), ["response.content.uninspected"])
		allowed(decide({"answer": facts}, tier_with({"uninspected": "allow"})))
		allowed(decide({"answer": facts}, {}))
		blocked(decide({"answer": facts}, tier_with({"uninspected": null})), ["response.content.uninspected"])
	}
	unknown := decide_exactly(without(call, "/answer/uninspected_bytes"), object.union(tables, rows), {})
	blocked(unknown, ["response.content.uninspected"])
}
