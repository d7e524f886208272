package regogate.lib

# Only the two words that relax a rule are looked for, so an unknown mode enforces.
relaxed(id) if data.regogate.rules[id] in {"shadow", "off"}
