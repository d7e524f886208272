"""May they? Facts become OPA's input, OPA's answer becomes a `Decision`, or the call is refused.

In reading order: `input` (facts -> JSON bytes), `places` (how many ask at once), `client` (OPA on its unix
socket), `deadline` (how long it may take), `questions` (what goes out together), `activation` (which signed
revision counts, by OPA's own status), `result` (JSON -> `Decision`), `engine` (the port).
"""
