package regogate.request_test

stops(what) := {"stop": what}

test_stop_everything if {
	blocked(decide({}, stops({"everything": true})), ["request.stop.everything"])
}

test_stop_client if {
	blocked(decide({}, stops({"clients": {"app": true}})), ["request.stop.client"])
	allowed(decide({}, stops({"clients": {"app": false, "free": true}})))
}

test_stop_tenant_of_the_row_or_the_credential if {
	blocked(decide({}, stops({"tenants": {"acme": true}})), ["request.stop.tenant"])
	blocked(decide({"identity": {"tenant": "claimed"}}, stops({"tenants": {"claimed": true}})), ["request.stop.tenant"])
	allowed(decide({}, stops({"tenants": {"acme": false, "globex": true}})))
}

test_stop_model_by_id_or_pattern if {
	every pattern in ["small", "sma*", "*"] {
		blocked(decide({}, stops({"models": {pattern: true}})), ["request.stop.model"])
	}
	allowed(decide({}, stops({"models": {"small": false, "big-*": true}})))
}

test_stop_by_any_word_but_false if {
	every word in [true, null, "yes", "false", 0] {
		blocked(decide({}, stops({"everything": word})), ["request.stop.everything"])
		blocked(decide({}, stops({"clients": {"app": word}})), ["request.stop.client"])
		blocked(decide({}, stops({"models": {"small": word}})), ["request.stop.model"])
	}
}

test_stop_says_nothing_of_what_the_call_does_not_name if {
	rows := stops({"clients": {"other": true}, "models": {"other": true}})
	blocked(decide({"identity": {"client_id": ""}}, rows), ["request.client.unknown"])
	blocked(decide(asks({"model": 7}), rows), ["request.default.deny"])
}

test_stop_has_no_mode if {
	ids := ["request.stop.everything", "request.stop.client", "request.stop.tenant", "request.stop.model"]
	rules := {id: "off" | some id in ids}
	everything := {"everything": true, "clients": {"app": true}, "tenants": {"acme": true}, "models": {"small": true}}
	blocked(decide({}, object.union(stops(everything), {"rules": rules})), sort(ids))
}

test_stop_table_missing_stops if {
	every table in [null, {}, [], false, "go"] {
		bundle := object.union(object.remove(tables, ["stop"]), {"stop": table})
		blocked(decide_exactly(call, bundle), [
			"request.stop.client", "request.stop.everything",
			"request.stop.model", "request.stop.tenant",
		])
	}
}

test_stop_for_maintenance_says_so if {
	decision := decide({}, stops({"everything": "maintenance"}))
	blocked(decision, ["request.stop.maintenance"])
	decision.http == {"status": 503, "code": "maintenance"}
	rules := {"request.stop.maintenance": "off"}
	blocked(decide({}, object.union(stops({"everything": "maintenance"}), {"rules": rules})), ["request.stop.maintenance"])
	both := decide({}, stops({"everything": "maintenance", "clients": {"app": true}}))
	blocked(both, ["request.stop.client", "request.stop.maintenance"])
	both.http == {"status": 403, "code": "policy_blocked"}
}
