# METADATA
# scope: package
# title: Who calls, and from where
# description: |
#   What every stage asks of the caller: its row, its tier, its name in records, its address, and
#   what is stopped. Here are facts only; each stage says which of them refuse a call.
# schemas:
#   - input: schema["input.request.schema"]
#   - data.regogate.clients: schema.tables["clients.schema"]
#   - data.regogate.tenants: schema.tables["tenants.schema"]
#   - data.regogate.tiers: schema.tables["tiers.schema"]
#   - data.regogate.networks: schema.tables["networks.schema"]
#   - data.regogate.windows: schema.tables["windows.schema"]
#   - data.regogate.stop: schema.tables["stop.schema"]
package regogate.caller

# Without a tier there is no grant, so checks that read the tier speak only where there is one.

client_id := input.identity.client_id if {
	is_string(input.identity.client_id)
	input.identity.client_id != ""
}

# A row of any value counts: a client that is listed never falls through to its tenant.
listed_client if type_name(data.regogate.clients[client_id]) != ""

account := row if {
	row := data.regogate.clients[input.identity.client_id]
	input.identity.client_id != ""
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

tier := row if {
	row := data.regogate.tiers[account.tier]
	is_object(row)
}

# The table's word on the tenant comes before the credential's.
principal := {"id": id, "tenant": account.tenant, "tier": account.tier} if {
	is_string(account.tenant)
	tier
	id := sprintf("client/%s", [input.identity.client_id])
} else := object.union_n([{"id": id}, tenant_part, tier_part]) if {
	account
	id := sprintf("client/%s", [input.identity.client_id])
}

default tenant_part := {}

tenant_part := {"tenant": input.identity.tenant} if {
	is_string(input.identity.tenant)
	object.get(account, "tenant", null) == null
}

default tier_part := {}

tier_part := {"tier": account.tier} if tier
