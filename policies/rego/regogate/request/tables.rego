package regogate.request

# METADATA
# title: A policy table is missing
# description: |
#   The bundle lacks one of the tables, or one is not an object keyed by id (an empty YAML file
#   is null). A missing table of restrictions must not read as "no restrictions". The tables of
#   clients and tiers need no word here: without them nobody is known. Nor does the stop table,
#   whose absence stops everything.
# custom:
#   id: request.tables.missing
#   owner: policy
#   remediation: Ship every table; write `{}` in one that has no rows.
block contains "request.tables.missing" if not tables_present

tables_present if {
	is_object(data.regogate.tenants)
	is_object(data.regogate.models)
	is_object(data.regogate.networks)
	is_object(data.regogate.tools)
	is_object(data.regogate.rules)
}
