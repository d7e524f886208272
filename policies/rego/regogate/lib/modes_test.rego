package regogate.lib_test

import data.regogate.lib

test_only_shadow_and_off_relax_a_rule if {
	every mode in ["shadow", "off"] {
		lib.relaxed("a.rule") with data.regogate.rules as {"a.rule": mode}
	}
	every mode in ["enforce", "Off", "offf", "", null, true, ["off"]] {
		not lib.relaxed("a.rule") with data.regogate.rules as {"a.rule": mode}
	}
	not lib.relaxed("a.rule") with data.regogate.rules as {"another.rule": "off"}
	not lib.relaxed("a.rule") with data.regogate.rules as {}
}
