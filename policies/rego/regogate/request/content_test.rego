package regogate.request_test

test_content_modalities_of_the_tier if {
	rows := tier_with({"modalities": ["text", "image"]})
	allowed(decide(asks({"modalities": ["text"]}), rows))
	allowed(decide(asks({"modalities": ["image", "text"]}), rows))
	blocked(decide(asks({"modalities": ["text", "audio"]}), rows), ["request.modality.tier"])
	blocked(decide({}, rows), ["request.modality.tier"])
	every modalities in [[], null, false, "text"] {
		blocked(decide(asks({"modalities": ["text"]}), tier_with({"modalities": modalities})), ["request.modality.tier"])
	}
}

test_content_modalities_of_the_model if {
	rows := {"models": {"small": {"modalities": ["text"]}}}
	allowed(decide(asks({"modalities": ["text"]}), rows))
	blocked(decide(asks({"modalities": ["image"]}), rows), ["request.modality.model"])
	blocked(decide({}, rows), ["request.modality.model"])
}

test_content_is_not_asked_of_operations_without_any if {
	rows := tier_with({"modalities": ["text"], "uninspected": "block", "max_prompt_tokens": 5})
	allowed(decide(asks({"operation": "models.retrieve"}), rows))
	blocked(
		decide(asks({"operation": "models.retrieve", "modalities": ["image"]}), rows),
		["request.modality.tier"],
	)
}

test_content_model_routed_to_must_take_it if {
	rows := object.union(to("big-1"), {"models": {"big-1": {"data_class": "internal", "modalities": ["text"]}}})
	constrained(decide(asks({"modalities": ["text"]}), rows), ["request.route.tier"], {"model": "big-1"})
	blocked(decide(asks({"modalities": ["image"]}), rows), ["conflict.target"])
}

test_content_uninspected if {
	rows := tier_with({"uninspected": "block"})
	allowed(decide(asks({"uninspected_bytes": 0}), rows))
	every facts in [{"uninspected_bytes": 1}, {}, {"uninspected_bytes": "0"}] {
		blocked(decide(asks(facts), rows), ["request.content.uninspected"])
		allowed(decide(asks(facts), tier_with({"uninspected": "allow"})))
		blocked(decide(asks(facts), tier_with({"uninspected": null})), ["request.content.uninspected"])
	}
	allowed(decide(asks({"uninspected_bytes": 1}), {}))
}

test_content_class_of_the_tier if {
	rows := tier_with({"data_class": "internal"})
	allowed(decide(asks({"model": "big-1", "data_class": "public"}), rows))
	allowed(decide(asks({"model": "big-1"}), rows))
	blocked(decide(asks({"model": "big-1", "data_class": "confidential"}), rows), ["request.data_class.tier"])
	blocked(decide({}, tier_with({"data_class": "public"})), ["request.data_class.tier"])
	every word in ["secret", null, false] {
		blocked(decide({}, tier_with({"data_class": word})), ["request.data_class.tier"])
	}
}
