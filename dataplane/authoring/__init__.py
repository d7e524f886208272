"""What a policy author needs to know before and after a change: answered by the policy itself.

Reading order: a `PolicySet` is one policy that questions are put to (`policy_set`: its bundle file, its
tables, its rules by id), an `Evaluator` asks a running OPA for decisions (`evaluator`), many in lists
(`batches`).

Backtest: `rows` are recorded questions with their answers; `compare` says what differs between two answers
and which is the stricter, `replay_reads` which questions a policy cannot tell apart; `replay` puts rows to
the policies of then and to a candidate, `backtest` counts what it finds.

Understanding: a `Question` becomes an input (`question`); `Reads` are the table values that each rule used
(`explain_trace`), `Remedies` what would let a call pass (`explain_change`), both in an `Explanation`
(`explain`). A `Domain` has the `Value`s that calls can have (`sweep_values`, `sweep_names`,
`sweep_domain`); a `Matrix` shows two of its axes (`matrix`), `sweep` asks two policies about all of it,
`sweep_groups` and `diff` tell the changes.
"""
