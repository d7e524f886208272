package regogate.request

# METADATA
# title: The caller's address is missing or malformed
# description: Rules on networks cannot be applied to this address.
# custom:
#   id: request.source.malformed
#   owner: gateway
#   remediation: Check `server.trusted_proxies` and what the proxy sends as X-Forwarded-For.
block contains "request.source.malformed" if not address

# METADATA
# title: The client may not call from this network
# description: The client's row lists networks, and the caller's address is in none of them.
# custom:
#   id: request.network.client
#   owner: network-security
#   remediation: Call from a listed network, or add the network to the client's row.
block contains "request.network.client" if {
	networks := account.networks
	not reached_from(networks)
}

reached_from(networks) if {
	some network in networks
	inside(network)
}

# METADATA
# title: The model may not be called from this network
# description: |
#   The model's row lists the caller's network under `deny_networks`. A name that networks.yaml
#   does not define denies as well.
# custom:
#   id: request.network.model
#   owner: network-security
#   remediation: Call from another network, or take the network off the model's `deny_networks`.
model_block[model] contains "request.network.model" if {
	some model in subject
	row := model_rows[model]
	denied := row.deny_networks
	not clear_of(denied)
}

clear_of(networks) if {
	every network in networks {
		outside(network)
	}
}

# An IPv4-mapped IPv6 address counts as the IPv4 address it holds.
address := input.source.ip if {
	is_string(input.source.ip)
	net.cidr_is_valid(concat("/", [input.source.ip, "32"]))
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
