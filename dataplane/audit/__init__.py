"""The durable account of every call. In reading order:

`canonical` (the bytes of a record) and `sealing` (personal values beside them); `draft` (a record
before its place in a chain) and `record` (a call told as a draft); `chain` (what a stored row proves);
`models` and `store` (tables, and the few statements on them); `attempt` and `writer` (group commit);
`inserter` and `inserter_program` (SQLite's commits in a process beside);
`flood` (how many refusals are written one by one); `log` (`ports.AuditLog` on all of these) and `notes`
(one record from a command); `refused_keys` (refused uses of keys) and `usage_by_client`; `floors` (bundle
sequences); `migrate` (the schema); `read` (records for people).
"""
