"""Upstreams: sending a call that was decided and recorded to the provider that serves its model.

In reading order: `Secret` (a credential that never shows itself), `UpstreamSpec` and `Transport` (one
provider's address and its connections), `Body` (an answer still on the wire), `KeyMask` (our credential
struck out of what a provider says), `OpenAICompatible` (a provider with OpenAI's API), `Router` (which
provider serves which model; the `ports.Upstream` that the pipeline holds).
"""
