package regogate.request_test

located(region) := {"models": {"small": {"region": region}}}

of_tenant(regions) := {"residency": {"tenants": {"acme": regions}}}

of_class(regions) := {"residency": {"data_classes": {"internal": regions}}}

test_residency_of_the_tenant if {
	rows := object.union(located("eu"), of_tenant(["eu", "us"]))
	allowed(decide({}, rows))
	blocked(decide({}, object.union(located("cn"), of_tenant(["eu"]))), ["request.residency.tenant"])
	blocked(decide({}, of_tenant(["eu"])), ["request.residency.tenant"])
	every regions in [[], null, false, "eu"] {
		blocked(decide({}, object.union(located("eu"), of_tenant(regions))), ["request.residency.tenant"])
	}
}

test_residency_of_the_tenant_the_credential_names if {
	rows := object.union(located("us"), {"residency": {"tenants": {"claimed": ["eu"]}}})
	blocked(decide({"identity": {"tenant": "claimed"}}, rows), ["request.residency.tenant"])
	allowed(decide({"identity": {"tenant": "other"}}, rows))
}

test_residency_of_the_data if {
	allowed(decide({}, object.union(located("eu"), of_class(["eu"]))))
	blocked(decide({}, object.union(located("us"), of_class(["eu"]))), ["request.residency.data_class"])
	allowed(decide(asks({"data_class": "public"}), object.union(located("us"), of_class(["eu"]))))
}

test_residency_of_the_model_routed_to if {
	rows := object.union(to("big-1"), {"models": {
		"small": {"region": "eu"},
		"big-1": {"data_class": "internal", "region": "us"},
	}})
	blocked(decide({}, object.union(rows, of_tenant(["eu"]))), ["conflict.target"])
	blocked(decide({}, object.union(rows, of_class(["eu"]))), ["conflict.target"])
	constrained(decide({}, object.union(rows, of_class(["eu", "us"]))), ["request.route.tier"], {"model": "big-1"})
}

test_residency_says_nothing_of_a_list if {
	listed := decide(lists({"candidates": {"small": {}}, "model": "small"}), of_tenant(["eu"]))
	allowed(listed)
	listed.visible == []
	listed_by_class := decide(lists({"candidates": {"small": {}}, "model": "small"}), of_class(["eu"]))
	allowed(listed_by_class)
}

test_residency_says_nothing_of_a_model_that_is_no_name if {
	every rows in [of_tenant(["eu"]), of_class(["eu"])] {
		blocked(decide(asks({"model": 7}), rows), ["request.default.deny"])
	}
}

test_residency_of_upstreams if {
	constrained(decide({}, tier_with({"regions": ["eu"]})), ["request.residency.regions"], {"regions": ["eu"]})
	blocked(decide({}, tier_with({"regions": []})), ["conflict.regions"])
	allowed(decide(asks({"operation": "models.retrieve"}), tier_with({"regions": ["eu"]})))
}
