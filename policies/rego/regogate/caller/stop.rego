package regogate.caller

import data.regogate.lib

# Only the word `false` (or no row) lets a call go on; whatever else stands in stop.yaml stops.

# On most days one comparison says that nothing is stopped, and no row is looked up.
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

# For the later stages, which need no more than whether the call is stopped.
halted if not data.regogate.stop.everything == false

halted if {
	client_id
	not client_going
}

halted if {
	some named in tenants_named
	not tenant_going(named)
}

halted if {
	model := input.request.model
	not model_going(model)
}
