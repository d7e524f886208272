"""What this room raises: every class says who has to act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dataplane.errors import RegoGateError

if TYPE_CHECKING:
    from dataplane.bundle.problem import Problem


class BundleError(RegoGateError):
    """Root of this room's errors."""


class CheckFailed(BundleError):
    """The policy directory is not fit to be built; its author acts. `problems` has at least one entry."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ToolFailed(BundleError):
    """A program (OPA, Regal) did not start, did not end in time or answered in no known form."""


class KeyRefused(BundleError):
    """A key file or key text is missing, of the wrong kind, or open to others."""


class BundleRefused(BundleError):
    """A bundle must not be used. `step` is the number of the step of `verify` that refused it."""

    def __init__(self, step: int, reason: str) -> None:
        self.step = step
        self.reason = reason
        super().__init__(f"bundle refused at step {step}: {reason}")


class PublishRefused(BundleError):
    """A channel does not take this bundle; what it had stays published."""


class PinRefused(BundleError):
    """A channel's file cannot be changed or built as asked; it stays as it was."""


class ApprovalRefused(BundleError):
    """An approval does not count, or a channel has fewer than it demands. The text says what to do."""
