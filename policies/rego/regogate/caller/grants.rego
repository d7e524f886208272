package regogate.caller

enabled if object.get(account, "enabled", true) == true

# Written out, not asked of `lib.matches_any`: OPA copies what a function gets, and every call asks.
operation_listed if input.request.operation in tier.operations

operation_listed if {
	some pattern in tier.operations
	endswith(pattern, "*")
	startswith(input.request.operation, trim_suffix(pattern, "*"))
}

model_listed if {
	is_string(input.request.model)
	input.request.model in tier.models
}

model_listed if {
	some pattern in tier.models
	endswith(pattern, "*")
	startswith(input.request.model, trim_suffix(pattern, "*"))
}
