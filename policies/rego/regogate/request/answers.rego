package regogate.request

import data.regogate.caller
import data.regogate.lib

# What the gateway is to do with the answer, handed on as `response`: what the tier's `answers` say, laid
# over what follows from signals.yaml.
tier_malformed if {
	answers := caller.tier.answers
	not answers_read(answers)
}

answers_read(answers) if {
	object.keys(answers) - {"inspect", "ask", "tool_calls", "restore"} == set()
	lib.fits("redact", object.get(answers, "inspect", []))
	is_boolean(object.get(answers, "restore", false))
	object.get(answers, "ask", "never") in {"never", "findings", "always"}
	object.get(answers, "tool_calls", "pass") in {"ask", "pass"}
}
