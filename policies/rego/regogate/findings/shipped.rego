package regogate.findings

# What signals.yaml says where a bundle has none; a test keeps the two alike.
shipped := {
	"inspection.failed": {"origins": {"*": {"low": "block"}}},
	"injection": {
		"origins": {
			"user": {"medium": "constrain", "high": "block"},
			"tool_result": {"medium": "constrain", "high": "block"},
			"tool_definition": {"high": "block"},
			"other": {"medium": "constrain", "high": "block"},
		},
		"constrain": {"max_tokens": 1024, "delay_ms": 250},
	},
	"jailbreak": {
		"origins": {
			"user": {"medium": "constrain", "high": "block"},
			"other": {"medium": "constrain", "high": "block"},
		},
		"constrain": {"max_tokens": 1024, "delay_ms": 250},
	},
	"exfiltration": {
		"origins": {
			"user": {"medium": "constrain", "high": "block"},
			"other": {"medium": "constrain", "high": "block"},
		},
		"constrain": {"max_tokens": 1024, "delay_ms": 250},
	},
	"secret.*": {"origins": {"*": {"medium": "constrain"}}, "constrain": {"redact": true}},
	"pii.*": {
		"origins": {
			"tool_result": {"medium": "constrain"},
			"answer": {"medium": "constrain"},
			"*": {"low": "log"},
		},
		"constrain": {"redact": true},
	},
	"toxicity": {
		"origins": {"answer": {"medium": "constrain"}, "*": {"low": "log"}},
		"constrain": {"redact": true},
	},
}
