package regogate.request

import data.regogate.caller

# METADATA
# title: The client is not known
# description: |
#   No row in the client table has this id, and no row in the tenant table gives the caller of a
#   JWT a tier.
# custom:
#   id: request.client.unknown
#   owner: identity
#   remediation: Add the client to clients.yaml, or the token's tenant or role to tenants.yaml.
block contains "request.client.unknown" if not caller.account

# METADATA
# title: The client is disabled
# description: The client's row says `enabled` with another value than true.
# custom:
#   id: request.client.disabled
#   owner: identity
#   remediation: Set `enabled` to true in the client's row once it may call again.
block contains "request.client.disabled" if {
	word := object.get(caller.account, "enabled", true)
	word != true
}

# METADATA
# title: The client's tier is not known
# description: The client's or tenant's row names a tier that tiers.yaml does not have.
# custom:
#   id: request.tier.unknown
#   owner: policy
#   remediation: Name an existing tier in the row, or add the tier to tiers.yaml.
block contains "request.tier.unknown" if {
	caller.account
	not caller.tier
}
