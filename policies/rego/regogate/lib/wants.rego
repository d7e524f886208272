package regogate.lib

# Whether a limit has every field, and each its kind.
limit(entry) if {
	object.keys(entry) - {"burst"} == {"id", "key", "unit", "amount", "per", "window"}
	every field in ["id", "key", "unit", "per", "window"] {
		is_string(entry[field])
	}
	whole(entry.amount, 1)
	whole(object.get(entry, "burst", 1), 1)
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
