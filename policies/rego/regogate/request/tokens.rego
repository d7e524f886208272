package regogate.request

import data.regogate.caller

# METADATA
# title: The answer's length is capped
# description: |
#   The caller asked for more tokens than the tier allows, or set no maximum. Applies to every
#   operation but those that are known to produce no tokens.
# custom:
#   id: request.tokens.cap
#   owner: cost-control
#   remediation: Ask for at most the tier's `max_tokens`, or raise it in tiers.yaml.
want contains {"id": "request.tokens.cap", "key": "max_tokens", "value": cap} if {
	cap := caller.tier.max_tokens
	not within(cap)
	not tokenless
}

within(cap) if {
	is_number(cap)
	is_number(input.request.max_tokens)
	input.request.max_tokens >= 1
	input.request.max_tokens <= cap
}

tokenless if catalogue_operation

tokenless if strings.any_prefix_match(input.request.operation, ["embeddings.", "moderations."])

tokenless if {
	strings.any_suffix_match(input.request.operation, [".list", ".retrieve", ".update", ".delete", ".cancel"])
}
