package regogate.tool_call_test

test_stop_stops if {
	every rows in [
		{"everything": true},
		{"clients": {"app": true}},
		{"tenants": {"acme": true}},
		{"models": {"s*": true}},
	] {
		blocked(decide({}, {"stop": rows}), ["tool_call.stop.active"])
		blocked(decide({}, {"stop": rows, "rules": {"tool_call.stop.active": "off"}}), ["tool_call.stop.active"])
	}
	allowed(decide({}, {"stop": {"clients": {"other": true}}}))
	missing := decide_exactly(call, object.union(object.remove(tables, ["stop"]), {"stop": null}), {})
	blocked(missing, ["tool_call.stop.active"])
}
