package regogate.lib_test

import data.regogate.lib

test_audit_ranks_are_positions if {
	every rank, level in lib.audit_levels {
		lib.audit_rank[level] == rank
	}
	count(lib.audit_rank) == count(lib.audit_levels)
}

test_data_classes_are_cleared_up_to_the_ceiling if {
	classes := ["public", "internal", "confidential", "restricted"]
	cleared := {[class, ceiling] |
		some class in classes
		some ceiling in classes
		lib.cleared(class, ceiling)
	}
	cleared == {[class, ceiling] |
		some i, class in classes
		some j, ceiling in classes
		i <= j
	}
	not lib.cleared("secret", "restricted")
	not lib.cleared("secret", "secret")
}
