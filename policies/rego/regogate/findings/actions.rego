# METADATA
# scope: package
# title: What inspection found, and what the tables make of it
# description: |
#   Findings come by kind and origin, each with a level; signals.yaml says for a kind and an origin
#   from which level on it blocks, constrains or is only recorded. What cannot be read blocks.
# schemas:
#   - input: schema["input.request.schema"]
#   - data.regogate.signals: schema.tables["signals.schema"]
package regogate.findings

import data.regogate.lib

actions contains [kind, action(steps_of(kind, origin), level(finding))] if {
	some kind, origins in input.signals
	some origin, finding in origins
}

# The word of the highest step that the level reaches.
action(steps, reached) := words[0] if {
	below := object.get({"low": ["low"], "medium": ["medium", "low"]}, reached, ["high", "medium", "low"])
	words := [word | some step in below; word := steps[step]]
} else := "log"

# A level that is not known is the highest.
level(finding) := finding.level if {
	is_string(finding.level)
} else := "high"

# What the row of a kind says of an origin: its own steps, else those of `*`. A kind without a row is
# recorded only, but for a failed inspection; a row or a table that cannot be read blocks.
steps_of(kind, origin) := steps if {
	steps := row_of(kind).origins[origin]
	is_object(steps)
} else := steps if {
	steps := row_of(kind).origins["*"]
	is_object(steps)
} else := {} if {
	is_object(row_of(kind).origins)
} else := {} if {
	is_object(data.regogate.signals)
	kind != "inspection.failed"
	not has_row(kind)
} else := {"low": "block"}

has_row(kind) if type_name(row_of(kind)) != ""

row_of(kind) := row if {
	row := data.regogate.signals[kind]
} else := [row |
	some pattern in lib.candidate_patterns(kind)
	row := data.regogate.signals[pattern]
][0]

constrained contains kind if some [kind, "constrain"] in actions

# The kinds to refuse, by family: what says neither log nor constrain, and what is to be constrained
# by measures that this stage has not got.
refused(able) := {family(kind) | some [kind, word] in actions; not word in {"log", "constrain"}} | {family(kind) |
	some kind in constrained
	not measured(kind, able)
}

measured(kind, able) if {
	some measure in able
	demanded(row_of(kind).constrain[measure])
}

demanded(value) if not value in {false, null}

# The values of a measure over all kinds that are to be constrained.
values(measure) := {value |
	some kind in constrained
	value := row_of(kind).constrain[measure]
}

redactions := [kind | some kind in constrained; demanded(row_of(kind).constrain.redact)]

family(kind) := "attack" if {
	kind in {"injection", "jailbreak", "exfiltration"}
} else := "data" if {
	strings.any_prefix_match(kind, ["pii.", "secret."])
} else := "inspection" if {
	startswith(kind, "inspection.")
} else := "content"
