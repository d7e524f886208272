package regogate.request

import data.regogate.caller
import data.regogate.lib

# Three kinds of models are judged alike: the one asked for, the one a rule routes to, and the
# candidates of `models.list`.

# The row of the model asked for; the exact one wins, else the longest pattern.
asked_row := row if {
	input.request.operation != "models.list"
	row := data.regogate.models[input.request.model]
} else := pattern_row(input.request.model) if {
	input.request.operation != "models.list"
}

model_row(model) := row if {
	row := data.regogate.models[model]
} else := pattern_row(model)

pattern_row(model) := [row |
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
block contains "request.model.unclassified" if {
	caller.tier
	is_string(input.request.model)
	input.request.operation != "models.list"
	not asked_classified
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
block contains "request.model.data_class" if {
	type_name(asked_row) != ""
	not asked_cleared
}

# Rows are not handed to functions here: OPA would copy the whole row.
asked_cleared if {
	data_class := object.get(input.request, "data_class", "internal")
	lib.cleared(data_class, asked_row.data_class)
}

asked_classified if is_object(asked_row)

asked_classified if unlisted_allowed(input.request.model)

# A row that is no object is a row, if a broken one.
unlisted_allowed(model) if {
	caller.tier.unclassified_models == "allow"
	is_object(data.regogate.models)
	not listed_model(model)
}

listed_model(model) if type_name(model_row(model)) != ""

# A model may be used if all that is checked of models holds for it, or is not enforced.
usable(model) if {
	lib.matches_any(caller.tier.models, model)
	caller.model_going(model)
	every id in model_checks {
		passes(id, model)
	}
}

model_checks := {
	"request.model.unclassified",
	"request.model.data_class",
	"request.network.model",
	"request.residency.tenant",
	"request.residency.data_class",
	"request.modality.model",
}

passes(id, _) if lib.relaxed(id)

passes("request.model.unclassified", model) if is_object(model_row(model))

passes("request.model.unclassified", model) if unlisted_allowed(model)

passes("request.model.data_class", model) if not uncleared(model)

passes("request.network.model", model) if not unreachable(model)

passes("request.residency.tenant", model) if not outside_tenant(model)

passes("request.residency.data_class", model) if not outside_data_class(model)

passes("request.modality.model", model) if not deaf_to(model)

deaf_to(model) if {
	modalities := model_row(model).modalities
	not only(modalities)
}

uncleared(model) if {
	listed_model(model)
	not cleared(model)
}

cleared(model) if {
	data_class := object.get(input.request, "data_class", "internal")
	lib.cleared(data_class, model_row(model).data_class)
}

unreachable(model) if {
	denied := model_row(model).deny_networks
	not caller.clear_of(denied)
}
