"""`make bench`: what the gateway adds to a call, against a direct call and a bare pass-through.

In reading order: `plan` (which runs, in which order), `mock` (the provider), `passthrough` (same server
and client, nothing else), `load` (the closed-loop callers), `processes` (start, CPU, stop), `targets`
(the three things measured), `run` (a plan carried out), `results` (numbers to table and JSON).
Each of mock, pass-through, gateway and load generator is a process of its own, on loopback only.
"""
