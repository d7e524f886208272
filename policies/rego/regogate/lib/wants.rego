package regogate.lib

# What a want may ask for, and the shape its value must have. A want that does not fit blocks.
well_formed(want) if {
	object.keys(want) == {"id", "key", "value"}
	is_string(want.id)
	fits(want.key, want.value)
}

fits("max_tokens", value) if {
	is_number(value)
	value == floor(value)
	value >= 1
}

fits("delay_ms", value) if {
	is_number(value)
	value == floor(value)
	value >= 0
}

fits("strip_tools", value) if texts(value)

fits("redact", value) if texts(value)

fits("regions", value) if texts(value)

fits("model", value) if is_string(value)

fits("pool", value) if is_string(value)

fits("audit", value) if audit_rank[value]

fits("limits", value) if {
	object.keys(value) - {"burst"} == {"id", "key", "unit", "amount", "per", "window"}
	is_string(value.id)
	is_string(value.key)
	is_string(value.unit)
	is_string(value.per)
	is_string(value.window)
	whole(value.amount, 1)
	whole(object.get(value, "burst", 1), 1)
}

whole(value, least) if {
	is_number(value)
	value == floor(value)
	value >= least
}

texts(value) if {
	type_name(value) in {"array", "set"}
	every item in value {
		is_string(item)
	}
}
