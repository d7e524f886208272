package regogate.request

import data.regogate.caller

# Limits are not constraints: they change no call, and the gateway enforces them. All are keyed
# by the client. `burst` is how much may come at once.

# METADATA
# title: Requests a minute
# description: The tier's `requests_per_minute`; `burst` lowers how many may come at once.
# custom:
#   id: request.limits.requests_per_minute
#   owner: capacity
#   remediation: Send fewer requests, or raise the limit in the tier.
want contains {"id": "request.limits.requests_per_minute", "key": "limits", "value": entry} if {
	entry := limit_of.requests_per_minute
}

# METADATA
# title: Tokens an hour
# description: The tier's `tokens_per_hour`, prompt and answer together.
# custom:
#   id: request.limits.tokens_per_hour
#   owner: capacity
#   remediation: Use fewer tokens, or raise the limit in the tier.
want contains {"id": "request.limits.tokens_per_hour", "key": "limits", "value": entry} if {
	entry := limit_of.tokens_per_hour
}

# METADATA
# title: Requests at the same time
# description: |
#   The tier's `max_concurrent_requests`, counted from admission to the end of the answer.
# custom:
#   id: request.limits.max_concurrent_requests
#   owner: capacity
#   remediation: Wait for answers before asking again, or raise the limit in the tier.
want contains {"id": "request.limits.max_concurrent_requests", "key": "limits", "value": entry} if {
	entry := limit_of.max_concurrent_requests
}

# METADATA
# title: Money a day
# description: The tier's `usd_per_day`, handed on in micro-USD.
# custom:
#   id: request.limits.usd_per_day
#   owner: cost-control
#   remediation: Use less or a cheaper model, or raise the limit in the tier.
want contains {"id": "request.limits.usd_per_day", "key": "limits", "value": entry} if {
	entry := limit_of.usd_per_day
}

# The tier's limits as the gateway takes them. What cannot be read has no entry, and blocks.
# regal ignore:prefer-set-or-object-rule
limit_of := {name: entry |
	limits := caller.tier.limits
	some name, amount in limits
	entry := limit_entry(name, amount, caller.principal.id, object.get(limits, "burst", amount))
}

limit_entry("requests_per_minute", amount, key, burst) := {
	"id": "client.rpm",
	"key": key,
	"unit": "requests",
	"amount": amount,
	"per": "minute",
	"window": "rolling",
	"burst": min([amount, burst]),
} if {
	whole(amount)
	whole(burst)
}

limit_entry("tokens_per_hour", amount, key, _) := {
	"id": "client.tph",
	"key": key,
	"unit": "tokens",
	"amount": amount,
	"per": "hour",
	"window": "rolling",
} if {
	whole(amount)
}

limit_entry("max_concurrent_requests", amount, key, _) := {
	"id": "client.concurrency",
	"key": key,
	"unit": "concurrent_requests",
	"amount": amount,
	"per": "instant",
	"window": "rolling",
} if {
	whole(amount)
}

limit_entry("usd_per_day", amount, key, _) := {
	"id": "client.usd_day",
	"key": key,
	"unit": "micro_usd",
	"amount": micro_usd,
	"per": "day",
	"window": "rolling",
} if {
	is_number(amount)
	micro_usd := round(amount * 1000000)
	micro_usd >= 1
}

# What `burst` stands for is the rate's entry.
limit_entry("burst", amount, _, _) := amount if whole(amount)

whole(amount) if {
	is_number(amount)
	amount >= 1
	amount == floor(amount)
}

# A limit that is not understood must not read as "no limit".
tier_malformed if {
	limits := object.get(caller.tier, "limits", {})
	not limits_read(limits)
}

limits_read(limits) if {
	is_object(limits)
	count(limit_of) == count(limits)
}
