package regogate.lib

# Whether a limit has every field, and each a value that the gateway can hold.
limit(entry) if {
	object.keys(entry) - {"burst", "overrun"} == {"id", "key", "unit", "amount", "per", "window"}
	is_string(entry.key)
	regex.match(`^[a-z0-9_][a-z0-9_.-]{0,127}$`, entry.id)
	lasting(entry)
	entry.window in {"rolling", "calendar"}
	whole(entry.amount, 0)
	whole(object.get(entry, "burst", 1), 1)
	bursting(entry)
	object.get(entry, "overrun", "extend") in {"extend", "cut", "finish"}
}

lasting(entry) if {
	entry.unit == "concurrent"
	entry.per == "instant"
}

lasting(entry) if {
	entry.unit in {"requests", "tokens", "input_tokens", "output_tokens", "usd", "images", "audio_seconds"}
	entry.per in {"minute", "hour", "day", "month"}
}

# Only a rate has a burst.
bursting(entry) if not "burst" in object.keys(entry)

bursting(entry) if {
	entry.unit == "requests"
	entry.window == "rolling"
}

whole(value, least) if {
	is_number(value)
	value == floor(value)
	value >= least
}

# What a site says that is no set holds `{}`, too, which is neither an id nor a want.
members(said) := said if {
	is_set(said)
} else := {{}} | {member | some member in said}

# The wants that every stage knows, and the shape of their values.
fits("delay_ms", value) if whole(value, 0)

fits("audit", value) if value in {"full", "metadata", "hash"}

fits("redact", value) if {
	type_name(value) in {"array", "set"}
	every item in value {
		is_string(item)
	}
}
