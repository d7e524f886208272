package regogate.response_test

test_stop_stops if {
	every rows in [
		{"everything": true},
		{"clients": {"app": true}},
		{"tenants": {"acme": true}},
		{"models": {"s*": true}},
	] {
		blocked(decide({}, {"stop": rows}), ["response.stop.active"])
		blocked(decide({}, {"stop": rows, "rules": {"response.stop.active": "off"}}), ["response.stop.active"])
	}
	allowed(decide({}, {"stop": {"clients": {"other": true}}}))
	missing := decide_exactly(call, object.union(object.remove(tables, ["stop"]), {"stop": null}), {})
	blocked(missing, ["response.stop.active"])
}
