package regogate.caller_test

import data.regogate.caller

test_grants_listings_are_exact_or_patterns if {
	tiers := {"t": {"models": ["m", "big-*", 7, null], "operations": ["a.b", "c.*"]}}
	cases := [
		["a.b", "m", 2], ["c.x", "big-1", 2], ["a.bc", "m", 1], ["a.b", "mm", 1], ["x", "y", 0],
		[7, 7, 0], [7, null, 0],
	]
	every case in cases {
		listed := array.concat([1 | caller.operation_listed], [1 | caller.model_listed]) with data.regogate.tiers as tiers
			with data.regogate.clients as {"app": {"tier": "t"}}
			with input as {"identity": {"client_id": "app"}, "request": {"operation": case[0], "model": case[1]}}
		count(listed) == case[2]
	}
}
