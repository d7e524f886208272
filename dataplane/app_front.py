"""The public application: what answers calls, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dataplane.config import ServerSettings
from dataplane.domain import CallState
from dataplane.edge.front import Front
from dataplane.identity.networks import forwarded_source
from dataplane.pipeline import Pipeline
from dataplane.ports import AuditLog, Authenticator, Limiter, PolicyEngine, Upstream
from dataplane.server.doubts import DOUBTS
from dataplane.surfaces.openai_surface import OpenAISurface


def front_of(
    server: ServerSettings,
    *,
    authenticator: Authenticator,
    policy: PolicyEngine,
    limiter: Limiter,
    upstream: Upstream,
    audit: AuditLog,
    problems: Callable[[], list[str]],
    done: Sequence[Callable[[CallState], None]],
) -> Front:
    """The application for everything that arrives on the public address."""
    pipeline = Pipeline(
        surfaces=(OpenAISurface(),),
        sources=forwarded_source(server),
        authenticator=authenticator,
        policy=policy,
        limiter=limiter,
        upstream=upstream,
        audit=audit,
    )
    return Front(
        pipeline,
        problems=problems,
        max_body_bytes=server.max_body_bytes,
        body_timeout_s=server.body_timeout_s,
        doubt_sentences={code: meaning.sentence for code, meaning in DOUBTS.items()},
        done=done,
    )
