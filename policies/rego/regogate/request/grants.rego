package regogate.request

import data.regogate.caller

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
	object.get(caller.account, "enabled", true) == true
	caller.operation_listed
	caller.model_listed
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
	input.request.operation == "models.list"
	object.get(caller.account, "enabled", true) == true
	caller.operation_listed
	is_object(input.request.candidates)
}
