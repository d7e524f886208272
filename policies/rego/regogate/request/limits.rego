package regogate.request

import data.regogate.caller
import data.regogate.lib

# Limits are not constraints: they change no call, and the gateway enforces them. The four named
# ones are keyed by the client; those of `more` say by what. `burst` is how much may come at once.

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

# METADATA
# title: Other limits
# description: |
#   The rows of the tier's `more`: any unit and period, counted together by what a row says. One
#   that is counted by tool is a limit for each tool that the call offers.
# custom:
#   id: request.limits.more
#   owner: capacity
#   remediation: Use less, or raise the limit in the tier.
want contains {"id": "request.limits.more", "key": "limits", "value": entry} if {
	some row in caller.tier.limits.more
	some entry in entries_of(row)
}

# METADATA
# title: A money limit on a model without a price
# description: |
#   A limit in USD holds for the call, and the row of the model that is to answer has no price, so
#   nobody can say what the call will cost.
# custom:
#   id: request.limits.price
#   owner: cost-control
#   remediation: Give the model its price in models.yaml, or take the limit out of the tier.
block contains "request.limits.price" if {
	some entry in wanted.limits
	entry.unit == "usd"
	not bodyless
	not priced
}

priced if {
	price := model_row(served).price
	is_number(price.input)
	is_number(price.output)
}

served := target if {
	some target in wanted.model
} else := input.request.model

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
	"unit": "concurrent",
	"amount": amount,
	"per": "instant",
	"window": "rolling",
} if {
	whole(amount)
}

limit_entry("usd_per_day", amount, key, _) := {
	"id": "client.usd_day",
	"key": key,
	"unit": "usd",
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
	count(limit_of) == count(object.remove(limits, ["more"]))
	more_read(object.get(limits, "more", []))
}

more_read(rows) if {
	is_array(rows)
	count({row.id | some row in rows}) == count(rows)
	every row in rows {
		row_read(row)
	}
}

# A row is read with a key that stands for any, since what the call offers must make no difference.
row_read(row) if {
	object.keys(row) - {"id", "unit", "amount", "per", "window", "by", "burst", "overrun"} == set()
	counted_by(row) - {"client", "subject", "tenant", "model", "tool", "network"} == set()
	lib.limit(object.union(template(row), {"key": "any"}))
}

template(row) := object.union(object.filter(row, {"burst", "overrun"}), {
	"id": row.id,
	"unit": row.unit,
	"amount": measured(row.unit, row.amount),
	"per": object.get(row, "per", {true: "instant", false: null}[row.unit == "concurrent"]),
	"window": object.get(row, "window", "rolling"),
})

measured(unit, amount) := {true: round(amount * 1000000), false: amount}[unit == "usd"] if {
	is_number(amount)
}

counted_by(row) := {what | some what in object.get(row, "by", ["client"])}

entries_of(row) := {object.union(template(row), {"key": limit_key(by, "")})} if {
	by := counted_by(row)
	not "tool" in by
}

entries_of(row) := {entry |
	some tool, _ in input.request.tools
	entry := object.union(template(row), {
		"id": sprintf("%s.%s", [row.id, lower(tool)]),
		"key": limit_key(by, tool),
	})
} if {
	by := counted_by(row)
	"tool" in by
}

# Every key is within one tenant. The subject comes last, as it may hold a comma.
limit_key(by, tool) := concat(",", array.concat(
	[part | some what in ["tenant", "client"]; what in scope_of(by); part := key_part(what, tool)],
	[part | some what in ["model", "tool", "network", "subject"]; what in by; part := key_part(what, tool)],
))

scope_of(by) := by if {
	"client" in by
} else := {"tenant"}

key_part("client", _) := caller.principal.id

key_part("tenant", _) := sprintf("tenant/%s", [urlquery.encode(object.get(caller.principal, "tenant", ""))])

key_part("model", _) := sprintf("model/%s", [urlquery.encode(object.get(input.request, "model", ""))])

key_part("tool", tool) := sprintf("tool/%s", [urlquery.encode(tool)])

key_part("network", _) := sprintf("network/%s", [concat("+", sort([urlquery.encode(name) |
	some name, _ in data.regogate.networks
	caller.inside(name)
]))])

key_part("subject", _) := sprintf("subject/%s", [object.get(input.identity, "subject", "")])
