# METADATA
# scope: package
# title: What only this site asks for
# description: |
#   An example to change or remove. A site's own rules may refuse (`request_block`) and ask for
#   constraints (`request_want`); they can never allow. Helpers begin with an underscore.
# schemas:
#   - input: schema["input.request.schema"]
#   - data.regogate.clients: schema.tables["clients.schema"]
#   - data.regogate.site_data.example: schema.tables.site["example.schema"]
package regogate.site.example

import data.regogate.lib

# METADATA
# title: The model is not for this tenant
# description: |
#   The table `data/site/example.yaml` lists models that a tenant must not use, whatever its
#   clients' tiers allow.
# custom:
#   id: site.example.model
#   owner: policy
#   remediation: Use another model, or take the model from the tenant's list.
request_block contains "site.example.model" if not _fits

# A call that names no model, such as one for the list of models, is none of this rule's.
_fits if not input.request.model

# Written `not ok`, so that a table that is missing refuses.
_fits if {
	refused := object.get(data.regogate.site_data.example, _tenant, [])
	model := input.request.model
	not lib.matches_any(refused, model)
}

# The tenant of the client's row comes before the one that its credential names.
default _tenant := ""

_tenant := row.tenant if {
	row := data.regogate.clients[input.identity.client_id]
} else := input.identity.tenant
