package regogate.request_test

uses(facts) := {"usage": facts}

unusual := {"anomalies": {"tokens_vs_baseline": {
	"constrain_from": 5,
	"block_from": 20,
	"constrain": {"delay_ms": 1000, "max_tokens": 500},
}}}

test_anomalies_usual_use_passes if {
	allowed(decide(uses({"tokens_vs_baseline": 4.9}), unusual))
	allowed(decide(uses({}), unusual))
	allowed(decide(uses({"tokens_vs_baseline": 100}), {}))
	allowed(decide(uses({"other": 100}), unusual))
}

test_anomalies_slow_down if {
	every value in [5, 19.9] {
		constrained(
			decide(uses({"tokens_vs_baseline": value}), unusual),
			["request.usage.delay", "request.usage.max_tokens"],
			{"delay_ms": 1000, "max_tokens": 500},
		)
	}
}

test_anomalies_block if {
	every value in [20, 21, "5", null, true] {
		blocked(decide(uses({"tokens_vs_baseline": value}), unusual), ["request.usage.anomaly"])
	}
	rows := {"anomalies": {"tokens_vs_baseline": {"block_from": "20"}}}
	blocked(decide(uses({"tokens_vs_baseline": 1}), rows), ["request.usage.anomaly"])
}

test_anomalies_facts_that_are_none_block if {
	every facts in [7, "x", null, []] {
		blocked(decide(uses(facts), unusual), ["request.input.malformed"])
	}
}
