package regogate.lib

# The more a class demands, the higher its rank.
data_class_rank := {"public": 0, "internal": 1, "confidential": 2, "restricted": 3}

# The further along, the less a level stores.
audit_levels := ["full", "metadata", "hash"]

audit_rank := {"full": 0, "metadata": 1, "hash": 2}
