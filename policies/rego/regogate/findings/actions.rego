# METADATA
# scope: package
# title: What inspection found, and what the tables make of it
# description: |
#   Findings come by kind and origin, each with a level; signals.yaml says for a kind and an origin
#   from which level on it blocks, constrains or is only recorded. A bundle without that table has
#   the one of shipped.rego. What cannot be read blocks.
# schemas:
#   - input: schema["input.request.schema"]
#   - data.regogate.signals: schema.tables["signals.schema"]
package regogate.findings

import data.regogate.lib

actions contains [kind, origin, action(steps_of(kind, origin), level(finding))] if {
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

# What the row of a kind says of an origin: its own steps, else, of an answer, those of `answer`, else
# those of `*`. A kind without a row is recorded only, but for a failed inspection; a row or a table
# that cannot be read blocks.
steps_of(kind, origin) := steps if {
	steps := row_of(kind).origins[origin]
	is_object(steps)
} else := steps if {
	input.stage != "request"
	steps := row_of(kind).origins.answer
	is_object(steps)
} else := steps if {
	steps := row_of(kind).origins["*"]
	is_object(steps)
} else := {} if {
	steps_read(row_of(kind).origins)
} else := {} if {
	has_table
	kind != "inspection.failed"
	not has_row(kind)
} else := {"low": "block"}

steps_read(origins) if {
	is_object(origins)
	every steps in origins {
		is_object(steps)
	}
}

has_row(kind) if type_name(row_of(kind)) != ""

has_table if is_object(data.regogate.signals)

has_table if without_table

without_table if not data.regogate.signals

row_of(kind) := row if {
	row := table_row(kind)
} else := shipped_row(kind) if {
	without_table
}

table_row(kind) := row if {
	row := data.regogate.signals[kind]
} else := [row |
	some pattern in lib.candidate_patterns(kind)
	row := data.regogate.signals[pattern]
][0]

shipped_row(kind) := row if {
	row := shipped[kind]
} else := [row |
	some pattern in lib.candidate_patterns(kind)
	row := shipped[pattern]
][0]

constrained contains kind if some [kind, _, "constrain"] in actions

# Everything that was found is recorded, and no more.
only_recorded if {
	every origins in input.signals {
		is_object(origins)
	}
	[1 | some [_, _, word] in actions; word != "log"] == []
	classes == set()
}

# The kinds to refuse, by family: what says neither log nor constrain, and what is to be constrained
# by measures that this stage has not got.
refused(able) := {family(kind) | some [kind, _, word] in actions; not word in {"log", "constrain"}} | {family(kind) |
	some kind in constrained
	not measured(kind, able)
}

measured(kind, able) if {
	some measure in able
	demanded(row_of(kind).constrain[measure])
}

demanded(value) if not value in {false, null}

# The values of a measure over all kinds that are to be constrained.
values(measure) := found if {
	input.signals
	found := {value |
		some kind in constrained
		value := row_of(kind).constrain[measure]
	}
}

# What is to be redacted: a kind wherever it was found, or `kind@origin` where it may stand elsewhere.
redactions := sort({pattern |
	some [kind, origin, "constrain"] in actions
	demanded(row_of(kind).constrain.redact)
	pattern := place(kind, origin)
})

place(kind, origin) := kind if {
	everywhere(kind)
} else := concat("@", [kind, origin])

everywhere(kind) if {
	[1 | some [found, _, word] in actions; found == kind; word != "constrain"] == []
}

# The classes of data that stay in the call as they are, by what the rows say of their kinds.
classes contains class if {
	some kind, origins in input.signals
	some origin, _ in origins
	class := row_of(kind).data_class
	not hidden(kind, origin)
}

hidden(kind, origin) if {
	[kind, origin, "constrain"] in actions
	demanded(row_of(kind).constrain.redact)
}

# The kinds that the table acts on in answers: what is looked for there. All, where it cannot be read.
default inspected := ["*"]

inspected := sort([kind | some kind, row in data.regogate.signals; acts_on_answers(row)]) if {
	is_object(data.regogate.signals)
}

inspected := sort([kind | some kind, row in shipped; acts_on_answers(row)]) if without_table

# Of a row that cannot be read every finding blocks.
acts_on_answers(entry) if not origins_read(entry)

acts_on_answers(entry) if {
	some origin in ["answer", "*", "output", "reasoning", "refusal", "tool_arguments"]
	some word in entry.origins[origin]
	word != "log"
}

origins_read(entry) if is_object(entry.origins)

family(kind) := "attack" if {
	kind in {"injection", "jailbreak", "exfiltration"}
} else := "data" if {
	strings.any_prefix_match(kind, ["pii.", "secret."])
} else := "inspection" if {
	startswith(kind, "inspection.")
} else := "content"
