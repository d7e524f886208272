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
