"""What a policy author needs to know before and after a change: answered by the policy itself.

Reading order: a `PolicySet` is one policy that questions are put to (`policy_set`: its bundle file, its
tables, its rules by id), an `Evaluator` asks a running OPA for decisions (`evaluator`).
"""
