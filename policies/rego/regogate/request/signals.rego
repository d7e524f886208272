package regogate.request

import data.regogate.caller
import data.regogate.findings
import data.regogate.lib

# Measures of signals.yaml that this stage can take.
measures := {"max_tokens", "delay_ms", "redact", "model", "pool"}

# Undefined where nothing was found, which spares the rules below the looking.
families_refused := findings.refused(measures) if input.signals

# METADATA
# title: An attack was found
# description: |
#   An injection, a jailbreak or an exfiltration, of a level that signals.yaml blocks at its
#   origin.
# custom:
#   id: request.signal.attack
#   owner: security
#   remediation: Take the text out; if it is harmless, change the row of its kind in signals.yaml.
block contains "request.signal.attack" if {
	"attack" in families_refused
}

# METADATA
# title: Data was found that may not pass
# description: Personal data or a secret, of a level that signals.yaml blocks at its origin.
# custom:
#   id: request.signal.data
#   owner: data-protection
#   remediation: Take the data out, or change the row of its kind in signals.yaml.
block contains "request.signal.data" if {
	"data" in families_refused
}

# METADATA
# title: Inspection failed
# description: A detector failed or overran, so that it is not known what the text holds.
# custom:
#   id: request.signal.inspection
#   owner: security
#   remediation: Try again; look at the gateway's log if it goes on.
block contains "request.signal.inspection" if {
	"inspection" in families_refused
}

# METADATA
# title: Content was found that may not pass
# description: Content of another kind, of a level that signals.yaml blocks at its origin.
# custom:
#   id: request.signal.content
#   owner: content-safety
#   remediation: Change the text, or the row of its kind in signals.yaml.
block contains "request.signal.content" if {
	"content" in families_refused
}

# METADATA
# title: Data was found that is too sensitive
# description: |
#   Data stays in the call whose row in signals.yaml says a `data_class` that the model, or the
#   tier, is not cleared for.
# custom:
#   id: request.signal.data_class
#   owner: data-protection
#   remediation: Take the data out, redact its kind in signals.yaml, or use a model cleared for it.
block contains "request.signal.data_class" if {
	some class in findings.classes
	not held(class)
}

held(class) if {
	lib.cleared(class, asked_row.data_class)
	lib.cleared(class, object.get(caller.tier, "data_class", "restricted"))
}

# METADATA
# title: The call waits because of what was found
# description: A finding is to be constrained, and its row in signals.yaml says `delay_ms`.
# custom:
#   id: request.signal.delay
#   owner: security
#   remediation: Nothing to do; change the row of its kind in signals.yaml to lift it.
want contains {"id": "request.signal.delay", "key": "delay_ms", "value": value} if {
	some value in findings.values("delay_ms")
}

# METADATA
# title: The answer is shorter because of what was found
# description: A finding is to be constrained, and its row in signals.yaml says `max_tokens`.
# custom:
#   id: request.signal.max_tokens
#   owner: security
#   remediation: Nothing to do; change the row of its kind in signals.yaml to lift it.
want contains {"id": "request.signal.max_tokens", "key": "max_tokens", "value": value} if {
	some value in findings.values("max_tokens")
}

# METADATA
# title: Another model answers because of what was found
# description: A finding is to be constrained, and its row in signals.yaml says `model`.
# custom:
#   id: request.signal.model
#   owner: security
#   remediation: Nothing to do; change the row of its kind in signals.yaml to lift it.
want contains {"id": "request.signal.model", "key": "model", "value": value} if {
	some value in findings.values("model")
}

# METADATA
# title: Another pool answers because of what was found
# description: A finding is to be constrained, and its row in signals.yaml says `pool`.
# custom:
#   id: request.signal.pool
#   owner: security
#   remediation: Nothing to do; change the row of its kind in signals.yaml to lift it.
want contains {"id": "request.signal.pool", "key": "pool", "value": value} if {
	some value in findings.values("pool")
}

# METADATA
# title: What was found is redacted
# description: A finding is to be constrained, and its row in signals.yaml says `redact`.
# custom:
#   id: request.signal.redact
#   owner: data-protection
#   remediation: Nothing to do; change the row of its kind in signals.yaml to lift it.
want contains {"id": "request.signal.redact", "key": "redact", "value": kinds} if {
	kinds := findings.redactions
	kinds != []
}
