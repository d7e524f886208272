package regogate.findings_test

import data.regogate.findings

# As one reads it, beside tests that keep it alike with signals.yaml.
test_shipped_defaults if {
	cases := {
		["injection", "user", "high"]: "block",
		["injection", "user", "medium"]: "constrain",
		["injection", "tool_result", "high"]: "block",
		["injection", "tool_result", "medium"]: "constrain",
		["injection", "other", "high"]: "block",
		["injection", "other", "medium"]: "constrain",
		["injection", "tool_definition", "high"]: "block",
		["injection", "tool_definition", "medium"]: "log",
		["injection", "system", "high"]: "log",
		["jailbreak", "other", "high"]: "block",
		["jailbreak", "user", "high"]: "block",
		["jailbreak", "user", "medium"]: "constrain",
		["jailbreak", "other", "medium"]: "constrain",
		["exfiltration", "user", "high"]: "block",
		["exfiltration", "user", "medium"]: "constrain",
		["exfiltration", "other", "high"]: "block",
		["exfiltration", "other", "medium"]: "constrain",
		["exfiltration", "user", "low"]: "log",
		["secret.aws_access_key", "user", "medium"]: "constrain",
		["secret.generic", "tool_definition", "high"]: "constrain",
		["secret.generic", "user", "low"]: "log",
		["pii.email", "user", "high"]: "log",
		["pii.email", "tool_result", "medium"]: "constrain",
		["toxicity", "user", "high"]: "log",
		["code", "user", "high"]: "log",
		["inspection.failed", "metadata", "low"]: "block",
	}
	every found, word in cases {
		steps := findings.steps_of(found[0], found[1]) with data.regogate.signals as false
			with input as {"stage": "request"}
		findings.action(steps, found[2]) == word
	}
}

test_shipped_defaults_of_answers if {
	cases := {
		["secret.generic", "output", "medium"]: "constrain",
		["pii.email", "tool_arguments", "medium"]: "constrain",
		["pii.email", "other", "high"]: "constrain",
		["toxicity", "reasoning", "medium"]: "constrain",
		["toxicity", "output", "low"]: "log",
		["injection", "output", "high"]: "log",
	}
	every found, word in cases {
		steps := findings.steps_of(found[0], found[1]) with data.regogate.signals as false
			with input as {"stage": "response"}
		findings.action(steps, found[2]) == word
	}
}

test_shipped_measures if {
	every kind in ["injection", "jailbreak", "exfiltration"] {
		row := findings.row_of(kind) with data.regogate.signals as false
		row.constrain == {"max_tokens": 1024, "delay_ms": 250}
	}
	every kind in ["secret.generic", "pii.email", "toxicity"] {
		row := findings.row_of(kind) with data.regogate.signals as false
		row.constrain == {"redact": true}
	}
}
