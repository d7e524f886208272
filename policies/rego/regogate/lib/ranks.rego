package regogate.lib

# Whether data of a class may go where `ceiling` is the most sensitive class allowed.
cleared(data_class, ceiling) if {
	data_class in {
		"public": {"public"},
		"internal": {"public", "internal"},
		"confidential": {"public", "internal", "confidential"},
		"restricted": {"public", "internal", "confidential", "restricted"},
	}[ceiling]
}

# The further along, the less a level stores.
audit_levels := ["full", "metadata", "hash"]

audit_rank := {"full": 0, "metadata": 1, "hash": 2}
