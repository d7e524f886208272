# METADATA
# scope: package
# title: What every stage shares
# description: |
#   Patterns, ranks, modes and the shapes of wants. Nothing here reads `input`, so that each
#   stage brings its own facts.
#
#   A check is written `not ok`, so that undefined data blocks. What is negated is a rule without
#   arguments, or a function whose arguments are bound before: OPA takes arguments out of a
#   negation, so `not f(input.x)` is undefined, and silent, where `input.x` is.
# schemas:
#   - data.regogate.rules: schema.tables["rules.schema"]
package regogate.lib

# A pattern is exact or ends in one `*`. `glob.match` would stop at the dots of operation ids.
matches_any(patterns, value) if {
	value in patterns
	is_string(value)
}

matches_any(patterns, value) if {
	is_string(value)
	some pattern in patterns
	endswith(pattern, "*")
	startswith(value, trim_suffix(pattern, "*"))
}

# The patterns that could match a value, longest first. Looking these up in a table costs the
# length of the value, however many rows the table has.
candidate_patterns(value) := [pattern |
	some length in numbers.range(count(value), 0)
	pattern := concat("", [substring(value, 0, length), "*"])
]
