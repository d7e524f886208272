"""One error tree, and one table from the reason of a refusal to what the caller is told.

A message is written for the person who reads it: what was wrong, where, what to do. It never
holds a secret, prompt text or a matched string.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


class RegoGateError(Exception):
    """Root of everything this program raises on purpose."""


class ConfigError(RegoGateError):
    """A setting, file or reference that cannot be used; `problems` has one line each."""

    def __init__(self, problems: list[str] | str) -> None:
        self.problems = [problems] if isinstance(problems, str) else problems
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a refusal with one reason looks like on the wire.

    `type` and `code` are OpenAI's error fields (platform documentation, "Error codes"); other
    surfaces map `status` to their own names. `challenge` is the value of `WWW-Authenticate` (RFC 6750, 3).
    """

    status: int
    type: str
    code: str
    message: str
    challenge: str | None = None


def _bad(code: str, message: str, status: int = 400) -> Ground:
    return Ground(status=status, type="invalid_request_error", code=code, message=message)


def _who(code: str, message: str) -> Ground:
    return Ground(status=401, type="authentication_error", code=code, message=message, challenge="Bearer")


def _down(code: str, message: str, status: int = 503) -> Ground:
    return Ground(status=status, type="server_error", code=code, message=message)


GROUNDS: Final[dict[str, Ground]] = {
    "gateway.framing": _bad("bad_request", "The request is not well-formed HTTP."),
    "gateway.bad_host": _bad(
        "bad_host", "The Host header is missing or not a host name with an optional port."
    ),
    "gateway.bad_path": _bad(
        "bad_path",
        "The path holds an encoded slash, dot or control byte, a dot segment or an empty segment; "
        "send the plain path of the endpoint.",
    ),
    "gateway.bad_header": _bad("bad_header", "A header is repeated or has a value that is not allowed."),
    "gateway.content_encoding": _bad(
        "unsupported_content_encoding", "Request bodies must not be compressed; send no Content-Encoding."
    ),
    "gateway.content_type": _bad("unsupported_content_type", "Send the body as application/json."),
    "gateway.invalid_json": _bad("invalid_json", "The body is not strict JSON."),
    "gateway.invalid_field": _bad("invalid_field", "A field of the body has the wrong type or value."),
    "gateway.unauthenticated": Ground(
        status=401,
        type="authentication_error",
        code="invalid_api_key",
        message="No valid credential; send 'Authorization: Bearer KEY' with a key of this gateway.",
        challenge="Bearer",
    ),
    "gateway.token_invalid": Ground(
        status=401,
        type="authentication_error",
        code="invalid_token",
        message="The token is not valid here; get one from the issuer that is meant for this gateway.",
        challenge='Bearer error="invalid_token"',
    ),
    "gateway.token_expired": Ground(
        status=401,
        type="authentication_error",
        code="token_expired",
        message="The token has expired; get a new one.",
        challenge='Bearer error="invalid_token"',
    ),
    "gateway.insufficient_scope": Ground(
        status=403,
        type="permission_error",
        code="insufficient_scope",
        message="The token lacks a scope that this gateway asks for.",
        challenge='Bearer error="insufficient_scope"',
    ),
    "gateway.identity_unavailable": _down(
        "identity_unavailable",
        "The issuer of the token cannot be asked, so the token cannot be judged. Try again.",
    ),
    "gateway.certificate_expired": _who(
        "certificate_expired", "The client certificate is not valid at this time; connect with one that is."
    ),
    "gateway.certificate_invalid": _who("certificate_invalid", "The client certificate cannot be read."),
    "gateway.certificate_unknown": _who(
        "certificate_unknown", "The client certificate names no client of this gateway."
    ),
    "gateway.timeout": _bad("request_timeout", "The body did not arrive in time.", 408),
    "gateway.client_closed": _bad("client_closed", "The caller closed its connection.", 499),
    "gateway.body_too_large": _bad("body_too_large", "The body is larger than this gateway accepts.", 413),
    "gateway.headers_too_large": _bad(
        "headers_too_large", "The head of the request is too large or has too many fields.", 431
    ),
    "gateway.unknown_operation": _bad("unknown_url", "This gateway has no such endpoint.", 404),
    "gateway.model_not_found": Ground(
        status=404,
        type="invalid_request_error",
        code="model_not_found",
        message="No configured upstream serves this model.",
    ),
    "gateway.policy_unavailable": _down(
        "policy_unavailable", "The policy engine gave no valid answer, so the call was not made. Try again."
    ),
    "gateway.policy_changed": _down(
        "policy_changed", "The policy changed twice while it was asked, so the call was not made. Try again."
    ),
    "gateway.policy_rollback": _down(
        "policy_unavailable",
        "The active policy is older than one already seen; an operator must publish a newer.",
    ),
    "gateway.unenforceable": _down(
        "policy_unenforceable",
        "The policy demands something this gateway cannot enforce, so the call was not made.",
    ),
    "gateway.unredactable": Ground(
        status=403,
        type="permission_error",
        code="policy_blocked",
        message="The policy hides something that stands where nothing else can be written: in the name of a "
        "field, of a tool or of the model, in a header, in a number that must be one, or in what was already "
        "sent.",
    ),
    "gateway.limits_unavailable": _down(
        "limits_unavailable", "The limits on this call cannot be counted now, so it was not made. Try again."
    ),
    "gateway.keys_unavailable": _down(
        "keys_unavailable", "API keys cannot be looked up now, so the call was not made. Try again."
    ),
    "gateway.audit_unavailable": _down(
        "audit_unavailable", "The decision could not be recorded, so the call was not made. Try again."
    ),
    "gateway.shutting_down": _down("shutting_down", "This gateway is stopping. Try again."),
    "gateway.internal": _down(
        "internal_error", "The gateway failed on this call, so it was refused. Report the request id."
    ),
    "gateway.upstream_auth_failed": _down(
        "upstream_auth_failed",
        "The provider refused the gateway's own credential; an operator must replace it.",
        502,
    ),
    "gateway.upstream_unreachable": _down("upstream_unreachable", "The provider could not be reached.", 502),
    "gateway.upstream_invalid": _down("upstream_invalid", "The provider's answer could not be read.", 502),
    "gateway.upstream_timeout": _down("upstream_timeout", "The provider did not answer in time.", 504),
}
"""Every reason the data plane itself can give, and the answer that goes with it."""

_POLICY_TYPES: Final[dict[int, str]] = {
    401: "authentication_error",
    403: "permission_error",
    404: "invalid_request_error",
    429: "rate_limit_error",
}


class Refused(RegoGateError):
    """A call ends here; the surface turns this into its own error shape.

    `reasons` are ids, most telling first; `status`, `type`, `code` go on the wire. `param` names the
    field of the body at fault, `retry_after_s` becomes `Retry-After` (whole seconds, rounded up),
    `challenge` becomes `WWW-Authenticate`. `fault` says in one word what was wrong with a credential: it is
    recorded and never sent.
    """

    def __init__(
        self,
        reason: str,
        message: str | None = None,
        *,
        ground: Ground | None = None,
        reasons: tuple[str, ...] | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
        challenge: str | None = None,
        fault: str | None = None,
    ) -> None:
        ground = ground or GROUNDS[reason]
        self.reasons = reasons or (reason,)
        self.status = ground.status
        self.type = ground.type
        self.code = code or ground.code
        self.message = message or ground.message
        self.param = param
        self.retry_after_s = retry_after_s
        self.challenge = challenge or ground.challenge
        self.fault = fault
        super().__init__(f"{reason}: {self.message}")


def blocked_by_policy(reasons: tuple[str, ...], status: int, code: str) -> Refused:
    """The refusal for a BLOCK that policy gave, with the status and code policy chose."""
    ground = Ground(
        status=status,
        type=_POLICY_TYPES.get(status, "permission_error" if status < 500 else "server_error"),
        code=code,
        message=f"Blocked by policy: {', '.join(reasons)}.",
    )
    return Refused(reasons[0], ground=ground, reasons=reasons)


def limited(limit_id: str, retry_after_s: float | None, *, why: str | None = None) -> Refused:
    """The refusal for a call over a limit; `limit_id` is the id policy gave to the limit.

    `retry_after_s` is None where no waiting helps; then the code says so, too, and `why` tells it.
    """
    if retry_after_s is None:
        code = "request_exceeds_limit"
        message = f"Limit {limit_id} cannot admit this call: {why or 'it allows less'}."
    else:
        code = "rate_limit_exceeded"
        message = f"Limit {limit_id} is used up; try again in {max(1, -int(-retry_after_s // 1))} s."
    ground = Ground(status=429, type="rate_limit_error", code=code, message=message)
    return Refused(f"limit.{limit_id}", ground=ground, retry_after_s=retry_after_s)
