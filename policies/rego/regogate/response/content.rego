package regogate.response

import data.regogate.caller

# METADATA
# title: Content that nothing looked into
# description: |
#   The tier says `uninspected: block`, and the answer holds bytes that were not inspected, or
#   it is not known.
# custom:
#   id: response.content.uninspected
#   owner: data-protection
#   remediation: |
#     Say `uninspected: allow` in the tier to let it pass.
block contains "response.content.uninspected" if {
	word := caller.tier.uninspected
	word != "allow"
	not input.answer.uninspected_bytes == 0
}
