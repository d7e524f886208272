package regogate.request

import data.regogate.caller
import data.regogate.lib

# METADATA
# title: Calls to the model are recorded with less
# description: The model's row says `audit`; the record keeps no more than that.
# custom:
#   id: request.audit.model
#   owner: policy
#   remediation: Nothing to do; remove `audit` from the model's row to lift it.
want contains {"id": "request.audit.model", "key": "audit", "value": level} if level := asked_row.audit

# A tier that says nothing, and a caller without a tier, are recorded without content.
default tier_audit := "metadata"

tier_audit := caller.tier.audit

tier_malformed if {
	level := caller.tier.audit
	not lib.audit_rank[level]
}

default audit := "metadata"

# The level that stores least wins: the tier's, or what a rule wants.
audit := tier_audit if {
	not wanted.audit
	lib.audit_rank[tier_audit]
} else := lib.audit_levels[max(ranks)] if {
	ranks := {lib.audit_rank[tier_audit]} | {rank | some level in wanted.audit; rank := lib.audit_rank[level]}
}
