package regogate.tool_call

import data.regogate.lib

# What tools.yaml says of the arguments of a proposed call: facts of each, and its value where it is a
# short scalar. A value that is not known is not an allowed one, nor one that is not denied.

# METADATA
# title: The arguments cannot be read
# description: The arguments are not one JSON object.
# custom:
#   id: tool_call.arguments.malformed
#   owner: agent-security
#   remediation: Nothing to do; the model wrote them.
block contains "tool_call.arguments.malformed" if not input.call.valid == true

# METADATA
# title: The arguments are too long
# description: They exceed the `max_argument_bytes` of the tool's row, or their size is not known.
# custom:
#   id: tool_call.arguments.size
#   owner: agent-security
#   remediation: Raise `max_argument_bytes` in tools.yaml.
block contains "tool_call.arguments.size" if {
	most := row.max_argument_bytes
	not short(most)
}

# METADATA
# title: An argument is not allowed
# description: |
#   The tool's row in tools.yaml allows other values of an argument only, or denies this one.
# custom:
#   id: tool_call.arguments.denied
#   owner: agent-security
#   remediation: Change the argument's row in tools.yaml.
block contains "tool_call.arguments.denied" if {
	rules := row.arguments
	some name, rule in rules
	not passes(name, rule)
}

row := data.regogate.tools[input.call.name]

short(most) if {
	is_number(most)
	is_number(input.call.bytes)
	input.call.bytes <= most
}

passes(name, rule) if {
	is_object(rule)
	not given(name)
	object.get(rule, "required", false) == false
}

passes(name, rule) if {
	is_object(rule)
	value := input.call.arguments[name].value
	one_of(value, object.get(rule, "allow", [value]))
	none_of(value, object.get(rule, "deny", []))
	at_most(value, object.get(rule, "max", "unset"))
}

given(name) if type_name(input.call.arguments[name]) != ""

one_of(value, listing) if value in listing

one_of(value, listing) if lib.matches_any(listing, value)

# What is denied is denied in capitals and between blanks, too: a tool may read these as the same.
none_of(value, listing) if {
	is_array(listing)
	spelt := plainly(value)
	denied := [plainly(one) | some one in listing]
	not one_of(spelt, denied)
}

plainly(value) := lower(trim_space(value)) if is_string(value)

plainly(value) := value if not is_string(value)

at_most(_, "unset")

at_most(value, most) if {
	is_number(value)
	is_number(most)
	value <= most
}
