package regogate.caller_test

import data.regogate.caller

test_clients_row_and_tier_are_facts_of_every_stage if {
	expected := {"id": "client/app", "tenant": "acme", "tier": "basic"}
	caller.principal == expected with input as {"identity": {"client_id": "app"}}
		with data.regogate.clients as {"app": {"tier": "basic", "tenant": "acme"}}
		with data.regogate.tiers as {"basic": {"models": [], "operations": []}}
}

test_clients_nobody_has_no_facts if {
	every identity in [{}, {"client_id": ""}, {"client_id": 7}, {"client_id": "other"}] {
		facts := [caller.account | caller.account] with input as {"identity": identity}
			with data.regogate.clients as {"app": {"tier": "basic"}, "": {"tier": "basic"}}
			with data.regogate.tenants as {}
		facts == []
	}
}
