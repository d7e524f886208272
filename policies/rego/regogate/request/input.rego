package regogate.request

# METADATA
# title: The facts of the call cannot be read
# description: |
#   The input is not the contract's: another version or stage, a fact of the wrong type, or a
#   null. Facts that are not known are absent; a null would compare as smaller than any number.
# custom:
#   id: request.input.malformed
#   owner: gateway
#   remediation: Run a gateway and a policy bundle that speak the same decision contract.
block contains "request.input.malformed" if not input_readable

# The three `is_string` also say that the parts they look into are objects.
input_readable if {
	input.v == 1
	input.stage == "request"
	is_string(input.request.operation)
	is_string(input.identity.client_id)
	is_string(input.source.ip)
	nothing := object.get({}, "", null)
	[nothing in input.request, nothing in input.identity, nothing in input.source] == [false, false, false]
	offered := object.get(input.request, "tools", {})
	is_object(offered)
	some_offered := count(offered) > 0
	object.get(input.request, "has_tools", some_offered) == some_offered
	is_object(object.get(input, "usage", {}))
	found := object.get(input, "signals", {})
	is_object(found)
	every origins in found {
		is_object(origins)
	}
}

# Operations on the model catalogue answer questions about models; they run none.
catalogue_operation if startswith(input.request.operation, "models.")
