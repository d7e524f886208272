package regogate.caller

# An IPv4-mapped IPv6 address counts as the IPv4 address it holds.
address := input.source.ip if {
	net.cidr_is_valid(sprintf("%s/32", [input.source.ip]))
}

reached_from(networks) if {
	some network in networks
	inside(network)
}

clear_of(networks) if {
	every network in networks {
		outside(network)
	}
}

inside(network) if {
	some cidr in data.regogate.networks[network]
	net.cidr_contains(cidr, address)
}

# Not the negation of `inside`: an undefined network is neither.
outside(network) if {
	is_array(data.regogate.networks[network])
	every cidr in data.regogate.networks[network] {
		net.cidr_contains(cidr, address) == false
	}
}
