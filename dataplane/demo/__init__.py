"""The embedded model: a deterministic stand-in for a provider, for trying the gateway offline.

In reading order: `Ask` (what a request wants), `Answer` (what the model says, or which tool it calls),
`placeholder` (values that fit a tool's parameter schema), `wire` (OpenAI's objects and chunks),
`DemoModel` (the `ports.Upstream`). Nothing of a prompt is kept, logged or repeated.
"""
