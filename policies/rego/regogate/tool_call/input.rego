package regogate.tool_call

# METADATA
# title: The facts cannot be read
# description: The input is not the contract's, or a fact is null.
# custom:
#   id: tool_call.input.malformed
#   owner: gateway
#   remediation: Run a gateway and a policy bundle that speak the same decision contract.
block contains "tool_call.input.malformed" if not input_readable

input_readable if {
	input.v == 1
	input.stage == "tool_call"
	is_string(input.request.operation)
	is_string(input.identity.client_id)
	is_string(input.call.name)
	nothing := object.get({}, "", null)
	[nothing in input.request, nothing in input.identity, nothing in input.call] == [false, false, false]
	found := object.get(input, "signals", {})
	is_object(found)
	every origins in found {
		is_object(origins)
	}
}
