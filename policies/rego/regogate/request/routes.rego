package regogate.request

import data.regogate.caller

# METADATA
# title: The tier's calls go to another model
# description: The tier says `route_to`, so its calls are answered by that model.
# custom:
#   id: request.route.tier
#   owner: policy
#   remediation: Nothing to do; remove `route_to` from the tier to let callers choose.
want contains {"id": "request.route.tier", "key": "model", "value": target} if {
	target := caller.tier.route_to
	not catalogue_operation
}

# METADATA
# title: Calls to the model go to another one
# description: The model's row says `route_to`, so calls to it are answered by that model.
# custom:
#   id: request.route.model
#   owner: policy
#   remediation: Ask for the other model, or remove `route_to` from the model's row.
want contains {"id": "request.route.model", "key": "model", "value": target} if {
	target := asked_row.route_to
	not catalogue_operation
}

# METADATA
# title: The tier's calls go to a pool
# description: The tier says `pool`, so its calls are answered by that pool of upstreams.
# custom:
#   id: request.route.pool
#   owner: policy
#   remediation: Nothing to do; remove `pool` from the tier to lift it.
want contains {"id": "request.route.pool", "key": "pool", "value": pool} if {
	pool := caller.tier.pool
	not catalogue_operation
}

# METADATA
# title: The tier's calls are delayed
# description: The tier says `delay_ms`, so its calls wait that long before they are forwarded.
# custom:
#   id: request.delay.tier
#   owner: policy
#   remediation: Nothing to do; remove `delay_ms` from the tier to lift the delay.
want contains {"id": "request.delay.tier", "key": "delay_ms", "value": delay} if {
	delay := caller.tier.delay_ms
	not catalogue_operation
}
