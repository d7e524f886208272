package regogate.tool_call_test

found(kind, level) := {"signals": {kind: {"output": {"level": level}}}}

test_signals_refuse_by_family if {
	ids := {
		"injection": "tool_call.signal.attack",
		"pii.email": "tool_call.signal.data",
		"inspection.failed": "tool_call.signal.inspection",
		"toxicity": "tool_call.signal.content",
	}
	every kind, id in ids {
		rows := {"signals": {kind: {"origins": {"*": {"high": "block"}}}}}
		blocked(decide(found(kind, "high"), rows), [id])
		allowed(decide(found(kind, "low"), rows))
	}
}

test_signals_constrain if {
	rows := {"signals": {"secret.*": {"origins": {"*": {"medium": "constrain"}}, "constrain": {"redact": true}}}}
	constrained(decide(found("secret.key", "medium"), rows), ["tool_call.signal.redact"], {"redact": ["secret.key"]})
	allowed(decide(found("secret.key", "low"), rows))
	slow := {"signals": {"toxicity": {"origins": {"*": {"low": "constrain"}}, "constrain": {"delay_ms": 7}}}}
	constrained(decide(found("toxicity", "low"), slow), ["tool_call.signal.delay"], {"delay_ms": 7})
}

test_signals_measures_of_another_stage_refuse if {
	every measure in [{"max_tokens": 5}, {"model": "m"}, {"pool": "p"}, {}] {
		rows := {"signals": {"toxicity": {"origins": {"*": {"low": "constrain"}}, "constrain": measure}}}
		blocked(decide(found("toxicity", "low"), rows), ["tool_call.signal.content"])
	}
}
