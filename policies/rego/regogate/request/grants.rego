package regogate.request

import data.regogate.lib

# Nothing is allowed but through one of these. Grants have no mode: the rules table cannot
# switch them, and a disabled client holds none.

# METADATA
# title: The tier grants this operation on this model
# description: The client's tier lists a pattern for the operation and one for the model.
# custom:
#   id: request.grant.tier
#   owner: policy
#   remediation: Nothing to do; remove the pattern from the tier to take the grant back.
grant contains "request.grant.tier" if {
	input.request.operation != "models.list"
	enabled
	lib.matches_any(tier.operations, input.request.operation)
	lib.matches_any(tier.models, input.request.model)
}

# METADATA
# title: The tier grants the list of models
# description: |
#   The client's tier lists a pattern for `models.list`. The answer holds only those candidates
#   that the caller may use.
# custom:
#   id: request.grant.catalogue
#   owner: policy
#   remediation: Nothing to do; remove the pattern from the tier to take the grant back.
grant contains "request.grant.catalogue" if {
	enabled
	lib.matches_any(tier.operations, input.request.operation)
	input.request.operation == "models.list"
	is_object(input.request.candidates)
}

model_granted(model) if lib.matches_any(tier.models, model)
