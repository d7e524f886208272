package regogate.request

import data.regogate.lib

# The emergency stop has no mode: the rules table cannot switch it off. Only the word `false`
# (or no row) lets a call go on; whatever else stands in stop.yaml, or its absence, stops.

# METADATA
# title: Everything is stopped
# description: "`everything` in stop.yaml is not false: no call of anybody is allowed."
# custom:
#   id: request.stop.everything
#   owner: incident-response
#   remediation: Wait for the incident to end; set `everything` to false in stop.yaml.
stop contains "request.stop.everything" if {
	not data.regogate.stop.everything == false
}

# METADATA
# title: The client is stopped
# description: stop.yaml stops this client.
# custom:
#   id: request.stop.client
#   owner: incident-response
#   remediation: Wait for the incident to end; remove the client from stop.yaml.
stop contains "request.stop.client" if {
	client_id
	not client_going
}

# METADATA
# title: The tenant is stopped
# description: stop.yaml stops the tenant that the client's row or its credential names.
# custom:
#   id: request.stop.tenant
#   owner: incident-response
#   remediation: Wait for the incident to end; remove the tenant from stop.yaml.
stop contains "request.stop.tenant" if {
	some named in tenants_named
	not tenant_going(named)
}

# METADATA
# title: The model is stopped
# description: stop.yaml stops this model, by its id or by a pattern.
# custom:
#   id: request.stop.model
#   owner: incident-response
#   remediation: Use another model; remove the model from stop.yaml when the incident ends.
stop contains "request.stop.model" if {
	model := input.request.model
	is_string(model)
	not model_going(model)
}

# On most days one comparison says that nothing is stopped, and the rules above are not asked.
calm if data.regogate.stop == {"everything": false, "clients": {}, "tenants": {}, "models": {}}

client_going if object.get(data.regogate.stop.clients, client_id, false) == false

tenant_going(named) if object.get(data.regogate.stop.tenants, named, false) == false

tenants_named contains account.tenant

tenants_named contains input.identity.tenant

model_going(_) if calm

model_going(model) if {
	every pattern, flag in data.regogate.stop.models {
		spared(pattern, flag, model)
	}
}

spared(_, false, _)

spared(pattern, _, model) if not lib.matches_any([pattern], model)
