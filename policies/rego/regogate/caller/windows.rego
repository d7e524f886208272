package regogate.caller

# Whether it is now one of the named times. A name that windows.yaml does not define is never.
within(names) if {
	some name in names
	window := data.regogate.windows[name]
	input.time.weekday in window.days
	now(input.time.hour, window.from, window.until)
}

now(hour, from, until) if {
	from <= hour
	hour < until
}

# Over midnight; the day is the day it is, not the day the window began.
now(hour, from, until) if {
	until <= from
	hour >= from
}

now(hour, from, until) if {
	until <= from
	hour < until
}
