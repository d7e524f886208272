package regogate.request

import data.regogate.caller

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
	caller.tier
	type_name(input.request.tools) != ""
	not tools_pass
}

# METADATA
# title: A tool is not the one that was looked at
# description: |
#   The tool's row in tools.yaml holds the digest of its definition, and the call offers it with
#   another description or other parameters.
# custom:
#   id: request.tools.changed
#   owner: agent-security
#   remediation: Look at the new definition, then put its digest, as records tell it, into tools.yaml.
block contains "request.tools.changed" if {
	some name, _ in input.request.tools
	pinned := data.regogate.tools[name].digest
	not defined_as(name, pinned)
}

# METADATA
# title: Results of tools may not be sent
# description: |
#   The call brings results of tools, and the tier says `results` with another word than
#   allow.
# custom:
#   id: request.tools.results
#   owner: agent-security
#   remediation: |
#     Leave the results out, or say `results: allow` in the tier's tools.
block contains "request.tools.results" if {
	word := caller.tier.tools.results
	word != "allow"
	not bodyless
	not input.request.tool_results == 0
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
	offered := input.request.tools
	unlisted_stripped := {name | tools_otherwise == "strip"; some name in unlisted}
	stripped := unlisted_stripped | {name | some name, _ in offered; data.regogate.tools[name].use == "strip"}
	stripped != set()
}

# A tool with a row that says nothing is refused.
tools_pass if {
	offered := input.request.tools
	is_object(offered)
	passing := [name |
		some name in (object.keys(offered) - refused)
		object.get(data.regogate.tools, name, {"use": "allow"}).use in {"allow", "strip"}
	]
	count(passing) == count(offered)
}

refused := set() if {
	tools_otherwise in {"allow", "strip"}
} else := unlisted

tools_otherwise := object.get(caller.tier, ["tools", "otherwise"], "block")

# The tools offered that the tier does not name.
# regal ignore:prefer-set-or-object-rule
unlisted := {name |
	named := object.get(caller.tier, ["tools", "allow"], [])
	some name, _ in input.request.tools
	not name in named
	not listed_by_pattern(name)
}

listed_by_pattern(name) if {
	some pattern in caller.tier.tools.allow
	endswith(pattern, "*")
	startswith(name, trim_suffix(pattern, "*"))
}

defined_as(name, pinned) if input.request.tools[name].digest == pinned
