package regogate.caller_test

import data.regogate.caller

test_windows_end_before_they_end if {
	caller.now(8, 8, 9)
	not caller.now(9, 8, 9)
	not caller.now(7, 8, 9)
}

test_windows_go_over_midnight if {
	every hour in [22, 23, 0, 5] {
		caller.now(hour, 22, 6)
	}
	every hour in [6, 7, 21] {
		not caller.now(hour, 22, 6)
	}
	every hour in numbers.range(0, 23) {
		caller.now(hour, 5, 5)
	}
}
