package regogate.request

# Who calls, as the tables know them. Without a tier there is no grant, so the checks of other
# topics that read the tier speak only where there is one.

client_id := input.identity.client_id if {
	is_string(input.identity.client_id)
	input.identity.client_id != ""
}

# A row of any value counts: a client that is listed never falls through to its tenant.
listed_client if type_name(data.regogate.clients[client_id]) != ""

account := row if {
	row := data.regogate.clients[client_id]
	is_object(row)
}

account := {"tier": tenant_tier, "tenant": input.identity.tenant} if {
	input.identity.method == "jwt"
	is_object(data.regogate.clients)
	not listed_client
}

tenant_tier := role_tiers[0].tier

tenant_tier := data.regogate.tenants[input.identity.tenant].tier if {
	client_id
	count(role_tiers) == 0
}

role_tiers := [row |
	client_id
	some row in data.regogate.tenants[input.identity.tenant].roles
	row.role in input.identity.roles
]

enabled if object.get(account, "enabled", true) == true

tier := row if {
	row := data.regogate.tiers[account.tier]
	is_object(row)
}

# The table's word on the tenant comes before the credential's.
principal := {"id": id, "tenant": account.tenant, "tier": account.tier} if {
	is_string(account.tenant)
	tier
	id := concat("/", ["client", client_id])
} else := object.union_n([{"id": id}, tenant_part, tier_part]) if {
	account
	id := concat("/", ["client", client_id])
}

default tenant_part := {}

tenant_part := {"tenant": input.identity.tenant} if {
	is_string(input.identity.tenant)
	object.get(account, "tenant", null) == null
}

default tier_part := {}

tier_part := {"tier": account.tier} if tier

# METADATA
# title: The client is not known
# description: |
#   No row in the client table has this id, and no row in the tenant table gives the caller of a
#   JWT a tier.
# custom:
#   id: request.client.unknown
#   owner: identity
#   remediation: Add the client to clients.yaml, or the token's tenant or role to tenants.yaml.
block contains "request.client.unknown" if not account

# METADATA
# title: The client is disabled
# description: The client's row says `enabled` with another value than true.
# custom:
#   id: request.client.disabled
#   owner: identity
#   remediation: Set `enabled` to true in the client's row once it may call again.
block contains "request.client.disabled" if {
	account
	not enabled
}

# METADATA
# title: The client's tier is not known
# description: The client's or tenant's row names a tier that tiers.yaml does not have.
# custom:
#   id: request.tier.unknown
#   owner: policy
#   remediation: Name an existing tier in the row, or add the tier to tiers.yaml.
block contains "request.tier.unknown" if {
	account
	not tier
}
