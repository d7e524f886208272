package regogate.request

import data.regogate.lib

# Checks of a model are keyed by the model, because three kinds are judged alike: the one asked
# for, the one a rule routes to, and the candidates of `models.list`.

subject contains input.request.model if {
	is_string(input.request.model)
	input.request.operation != "models.list"
}

subject contains model if {
	input.request.operation == "models.list"
	some model, _ in input.request.candidates
}

subject contains model if some model in wanted.model

# Looked up once for all checks. A comprehension is evaluated once, a rule again for each model.
# regal ignore:prefer-set-or-object-rule
model_rows := {model: row |
	some model in subject
	row := model_row(model)
}

# The exact row wins, else the longest pattern.
model_row(model) := row if {
	row := data.regogate.models[model]
} else := [row |
	some pattern in lib.candidate_patterns(model)
	row := data.regogate.models[pattern]
][0]

# METADATA
# title: The model is not classified
# description: No row or pattern of the model table covers the model, so its data class is unknown.
# custom:
#   id: request.model.unclassified
#   owner: data-protection
#   remediation: |
#     Add the model to models.yaml, or say `unclassified_models: allow` in the tier.
model_block[model] contains "request.model.unclassified" if {
	tier
	some model in subject
	not classified(model)
}

# METADATA
# title: The data is too sensitive for the model
# description: |
#   The call's data class ranks above the model's. The ranks are public, internal, confidential,
#   restricted; a call whose class is not known counts as internal.
# custom:
#   id: request.model.data_class
#   owner: data-protection
#   remediation: Use a model cleared for this class of data, or take the data out of the call.
model_block[model] contains "request.model.data_class" if {
	some model in subject
	row := model_rows[model]
	not cleared(row)
}

classified(model) if is_object(model_rows[model])

classified(model) if {
	tier.unclassified_models == "allow"
	not listed_model(model)
}

listed_model(model) if type_name(model_rows[model]) != ""

cleared(row) if {
	data_class := object.get(input.request, "data_class", "internal")
	rank := lib.data_class_rank
	rank[data_class] <= rank[row.data_class]
}
