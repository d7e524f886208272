package regogate.request

import data.regogate.lib

# METADATA
# title: A tool is offered that is not allowed
# description: |
#   The call offers a tool that the tier's allow-list does not name and the tier says `block`
#   (or says nothing), or that the tool table blocks for everyone.
# custom:
#   id: request.tools.denied
#   owner: agent-security
#   remediation: Do not offer the tool, or add it to the tier's `tools.allow`.
block contains "request.tools.denied" if {
	tier
	offered := input.request.tools
	not all_pass(offered)
}

# METADATA
# title: Tools that are not allowed are taken out
# description: |
#   The call offers tools that the tier's allow-list does not name and the tier says `strip`, or
#   that the tool table strips for everyone. The model never hears of them.
# custom:
#   id: request.tools.stripped
#   owner: agent-security
#   remediation: Nothing to do; to keep a tool, add it to the tier's `tools.allow`.
want contains {"id": "request.tools.stripped", "key": "strip_tools", "value": stripped} if {
	stripped := {name | some name, said in tool_words; "strip" in said}
	count(stripped) > 0
}

# What the tier and the tool table say of each tool offered. A tool of which either says nothing
# has no entry, and so does not pass.
# regal ignore:prefer-set-or-object-rule
tool_words := {name: {word, tier_word(name)} |
	some name, _ in input.request.tools
	word := object.get(data.regogate.tools, name, {"use": "allow"}).use
}

all_pass(offered) if {
	object.keys(offered) == {name | some name, said in tool_words; said - {"allow", "strip"} == set()}
}

tier_word(name) := "allow" if lib.matches_any(tier.tools.allow, name)

else := tier.tools.otherwise
