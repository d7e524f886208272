package regogate.request

# What is unusual about the client's use: facts of `usage`, each a number, with its row in anomalies.yaml.

# METADATA
# title: The client's use is far from usual
# description: A fact of `usage` is at or above `block_from` in anomalies.yaml, or cannot be read.
# custom:
#   id: request.usage.anomaly
#   owner: security
#   remediation: Find out why the client calls so much; raise `block_from` if it is right.
block contains "request.usage.anomaly" if {
	some fact, value in input.usage
	from := data.regogate.anomalies[fact].block_from
	not below(value, from)
}

# METADATA
# title: The client is slowed down
# description: |
#   A fact of `usage` is at or above `constrain_from` in anomalies.yaml, whose row says
#   `delay_ms`.
# custom:
#   id: request.usage.delay
#   owner: capacity
#   remediation: Nothing to do; it ends when use is as usual.
want contains {"id": "request.usage.delay", "key": "delay_ms", "value": delay} if {
	some fact in unusual
	delay := data.regogate.anomalies[fact].constrain.delay_ms
}

# METADATA
# title: The client's answers are shorter
# description: |
#   A fact of `usage` is at or above `constrain_from` in anomalies.yaml, whose row says
#   `max_tokens`.
# custom:
#   id: request.usage.max_tokens
#   owner: capacity
#   remediation: Nothing to do; it ends when use is as usual.
want contains {"id": "request.usage.max_tokens", "key": "max_tokens", "value": cap} if {
	some fact in unusual
	cap := data.regogate.anomalies[fact].constrain.max_tokens
}

unusual contains fact if {
	some fact, value in input.usage
	from := data.regogate.anomalies[fact].constrain_from
	not below(value, from)
}

below(value, from) if {
	is_number(value)
	is_number(from)
	value < from
}
