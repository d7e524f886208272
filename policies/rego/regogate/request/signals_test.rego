package regogate.request_test

found(kind, origin, level) := {"signals": {kind: {origin: {"level": level, "score": 50, "count": 1}}}}

signal_rows(rows) := {"signals": rows}

block_high := {"origins": {"*": {"high": "block"}}}

test_signals_refuse_by_family if {
	ids := {
		"injection": "request.signal.attack",
		"jailbreak": "request.signal.attack",
		"exfiltration": "request.signal.attack",
		"pii.email": "request.signal.data",
		"secret.aws": "request.signal.data",
		"toxicity": "request.signal.content",
		"custom.x": "request.signal.content",
	}
	every kind, id in ids {
		blocked(decide(found(kind, "user", "high"), signal_rows({kind: block_high})), [id])
		allowed(decide(found(kind, "user", "medium"), signal_rows({kind: block_high})))
	}
}

test_signals_failed_inspection_blocks if {
	failed := found("inspection.failed", "user", "low")
	every rows in [signal_rows({}), {}, signal_rows({"inspection.*": {"origins": {"*": {"low": "block"}}}})] {
		blocked(decide(failed, rows), ["request.signal.inspection"])
	}
	allowed(decide(failed, signal_rows({"inspection.failed": {"origins": {"user": {"low": "log"}}}})))
}

test_signals_refusals_have_modes if {
	rows := object.union(signal_rows({"injection": block_high}), {"rules": {"request.signal.attack": "shadow"}})
	decision := decide(found("injection", "user", "high"), rows)
	allowed(decision)
	decision.shadow == ["request.signal.attack"]
}

constrain(measures) := signal_rows({"injection": {"origins": {"*": {"low": "constrain"}}, "constrain": measures}})

test_signals_data_that_stays_is_of_its_rows_class if {
	table := {
		"pii.card": {
			"origins": {"tool_result": {"low": "constrain"}},
			"constrain": {"redact": true},
			"data_class": "confidential",
		},
		"code": {"origins": {}, "data_class": "internal"},
		"odd": {"origins": {}, "data_class": "secret"},
	}
	rows := signal_rows(table)
	blocked(decide(found("pii.card", "user", "low"), rows), ["request.signal.data_class"])
	allowed(decide(object.union(found("pii.card", "user", "low"), asks({"model": "big-1"})), rows))
	strict := object.union(rows, tier_with({"data_class": "public"}))
	coded := object.union(found("code", "user", "low"), asks({"data_class": "public"}))
	blocked(decide(coded, strict), ["request.signal.data_class"])
	blocked(decide(found("odd", "user", "low"), rows), ["request.signal.data_class"])
	allowed(decide(found("code", "user", "low"), rows))
	constrained(decide(found("pii.card", "tool_result", "low"), rows), ["request.signal.redact"], {"redact": ["pii.card"]})
}

test_signals_constrain if {
	injected := found("injection", "user", "low")
	cases := {
		"request.signal.delay": {"delay_ms": 100},
		"request.signal.max_tokens": {"max_tokens": 10},
		"request.signal.model": {"model": "big-1"},
		"request.signal.pool": {"pool": "careful"},
	}
	every id, measure in cases {
		constrained(decide(injected, constrain(measure)), [id], measure)
	}
	constrained(decide(injected, constrain({"redact": true})), ["request.signal.redact"], {"redact": ["injection"]})
}

test_signals_constrain_without_a_measure_blocks if {
	every measures in [{}, {"redact": false}, {"redact": null}, {"more": 1}, null, []] {
		blocked(decide(found("injection", "user", "low"), constrain(measures)), ["request.signal.attack"])
	}
}

test_signals_without_findings_do_nothing if {
	allowed(decide({"signals": {}}, constrain({"delay_ms": 5})))
	allowed(decide({"signals": {"injection": {}}}, constrain({"delay_ms": 5})))
}

test_signals_that_are_none_block if {
	every signals in [7, "x", null, [], {"injection": 7}, {"injection": null}, {"injection": []}] {
		decision := decide({"signals": signals}, {})
		decision.decision == "BLOCK"
		"request.input.malformed" in decision.reasons
	}
}

test_signals_without_a_finding_ask_for_no_redaction if {
	decision := decide({}, {"rules": {"request.signal.redact": "shadow"}})
	allowed(decision)
	decision.shadow == []
}
