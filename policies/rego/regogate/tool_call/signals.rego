package regogate.tool_call

import data.regogate.findings

# Measures of signals.yaml that this stage can take.
measures := {"delay_ms", "redact"}

# Undefined where nothing was found, which spares the rules below the looking.
families_refused := findings.refused(measures) if input.signals

# METADATA
# title: An attack was found
# description: |
#   An injection, a jailbreak or an exfiltration, of a level that signals.yaml blocks at its
#   origin.
# custom:
#   id: tool_call.signal.attack
#   owner: security
#   remediation: Take the text out; if it is harmless, change the row of its kind in signals.yaml.
block contains "tool_call.signal.attack" if {
	"attack" in families_refused
}

# METADATA
# title: Data was found that may not pass
# description: Personal data or a secret, of a level that signals.yaml blocks at its origin.
# custom:
#   id: tool_call.signal.data
#   owner: data-protection
#   remediation: Take the data out, or change the row of its kind in signals.yaml.
block contains "tool_call.signal.data" if {
	"data" in families_refused
}

# METADATA
# title: Inspection failed
# description: A detector failed or overran, so that it is not known what the text holds.
# custom:
#   id: tool_call.signal.inspection
#   owner: security
#   remediation: Try again; look at the gateway's log if it goes on.
block contains "tool_call.signal.inspection" if {
	"inspection" in families_refused
}

# METADATA
# title: Content was found that may not pass
# description: Content of another kind, of a level that signals.yaml blocks at its origin.
# custom:
#   id: tool_call.signal.content
#   owner: content-safety
#   remediation: Change the text, or the row of its kind in signals.yaml.
block contains "tool_call.signal.content" if {
	"content" in families_refused
}

# METADATA
# title: The call waits because of what was found
# description: A finding is to be constrained, and its row in signals.yaml says `delay_ms`.
# custom:
#   id: tool_call.signal.delay
#   owner: security
#   remediation: Nothing to do; change the row of its kind in signals.yaml to lift it.
want contains {"id": "tool_call.signal.delay", "key": "delay_ms", "value": value} if {
	some value in findings.values("delay_ms")
}

# METADATA
# title: What was found is redacted
# description: A finding is to be constrained, and its row in signals.yaml says `redact`.
# custom:
#   id: tool_call.signal.redact
#   owner: data-protection
#   remediation: Nothing to do; change the row of its kind in signals.yaml to lift it.
want contains {"id": "tool_call.signal.redact", "key": "redact", "value": kinds} if {
	kinds := findings.redactions
	kinds != []
}
