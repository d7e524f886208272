package regogate.request_test

offers(tools) := asks({"has_tools": true, "tools": {name: {"type": "function"} | some name in tools}})

otherwise(word) := tier_with({"tools": {"otherwise": word}})

test_tools_listed_pass if allowed(decide(offers(["search", "read_file"]), {}))

test_tools_others_are_stripped if {
	decision := decide(offers(["search", "shell", "delete"]), {})
	constrained(decision, ["request.tools.stripped"], {"strip_tools": ["delete", "shell"]})
}

test_tools_are_listed_by_their_whole_names_or_patterns if {
	decision := decide(offers(["searching", "read_file"]), {})
	constrained(decision, ["request.tools.stripped"], {"strip_tools": ["searching"]})
	refused := decide(offers(["searching"]), otherwise("block"))
	blocked(refused, ["request.tools.denied"])
}

test_tools_others_block if {
	blocked(decide(offers(["search", "shell"]), otherwise("block")), ["request.tools.denied"])
	allowed(decide(offers(["search"]), otherwise("block")))
}

test_tools_others_are_allowed if allowed(decide(offers(["shell"]), otherwise("allow")))

test_tools_word_unknown_blocks if {
	every word in ["permit", null, true] {
		blocked(decide(offers(["shell"]), otherwise(word)), ["request.tools.denied"])
	}
}

test_tools_tier_without_word_blocks if {
	bundle := without(tables, "/tiers/basic/tools")
	blocked(decide_exactly(object.union(call, offers(["search"])), bundle), ["request.tools.denied"])
	allowed(decide_exactly(call, bundle))
}

test_tools_table_is_stricter_than_the_tier if {
	stripped := decide(offers(["search"]), {"tools": {"search": {"use": "strip"}}})
	constrained(stripped, ["request.tools.stripped"], {"strip_tools": ["search"]})
	blocked(decide(offers(["search"]), {"tools": {"search": {"use": "block"}}}), ["request.tools.denied"])
	blocked(decide(offers(["search"]), {"tools": {"search": {}}}), ["request.tools.denied"])
}

test_tools_table_does_not_loosen_the_tier if {
	rows := {"tools": {"shell": {"use": "allow"}}}
	decide(offers(["shell"]), rows).constraints.strip_tools == ["shell"]
	blocked(decide(offers(["shell"]), object.union(rows, otherwise("block"))), ["request.tools.denied"])
}

test_tools_of_no_names_block_whatever_the_input_check_says if {
	every tools in [null, [], ["shell"], "shell", 7, false] {
		decision := decide(asks({"tools": tools}), {"rules": {"request.input.malformed": "off"}})
		decision.decision == "BLOCK"
		"request.tools.denied" in decision.reasons
	}
}

test_tools_listed_leave_no_trace_in_shadow if {
	decision := decide(offers(["search"]), {"rules": {"request.tools.stripped": "shadow"}})
	decision.shadow == []
}

test_tools_are_not_judged_without_a_tier if {
	decision := decide(object.union(offers(["shell"]), {"identity": {"client_id": "nobody"}}), {})
	blocked(decision, ["request.client.unknown"])
}

test_tools_off_lets_them_pass if {
	allowed(decide(offers(["shell"]), {"rules": {"request.tools.stripped": "off"}}))
}

test_tools_results_may_be_refused if {
	refuse := tier_with({"tools": {"results": "block"}})
	allowed(decide(asks({"tool_results": 0}), refuse))
	every facts in [{"tool_results": 1}, {}, {"tool_results": "0"}] {
		blocked(decide(asks(facts), refuse), ["request.tools.results"])
		allowed(decide(asks(facts), tier_with({"tools": {"results": "allow"}})))
		blocked(decide(asks(facts), tier_with({"tools": {"results": null}})), ["request.tools.results"])
	}
	allowed(decide(asks({"operation": "models.retrieve"}), refuse))
}

test_tools_with_a_digest_are_the_ones_that_were_looked_at if {
	rows := {"tools": {"search": {"use": "allow", "digest": "ab12"}, "shell": {"use": "strip", "digest": "cd34"}}}
	allowed(decide(asks({"tools": {"search": {"type": "function", "digest": "ab12"}}}), rows))
	every facts in [{"digest": "ab13"}, {"digest": ""}, {"type": "function"}] {
		blocked(decide(asks({"tools": {"search": facts}}), rows), ["request.tools.changed"])
	}
	blocked(decide(asks({"tools": {"shell": {"digest": "x"}}}), rows), ["request.tools.changed"])
	every pinned in [null, 7, ["ab12"]] {
		odd := {"tools": {"search": {"use": "allow", "digest": pinned}}}
		blocked(decide(asks({"tools": {"search": {"digest": "ab12"}}}), odd), ["request.tools.changed"])
	}
	allowed(decide(asks({"tools": {"read_file": {"digest": "new"}}}), rows))
}
