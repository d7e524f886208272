package regogate.request_test

from(ip) := {"source": {"ip": ip}}

office_only := {"clients": {"app": {"networks": ["office"]}}}

quarantined := {"models": {"small": {"deny_networks": ["quarantine"]}}}

test_networks_address_missing_blocks if {
	decision := decide_exactly(without(call, "/source/ip"), tables)
	blocked(decision, ["request.input.malformed", "request.source.malformed"])
}

test_networks_address_malformed_blocks if {
	every ip in ["", "10.1.2", "10.1.2.3.4", "10.1.2.3/8", "010.1.2.3", "localhost", "fe80::1%eth0", "1.2.3.4 "] {
		blocked(decide(from(ip), {}), ["request.source.malformed"])
	}
	blocked(decide(from(7), {}), ["request.input.malformed", "request.source.malformed"])
}

test_networks_address_of_either_family_is_read if {
	every ip in ["10.1.2.3", "0.0.0.0", "::1", "2001:db8::1", "::ffff:10.1.2.3"] {
		allowed(decide(from(ip), {}))
	}
}

test_networks_client_may_call_from_its_own if {
	every ip in ["10.0.0.0", "10.255.255.255", "2001:db8::1", "::ffff:10.1.2.3"] {
		allowed(decide(from(ip), office_only))
	}
}

test_networks_client_may_not_call_from_others if {
	every ip in ["9.255.255.255", "11.0.0.0", "2001:db9::1", "::ffff:11.0.0.0", "::1"] {
		blocked(decide(from(ip), office_only), ["request.network.client"])
	}
}

test_networks_client_with_none_that_exists_blocks if {
	every networks in [[], ["misspelt"], null, "office", false] {
		decision := decide({}, {"clients": {"app": {"networks": networks}}})
		blocked(decision, ["request.network.client"])
	}
}

test_networks_model_denied_inside if {
	every ip in ["10.1.0.0", "10.1.255.255", "::ffff:10.1.2.3"] {
		blocked(decide(from(ip), quarantined), ["request.network.model"])
	}
}

test_networks_model_reachable_outside if {
	every ip in ["10.0.255.255", "10.2.0.0", "2001:db8::1"] {
		allowed(decide(from(ip), quarantined))
	}
	allowed(decide({}, {"models": {"small": {"deny_networks": []}}}))
}

test_networks_model_denied_by_what_is_not_understood if {
	every networks in [["misspelt"], null, "quarantine", false, ["quarantine", "misspelt"]] {
		decision := decide({}, {"models": {"small": {"deny_networks": networks}}})
		blocked(decision, ["request.network.model"])
	}
	every row in ["10.1.0.0/16", ["10.1.0.0"], "", null, {}] {
		networks := {"quarantine": row}
		bundle := object.union(object.remove(tables, ["networks"]), {"networks": networks})
		blocked(decide_exactly(call, object.union(bundle, quarantined)), ["request.network.model"])
	}
}

test_networks_model_denied_to_an_unknown_address_in_shadow_too if {
	rules := {"request.source.malformed": "off"}
	blocked(decide(from("nowhere"), object.union(quarantined, {"rules": rules})), ["request.network.model"])
}
