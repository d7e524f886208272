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

test_clients_id_is_a_text if {
	every identity in [{}, {"client_id": ""}, {"client_id": 7}, {"client_id": null}] {
		found := [caller.client_id | caller.client_id] with input as {"identity": identity}
		found == []
	}
}

test_clients_roles_are_those_of_a_client if {
	tenants := {"acme": {"tier": "basic", "roles": [{"role": "dev", "tier": "wide"}]}}
	cases := [["app", [{"role": "dev", "tier": "wide"}]], ["", []], [7, []]]
	every case in cases {
		identity := {"client_id": case[0], "method": "jwt", "tenant": "acme", "roles": ["dev"]}
		caller.role_tiers == case[1] with input as {"identity": identity}
			with data.regogate.tenants as tenants
			with data.regogate.clients as {}
	}
}

test_clients_tenant_of_the_credential_stands_where_the_row_names_none if {
	cases := [
		[{"tier": "gone"}, {"id": "client/app", "tenant": "other"}],
		[{"tier": "gone", "tenant": "acme"}, {"id": "client/app"}],
		[{"tier": "basic", "tenant": null}, {"id": "client/app", "tenant": "other", "tier": "basic"}],
	]
	every case in cases {
		caller.principal == case[1] with input as {"identity": {"client_id": "app", "tenant": "other"}}
			with data.regogate.clients as {"app": case[0]}
			with data.regogate.tiers as {"basic": {}}
	}
}
