package regogate.request_test

import data.regogate.request

test_each_input_of_a_list_is_decided_as_if_it_were_alone if {
	inputs := [
		call,
		object.union(call, {"identity": {"client_id": "nobody"}}),
		object.union(call, asks({"max_tokens": 50})),
		object.union(call, offers(["shell"])),
		call,
	]
	alone := [[decide_exactly(asked, tables)] | some asked in inputs]
	prepared := prepared_of(tables, {})
	together := request.decisions with input as {"each": inputs}
		with data.regogate.clients as tables.clients
		with data.regogate.tenants as tables.tenants
		with data.regogate.tiers as tables.tiers
		with data.regogate.models as tables.models
		with data.regogate.networks as tables.networks
		with data.regogate.tools as tables.tools
		with data.regogate.rules as tables.rules
		with data.regogate.stop as tables.stop
		with data.regogate.site as {}
		with data.regogate.prepared as prepared
	together == alone
	[one[0].decision | some one in together] == ["ALLOW", "BLOCK", "ALLOW", "CONSTRAIN", "ALLOW"]
}

test_where_there_is_no_list_there_are_no_decisions if {
	request.decisions == [] with input as call
}
