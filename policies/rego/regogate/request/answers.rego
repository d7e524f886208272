package regogate.request

import data.regogate.caller

# What the gateway is to do with the answer: the tier's `answers`, handed on as `response`.
tier_malformed if {
	answers := caller.tier.answers
	not answers_read(answers)
}

answers_read(answers) if {
	object.keys(answers) - {"inspect", "ask", "tool_calls"} == set()
	is_array(object.get(answers, "inspect", []))
	object.get(answers, "ask", "never") in {"never", "findings", "always"}
	object.get(answers, "tool_calls", "pass") in {"ask", "pass"}
}
