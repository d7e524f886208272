package regogate.tool_call

import data.regogate.caller
import data.regogate.lib

# METADATA
# title: The tool is not allowed
# description: |
#   The tier's allow-list does not name the tool and the tier does not say allow, or the tool
#   table does not.
# custom:
#   id: tool_call.tools.denied
#   owner: agent-security
#   remediation: Add the tool to the tier's `tools.allow`.
block contains "tool_call.tools.denied" if not allowed

# METADATA
# title: The tool was not offered
# description: The model proposes a tool that the call did not offer.
# custom:
#   id: tool_call.tools.unknown
#   owner: agent-security
#   remediation: Offer the tool with the call.
block contains "tool_call.tools.unknown" if not offered

allowed if {
	listed
	object.get(data.regogate.tools, input.call.name, {"use": "allow"}).use == "allow"
}

listed if lib.matches_any(caller.tier.tools.allow, input.call.name)

listed if caller.tier.tools.otherwise == "allow"

offered if type_name(input.request.tools[input.call.name]) != ""
