package regogate.request_test

at(weekday, hour) := {"time": {"unix": 1790000000, "weekday": weekday, "hour": hour}}

windows := {"windows": {
	"day": {"days": ["Mon", "Tue"], "from": 8, "until": 18},
	"night": {"days": ["Mon"], "from": 22, "until": 6},
}}

client_within(names) := object.union(windows, {"clients": {"app": {"windows": names}}})

tier_within(names) := object.union(windows, tier_with({"windows": names}))

test_windows_admit_within if {
	every hour in [8, 9, 17] {
		allowed(decide(at("Mon", hour), client_within(["day"])))
		allowed(decide(at("Tue", hour), tier_within(["day"])))
	}
	every hour in [22, 23, 0, 5] {
		allowed(decide(at("Mon", hour), client_within(["night"])))
	}
	allowed(decide(at("Mon", 23), tier_within(["day", "night"])))
}

test_windows_refuse_outside if {
	every hour in [0, 7, 18, 23] {
		blocked(decide(at("Mon", hour), client_within(["day"])), ["request.window.client"])
		blocked(decide(at("Tue", hour), tier_within(["day"])), ["request.window.tier"])
	}
	every hour in [6, 7, 21] {
		blocked(decide(at("Mon", hour), client_within(["night"])), ["request.window.client"])
	}
	blocked(decide(at("Wed", 9), client_within(["day"])), ["request.window.client"])
}

test_windows_that_are_not_understood_refuse if {
	every names in [[], ["misspelt"], "day", null, false] {
		blocked(decide(at("Mon", 9), client_within(names)), ["request.window.client"])
		blocked(decide(at("Mon", 9), tier_within(names)), ["request.window.tier"])
	}
	rows := {"clients": {"app": {"windows": ["day"]}}}
	blocked(decide({}, rows), ["request.window.client"])
	timeless := decide_exactly(without(call, "/time"), object.union(tables, client_within(["day"])))
	blocked(timeless, ["request.window.client"])
}
