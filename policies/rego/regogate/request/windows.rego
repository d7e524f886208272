package regogate.request

import data.regogate.caller

# METADATA
# title: The client may not call at this time
# description: The client's row lists `windows`, and it is none of these times (UTC).
# custom:
#   id: request.window.client
#   owner: operations
#   remediation: Call within a window, or add one to the client's row.
block contains "request.window.client" if {
	windows := caller.account.windows
	not caller.within(windows)
}

# METADATA
# title: The tier's clients may not call at this time
# description: The tier lists `windows`, and it is none of these times (UTC).
# custom:
#   id: request.window.tier
#   owner: operations
#   remediation: Call within a window, or add one to the tier.
block contains "request.window.tier" if {
	windows := caller.tier.windows
	not caller.within(windows)
}
