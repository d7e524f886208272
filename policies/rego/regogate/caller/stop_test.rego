package regogate.caller_test

import data.regogate.caller

test_stop_is_calm_where_nothing_is_stopped if {
	caller.calm with data.regogate.stop as {"everything": false, "clients": {}, "tenants": {}, "models": {}}
	every stop in [{}, null, {"everything": true, "clients": {}, "tenants": {}, "models": {}}] {
		found := [caller.calm | caller.calm] with data.regogate.stop as stop
		found == []
	}
}

calm := {"everything": false, "clients": {}, "tenants": {}, "models": {}}

test_stop_halts_what_a_row_names if {
	facts := {"identity": {"client_id": "app", "tenant": "acme"}, "request": {"model": "m-1"}}
	every rows in [
		{"everything": true}, {"everything": "maintenance"}, {"clients": {"app": true}}, {"tenants": {"acme": true}},
		{"models": {"m-*": true}},
	] {
		found := [1 | caller.halted] with input as facts with data.regogate.stop as object.union(calm, rows)
		found == [1]
	}
	every rows in [{}, {"clients": {"other": true, "app": false}}, {"tenants": {"other": true}}, {"models": {"x": true}}] {
		found := [1 | caller.halted] with input as facts with data.regogate.stop as object.union(calm, rows)
		found == []
	}
	nobody := [1 | caller.halted] with input as {"identity": {}, "request": {}} with data.regogate.stop as calm
	nobody == []
	missing := [1 | caller.halted] with input as facts with data.regogate.stop as null
	missing == [1]
}
