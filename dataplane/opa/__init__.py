"""The OPA binary and the OPA process: found or built, checked, configured, kept alive.

Reading order: `Pin` (pins.py, what go.mod asks for), `Version` (version.py, what a binary says it
is), `ensure_opa` (install.py; build.py, toolchain.py and cache.py are its steps), `OpaOptions`
(options.py, the configuration that cannot be unsafe), `RunDirectory` (rundir.py, where the socket
lives), `OpaProcess` (supervise.py; shim.py ties the child's life to ours, logs.py carries its lines).
Asking OPA for a decision is the policy room's work.
"""
