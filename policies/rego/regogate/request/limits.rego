package regogate.request

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
	limits := tier.limits
	amount := limits.requests_per_minute
	entry := {
		"id": "client.rpm",
		"key": principal.id,
		"unit": "requests",
		"amount": amount,
		"per": "minute",
		"window": "rolling",
		"burst": min([amount, object.get(limits, "burst", amount)]),
	}
}

# METADATA
# title: Tokens an hour
# description: The tier's `tokens_per_hour`, prompt and answer together.
# custom:
#   id: request.limits.tokens_per_hour
#   owner: capacity
#   remediation: Use fewer tokens, or raise the limit in the tier.
want contains {"id": "request.limits.tokens_per_hour", "key": "limits", "value": entry} if {
	amount := tier.limits.tokens_per_hour
	entry := limit("client.tph", "tokens", amount, "hour")
}

# METADATA
# title: Requests at the same time
# description: The tier's `max_concurrent_requests`, counted from admission to the end of the answer.
# custom:
#   id: request.limits.max_concurrent_requests
#   owner: capacity
#   remediation: Wait for answers before asking again, or raise the limit in the tier.
want contains {"id": "request.limits.max_concurrent_requests", "key": "limits", "value": entry} if {
	amount := tier.limits.max_concurrent_requests
	entry := limit("client.concurrency", "concurrent_requests", amount, "instant")
}

# METADATA
# title: Money a day
# description: The tier's `usd_per_day`, handed on in micro-USD.
# custom:
#   id: request.limits.usd_per_day
#   owner: cost-control
#   remediation: Use less or a cheaper model, or raise the limit in the tier.
want contains {"id": "request.limits.usd_per_day", "key": "limits", "value": entry} if {
	usd := tier.limits.usd_per_day
	amount := round(usd * 1000000)
	entry := limit("client.usd_day", "micro_usd", amount, "day")
}

limit(id, unit, amount, per) := {
	"id": id,
	"key": principal.id,
	"unit": unit,
	"amount": amount,
	"per": per,
	"window": "rolling",
}

# A limit that is not understood must not read as "no limit".
malformed if {
	limits := tier.limits
	not readable(limits)
}

readable(limits) if {
	known := {"requests_per_minute", "burst", "tokens_per_hour", "max_concurrent_requests", "usd_per_day"}
	object.keys(limits) - known == set()
	every amount in limits {
		is_number(amount)
		amount > 0
	}
}
