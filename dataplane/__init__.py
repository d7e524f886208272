"""RegoGate: a gateway for calls to language models whose every decision is a Rego policy.

`domain` and `errors` hold the nouns, `ports` the sockets between rooms, `pipeline` one call from
top to bottom, `app` the wiring. Every package below is a room; rooms never import each other.
"""

__version__ = "0.1.0"
