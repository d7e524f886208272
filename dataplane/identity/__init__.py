"""Who calls, and where from.

In reading order: `keys` is the text of an API key and its digest, `models` the tables, `bindings` what a
key may be bound to, `store` the life of a key and `recorded` the same with its records; `api_keys` the
authenticator with its `snapshot` and its `uses`; `key_findings` what an audit finds, `watch` the gateway's
own look, `told` keys for people; `admin_tokens` who may use the admin API;
`jwt` the authenticator of tokens (`jwt_form` their form, `jwt_keys` and `jwt_weak` what a key may verify,
`jwt_fetch` and `jwt_jwks` where keys come from, `jwt_claims` what a token says, `jwt_revoked` and
`jwt_introspection` what was taken back, `jwt_issuer` all of that for one issuer), `chain` asks several,
`callers` is all of them together; `mtls` tells callers by their `certificate` and its `spiffe` id;
`networks` finds the caller's address and certificate behind trusted proxies, by `field_lists`, `forwarded`
and `forwarded_certificate`.
"""
