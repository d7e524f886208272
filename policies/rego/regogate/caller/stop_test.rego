package regogate.caller_test

import data.regogate.caller

test_stop_is_calm_where_nothing_is_stopped if {
	caller.calm with data.regogate.stop as {"everything": false, "clients": {}, "tenants": {}, "models": {}}
	every stop in [{}, null, {"everything": true, "clients": {}, "tenants": {}, "models": {}}] {
		found := [caller.calm | caller.calm] with data.regogate.stop as stop
		found == []
	}
}
