"""How much: limits that a decision names, taken all or nothing before a call and settled after it.

In reading order: `plan` turns what policy named into claims, `amounts` says how much a call takes of each,
`limiter` reserves and `reservation` holds and settles, `headers` tells the caller. `store` is what a place
for quantities promises, `gcra` and `windows` its arithmetic, `memory` the one of a single process, and
`ledger` brings back what was taken before a restart. `stores` chooses one: `redis_store` is that of many
processes (`redis_shard`, `redis_link`, `redis_codec`, `redis_script`, `limits.lua`, `redis_place`),
`fallback` what is done while it is away, `share` a region's part.
"""
