package regogate.request

import data.regogate.caller

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
	not data.regogate.stop.everything == "maintenance"
}

# METADATA
# title: The gateway is in maintenance
# description: "`everything` in stop.yaml says maintenance: no call of anybody is allowed for now."
# custom:
#   id: request.stop.maintenance
#   owner: operations
#   remediation: Try again later.
stop contains "request.stop.maintenance" if data.regogate.stop.everything == "maintenance"

# METADATA
# title: The client is stopped
# description: stop.yaml stops this client.
# custom:
#   id: request.stop.client
#   owner: incident-response
#   remediation: Wait for the incident to end; remove the client from stop.yaml.
stop contains "request.stop.client" if {
	caller.client_id
	not caller.client_going
}

# METADATA
# title: The tenant is stopped
# description: stop.yaml stops the tenant that the client's row or its credential names.
# custom:
#   id: request.stop.tenant
#   owner: incident-response
#   remediation: Wait for the incident to end; remove the tenant from stop.yaml.
stop contains "request.stop.tenant" if {
	some named in caller.tenants_named
	not caller.tenant_going(named)
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
	not caller.model_going(model)
}
