package regogate.lib_test

import data.regogate.lib

limit := {
	"id": "l", "key": "k", "unit": "requests", "amount": 1,
	"per": "minute", "window": "rolling", "burst": 1,
}

test_limits_have_every_field if {
	lib.limit(limit)
	lib.limit(object.remove(limit, ["burst"]))
	every field in ["id", "key", "unit", "amount", "per", "window"] {
		not lib.limit(object.remove(limit, [field]))
	}
	every field in object.keys(limit) {
		not lib.limit(object.union(limit, {field: null}))
	}
	every field in ["amount", "burst"] {
		not lib.limit(object.union(limit, {field: -1}))
		not lib.limit(object.union(limit, {field: 1.5}))
	}
	not lib.limit(object.union(limit, {"burst": 0}))
	not lib.limit(object.union(limit, {"more": 1}))
}

test_limits_are_such_that_the_gateway_can_hold_them if {
	plain := object.remove(limit, ["burst"])
	counted := ["requests", "tokens", "input_tokens", "output_tokens", "usd", "images", "audio_seconds"]
	every unit in counted {
		every per in ["minute", "hour", "day", "month"] {
			lib.limit(object.union(plain, {"unit": unit, "per": per, "window": "calendar"}))
		}
		not lib.limit(object.union(plain, {"unit": unit, "per": "instant"}))
	}
	lib.limit(object.union(plain, {"unit": "concurrent", "per": "instant"}))
	every overrun in ["extend", "cut", "finish"] {
		lib.limit(object.union(plain, {"amount": 0, "overrun": overrun}))
	}
	longest := concat("", ["l" | some _ in numbers.range(1, 128)])
	lib.limit(object.union(plain, {"id": longest}))
	not lib.limit(object.union(plain, {"id": concat("", [longest, "l"])}))
	every change in [
		{"unit": "euro"}, {"unit": "concurrent"}, {"per": "week"}, {"window": "sliding"}, {"overrun": "never"},
		{"id": "Two words"}, {"id": ""}, {"burst": 1, "unit": "tokens"}, {"burst": 1, "window": "calendar"},
	] {
		not lib.limit(object.union(plain, change))
	}
}

test_members_of_a_set_are_its_own if {
	lib.members({"a"}) == {"a"}
	lib.members(set()) == set()
	every said in [["a"], {"k": "a"}] {
		lib.members(said) == {{}, "a"}
	}
	every said in ["a", 7, null] {
		lib.members(said) == {{}}
	}
}

test_wants_fit_their_keys if {
	every pair in [
		["delay_ms", 0],
		["audit", "full"],
		["audit", "metadata"],
		["audit", "hash"],
		["redact", []],
		["redact", {"a"}],
	] {
		lib.fits(pair[0], pair[1])
	}
	every pair in [
		["delay_ms", -1],
		["delay_ms", 1.5],
		["delay_ms", "1"],
		["audit", "none"],
		["redact", [7]],
		["redact", "a"],
		["redact", {"k": "a"}],
		["redact", null],
		["model", "m"],
	] {
		not lib.fits(pair[0], pair[1])
	}
}
