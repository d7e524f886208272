package regogate.tool_call

import data.regogate.caller

# METADATA
# title: The emergency stop holds
# description: stop.yaml stops everything, the client, its tenant or the model.
# custom:
#   id: tool_call.stop.active
#   owner: incident-response
#   remediation: Wait for the incident to end.
stop contains "tool_call.stop.active" if {
	not caller.calm
	caller.halted
}
