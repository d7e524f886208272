package regogate.tool_call

import data.regogate.caller

# METADATA
# title: The tier grants the call this belongs to
# description: The client is enabled, and its tier lists the operation and the model.
# custom:
#   id: tool_call.grant.tier
#   owner: policy
#   remediation: Nothing to do; remove the pattern from the tier to take the grant back.
grant contains "tool_call.grant.tier" if {
	caller.enabled
	caller.operation_listed
	caller.model_listed
}
