package regogate.lib_test

import data.regogate.lib

test_patterns_are_exact_or_end_in_one_star if {
	every pair in [["a.b", "a.b"], ["a.*", "a.b.c"], ["*", ""], ["a*", "a"], ["**", "*x"]] {
		lib.matches_any([pair[0]], pair[1])
	}
	every pair in [["a.b", "a.bc"], ["a.*", "a"], ["*.b", "a.b"], ["a*c", "abc"], ["a?", "ab"], ["**", "ab"], ["", "a"]] {
		not lib.matches_any([pair[0]], pair[1])
	}
}

test_patterns_of_other_types_match_nothing if {
	not lib.matches_any("a*", "a")
	not lib.matches_any(null, "a")
	not lib.matches_any([7, "*"], 7)
}

test_candidate_patterns_are_longest_first if lib.candidate_patterns("ab") == ["ab*", "a*", "*"]
