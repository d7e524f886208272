package regogate.request

import data.regogate.caller

# Where a call may be answered, by the region in the model's row. A model without one is nowhere.

# METADATA
# title: The model is outside the tenant's regions
# description: residency.yaml lists regions for the tenant, and the model's row names none of them.
# custom:
#   id: request.residency.tenant
#   owner: data-protection
#   remediation: Use a model in one of the regions.
block contains "request.residency.tenant" if {
	is_string(input.request.model)
	input.request.operation != "models.list"
	outside_tenant(input.request.model)
}

# METADATA
# title: The model is outside the data's regions
# description: |
#   residency.yaml lists regions for the call's data class, and the model's row names none of
#   them.
# custom:
#   id: request.residency.data_class
#   owner: data-protection
#   remediation: Use a model in one of the regions, or take the data out of the call.
block contains "request.residency.data_class" if {
	is_string(input.request.model)
	input.request.operation != "models.list"
	outside_data_class(input.request.model)
}

# METADATA
# title: Only upstreams in some regions may answer
# description: The tier says `regions`, so the call goes to no upstream elsewhere.
# custom:
#   id: request.residency.regions
#   owner: data-protection
#   remediation: Nothing to do; remove `regions` from the tier to lift it.
want contains {"id": "request.residency.regions", "key": "regions", "value": regions} if {
	regions := caller.tier.regions
	not catalogue_operation
}

outside_tenant(model) if {
	some tenant in caller.tenants_named
	regions := data.regogate.residency.tenants[tenant]
	not located(model, regions)
}

outside_data_class(model) if {
	data_class := object.get(input.request, "data_class", "internal")
	regions := data.regogate.residency.data_classes[data_class]
	not located(model, regions)
}

located(model, regions) if model_row(model).region in regions
