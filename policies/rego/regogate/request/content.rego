package regogate.request

import data.regogate.caller
import data.regogate.lib

# METADATA
# title: The tier may not send this kind of content
# description: The call has a modality, such as image, that the tier's `modalities` do not name.
# custom:
#   id: request.modality.tier
#   owner: data-protection
#   remediation: Leave the content out, or add the modality to the tier.
block contains "request.modality.tier" if {
	modalities := caller.tier.modalities
	not only(modalities)
}

# METADATA
# title: The model may not get this kind of content
# description: The call has a modality that the model's `modalities` do not name.
# custom:
#   id: request.modality.model
#   owner: data-protection
#   remediation: Use another model, or add the modality to the model's row.
block contains "request.modality.model" if {
	modalities := asked_row.modalities
	not only(modalities)
}

# METADATA
# title: Content that nothing looked into
# description: |
#   The tier says `uninspected: block`, and the call holds bytes that were not inspected, or
#   it is not known.
# custom:
#   id: request.content.uninspected
#   owner: data-protection
#   remediation: |
#     Leave out what cannot be inspected, or say `uninspected: allow` in the tier.
block contains "request.content.uninspected" if {
	word := caller.tier.uninspected
	word != "allow"
	not bodyless
	not input.request.uninspected_bytes == 0
}

# METADATA
# title: The data is too sensitive for the tier
# description: The call's data class ranks above the tier's `data_class`.
# custom:
#   id: request.data_class.tier
#   owner: data-protection
#   remediation: Take the data out of the call, or clear the tier for it.
block contains "request.data_class.tier" if {
	ceiling := caller.tier.data_class
	not class_within(ceiling)
}

only(modalities) if {
	every modality in input.request.modalities {
		modality in modalities
	}
}

only(_) if {
	bodyless
	not input.request.modalities
}

class_within(ceiling) if {
	data_class := object.get(input.request, "data_class", "internal")
	lib.cleared(data_class, ceiling)
}
