"""What can go wrong with the OPA binary or process, each with the person who can act in mind."""

from __future__ import annotations

from dataclasses import dataclass

from dataplane.errors import RegoGateError


class OpaError(RegoGateError):
    """Root of this room's errors: the binary or the process cannot be used."""


class OpaTooOld(OpaError):
    """The binary works, but its version has known faults that this gateway must not run with."""


class UnsafeOpaConfig(OpaError):
    """OPA would start with this configuration but trust what it must not, so it is refused."""


class OpaDirectoryInUse(OpaError):
    """Another live process owns the socket directory; a second OPA would take its socket over."""


class OpaNotListening(OpaError):
    """The process did not accept connections in time; the message ends with its last errors."""


class BuildFailed(OpaError):
    """One way of getting a binary failed; the message says why and holds the tool's last lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One way that was tried to get a binary, and why it did not give one."""

    way: str
    reason: str


class ToolUnavailable(OpaError):
    """No way of getting the binary worked; `attempts` are in the order they were tried."""

    def __init__(self, tool: str, attempts: list[Attempt], advice: str) -> None:
        self.attempts = attempts
        tried = "\n".join(f"  - {a.way}: {a.reason}" for a in attempts)
        super().__init__(f"no usable {tool} was found and none could be built:\n{tried}\n{advice}")
