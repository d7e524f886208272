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

# METADATA
# title: The prompt is too long
# description: |
#   The prompt's estimated tokens exceed the tier's `max_prompt_tokens`, or are not known.
# custom:
#   id: request.tokens.prompt
#   owner: cost-control
#   remediation: Send a shorter prompt, or raise `max_prompt_tokens`.
block contains "request.tokens.prompt" if {
	most := caller.tier.max_prompt_tokens
	not bodyless
	not prompt_within(most)
}

prompt_within(most) if {
	is_number(most)
	is_number(input.request.prompt_tokens_est)
	input.request.prompt_tokens_est <= most
}

within(cap) if {
	is_number(cap)
	is_number(input.request.max_tokens)
	input.request.max_tokens >= 1
	input.request.max_tokens <= cap
}

tokenless if bodyless

tokenless if strings.any_prefix_match(input.request.operation, ["embeddings.", "moderations."])

# Operations that bring no content.
bodyless if catalogue_operation

bodyless if {
	strings.any_suffix_match(input.request.operation, [".list", ".retrieve", ".update", ".delete", ".cancel"])
}
