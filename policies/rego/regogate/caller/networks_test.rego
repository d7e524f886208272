package regogate.caller_test

import data.regogate.caller

test_networks_address_is_one_or_nothing if {
	caller.address == "10.1.2.3" with input as {"source": {"ip": "10.1.2.3"}}
	every ip in ["10.1.2.3/8", "10.1.2", "", "host", 7, true, null, ["10.1.2.3"]] {
		found := [caller.address | caller.address] with input as {"source": {"ip": ip}}
		found == []
	}
}
