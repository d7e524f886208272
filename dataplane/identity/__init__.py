"""Who calls, and where from.

In reading order: `keys` is the text of an API key and its digest, `models` the table, `store` the
life of a key, `api_keys` the authenticator with its snapshot, `chain` asks several authenticators,
`callers` is all of them together, `networks` finds the caller's address behind trusted proxies.
"""
