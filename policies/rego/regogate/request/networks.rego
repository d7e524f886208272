package regogate.request

import data.regogate.caller

# METADATA
# title: The caller's address is missing or malformed
# description: Rules on networks cannot be applied to this address.
# custom:
#   id: request.source.malformed
#   owner: gateway
#   remediation: Check `server.trusted_proxies` and what the proxy sends as X-Forwarded-For.
block contains "request.source.malformed" if not caller.address

# METADATA
# title: The client may not call from this network
# description: The client's row lists networks, and the caller's address is in none of them.
# custom:
#   id: request.network.client
#   owner: network-security
#   remediation: Call from a listed network, or add the network to the client's row.
block contains "request.network.client" if {
	networks := caller.account.networks
	not caller.reached_from(networks)
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
block contains "request.network.model" if {
	denied := asked_row.deny_networks
	not caller.clear_of(denied)
}
