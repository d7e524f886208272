package regogate.response

import data.regogate.caller

# METADATA
# title: The emergency stop holds
# description: stop.yaml stops everything, the client, its tenant or the model.
# custom:
#   id: response.stop.active
#   owner: incident-response
#   remediation: Wait for the incident to end.
stop contains "response.stop.active" if {
	not caller.calm
	caller.halted
}
