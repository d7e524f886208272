package regogate.request_test

capped := tier_with({"max_tokens": 1000})

test_tokens_within_the_cap_pass if {
	allowed(decide(asks({"max_tokens": 1}), capped))
	allowed(decide(asks({"max_tokens": 1000}), capped))
}

test_tokens_above_the_cap_are_capped if {
	decision := decide(asks({"max_tokens": 1001}), capped)
	constrained(decision, ["request.tokens.cap"], {"max_tokens": 1000})
}

test_tokens_without_a_maximum_are_capped if {
	constrained(decide({}, capped), ["request.tokens.cap"], {"max_tokens": 1000})
}

test_tokens_of_no_sense_are_capped if {
	every maximum in [0, -1, "10", true, []] {
		decide(asks({"max_tokens": maximum}), capped).constraints.max_tokens == 1000
	}
}

test_tokens_without_a_cap_pass if allowed(decide(asks({"max_tokens": 999999}), {}))

test_tokens_cap_of_no_sense_blocks if {
	every cap in ["2000", null, 0, 1.5, false] {
		blocked(decide(asks({"max_tokens": 2}), tier_with({"max_tokens": cap})), ["conflict.malformed"])
	}
}

test_tokens_cap_leaves_tokenless_operations_alone if {
	operations := [
		"models.retrieve", "embeddings.create", "moderations.create", "chat.completions.list",
		"chat.completions.retrieve", "chat.completions.update", "chat.completions.delete", "responses.cancel",
	]
	rows := tier_with({"max_tokens": 1000, "operations": ["*"]})
	every operation in operations {
		allowed(decide(asks({"operation": operation}), rows))
	}
}

test_tokens_cap_holds_for_operations_not_known_to_be_tokenless if {
	rows := tier_with({"max_tokens": 1000, "operations": ["*"]})
	every operation in ["responses.create", "completions.create", "unknown"] {
		decide(asks({"operation": operation}), rows).constraints.max_tokens == 1000
	}
}

test_tokens_of_the_prompt if {
	rows := tier_with({"max_prompt_tokens": 100})
	allowed(decide(asks({"prompt_tokens_est": 100}), rows))
	every facts in [{"prompt_tokens_est": 101}, {}, {"prompt_tokens_est": "1"}, {"prompt_tokens_est": true}] {
		blocked(decide(asks(facts), rows), ["request.tokens.prompt"])
	}
	allowed(decide(asks({"operation": "models.retrieve"}), rows))
	every most in ["100", null, false] {
		blocked(decide(asks({"prompt_tokens_est": 1}), tier_with({"max_prompt_tokens": most})), ["request.tokens.prompt"])
	}
	embeds := object.union(rows, {"tiers": {"basic": {"operations": ["*"], "max_prompt_tokens": 100}}})
	blocked(decide(asks({"operation": "embeddings.create"}), embeds), ["request.tokens.prompt"])
}
