"""Who calls, and where from.

In reading order: `keys` is the text of an API key and its digest, `models` the table, `store` the
life of a key, `api_keys` the authenticator with its snapshot,
`jwt` the authenticator of tokens (`jwt_form` their form, `jwt_keys` and `jwt_weak` what a key may verify,
`jwt_fetch` and `jwt_jwks` where keys come from, `jwt_claims` what a token says, `jwt_revoked` and
`jwt_introspection` what was taken back, `jwt_issuer` all of that for one issuer), `chain` asks several,
`callers` is all of them together; `mtls` tells callers by their `certificate` and its `spiffe` id;
`networks` finds the caller's address and certificate behind trusted proxies, by `field_lists`, `forwarded`
and `forwarded_certificate`.
"""
